FROM scratch
LABEL b=2
