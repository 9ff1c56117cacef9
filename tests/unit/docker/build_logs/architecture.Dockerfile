FROM localhost:5000/base:1

RUN echo one
