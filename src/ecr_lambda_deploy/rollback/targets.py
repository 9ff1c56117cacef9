"""Reads the functions of a rollback: those that the inputs name, or those that the last run released."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.functions.history import doubt
from ecr_lambda_deploy.functions.reads import observe_last_release, with_versions
from ecr_lambda_deploy.model.errors import DeployError, MissingFunctionError
from ecr_lambda_deploy.model.functions import ObservedFunction, name_of
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.model.text import some_of
from ecr_lambda_deploy.ports.functions import Aliases, Functions
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.rollback.last_run import is_first_release, released_together

_MOST_NAMED = 10  # in a warning

Read = Callable[[FunctionTarget, Functions, Aliases], ObservedFunction]
"""Reads one function."""


def read_all(
    targets: Sequence[FunctionTarget], read: Read, ports: Ports, journal: Journal
) -> list[tuple[FunctionTarget, ObservedFunction]]:
    """Read functions, side by side.

    Raises:
        DeployError: with every function that may not be read or does not exist.
    """

    def read_one(target: FunctionTarget) -> tuple[FunctionTarget, ObservedFunction]:
        with journal.recording_failure(name_of(target.name)):
            observed = read(target, ports.functions, ports.aliases)
            journal.record(Outcome.untouched(observed))
            return target, observed

    return list(for_each(targets, read_one))


def released_last(
    targets: Sequence[FunctionTarget], ports: Ports, journal: Journal
) -> tuple[list[tuple[FunctionTarget, ObservedFunction]], str]:
    """Return the functions of a manifest that the last run released, and the number of that run.

    Returns:
        the functions with all their versions, each with its target; the run's number is empty if no record names it.

    Raises:
        DeployError: no run has released any of them, or there was nothing before that release.
    """
    known = _with_history(targets, ports, journal)
    warn_of_records(known.values(), ports, journal)
    group = released_together(tuple(known.values()), journal.run)
    ports.log.info(f"To be taken back: {', '.join(group.names)}; {group.reason}")
    wanted, first = list[FunctionTarget](), list[ObservedFunction]()
    for target in targets:
        if target.name not in known:
            continue
        if known[target.name] not in group.members:
            journal.record(Outcome.untouched(known[target.name], ReleaseStatus.UNCHANGED))
        elif is_first_release(known[target.name], journal.run):
            first.append(known[target.name])
        else:
            wanted.append(target)
    _skip(first, "there was no release before", ports, journal, is_told=bool(wanted))
    if not wanted:
        raise DeployError(
            f"There is nothing to go back to: {group.reason}, and nothing was released to them before.",
            "Name a version, a commit or a digest in the input 'rollback-to', or other images in 'only'.",
            topic="nothing-to-roll-back-to",
        )

    def read(target: FunctionTarget, functions: Functions, _: Aliases) -> ObservedFunction:
        return with_versions(target, known[target.name], functions)

    return read_all(wanted, read, ports, journal), str(group.run_id or "")


def warn_of_records(functions: Iterable[ObservedFunction], ports: Ports, journal: Journal) -> None:
    """Warn of records of the last release that cannot be true; they do not count."""
    for observed in functions:
        if warning := doubt(observed, journal.run):
            ports.log.warning(warning)


def _with_history(targets: Sequence[FunctionTarget], ports: Ports, journal: Journal) -> dict[str, ObservedFunction]:
    """Return the functions that have a history, by their names in the manifest; the others are skipped."""
    known, missing, unpublished = {}, list[ObservedFunction](), list[ObservedFunction]()
    for target, observed in read_all(targets, _observe_if_there, ports, journal):
        if observed.latest is None:
            missing.append(observed)
        elif not target.publish:
            unpublished.append(observed)
        else:
            known[target.name] = observed
    _skip(missing, "there is no such function", ports, journal)
    _skip(unpublished, "with 'publish: false' there is no history", ports, journal)
    return known


def _skip(
    functions: Sequence[ObservedFunction], why: str, ports: Ports, journal: Journal, *, is_told: bool = True
) -> None:
    """Record functions as skipped, with one warning for all.

    Args:
        functions: that stay as they are.
        why: of each.
        ports: the log.
        journal: keeps them.
        is_told: whether to warn; not where an error says it.
    """
    for observed in functions:
        journal.record(replace(Outcome.untouched(observed, ReleaseStatus.SKIPPED), reason=why))
    if functions and is_told:
        names = some_of([observed.name for observed in functions], _MOST_NAMED)
        ports.log.warning(f"{names} {'stays as it is' if len(functions) == 1 else 'stay as they are'}: {why}.")


def _observe_if_there(target: FunctionTarget, functions: Functions, aliases: Aliases) -> ObservedFunction:
    try:
        return observe_last_release(target, functions, aliases)
    except MissingFunctionError:
        return ObservedFunction(name=name_of(target.name), latest=None)
