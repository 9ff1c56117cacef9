FROM scratch AS x
LABEL a=1
FROM localhost:5000/nothing:1 AS y
LABEL b=1
