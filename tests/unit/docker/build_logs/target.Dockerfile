FROM scratch AS one
LABEL b=1
