#!/usr/bin/env python3
"""Stands in for the Runtime Interface Emulator of Lambda's base images: `aws-lambda-rie HANDLER`.

It accepts invocations on port 8080 and hands them, one at a time, to the runtime interface client, which it starts
for the first of them and anew after it ended.

Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes"; README and observed answers of
aws/aws-lambda-runtime-interface-emulator: a function's error is a body with status 200, a failed start one with 502.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Lock, Thread

INVOCATIONS = "/2015-03-31/functions/function/invocations"
RUNTIME = "/2018-06-01/runtime"
RUNTIME_ADDRESS = ("127.0.0.1", 9001)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an invocation is answered with."""

    status: int
    body: bytes


class Runtime:
    """A process of the runtime interface client."""

    def __init__(self) -> None:
        self.ended = False
        self.events: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
        self.answers: SimpleQueue[Answer] = SimpleQueue()

    def start(self, handler: str) -> None:
        """Start the process, which asks for an event as soon as it runs: the Runtime API has to know it by then."""
        task_root = os.environ["LAMBDA_TASK_ROOT"]
        environment = {
            "AWS_LAMBDA_FUNCTION_NAME": "test_function",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
            **os.environ,
            "AWS_LAMBDA_RUNTIME_API": f"{RUNTIME_ADDRESS[0]}:{RUNTIME_ADDRESS[1]}",
            "PYTHONPATH": os.pathsep.join(filter(None, [task_root, os.environ.get("PYTHONPATH")])),
            "_HANDLER": handler,
        }
        process = subprocess.Popen([sys.executable, "-m", "awslambdaric", handler], env=environment)
        Thread(target=self._watch, args=(process,), daemon=True).start()

    def fail(self, body: bytes) -> None:
        """Answer the invocation that waits; the next one needs a new process."""
        self.ended = True
        self.answers.put(Answer(status=502, body=body))

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        status = process.wait()
        message = f"Runtime exited with error: exit status {status}"
        self.fail(json.dumps({"errorType": "Runtime.ExitError", "errorMessage": message}).encode())


class Function:
    """The function, which takes one invocation at a time."""

    def __init__(self, handler: str) -> None:
        self._handler = handler
        self._one_at_a_time = Lock()
        self.runtime: Runtime | None = None

    def invoke(self, request_id: str, event: bytes) -> Answer:
        """Have the runtime handle an event, and log as Lambda does."""
        with self._one_at_a_time:
            print(f"START RequestId: {request_id} Version: $LATEST", flush=True)
            start = time.monotonic()
            if self.runtime is None or self.runtime.ended:
                self.runtime = Runtime()
                self.runtime.start(self._handler)
            self.runtime.events.put((request_id, event))
            answer = self.runtime.answers.get()
            duration = f"{(time.monotonic() - start) * 1000:.2f} ms"
            print(f"END RequestId: {request_id}", flush=True)
            print(f"REPORT RequestId: {request_id}\tDuration: {duration}\tBilled Duration: {duration}", flush=True)
            time.sleep(0.02)  # the engine takes the output in its own time, and who invoked may read the log at once
            return answer


class Handler(BaseHTTPRequestHandler):
    """What both APIs need."""

    protocol_version = "HTTP/1.1"

    def __init__(self, function: Function, *arguments: object) -> None:
        self.function = function
        super().__init__(*arguments)  # type: ignore[arg-type] # what the server passes on

    def body(self) -> bytes:
        """Read the request's body."""
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send a response."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # named by the base class
        """Log nothing: the container's output is the function's log."""


class InvokeApi(Handler):
    """The Invoke API, for the outside."""

    def do_POST(self) -> None:
        """Invoke the function."""
        event = self.body()
        if self.path != INVOCATIONS:
            return self.answer(404)
        answer = self.function.invoke(self.headers.get("X-Amzn-RequestId") or str(uuid.uuid4()), event or b"{}")
        return self.answer(answer.status, answer.body)


class RuntimeApi(Handler):
    """The Runtime API, for the runtime interface client."""

    def do_GET(self) -> None:
        """Give the runtime the next event, when there is one."""
        runtime = self.function.runtime
        if self.path != f"{RUNTIME}/invocation/next" or runtime is None:
            return self.answer(404)
        request_id, event = runtime.events.get()
        name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "test_function")
        return self.answer(
            200,
            event,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(time.time() * 1000) + 900_000),
                "Lambda-Runtime-Invoked-Function-Arn": f"arn:aws:lambda:us-east-1:012345678912:function:{name}",
            },
        )

    def do_POST(self) -> None:
        """Take the runtime's answer or error."""
        body, runtime = self.body(), self.function.runtime
        if runtime is None or not self.path.startswith(f"{RUNTIME}/"):
            return self.answer(404)
        if self.path == f"{RUNTIME}/init/error":
            runtime.fail(body)
        elif self.path.endswith(("/response", "/error")):
            runtime.answers.put(Answer(status=200, body=body))
        return self.answer(202)


def main() -> None:
    """Serve both APIs until the container is stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # the first process of a container has no default for it
    function = Function(sys.argv[1])
    runtime_api = ThreadingHTTPServer(RUNTIME_ADDRESS, partial(RuntimeApi, function))
    Thread(target=runtime_api.serve_forever, daemon=True).start()
    ThreadingHTTPServer(("", 8080), partial(InvokeApi, function)).serve_forever()


if __name__ == "__main__":
    main()
