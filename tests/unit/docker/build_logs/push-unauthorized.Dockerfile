FROM scratch
LABEL b=3
