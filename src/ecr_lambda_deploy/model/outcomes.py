"""The results of a run, for each image and each function, and the journal that collects them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Lock
from typing import Self, TypedDict, Unpack

from ecr_lambda_deploy.model.error_rates import ErrorRates
from ecr_lambda_deploy.model.errors import CancelledError, ConsequenceError, DeployError, parts_of
from ecr_lambda_deploy.model.functions import LATEST_PUBLISHED, ServingFunction, Status, name_of
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import RollbackWorkflow, WorkflowRun
from ecr_lambda_deploy.model.targets import Mode, TrafficStep

_MOST_BLAMED = 3  # in a reason


class ReleaseStatus(StrEnum):
    """The result for one function."""

    DEPLOYED = "deployed"
    UNCHANGED = "unchanged"
    CREATED = "created"
    ROLLED_BACK = "rolled-back"
    REVERTED = "reverted"
    FAILED = "failed"
    SKIPPED = "skipped"
    PLANNED = "planned"


class ImageStatus(StrEnum):
    """The result for one image."""

    WANTED = "wanted"
    FOUND = "found"
    BUILT = "built"
    COPIED = "copied"
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOutcome:
    """The result for one image so far.

    Attributes:
        name: in the manifest; empty for the plain inputs.
        functions: names or ARNs of the functions that run it, as the inputs give them.
        status: the result.
        repository_uri: registry and repository; empty until they are known.
        reference: None until the digest is known.
        tags: tags that the image has or gets in this run.
        commit: full SHA of the commit that it is of; empty if that is not known.
        promoted: what serves it, where it was taken from there; empty otherwise.
        reason: why the image is built, copied or kept; in a plan, why it would be.
        started: when the longest part of the work on it began, on the run's clock.
        seconds: duration of the work on this image; what others are waited for does not count.
        error: why the image failed; None if it did not.
    """

    name: str
    functions: tuple[str, ...] = ()
    status: ImageStatus = ImageStatus.WANTED
    repository_uri: str = ""
    reference: ImageReference | None = None
    tags: tuple[str, ...] = ()
    commit: str = ""
    promoted: str = ""
    reason: str = ""
    started: float = 0.0
    seconds: float = 0.0
    error: DeployError | None = None


class ImageChanges(TypedDict, total=False):
    """Changes of an `ImageOutcome`, by attribute."""

    status: ImageStatus
    repository_uri: str
    reference: ImageReference
    tags: tuple[str, ...]
    commit: str
    promoted: str
    reason: str
    error: DeployError


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the run.

    Attributes:
        title: for log and summary.
        started: on the run's clock, in seconds.
        seconds: duration.
    """

    title: str
    started: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result for one function so far, and what serves it.

    Attributes:
        before: the function at the start of the run.
        after: the function as last read or written.
        status: the result.
        reason: why there is a release, or why the function was skipped; in a plan, why there would be a release.
        follows: in a plan, what would be done, in order and in few words.
        started: when work on the function began, on the run's clock.
        seconds: duration of the work.
        smoke_test: what the function answered, and after how long; empty if it was not tested, or failed.
        traffic: the shares of the alias's traffic that the new version has had, each with its seconds.
        error_rates: what CloudWatch had of the failed invocations when it was last asked; None without a limit.
        alarms: the alarms that were watched, by name, with the state that each had last.
        error: why the release failed; None if it did not.
        recovery: shell commands for what could not be reverted.
        has_moved_alias: whether this run has moved the alias, or may have, even if it is back.
    """

    before: ServingFunction
    after: ServingFunction
    status: ReleaseStatus
    reason: str = ""
    follows: tuple[str, ...] = ()
    started: float = 0.0
    seconds: float = 0.0
    smoke_test: str = ""
    traffic: tuple[TrafficStep, ...] = ()
    error_rates: ErrorRates | None = None
    alarms: Mapping[str, Status] = field(default_factory=dict)
    error: DeployError | None = None
    recovery: tuple[str, ...] = ()
    has_moved_alias: bool = False

    @classmethod
    def untouched(cls, observed: ServingFunction, status: ReleaseStatus = ReleaseStatus.FAILED) -> Self:
        """Return the outcome of a function that the run has not changed."""
        return cls(before=observed, after=observed, status=status)

    @property
    def function(self) -> str:
        """The function's name."""
        return self.before.name

    @property
    def is_changed(self) -> bool:
        """Whether another image, architecture, version or share of the traffic serves than before.

        `$LATEST.PUBLISHED` has no number: with another configuration it is another version.
        """
        before, after = self.before.serving, self.after.serving
        if before is None or after is None:
            return before is not after
        if before.version == after.version == LATEST_PUBLISHED and after.settings_unlike(before):
            return True
        return dict(self.before.weights) != dict(self.after.weights) or (
            before.image,
            before.architecture,
            self.before.version,
        ) != (
            after.image,
            after.architecture,
            self.after.version,
        )

    @property
    def is_consequence(self) -> bool:
        """Whether it failed only since another release or the whole run did, and nothing is left to do about it."""
        return isinstance(self.error, ConsequenceError | CancelledError) and not self.recovery

    @property
    def arn(self) -> str:
        """ARN of the function, qualified with the version that serves, if any; empty if unknown."""
        if self.after.latest is None:
            return ""
        version = self.after.version
        return f"{self.after.latest.arn}:{version}" if version else self.after.latest.arn


@dataclass(slots=True, kw_only=True)
class Journal:
    """The results of a run so far. Outputs and summary are made from it, also after a failure.

    Attributes:
        run: the workflow run.
        mode: the input `mode`.
        manifest: path of the manifest; empty without one.
        manifest_inputs: which of `only` and `vars` are given beside it.
        rollback_workflows: of the repository: they can undo a release.
        images: one for each image.
        outcomes: one for each function.
        function_url: URL of the first function, or of its alias; empty where none is known.
        parameters: names of Systems Manager's parameters that this run has written; in a plan, that it would write.
        phases: in order.
        error: why the run ended early; None if it did not.
    """

    run: WorkflowRun
    mode: Mode = Mode.DEPLOY
    manifest: str = ""
    manifest_inputs: frozenset[str] = frozenset()
    rollback_workflows: tuple[RollbackWorkflow, ...] = ()
    images: tuple[ImageOutcome, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    function_url: str = ""
    parameters: list[str] = field(default_factory=list)
    phases: list[Phase] = field(default_factory=list)
    error: DeployError | None = None
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def update_image(self, name: str, **changes: Unpack[ImageChanges]) -> None:
        """Change the named attributes of an image's outcome."""
        with self._lock:  # stages work on several images at once
            self.images = tuple(replace(image, **changes) if image.name == name else image for image in self.images)

    def time_image(self, name: str, started: float, ended: float) -> None:
        """Record that a part of the work on an image has lasted from one time of the run's clock to another."""
        lasted = ended - started
        with self._lock:
            self.images = tuple(
                replace(
                    image,
                    started=started if lasted > image.seconds or not image.started else image.started,
                    seconds=image.seconds + lasted,
                )
                if image.name == name
                else image
                for image in self.images
            )

    def record(self, outcome: Outcome) -> None:
        """Replace the outcome of a function."""
        with self._lock:  # several functions are released at once
            self.outcomes = tuple(outcome if known.function == outcome.function else known for known in self.outcomes)

    def start_with(self, functions: Iterable[str]) -> None:
        """Begin with an outcome for each function, before the functions are read."""
        self.outcomes = tuple(Outcome.untouched(ServingFunction(name=name, latest=None)) for name in functions)

    @contextmanager
    def recording_failure(self, function: str) -> Iterator[None]:
        """Record an error that ends the block as the error of a function."""
        try:
            yield
        except DeployError as error:
            for outcome in self.outcomes:
                if outcome.function == function:
                    self.record(replace(outcome, error=error))
            raise

    def mark_unreached_as_skipped(self) -> None:
        """Mark functions as skipped if no stage has reached them, because an image or another function failed."""
        failed = [image for image in self.images if image.error]
        without_image = {name_of(function) for image in failed for function in image.functions}
        blamed = [f"the image {image.name}" for image in failed]
        blamed += [outcome.function for outcome in self.outcomes if outcome.error]
        if not blamed:
            return
        names = ", ".join(blamed[:_MOST_BLAMED]) + (" and others" if len(blamed) > _MOST_BLAMED else "")
        self.outcomes = tuple(
            replace(outcome, status=ReleaseStatus.SKIPPED, reason=f"{names} failed, so nothing was changed")
            if outcome.status is ReleaseStatus.FAILED and not outcome.error and outcome.function not in without_image
            else outcome
            for outcome in self.outcomes
        )

    @property
    def errors(self) -> tuple[DeployError, ...]:
        """The causes, each once: the error that ended the run may hold those of functions and images.

        What only followed from them is in `consequences`.
        """
        of_run = (self.error,) if self.error else ()
        each: tuple[ImageOutcome | Outcome, ...] = (*self.images, *self._sorted_out[0])
        said = {str(part) for error in of_run for part in parts_of(error)}
        others = {str(one.error): one.error for one in each if one.error}
        return of_run + tuple(
            error for error in others.values() if not said.issuperset(str(part) for part in parts_of(error))
        )

    @property
    def consequences(self) -> tuple[Outcome, ...]:
        """The functions that failed, or were reverted, only because another one or the whole run did."""
        return self._sorted_out[1]

    @property
    def _sorted_out(self) -> tuple[tuple[Outcome, ...], tuple[Outcome, ...]]:
        """Return the functions with errors of their own, and those with consequences of others'."""
        failed = tuple(outcome for outcome in self.outcomes if outcome.error)
        causes = tuple(outcome for outcome in failed if not outcome.is_consequence)
        is_explained = bool(self.error or causes)
        if not is_explained or len(self.outcomes) == 1:
            return failed, ()
        return causes, tuple(outcome for outcome in failed if outcome.is_consequence)
