FROM scratch
LABEL a=1
COPY missing.py /
