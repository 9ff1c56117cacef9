"""Waiting until Lambda has finished with a change, and why it gave one up."""

from collections.abc import Callable, Mapping

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import AliasState, FunctionState
from ecr_lambda_deploy.ports.functions import Aliases
from ecr_lambda_deploy.ports.runner import Clock, Log

_FIRST_DELAY = 0.1
_GROWTH = 1.3
_LONGEST_DELAY = 2.0
_SECONDS_BETWEEN_LINES = 15.0
_ALLOCATION_DELAY = 2.0


def wait_until_updated(read: Callable[[], FunctionState], *, clock: Clock, log: Log, timeout: float) -> FunctionState:
    """Read until Lambda has finished the update: quickly at first, since most updates take a second or two.

    Lambda's own waiters poll every second, give no reason and take an unknown state for one to wait in
    [botocore, lambda/waiters-2].

    Args:
        read: reads the function or version that is waited for.
        clock: time.
        log: told from time to time that the wait goes on.
        timeout: seconds.

    Raises:
        DeployError: the update has not finished in time, or the function cannot be read.
    """
    started = clock.now()
    delay = _FIRST_DELAY
    next_line = _SECONDS_BETWEEN_LINES
    while (state := read()).is_busy:
        waited = clock.now() - started
        if waited >= timeout:
            raise DeployError(
                f"Lambda has not finished updating {state.arn} within {timeout:.0f} s: "
                f"State {state.state}, LastUpdateStatus {state.update}.",
                "Lambda goes on by itself; run this job again, or give it longer with the input 'wait-timeout'.",
            )
        if waited >= next_line:
            log.info(
                f"Waiting for {state.name} since {waited:.0f} s: State {state.state}, LastUpdateStatus {state.update}"
            )
            next_line += _SECONDS_BETWEEN_LINES
        clock.sleep(min(delay, timeout - waited))
        delay = min(delay * _GROWTH, _LONGEST_DELAY)
    return state


def wait_until_allocated(
    name: str,
    alias: AliasState,
    weights: Mapping[str, float],
    *,
    aliases: Aliases,
    clock: Clock,
    log: Log,
    timeout: float,
) -> AliasState:
    """Wait while Lambda moves provisioned concurrency.

    Until then it has weights of its own on the alias, and the old version serves [terraform-provider-aws#48116].

    Args:
        name: of the function.
        alias: as Lambda answered when it was moved.
        weights: that it was given.
        aliases: where it is read.
        clock: time.
        log: told that this takes a while.
        timeout: seconds.

    Returns:
        the alias as it is then.

    Raises:
        DeployError: it has not moved in time.
    """
    deadline = clock.now() + timeout
    is_told = False
    while dict(alias.weights) != dict(weights) and aliases.is_allocating(name, alias.name) is not False:
        if clock.now() >= deadline:
            raise _not_allocated(name, alias, f"within {timeout:.0f} s, which the input 'wait-timeout' can extend")
        if not is_told:
            log.info(f"Waiting for the provisioned concurrency of {alias.arn} to move")
            is_told = True
        clock.sleep(_ALLOCATION_DELAY)
        alias = aliases.read(name, alias.name) or alias
    if dict(alias.weights) != dict(weights):
        alias = aliases.read(name, alias.name) or alias
    if dict(alias.weights) != dict(weights):
        raise _not_allocated(name, alias, "and does not go on")
    return alias


def _not_allocated(name: str, alias: AliasState, how: str) -> DeployError:
    return DeployError(
        f"Lambda has not moved the provisioned concurrency of {alias.arn} {how}: the old version serves.",
        "Look at its status: aws lambda get-provisioned-concurrency-config "
        f"--function-name {name} --qualifier {alias.name}",
    )


def failed_update(state: FunctionState, *, is_creation: bool = False) -> DeployError:
    """Return the error that tells of a creation or update that Lambda has given up, in its own words."""
    status = state.update if state.update.value == "Failed" else state.state
    served = "" if is_creation else "The code that served before goes on serving. "
    label = "LastUpdateStatus" if status is state.update else "State"
    return DeployError(
        f"Lambda could not {'create' if is_creation else 'update'} {state.name}: {label} {status}.",
        _HINTS.get(
            status.reason_code,
            f"{served}Run this job again once the cause is mended.",
        ),
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
