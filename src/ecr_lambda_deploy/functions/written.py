"""What a run has written to one function so far. A revert takes back nothing else."""

from dataclasses import dataclass

from ecr_lambda_deploy.model.functions import AliasState
from ecr_lambda_deploy.model.images import ImageReference
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


def is_as_left(alias: AliasState, left: AliasState, before: AliasState | None) -> bool:
    """Whether an alias is as the run left it; a weight that Lambda itself gives the old version does not count.

    Lambda gives it one while it moves provisioned concurrency [terraform-provider-aws#48116].

    Args:
        alias: its current state.
        left: its state when the run had moved it.
        before: its state at the start.
    """
    has_lambdas_weights = before is not None and {*alias.weights} == {before.version}
    return alias.version == left.version and (alias.weights == left.weights or has_lambdas_weights)
