"""Invokes a function and compares its response with the expected one."""

import json
import re
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.hints import Hints, hint_for
from ecr_lambda_deploy.model.json_text import NestingError, parse_json
from ecr_lambda_deploy.model.targets import SmokeTest
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.ports.functions import Invocations, Response
from ecr_lambda_deploy.ports.runner import Clock, Log

_POLL = 0.05  # seconds
_LONGEST_SHOWN = 1000  # characters of a response

# By what the error or the log says. Lambda runs a function as a user without rights of its
# own, and with a file system that can be written below /tmp alone [Lambda developer guide, images-create].
_HINTS: Hints = (
    (
        re.compile(r"exec format error", re.IGNORECASE),
        "The entry point is a program for another architecture, or a script without `#!` in its first line.",
    ),
    (
        re.compile(r"\bexec:? [^\s:]+: no such file or directory"),
        (
            "The image has no such file; or it is a script whose first line names none, as when its lines end with "
            "CRLF: end them with a line feed, as `*.sh text eol=lf` in .gitattributes keeps them."
        ),
    ),
    (
        re.compile(r"\bexec:? [^\s:]+: permission denied"),
        "The entry point may not be executed: `git update-index --chmod=+x FILE`, or `COPY --chmod=755`.",
    ),
    (
        re.compile(r"Permission denied: '/|EACCES: permission denied|PermissionError: "),
        (
            "Lambda runs the function as a user of its own, who reads what all may read: look at the file's mode in "
            "the workspace, which a umask of the runner narrows, or set it with `COPY --chmod=755`."
        ),
    ),
    (
        re.compile(r"Read-only file system|EROFS"),
        "In Lambda only /tmp can be written: have the function, and the caches of its libraries, write there.",
    ),
)


def run_smoke_test(
    test: SmokeTest,
    name: str,
    qualifier: str,
    *,
    timeout: float,
    invocations: Invocations,
    log: Log,
    clock: Clock,
    check: Callable[[], None],
) -> str:
    """Invoke a function once, and make sure that it responds as expected.

    Args:
        test: event and expectation.
        name: of the function.
        qualifier: `$LATEST`, a version's number, or `$LATEST.PUBLISHED`.
        timeout: of the function, in seconds.
        invocations: invokes the function.
        log: for what is done to the function; gets the response.
        clock: measures how long it took.
        check: raises when the release must end; called while the function runs, which goes on in Lambda.

    Returns:
        how long it took and the beginning of the response, for the report.

    Raises:
        CancelledError: from `check`: the run is cancelled.
        DeployError: from `check`; or the function failed, timed out or responded otherwise; with the end of its log.
    """
    log.info(f"smoke test: invoking {qualifier}")
    started = clock.now()
    response = _invoke(lambda: invocations.invoke(name, qualifier, test.event, timeout=timeout), name, check)
    answer = f"answered after {clock.now() - started:.1f} s: {_shown(response.payload)}"
    log.info(answer)
    if response.error:
        error = _error_of(response)
        raise _failed(f"{name} failed with {error}", response, name, error)
    if test.expect is None:
        return answer
    try:
        differences = list(differing(test.expect.value, parse_json(response.payload)))
    except NestingError as error:
        reason = f"the response cannot be compared, since {error}: {_shown(response.payload)}"
        raise _failed(reason, response, name, "its response cannot be compared") from None
    except ValueError:
        reason = f"the response is not JSON: {_shown(response.payload)}"
        raise _failed(reason, response, name, "its response is not JSON") from None
    if differences:
        reason = "\n".join(["the response is not the expected one:", *differences])
        raise _failed(reason, response, name, differences[0].removeprefix("- "))
    return answer


def differing(expected: object, answer: object, path: str = "$") -> Iterator[str]:
    """Yield where a response differs: an object must contain the expected one, everything else must be equal.

    Args:
        expected: parsed JSON.
        answer: parsed JSON.
        path: of both within the response, as JSONPath.
    """
    match expected, answer:
        case dict(), dict():
            for name, value in expected.items():
                if name in answer:
                    yield from differing(value, answer[name], f"{path}.{name}")
                else:
                    yield f"- {path}.{name} is missing; expected {_shown(json.dumps(value))}"
        case list(), list() if len(expected) == len(answer):
            for index, (value, other) in enumerate(zip(expected, answer, strict=True)):
                yield from differing(value, other, f"{path}[{index}]")
        case _:
            # In Python True == 1, in JSON it is not.
            if expected != answer or isinstance(expected, bool) != isinstance(answer, bool):
                yield f"- {path} is {_shown(json.dumps(answer))}; expected {_shown(json.dumps(expected))}"


def _invoke(call: Callable[[], Response], name: str, check: Callable[[], None]) -> Response:
    """Invoke on another thread: a function may run for half an hour, and cancelling must not wait for it."""
    results = SimpleQueue[Response | BaseException]()

    def invoke() -> None:
        try:
            results.put(call())
        except BaseException as error:  # noqa: BLE001 # the waiting thread raises it
            results.put(error)

    Thread(target=invoke, name=f"smoke test of {name}", daemon=True).start()
    while True:
        try:
            result = results.get(timeout=_POLL)
        except Empty:
            check()
            continue
        if isinstance(result, BaseException):
            raise result
        return result


def _error_of(response: Response) -> str:
    try:
        error = parse_json(response.payload)
    except ValueError:
        error = None
    if not isinstance(error, dict) or "errorMessage" not in error:
        return f"{response.error}: {_shown(response.payload)}"
    return f"{error['errorType']}: {error['errorMessage']}" if "errorType" in error else str(error["errorMessage"])


def _failed(reason: str, response: Response, name: str, cause: str) -> DeployError:
    log = f"\nThe end of its log:\n{response.log.rstrip()}" if response.log.strip() else ""
    return DeployError(
        f"The smoke test did not pass: {bounded(reason)}{log}",
        _hint(response) or "Fix the function, or the inputs 'smoke-event' and 'smoke-expect'.",
        topic="smoke-test-failed",
        cause=f"the smoke test of {name} failed: {bounded(cause)}",
    )


def _hint(response: Response) -> str:
    """Return what to do about a function that failed; empty where the reason is its own."""
    said = f"{_error_of(response)}\n{response.log}" if response.error else ""
    return hint_for(said, _HINTS)


def _shown(text: str) -> str:
    return bounded(text, _LONGEST_SHOWN)
