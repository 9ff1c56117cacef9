FROM docker/buildx-bin:0.36.1 AS buildx

FROM python:3.13-alpine AS packages
COPY requirements/action.txt /tmp/requirements.txt
# actions-toolkit's wheel brings a top-level package `tests`.
# A wheel is only unpacked; a source distribution would run its own code here.
RUN python3 -m pip install --no-cache-dir --no-compile --no-deps --require-hashes --only-binary=:all: \
        --target=/action --requirement=/tmp/requirements.txt \
    && rm -rf /action/tests /action/bin
# What is not asked in each run, but shown.
COPY --from=buildx /buildx /usr/local/bin/buildx
RUN buildx version > /action/buildx.version
COPY entrypoint.py src /action/
COPY requirements/trim.py /tmp/
RUN python3 -B -X no_debug_ranges -X pycache_prefix=/bytecode /tmp/trim.py /action

FROM python:3.13-alpine
LABEL org.opencontainers.image.title="ecr-lambda-deploy" \
      org.opencontainers.image.licenses="MIT"
COPY --from=buildx /buildx /usr/local/bin/buildx
COPY --from=packages /action /action
COPY --from=packages /bytecode /bytecode
# -I: see entrypoint.py. -u: every line at once, since a mask that comes late is none. -X: see requirements/trim.py.
ENTRYPOINT ["python3", "-I", "-u", "-X", "pycache_prefix=/bytecode", "/action/entrypoint.py"]
