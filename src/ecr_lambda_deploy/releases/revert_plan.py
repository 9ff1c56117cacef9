"""Pure: the plan of a revert. It takes back only what the run itself wrote, and nothing that somebody else did since.

`revert.py` puts back one part after the other in the `ORDER` that is given here, and plans each when its turn has come.
"""

from dataclasses import dataclass
from typing import Literal

from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, NotServedError
from ecr_lambda_deploy.model.functions import LATEST, LATEST_PUBLISHED, AliasState, ObservedFunction
from ecr_lambda_deploy.releases.plan import PointAlias, PublishLatest, ReleasePlan, UpdateCode, clearing_steps

Part = Literal["alias", "code", "latest_published"]

ORDER: tuple[Part, ...] = ("alias", "code", "latest_published")
"""What goes back first: the alias, which alone decides what serves, and goes back in one call.

The code of `$LATEST` follows: where there is an alias nothing depends on it, and an update takes seconds. What becomes
of the code depends on where the alias then points. `$LATEST.PUBLISHED` is published of that code, so it comes last.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevertPlan:
    """The steps from what is observed now to what was observed at the start.

    Attributes:
        alias: puts the alias back; None if it stays as it is.
        code: puts the code of `$LATEST` back; None if it stays as it is.
        latest_published: has `$LATEST.PUBLISHED` run that code; None if it stays as it is.
        left: what somebody else has changed, and so stays: one sentence each.
    """

    alias: PointAlias | None = None
    code: UpdateCode | None = None
    latest_published: PublishLatest | None = None
    left: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[PointAlias | UpdateCode | PublishLatest, ...]:
        """The steps in the order in which they are carried out, or left to be done by hand."""
        parts: dict[Part, PointAlias | UpdateCode | PublishLatest | None] = {
            "alias": self.alias,
            "code": self.code,
            "latest_published": self.latest_published,
        }
        return tuple(step for part in ORDER if (step := parts[part]) is not None)


def plan_revert(now: ObservedFunction, start: ObservedFunction, written: Written, *, is_kept: bool) -> RevertPlan:
    """Plan the revert of a release that failed.

    Args:
        now: the function as it is.
        start: the function before the run wrote anything.
        written: what the run wrote.
        is_kept: whether code and alias stay as they are. Shares of traffic never stay.
    """
    alias_step, alias_left = _plan_alias(now, start, written, is_kept=is_kept)
    code_step, code_left = (None, "") if is_kept else _plan_code(now, start, written)
    published = None if is_kept else _plan_latest_published(now, start, written, code_step)
    left = tuple(filter(None, (alias_left, code_left)))
    return RevertPlan(alias=alias_step, code=code_step, latest_published=published, left=left)


def reason_to_keep(release: ReleasePlan, now: ObservedFunction, written: Written, *, error: DeployError | None) -> str:
    """Return why code and alias stay as the run left them: one sentence; empty if they go back.

    Args:
        release: the plan that failed.
        now: the function as it is.
        written: what the run wrote.
        error: why the release failed.
    """
    alias, start_alias = now.alias, release.observed.alias
    if not written.is_anything:
        return ""
    if not release.target.reverts:
        return "Code and alias stay as they are: 'on-failure: keep' is set."
    if written.latest_published and release.observed.latest_published is None:
        return f"{LATEST_PUBLISHED} of {now.name} is new and stays, with the code that it has."
    if alias is None or not written.is_in_place(alias, start_alias):
        return ""
    is_rolled_back = release.is_rollback and (start_alias is None or alias.version != start_alias.version)
    if is_rolled_back and not isinstance(error, CancelledError | NotServedError):
        return f"The alias {alias.name} stays at version {alias.version}: what was rolled back stays so."
    return "" if start_alias else f"The alias {alias.name} is new and stays, with the code that it points to."


def _plan_alias(
    now: ObservedFunction, start: ObservedFunction, written: Written, *, is_kept: bool
) -> tuple[PointAlias | None, str]:
    """Return the step that puts the alias back, and why it stays if somebody else has moved it."""
    alias, start_alias = now.alias, start.alias
    if alias is None or not written.is_of_alias or _is_as_at_start(alias, start_alias):
        return None, ""
    if not written.is_in_place(alias, start_alias):
        return (
            None,
            f"The alias {alias.name} points to version {alias.version}: somebody else has moved it, so it stays.",
        )
    if is_kept or start_alias is None:
        return None if alias.is_held_back else next(clearing_steps(now), None), ""
    return PointAlias(version=start.aliased, description=start_alias.description), ""


def _plan_code(now: ObservedFunction, start: ObservedFunction, written: Written) -> tuple[UpdateCode | None, str]:
    """Return the step that puts the code back, and why it stays if somebody else has updated it."""
    latest, start_latest = now.latest, start.latest
    is_written = written.image is not None or written.latest_published
    if not is_written or latest is None or start_latest is None:
        return None, ""
    # What `$LATEST.PUBLISHED` runs is published of `$LATEST`.
    wanted = (start.latest_published if written.latest_published else None) or start_latest
    if wanted.image is None:
        return None, ""
    back = UpdateCode(image=wanted.image, architecture=wanted.architecture)
    if latest.runs(wanted.image, wanted.architecture):
        return (back if latest.is_broken and not wanted.is_broken else None), ""
    if latest.runs(written.image or start_latest.image, written.architecture if written.image else latest.architecture):
        return back, ""
    return None, f"{LATEST} runs {latest.image}: somebody else has updated it since, so it stays."


def _plan_latest_published(
    now: ObservedFunction, start: ObservedFunction, written: Written, code: UpdateCode | None
) -> PublishLatest | None:
    """Return the step that has `$LATEST.PUBLISHED` run what it did, once `$LATEST` has that code again."""
    latest, before = now.latest, start.latest_published
    if not written.latest_published or latest is None or before is None:
        return None
    if now.latest_published is not None and now.latest_published.runs(before.image, before.architecture):
        return None
    if code is None and not latest.runs(before.image, before.architecture):
        return None  # somebody else has updated the code
    return PublishLatest(description=before.description)


def _is_as_at_start(alias: AliasState, start: AliasState | None) -> bool:
    """Whether an alias is as it was at the start, but for weights of Lambda's own, and those that a dead run left."""
    if start is None or alias.version != start.version:
        return False
    return not alias.weights or alias.is_held_back or alias.weights == start.weights
