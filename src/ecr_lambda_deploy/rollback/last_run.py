"""Pure: which of a manifest's functions go back together: those that the last run in their history released."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ecr_lambda_deploy.functions.history import (
    Record,
    is_unrecorded,
    last_release,
    last_releasing_run,
    run_named,
    serving_record,
)
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.run import WorkflowRun


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackGroup:
    """Functions that go back together.

    Attributes:
        members: the functions, in the order in which they were given.
        run_id: number of the run whose release is taken back; 0 if no record names one.
        reason: why these functions, as a clause for the log.
    """

    members: tuple[ObservedFunction, ...]
    run_id: Decimal
    reason: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the functions."""
        return tuple(function.name for function in self.members)


def released_together(observed: Sequence[ObservedFunction], run: WorkflowRun) -> RollbackGroup:
    """Return the functions that the last run released, or began to release.

    After a rollback a function counts by the release that it serves again. So the next rollback goes one release
    further back, and completes an earlier rollback that was cut short. A rollback that is run again takes back nothing
    more.

    Args:
        observed: the functions, each with its versions where there is no alias, or the alias has weights.
        run: the run that rolls back.

    Raises:
        DeployError: no run has released any of them.
    """
    begun = _begun(observed, run)
    unrecorded = {function.name for function in observed if begun[function.name] and is_unrecorded(function)}
    shared = {function.name for function in observed if function.alias and function.alias.weights}
    own = {function.name: last_release(function, run).undone_id for function in observed if _is_back(function, run)}
    if own:
        last, reason = max(own.values()), f"this run {run.run_id} has begun to take them back"
    elif unrecorded:
        last = Decimal()
        reason = "they run code that is not published, so their last release has not ended; the others stay"
    else:
        last = max(begun.values(), default=Decimal())
        reason = f"{run_named(last)} was the last that released to them"
    if not (last or unrecorded or own):
        raise DeployError(
            "None of these functions was released by a run of this repository, so there is none to take back.",
            "Name what to go back to in the input 'rollback-to'.",
            topic="nothing-to-roll-back-to",
        )
    left = {name for name, run_id in begun.items() if run_id == last} | shared if last else unrecorded
    members = tuple(function for function in observed if function.name in left or function.name in own)
    return RollbackGroup(members=members, run_id=last, reason=reason)


def is_first_release(observed: ObservedFunction, run: WorkflowRun) -> bool:
    """Whether what serves is the first release of a function, so that there is nothing to go back to."""
    is_shared = observed.alias is not None and bool(observed.alias.weights)
    return _is_first(observed) and not is_shared and not _is_back(observed, run)


def _is_first(observed: ObservedFunction) -> bool:
    record = serving_record(observed)
    return record.run_id != 0 and not record.previous


def _is_back(observed: ObservedFunction, run: WorkflowRun) -> bool:
    """Whether an earlier attempt of this run has rolled the function back already."""
    return last_release(observed, run).is_rollback_of(run)


def _begun(observed: Sequence[ObservedFunction], run: WorkflowRun) -> dict[str, Decimal]:
    """Return the number of the run that began each function's last release; 0 where there is none to take back."""
    backs = [record for record in (last_release(function, run) for function in observed) if record.undone_id]
    begun = {function.name: last_releasing_run(function, run) for function in observed}
    return begun | {
        function.name: Decimal()
        for function in observed
        if _is_first(function) and _is_passed(begun[function.name], backs)
    }


def _is_passed(run_id: Decimal, backs: Iterable[Record]) -> bool:
    """Whether a rollback has already gone back beyond a run, its own included."""
    return any(back.undone_id <= run_id <= back.run_id for back in backs)
