FROM python:3.13-alpine
ARG WHAT=world
RUN echo one \
    && false
CMD ["x"]
