FROM python:3.13-alpine AS base
RUN true

FROM base AS final
ENV NAME=v
RUN echo hi && exit 3
