"""The run: what it is part of, and what becomes of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from threading import Lock
from typing import Self, TypedDict, Unpack

from ecr_lambda_deploy.model.errors import DeployError, parts_of
from ecr_lambda_deploy.model.functions import ServingFunction, name_of
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Mode

_MOST_BLAMED = 3  # in a reason


class ReleaseStatus(StrEnum):
    """What became of one function."""

    DEPLOYED = "deployed"
    UNCHANGED = "unchanged"
    CREATED = "created"
    ROLLED_BACK = "rolled-back"
    REVERTED = "reverted"
    FAILED = "failed"
    SKIPPED = "skipped"
    PLANNED = "planned"


class ImageStatus(StrEnum):
    """What became of one image."""

    WANTED = "wanted"
    FOUND = "found"
    BUILT = "built"
    COPIED = "copied"
    PLANNED = "planned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOutcome:
    """What became of one image.

    Attributes:
        name: in the manifest; empty where the action's own inputs name it.
        functions: names of those that are to run it, as they were given.
        status: what became of it.
        repository_uri: registry and repository; empty as long as they are not known.
        reference: None until the digest is known.
        tags: that it has from this run.
        reason: why it is built, copied or taken as it is; in a plan, why it would be.
        started: on the run's clock, when work on it began.
        seconds: time spent on it.
        error: why it failed.
    """

    name: str
    functions: tuple[str, ...] = ()
    status: ImageStatus = ImageStatus.WANTED
    repository_uri: str = ""
    reference: ImageReference | None = None
    tags: tuple[str, ...] = ()
    reason: str = ""
    started: float = 0.0
    seconds: float = 0.0
    error: DeployError | None = None


class ImageChanges(TypedDict, total=False):
    """What a run learns of an image, bit by bit; the attributes are those of `ImageOutcome`."""

    status: ImageStatus
    repository_uri: str
    reference: ImageReference
    tags: tuple[str, ...]
    reason: str
    error: DeployError


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A part of the run: its title, when it began on the run's clock, and how long it took, in seconds."""

    title: str
    started: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one function, and what serves it now.

    Attributes:
        before: as it was at the start.
        after: as it is now, as far as that is known.
        status: what became of it.
        reason: why it is released to; in a plan, why it would be.
        started: on the run's clock, when work on it began.
        seconds: time spent on it.
        error: why it failed.
        recovery: commands that bring back what could not be reverted.
    """

    before: ServingFunction
    after: ServingFunction
    status: ReleaseStatus
    reason: str = ""
    started: float = 0.0
    seconds: float = 0.0
    error: DeployError | None = None
    recovery: tuple[str, ...] = ()

    @classmethod
    def untouched(cls, observed: ServingFunction, status: ReleaseStatus = ReleaseStatus.FAILED) -> Self:
        """Return the outcome of a function that nothing was done to."""
        return cls(before=observed, after=observed, status=status)

    @property
    def function(self) -> str:
        """The function's name."""
        return self.before.name

    @property
    def is_changed(self) -> bool:
        """Whether what serves is different now."""
        before, after = self.before.serving, self.after.serving
        if before is None or after is None:
            return before is not after
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
    def arn(self) -> str:
        """ARN of the function, qualified with the serving version if there is one; empty where unknown."""
        if self.after.latest is None:
            return ""
        version = self.after.version
        return f"{self.after.latest.arn}:{version}" if version else self.after.latest.arn


@dataclass(slots=True, kw_only=True)
class Journal:
    """What the run has learnt and done so far; whatever happens, it is what the outputs and the summary tell.

    Attributes:
        run: what this is part of.
        mode: what the run does.
        manifest: its path; empty without one.
        images: one for each image.
        outcomes: one for each function.
        phases: in order.
        error: what ended the run early.
    """

    run: WorkflowRun
    mode: Mode = Mode.DEPLOY
    manifest: str = ""
    images: tuple[ImageOutcome, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    phases: list[Phase] = field(default_factory=list)
    error: DeployError | None = None
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def update_image(self, name: str, **changes: Unpack[ImageChanges]) -> None:
        """Note what has become of an image so far; what is not named stays as it is."""
        with self._lock:  # several images are worked on at once
            self.images = tuple(replace(image, **changes) if image.name == name else image for image in self.images)

    def time_image(self, name: str, now: float) -> None:
        """Note that an image is worked on at this time, on the run's clock: since when, and how long until now."""
        with self._lock:
            self.images = tuple(
                replace(image, started=image.started or now, seconds=now - (image.started or now))
                if image.name == name
                else image
                for image in self.images
            )

    def record(self, outcome: Outcome) -> None:
        """Note what has become of a function so far, in place of what was known of it before."""
        with self._lock:  # several functions are released at once
            self.outcomes = tuple(outcome if known.function == outcome.function else known for known in self.outcomes)

    def start_with(self, functions: Iterable[str]) -> None:
        """Note which functions are to be dealt with, before anything is known of them."""
        self.outcomes = tuple(Outcome.untouched(ServingFunction(name=name, latest=None)) for name in functions)

    @contextmanager
    def recording_failure(self, function: str) -> Iterator[None]:
        """Note what ends the block as why a function failed."""
        try:
            yield
        except DeployError as error:
            for outcome in self.outcomes:
                if outcome.function == function:
                    self.record(replace(outcome, error=error))
            raise

    def mark_unreached_as_skipped(self) -> None:
        """Note of functions that nothing was done to, since others or images have failed, that they were skipped."""
        failed = [image for image in self.images if image.error]
        theirs = {name_of(function) for image in failed for function in image.functions}
        blamed = [f"the image {image.name}" for image in failed]
        blamed += [outcome.function for outcome in self.outcomes if outcome.error]
        if not blamed:
            return
        names = ", ".join(blamed[:_MOST_BLAMED]) + (" and others" if len(blamed) > _MOST_BLAMED else "")
        self.outcomes = tuple(
            replace(outcome, status=ReleaseStatus.SKIPPED, reason=f"{names} failed, so nothing was changed")
            if outcome.status is ReleaseStatus.FAILED and not outcome.error and outcome.function not in theirs
            else outcome
            for outcome in self.outcomes
        )

    @property
    def errors(self) -> tuple[DeployError, ...]:
        """Everything that failed; what ended the run early tells of several functions at once."""
        of_run = (self.error,) if self.error else ()
        each: tuple[ImageOutcome | Outcome, ...] = (*self.images, *self.outcomes)
        said = {str(part) for error in of_run for part in parts_of(error)}
        others = {str(one.error): one.error for one in each if one.error}
        return of_run + tuple(
            error for error in others.values() if not said.issuperset(str(part) for part in parts_of(error))
        )
