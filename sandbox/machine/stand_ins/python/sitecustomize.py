"""Threads have a stack of 1 MB, as in python:3.13-alpine (docker-library/python, its Dockerfile, THREAD_STACK_SIZE)."""

import threading

threading.stack_size(1 << 20)
