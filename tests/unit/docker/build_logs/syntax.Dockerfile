FROM scratch
LABEL a=1
CPY app.py /
