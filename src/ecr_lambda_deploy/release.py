"""Releases to a function, and decides again when somebody else has changed it meanwhile."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from ecr_lambda_deploy.apply import Releaser
from ecr_lambda_deploy.errors import DeployError, RevisionError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.function_reads import observe_function
from ecr_lambda_deploy.model import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.plan import ReleasePlan, staleness
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.settle import wait_until_settled
from ecr_lambda_deploy.wanted import FunctionTarget

_MOST_DECISIONS = 10


def release(
    target: FunctionTarget,
    observed: ObservedFunction,
    decide: Callable[[ObservedFunction], ReleasePlan],
    *,
    outside: Outside,
    journal: Journal,
    wait_timeout: float,
) -> None:
    """Plan a release and carry it out; what becomes of it is in the journal.

    Args:
        target: the function.
        observed: as it was read last.
        decide: makes the plan from what is observed.
        outside: what is asked and changed.
        journal: told what has become of it.
        wait_timeout: seconds to wait for Lambda to finish one change.

    Raises:
        DeployError: before this function was touched. Failures after that are part of the outcome.
    """
    releaser = Releaser(outside=outside, journal=journal, wait_timeout=wait_timeout)
    for _ in range(_MOST_DECISIONS):
        if observed.latest is not None and not observed.latest.is_settled:
            wait_until_settled(
                partial(outside.functions.read, target.name), clock=outside.clock, log=outside.log, timeout=wait_timeout
            )
            observed = observe_function(target, outside.functions, outside.aliases)
        if skip_stale(target, observed, outside, journal):
            return None
        try:
            return releaser.apply(decide(observed))
        except RevisionError as error:
            outside.log.info(f"Deciding again: {error.message}")
            observed = observe_function(target, outside.functions, outside.aliases)
            journal.record(Outcome.untouched(observed))
    raise DeployError(
        f"{observed.name} is changed by somebody else again and again.",
        "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
    )


def skip_stale(target: FunctionTarget, observed: ObservedFunction, outside: Outside, journal: Journal) -> bool:
    """Leave a function to the newer run that has released it, if one has; and say so."""
    reason = staleness(target, observed, journal.run)
    if reason:
        outside.log.warning(reason)
        journal.record(replace(Outcome.untouched(observed), status=ReleaseStatus.SKIPPED))
    return bool(reason)
