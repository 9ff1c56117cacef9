FROM docker/buildx-bin:0.29.1 AS buildx

FROM python:3.13-alpine AS packages
COPY requirements/action.txt /tmp/requirements.txt
# actions-toolkit's wheel brings a top-level package `tests`, and botocore describes every service of AWS.
# A wheel is only unpacked; a source distribution would run its own code here.
RUN python3 -m pip install --no-cache-dir --no-deps --require-hashes --only-binary=:all: --target=/action \
        --requirement=/tmp/requirements.txt \
    && rm -rf /action/tests /action/bin /action/boto3/data /action/boto3/examples \
    && find /action/botocore/data -mindepth 1 -maxdepth 1 -type d ! -name cloudwatch ! -name ecr ! -name lambda ! -name ssm ! -name sts -exec rm -rf {} +
COPY entrypoint.py src /action/
RUN python3 -m compileall -q /action/ecr_lambda_deploy

FROM python:3.13-alpine
LABEL org.opencontainers.image.title="ecr-lambda-deploy" \
      org.opencontainers.image.licenses="MIT"
COPY --from=buildx /buildx /usr/local/bin/buildx
COPY --from=packages /action /action
# -I: see entrypoint.py. -u: every line at once, since a mask that comes late is none.
ENTRYPOINT ["python3", "-I", "-u", "/action/entrypoint.py"]
