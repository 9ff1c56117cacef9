"""Moves the alias of one function, on the condition that it is still this run's to move."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from ecr_lambda_deploy.functions.history import Record, newer_run
from ecr_lambda_deploy.functions.waits import taken_over, wait_until_allocated
from ecr_lambda_deploy.functions.writes import CONFLICT_DELAY, FunctionChanges
from ecr_lambda_deploy.functions.written import is_as_left
from ecr_lambda_deploy.model.errors import InProgressError, RevisionError, TakenOverError, UnsentError
from ecr_lambda_deploy.model.functions import AliasState, FunctionState


def point_alias(
    changes: FunctionChanges,
    version: FunctionState,
    *,
    description: str,
    share: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """Point the alias to a version, and wait until Lambda has moved its provisioned concurrency.

    Args:
        changes: of the function.
        version: that the alias is to point to.
        description: that it is to have.
        share: of its traffic that goes to other versions, between 0 and 1, by version.

    Raises:
        RevisionError: somebody else has changed it, and nothing was written yet.
        DeployError: somebody else has taken the function over, or Lambda refuses.
    """
    before = replace(changes.written)
    wanted = AliasState(
        name=changes.alias_name, arn="", version=version.version, weights=share, description=description
    )
    changes.written.asked = wanted  # should the answer be lost, it may have been done
    try:
        moved = _move(changes, wanted, is_first=not before.is_anything, is_untouched=before.alias is None)
    except (InProgressError, RevisionError, TakenOverError):
        changes.written = before
        raise
    changes.written.alias, changes.written.asked = moved, None
    changes.see(replace(changes.now, alias=moved, aliased=version))
    settled = wait_until_allocated(
        changes.name,
        moved,
        share,
        aliases=changes.ports.aliases,
        clock=changes.clock,
        log=changes.ports.log,
        timeout=changes.wait_timeout,
    )
    changes.see(replace(changes.now, alias=settled))


def _move(changes: FunctionChanges, wanted: AliasState, *, is_first: bool, is_untouched: bool) -> AliasState:
    deadline = changes.clock.now() + changes.wait_timeout
    while True:
        alias = changes.now.alias
        try:
            if alias is None:
                return changes.ports.aliases.create(
                    changes.name, wanted.name, version=wanted.version, description=wanted.description
                )
            return changes.ports.aliases.point(
                changes.name,
                alias,
                version=wanted.version,
                weights=wanted.weights,
                description=wanted.description,
            )
        except UnsentError:
            changes.written.asked = None
            raise
        except (InProgressError, RevisionError):
            present = changes.ports.aliases.read(changes.name, wanted.name)
            if present is not None and _is_same(present, wanted):
                return present  # the request was carried out, and only its answer was lost
            if is_first or changes.clock.now() >= deadline:
                raise
            changes.clock.sleep(CONFLICT_DELAY)
            _decide_again(changes, present, may_overtake=is_untouched and not wanted.weights)


def _is_same(alias: AliasState, wanted: AliasState) -> bool:
    return (alias.version, dict(alias.weights)) == (wanted.version, dict(wanted.weights))


def _decide_again(changes: FunctionChanges, alias: AliasState | None, *, may_overtake: bool) -> None:
    """Look whether the alias is still this run's to move, after somebody else has changed it.

    Args:
        changes: of the function.
        alias: as it is now.
        may_overtake: whether this run, which has not touched the alias yet, goes ahead of another run of this action
            whose code it has replaced. What a person has done stays.

    Raises:
        TakenOverError: it is not.
    """
    known, latest, written, published = changes.now.alias, changes.settle(), changes.written, changes.published
    is_given = written.image is None or latest.runs(written.image, written.architecture)
    if not is_given or (published is not None and published.code_sha256 != latest.code_sha256):
        raise taken_over(latest)
    if alias is not None:
        record = Record.parse(alias.description)
        is_moved = known is not None and not is_as_left(alias, known, changes.start.alias)
        is_overtaken = may_overtake and record.run != "" and (not known or alias.description != known.description)
        newer = newer_run(changes.run, record)
        if newer or (is_moved and not is_overtaken):
            who = f"the newer run {newer}" if newer else "somebody else"
            raise TakenOverError(f"The alias {alias.name} of {changes.name} was moved by {who} meanwhile, so it stays.")
    changes.see(replace(changes.now, alias=alias))
