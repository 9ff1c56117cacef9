FROM scratch
LABEL b=1
