#!/bin/sh
# The handler is the image's command, as in the real image.
exec /usr/local/bin/aws-lambda-rie "$@"
