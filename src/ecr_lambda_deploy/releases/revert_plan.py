"""Pure: the way back from a release that failed, over no more than what the run itself wrote."""

from dataclasses import dataclass

from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.functions import LATEST, AliasState, ObservedFunction
from ecr_lambda_deploy.releases.plan import PointAlias, UpdateCode, cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertPlan:
    """The way from what is observed now to what was observed at the start.

    Attributes:
        steps: in order: what serves comes first.
        left: what stays as it is, and why: one sentence each.
    """

    steps: tuple[PointAlias | UpdateCode, ...] = ()
    left: tuple[str, ...] = ()


def plan_revert(now: ObservedFunction, start: ObservedFunction, written: Written, *, is_kept: bool) -> RevertPlan:
    """Plan the way back from a failed release, over no more than what the run itself wrote.

    Args:
        now: what is observed.
        start: what was observed before the run wrote anything.
        written: what the run wrote.
        is_kept: whether code and alias stay, for somebody to look at; shares of traffic never do.
    """
    alias_steps, alias_left = _plan_alias(now, start, written, is_kept=is_kept)
    code_steps, code_left = ((), ()) if is_kept else _plan_code(now, start, written)
    return RevertPlan(steps=(*alias_steps, *code_steps), left=(*alias_left, *code_left))


def _plan_alias(
    now: ObservedFunction, start: ObservedFunction, written: Written, *, is_kept: bool
) -> tuple[tuple[PointAlias, ...], tuple[str, ...]]:
    alias, before = now.alias, start.alias
    if alias is None or not written.is_of_alias or _is_as_before(alias, before):
        return (), ()
    if not written.is_in_place(alias, before):
        left = f"The alias {alias.name} points to version {alias.version}: somebody else has moved it, so it stays."
        return (), (left,)
    if is_kept or before is None:
        return tuple(cleared(now)), ()
    return (PointAlias(version=start.aliased, description=before.description),), ()


def _plan_code(
    now: ObservedFunction, start: ObservedFunction, written: Written
) -> tuple[tuple[UpdateCode, ...], tuple[str, ...]]:
    before, latest = start.latest, now.latest
    if written.image is None or before is None or latest is None or before.image is None:
        return (), ()
    back = UpdateCode(image=before.image, architecture=before.architecture)
    if latest.runs(before.image, before.architecture):
        return (back,) if latest.is_broken and not before.is_broken else (), ()
    if latest.runs(written.image, written.architecture):
        return (back,), ()
    return (), (f"{LATEST} runs {latest.image}: somebody else has updated it since, so it stays.",)


def _is_as_before(alias: AliasState, before: AliasState | None) -> bool:
    """Whether an alias is as it was at the start, but for shares of traffic that a dead run had left."""
    return (
        before is not None
        and alias.version == before.version
        and (not alias.weights or alias.weights == before.weights)
    )
