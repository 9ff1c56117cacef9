"""Waits until Lambda has finished with a change, and explains a change that failed."""

from collections.abc import Callable

from ecr_lambda_deploy.model.errors import DeployError, MissingFunctionError, TakenOverError, recreation_hint
from ecr_lambda_deploy.model.functions import FunctionState
from ecr_lambda_deploy.ports.runner import Clock, Log

CONFLICT_DELAY = 0.3
"""Seconds to wait before a change is tried again that somebody else's change has prevented."""

_CREATION_TIMEOUT = 10.0  # Lambda is eventually consistent: it may answer for a moment that a new function is missing
_FIRST_DELAY = 0.1
_GROWTH = 1.3
_LONGEST_DELAY = 2.0
_FIRST_LINE, _BETWEEN_LINES = 15.0, 60.0


def wait_until_updated(
    read: Callable[[], FunctionState], *, clock: Clock, log: Log, timeout: float, is_new: bool = False
) -> FunctionState:
    """Read until Lambda has finished the update: quickly at first, since most updates take a second or two.

    Lambda's own waiters poll every second, give no reason and take an unknown state for one to wait in
    [botocore, lambda/waiters-2].

    Args:
        read: reads the function or version.
        clock: time.
        log: for what is done to the function; gets a line after 15 seconds, and then every minute.
        timeout: seconds.
        is_new: whether it was just made, so that Lambda may not find it for a moment.

    Raises:
        DeployError: the update has not finished in time, or the function cannot be read.
    """
    started = clock.now()
    delay = _FIRST_DELAY
    next_line = _FIRST_LINE
    while True:
        try:
            state = read()
        except MissingFunctionError:
            if not is_new or clock.now() - started >= _CREATION_TIMEOUT:
                raise
            clock.sleep(CONFLICT_DELAY)
            continue
        if not state.is_busy:
            return state
        waited = clock.now() - started
        if waited >= timeout:
            raise DeployError(
                f"Lambda has not finished updating {state.arn} within {timeout:.0f} s: "
                f"State {state.state}, LastUpdateStatus {state.update}.",
                "Lambda goes on by itself; run this job again, or give it longer with the input 'wait-timeout'.",
                topic="update-not-finished",
            )
        if waited >= next_line:
            log.info(f"waiting since {waited:.0f} s: State {state.state}, LastUpdateStatus {state.update}")
            next_line += _BETWEEN_LINES
        clock.sleep(min(delay, timeout - waited))
        delay = min(delay * _GROWTH, _LONGEST_DELAY)


def failed_update(state: FunctionState, *, is_creation: bool = False) -> DeployError:
    """Return the error for a creation or update that failed, with Lambda's own reason.

    Args:
        state: the function or version, with State or LastUpdateStatus Failed.
        is_creation: whether it was created, so that no earlier code serves.
    """
    status = state.update if state.update.value == "Failed" else state.state
    label = "LastUpdateStatus" if status is state.update else "State"
    hint = _HINTS.get(status.reason_code, "")
    if is_creation:
        hint = f"{hint}\n{recreation_hint(state.name)}".lstrip()
    return DeployError(
        f"Lambda could not {'create' if is_creation else 'update'} {state.name}: {label} {status}.",
        hint or "The code that served before goes on serving. Run this job again once the cause is fixed.",
        topic="update-failed",
    )


def taken_over(latest: FunctionState) -> TakenOverError:
    """Return the error for `$LATEST` with code of somebody else."""
    return TakenOverError(
        f"{latest.name} runs {latest.image}, not the image of this run: somebody else updated it meanwhile.",
        "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
    )


# By LastUpdateStatusReasonCode [FunctionConfiguration in the Lambda API reference].
_HINTS = {
    "ImageAccessDenied": (
        "Let Lambda pull from the repository: its policy must allow lambda.amazonaws.com the actions ecr:BatchGetImage "
        "and ecr:GetDownloadUrlForLayer."
    ),
    "ImageDeleted": "The image was removed from the repository: look for a lifecycle rule that expires it.",
    "InvalidImage": "Look at the image's entry point, its media types and the size of its layers.",
    "FunctionError.InvalidEntryPoint": "The image's ENTRYPOINT or CMD names nothing that this architecture can run.",
    "FunctionError.InitTimeout": "The function takes longer to load than Lambda allows: move work out of the import.",
    "FunctionError.RuntimeInitError": "The function fails while it is loaded: look at its logs in CloudWatch.",
    "FunctionError.PermissionDenied": "Lambda's user cannot read a file of the image: look at its mode.",
    "InsufficientRolePermissions": "The function's execution role lacks a permission that AWS names above.",
}
