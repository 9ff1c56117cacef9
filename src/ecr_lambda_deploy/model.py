"""The run: what it is part of, and what becomes of it."""

from dataclasses import dataclass, field
from enum import StrEnum

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.wanted import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """The workflow run that this is part of; empty strings outside GitHub.

    Attributes:
        commit: full SHA.
        repository: `owner/name`.
        run_id: GitHub's number of the run.
        attempt: number of the attempt, from 1.
        server_url: such as `https://github.com`.
    """

    commit: str = ""
    repository: str = ""
    run_id: str = ""
    attempt: str = ""
    server_url: str = ""


class ReleaseStatus(StrEnum):
    """What became of one function."""

    DEPLOYED = "deployed"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one function, and what serves it now.

    Attributes:
        function: its name.
        before: as it was at the start; None where that could not be read.
        image: what it runs now.
        version: the version that serves now; empty without one.
        status: what became of it.
        is_changed: whether what serves is different now.
        seconds: time spent on it.
        error: why it failed.
    """

    function: str
    before: ObservedFunction | None
    image: ImageReference | None
    version: str
    status: ReleaseStatus
    is_changed: bool = False
    seconds: float = 0.0
    error: DeployError | None = None

    @property
    def arn(self) -> str:
        """ARN of the function, qualified with the serving version if there is one; empty where unknown."""
        if self.before is None:
            return ""
        return f"{self.before.latest.arn}:{self.version}" if self.version else self.before.latest.arn


@dataclass(slots=True, kw_only=True)
class Journal:
    """What the run has learnt and done so far; whatever happens, it is what the outputs and the summary tell.

    Attributes:
        repository_uri: registry and repository.
        image: the image that was built.
        image_tags: tags that it has from this run.
        outcomes: one for each function.
        phases: name and seconds of each phase, in order.
        error: what ended the run early.
    """

    run: WorkflowRun
    mode: Mode = Mode.DEPLOY
    repository_uri: str = ""
    image: ImageReference | None = None
    image_tags: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    phases: list[tuple[str, float]] = field(default_factory=list)
    error: DeployError | None = None

    def record(self, outcome: Outcome) -> None:
        """Note what has become of a function so far, in place of what was known of it before."""
        self.outcomes = tuple(outcome if known.function == outcome.function else known for known in self.outcomes)

    @property
    def errors(self) -> tuple[DeployError, ...]:
        """Everything that failed."""
        own = (self.error,) if self.error else ()
        return own + tuple(outcome.error for outcome in self.outcomes if outcome.error)
