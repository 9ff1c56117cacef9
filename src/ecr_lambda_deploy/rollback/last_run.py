"""Pure: which of a manifest's functions go back together, told by the runs that their history names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ecr_lambda_deploy.functions.history import Record, is_unrecorded, last_begun, last_release, serving_record
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.run import WorkflowRun


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackGroup:
    """Functions that go back together.

    Attributes:
        members: the functions, in the order in which they were given.
        run_id: number of the run whose release is taken back; 0 if that is not recorded.
        reason: why these.
    """

    members: tuple[ObservedFunction, ...]
    run_id: int
    reason: str

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the functions."""
        return tuple(function.name for function in self.members)


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
    begun = _begun(observed, run.repository)
    unrecorded = {function.name for function in observed if begun[function.name] and is_unrecorded(function)}
    shared = {function.name for function in observed if function.alias and function.alias.weights}
    own = {function.name: last_release(function).undone_id for function in observed if _is_back(function, run)}
    if own:
        last, reason = max(own.values()), f"this run {run.run_id} has begun to take them back"
    elif unrecorded:
        last, reason = 0, "they run code that is not published, so their last release has not ended; the others stay"
    else:
        last = max(begun.values(), default=0)
        reason = f"run {last} was the last that released to them"
    if not (last or unrecorded or own):
        raise DeployError(
            "None of these functions was released by a run of this repository, so there is none to take back.",
            "Name what to go back to in the input 'rollback-to'.",
        )
    left = {name for name, run_id in begun.items() if run_id == last} | shared if last else unrecorded
    members = tuple(function for function in observed if function.name in left or function.name in own)
    return RollbackGroup(members=members, run_id=last, reason=reason)


def is_first_release(observed: ObservedFunction, run: WorkflowRun) -> bool:
    """Whether nothing was released to a function before what serves, so that a run has nothing to go back to."""
    is_shared = observed.alias is not None and bool(observed.alias.weights)
    return _is_first(observed) and not is_shared and not _is_back(observed, run)


def _is_first(observed: ObservedFunction) -> bool:
    record = serving_record(observed)
    return record.run_id != 0 and not record.previous


def _is_back(observed: ObservedFunction, run: WorkflowRun) -> bool:
    """Whether a rollback by this run, in an earlier attempt, has come to a function."""
    return last_release(observed).is_rollback_of(run)


def _begun(observed: Sequence[ObservedFunction], repository: str) -> dict[str, int]:
    """Return the run that has begun the last release of each function; 0 if there is none to take back."""
    backs = [record for record in map(last_release, observed) if record.undone_id]
    begun = {function.name: last_begun(function, repository) for function in observed}
    return begun | {
        function.name: 0 for function in observed if _is_first(function) and _is_passed(begun[function.name], backs)
    }


def _is_passed(run_id: int, backs: Iterable[Record]) -> bool:
    """Whether a rollback has gone past a run, perhaps its own, so that what it left need not be left again."""
    return any(back.undone_id <= run_id <= back.run_id for back in backs)
