"""What a run has written to one function so far."""

from dataclasses import dataclass

from ecr_lambda_deploy.model.functions import AliasState
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a run has written to one function so far: all that a revert may take back.

    Attributes:
        image: given to `$LATEST`, or asked to be; None if it was left alone.
        architecture: given with it.
        alias: as the run left it; None if it was left alone.
        asked: what the alias was asked to become, and may have; None if no answer is missing.
        is_created: whether the run created the function.
    """

    image: ImageReference | None = None
    architecture: Architecture = "x86_64"
    alias: AliasState | None = None
    asked: AliasState | None = None
    is_created: bool = False

    @property
    def is_anything(self) -> bool:
        """Whether the run has written anything, or may have."""
        return self.image is not None or self.is_of_alias or self.is_created

    @property
    def is_of_alias(self) -> bool:
        """Whether the run has moved the alias, or may have."""
        return self.alias is not None or self.asked is not None

    def is_in_place(self, alias: AliasState, before: AliasState | None) -> bool:
        """Whether an alias is as the run left it or asked it to be.

        Args:
            alias: as it is now.
            before: as it was at the start.
        """
        return any(is_as_left(alias, mine, before) for mine in (self.alias, self.asked) if mine is not None)


def is_as_left(alias: AliasState, mine: AliasState, before: AliasState | None) -> bool:
    """Whether an alias is as the run left it; Lambda itself gives weight to the old version for a while.

    It does so for as long as provisioned concurrency moves [terraform-provider-aws#48116].
    """
    is_lambdas = before is not None and {*alias.weights} == {before.version}
    return alias.version == mine.version and (alias.weights == mine.weights or is_lambdas)
