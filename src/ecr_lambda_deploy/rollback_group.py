"""Pure: which of a manifest's functions go back together, told by the runs that their history names."""

from collections.abc import Sequence
from dataclasses import dataclass

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.history import is_unrecorded, last_begun, last_release
from ecr_lambda_deploy.model import WorkflowRun


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackGroup:
    """Functions that go back together.

    Attributes:
        names: of the functions, in the order in which they were given.
        reason: why these.
    """

    names: tuple[str, ...]
    reason: str


def released_together(observed: Sequence[ObservedFunction], run: WorkflowRun) -> RollbackGroup:
    """Return the functions to which the last run has released what serves, or has begun to.

    What an earlier rollback has taken back counts as what it serves again: the next one goes on from there, with what
    that one left out if it was cut short. A rollback that is run again takes back no more than it was to.

    Args:
        observed: the functions, each with its versions where there is no alias, or the alias has weights.
        run: that asks.

    Raises:
        DeployError: no run has released any of them.
    """
    begun = {function.name: last_begun(function, run.repository) for function in observed}
    own = {record.undone_id for record in map(last_release, observed) if record.is_rollback_of(run)}
    if own:
        names = [
            function.name
            for function in observed
            if last_release(function).is_rollback_of(run) or begun[function.name] in own - {0}
        ]
        return RollbackGroup(names=tuple(names), reason=f"this run {run.run_id} has begun to take them back")
    if not any(begun.values()):
        raise DeployError(
            "None of these functions was released by a run of this repository, so there is none to take back.",
            "Name what to go back to in the input 'rollback-to'.",
        )
    if unrecorded := [function.name for function in observed if begun[function.name] and is_unrecorded(function)]:
        return RollbackGroup(
            names=tuple(unrecorded),
            reason="they run code that is not published, so their last release did not end; the others stay",
        )
    last = max(begun.values())
    shared = {function.name for function in observed if function.alias and function.alias.weights}
    names = [name for name, run_id in begun.items() if run_id == last or name in shared]
    return RollbackGroup(names=tuple(names), reason=f"run {last} was the last that released to them")
