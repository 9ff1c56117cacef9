"""Pure: plans a rollback, from what is observed to what the function goes back to."""

from dataclasses import dataclass, replace

from ecr_lambda_deploy.functions.history import Record, last_release
from ecr_lambda_deploy.model.functions import FunctionState, ObservedFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture, FunctionTarget
from ecr_lambda_deploy.releases.plan import (
    InvokeSmokeTest,
    PointAlias,
    ReleasePlan,
    Step,
    UpdateCode,
    clearing_steps,
    code_steps,
    is_inactive,
    is_served,
    serving_steps,
    version_steps,
    wait_steps,
)

_SHORT = 12  # digits of a commit, as in the history that the log shows


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackGoal:
    """What a function goes back to.

    Attributes:
        image: by digest.
        architecture: the architecture that the image ran on.
        version: the published version that has the image; None without one.
        record: what that version records; without one, the commit.
    """

    image: ImageReference
    architecture: Architecture
    version: FunctionState | None = None
    record: Record


def plan_rollback(
    target: FunctionTarget, observed: ObservedFunction, goal: RollbackGoal, *, run: WorkflowRun, undone: str = ""
) -> ReleasePlan:
    """Plan the way back: an alias moves first, in one call, and `$LATEST` follows.

    A version that is not Active would fail invocations, and without an alias only code goes back. In both cases the
    image is released anew, as a version that continues the history of the one it repeats.

    Args:
        target: the function.
        observed: the function now.
        goal: what it goes back to.
        run: the run that rolls back.
        undone: number of the run whose release is taken back from several functions together; empty otherwise.
    """
    if waiting := wait_steps(observed):
        return ReleasePlan(target=target, observed=observed, steps=waiting, is_rollback=True)
    version, alias = goal.version, observed.alias
    reason = f"back to {f'version {version.version}' if version else goal.image.digest}"
    if commit := goal.record.commit:
        reason += f", commit {commit[:_SHORT]}"
    facts = {"mode": "rollback", "undone": undone, "repeats": _repeated(observed, goal, run)}
    moved = str(Record.of(run, **facts))
    steps: list[Step] = []
    if target.alias and version is not None and version.state.value == "Active":
        if alias is None or alias.version != version.version or alias.weights:
            if target.smoke_test:
                steps.append(InvokeSmokeTest(test=target.smoke_test, qualifier=version.version, reason=reason))
            steps.append(PointAlias(version=version, description=moved, reason=reason))
        steps += [
            replace(step, follows_alias=True) if isinstance(step, UpdateCode) else step
            for step in code_steps(target, observed, goal.image, goal.architecture, always=False, reason=reason)
        ]
        return ReleasePlan(target=target, observed=observed, steps=tuple(steps), is_rollback=True)
    steps += clearing_steps(observed)
    cannot_serve = target.alias != "" and version is not None
    if cannot_serve or not is_served(target, observed, goal.image, goal.architecture):
        previous = observed.version if version is None else goal.record.previous
        description = str(Record.of(run, commit=goal.record.commit, previous=previous, **facts))
        at_once = replace(target, traffic=())
        steps += code_steps(
            target,
            observed,
            goal.image,
            goal.architecture,
            always=cannot_serve or is_inactive(observed.latest),
            reason=reason,
        )
        steps += version_steps(at_once, observed, description, reason=reason)
        steps += serving_steps(at_once, observed, moved, reason=reason)
    return ReleasePlan(target=target, observed=observed, steps=tuple(steps), is_rollback=True)


def _repeated(observed: ObservedFunction, goal: RollbackGoal, run: WorkflowRun) -> str:
    """Return the number of the run that released the goal; empty for an image that no version has."""
    if goal.version is None:
        return ""
    stays = observed.alias is not None and observed.alias.version == goal.version.version
    return str((last_release(observed, run) if stays else goal.record.believed_by(run)).released_id)
