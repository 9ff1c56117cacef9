"""What a run has written to one function so far. A revert takes back nothing else."""

from dataclasses import dataclass

from ecr_lambda_deploy.functions.history import Record, newer_run, run_named
from ecr_lambda_deploy.model.functions import AliasState
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a run has written to one function so far, or may have.

    Attributes:
        image: the image of the update of `$LATEST` that was requested; None if none was.
        architecture: of that image.
        alias: the alias as the run left it; None if the run has not moved it.
        asked: the move of the alias that was requested and not answered yet: it may be carried out; None otherwise.
        latest_published: whether the run has published `$LATEST.PUBLISHED`, or may have.
        is_created: whether the run created the function.
    """

    image: ImageReference | None = None
    architecture: Architecture = "x86_64"
    alias: AliasState | None = None
    asked: AliasState | None = None
    latest_published: bool = False
    is_created: bool = False

    @property
    def is_anything(self) -> bool:
        """Whether the run has written anything, or may have."""
        return self.image is not None or self.is_of_alias or self.latest_published or self.is_created

    @property
    def is_of_alias(self) -> bool:
        """Whether the run has moved the alias, or may have."""
        return self.alias is not None or self.asked is not None

    def is_in_place(self, alias: AliasState, before: AliasState | None) -> bool:
        """Whether an alias is as the run left it, or as it requested.

        Args:
            alias: its current state.
            before: its state at the start.
        """
        return any(is_as_left(alias, left, before) for left in (self.alias, self.asked) if left is not None)


def taken_over_by(
    alias: AliasState, known: AliasState | None, start: AliasState | None, *, run: WorkflowRun, may_overtake: bool
) -> str:
    """Return who has moved an alias meanwhile, so that a run must leave it alone; empty if the run may move it.

    Args:
        alias: its current state.
        known: its state when the run last read or moved it.
        start: its state at the start.
        run: the run.
        may_overtake: whether it goes ahead of another run of this action. What a person has changed stays.
    """
    record = Record.parse(alias.description)
    if newer := newer_run(run, record):
        return f"the newer {run_named(newer)}"
    is_moved = known is not None and not is_as_left(alias, known, start)
    is_overtaken = may_overtake and record.run != "" and (not known or alias.description != known.description)
    return "somebody else" if is_moved and not is_overtaken else ""


def is_as_left(alias: AliasState, left: AliasState, before: AliasState | None) -> bool:
    """Whether an alias is as the run left it; a weight that Lambda itself gives the old version does not count.

    Args:
        alias: its current state.
        left: its state when the run had moved it.
        before: its state at the start.
    """
    is_held_back = alias.is_held_back and before is not None and before.version in alias.weights
    return alias.version == left.version and (alias.weights == left.weights or is_held_back)
