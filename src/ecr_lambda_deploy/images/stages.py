"""What an image is on its way into its repository, and how a stage of that way is carried out for many images.

An `ObservedImage` is identified, planned and made ready: each stage takes one of these frozen values and returns the
next. A failure is a value, too: it is one image's, and the stage goes on with the others.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Generic, Protocol, Self, TypeVar

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.images.steps import BuildImage, CopyImage, ImageStep
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Fingerprint, ImageReference, RegistryImage
from ecr_lambda_deploy.model.outcomes import ImageStatus, Journal
from ecr_lambda_deploy.model.text import first_line, some_of
from ecr_lambda_deploy.ports.ports import Ports

_LONGEST_CAUSE = 300  # characters, in the log
_MOST_NAMED = 5  # images
_LINES = 10  # about images that are ready
_AT_ONCE = 16  # images; each may copy with a program of its own


class Named(Protocol):
    """An image at any stage."""

    @property
    def name(self) -> str:
        """The image's name in the manifest; empty where the action's own inputs name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _StagedImage:
    """An image on its way.

    Attributes:
        observed: what is wanted, and what was there.
        commit: full SHA of the commit that it is of; empty if that is not known.
    """

    observed: ObservedImage
    commit: str = ""

    @property
    def name(self) -> str:
        """The image's name in the manifest."""
        return self.observed.name


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifiedImage(_StagedImage):
    """An image of which it is known what it is, wherever it is.

    Attributes:
        identity: the fingerprint of what it is built from; for an image that exists, what its registry says of it.
    """

    identity: Fingerprint | RegistryImage


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedImage(_StagedImage):
    """An image that is not in its repository yet.

    Attributes:
        step: what gets it there.
        image: by the digest that it will have; None where that is known only when it is built.
        tags_found: the digests of its tags that the repository has.
        has_repository: whether the repository is there.
    """

    step: BuildImage | CopyImage
    image: ImageReference | None
    tags_found: Mapping[str, str]
    has_repository: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyImage(_StagedImage):
    """An image that is in its repository.

    Attributes:
        step: what got it there.
        image: by the digest that the functions get.
        content: as it was read from the repository; None for an image that is kept as it is, which is not read.
        tags_found: the digests of its tags that the repository had.
        has_repository: whether the repository was there before the run.
    """

    step: ImageStep
    image: ImageReference
    content: RegistryImage | None
    tags_found: Mapping[str, str]
    has_repository: bool = True


PlannedOrReady = PlannedImage | ReadyImage


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedImage:
    """An image that failed, and why."""

    name: str
    error: DeployError


_Before = TypeVar("_Before", bound=Named)
_After = TypeVar("_After", bound=Named)
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult(Generic[_After]):
    """What a stage has made of the images.

    Attributes:
        images: those that have not failed, in order.
        failed: the others.
    """

    images: tuple[_After, ...] = ()
    failed: tuple[FailedImage, ...] = ()

    @classmethod
    def of(cls, results: Iterable[_After | FailedImage]) -> Self:
        """Return the result of a stage from that of each image."""
        images, failed = list[_After](), list[FailedImage]()
        for result in results:
            if isinstance(result, FailedImage):
                failed.append(result)
            else:
                images.append(result)
        return cls(images=tuple(images), failed=tuple(failed))


def run_stage(
    images: Iterable[_Before], act: Callable[[_Before], _After], ports: Ports, journal: Journal
) -> StageResult[_After]:
    """Take images through a stage, side by side.

    Args:
        images: in order.
        act: returns the image as it is after the stage; a DeployError fails the image, and no other.
        ports: the clock is read.
        journal: keeps how long it takes, and each failure.
    """
    return StageResult.of(for_each(images, lambda image: attempt(image, act, ports, journal), at_once=_AT_ONCE))


def attempt(image: _Before, act: Callable[[_Before], _After], ports: Ports, journal: Journal) -> _After | FailedImage:
    """Take one image through a stage."""
    with timed([image], ports, journal):
        try:
            return act(image)
        except DeployError as error:
            return fail([image], error, ports, journal)[0]


@contextmanager
def timed(images: Iterable[Named], ports: Ports, journal: Journal) -> Iterator[None]:
    """Record for how long images are worked on together."""
    started = ports.clock.now()
    try:
        yield
    finally:
        for image in images:
            journal.time_image(image.name, started, ports.clock.now())


def fail(images: Sequence[Named], error: DeployError, ports: Ports, journal: Journal) -> list[FailedImage]:
    """Print and record why images failed, and return them as images that did."""
    cause = first_line(error.message, _LONGEST_CAUSE).rstrip(".")
    names = some_of([image.name for image in images], _MOST_NAMED) or "The image"
    ports.log.failure(f"{names} failed: {cause}; no function is changed")
    for image in images:
        journal.update_image(image.name, status=ImageStatus.FAILED, error=error)
    return [FailedImage(name=image.name, error=error) for image in images]


class ReadyImages:
    """Counts the images that are ready, and says from time to time how many are.

    Args:
        total: how many there are.
        ready: how many are ready already.
        ports: the log gets the lines.
    """

    def __init__(self, total: int, ready: int, ports: Ports) -> None:
        self._total, self._ready = total, ready
        self._each = max((total - ready) // _LINES, 1)
        self._log, self._lock = ports.log, Lock()

    def add(self) -> None:
        """Count one more image; of one alone nothing is said."""
        with self._lock:
            self._ready += 1
            left = self._total - self._ready
            if self._total > 1 and left % self._each == 0:
                self._log.info(f"{self._ready} of {self._total} images ready")


def log(image: Named, message: str, ports: Ports) -> None:
    """Log a line about an image, with its name where it has one."""
    ports.log.info(f"{image.name}: {message}" if image.name else message)


def grouped(images: Iterable[_Before], key: Callable[[_Before], _Key]) -> list[tuple[_Key, list[_Before]]]:
    """Return images by what they have in common, which need not be hashable, in the order in which it comes first."""
    groups: list[tuple[_Key, list[_Before]]] = []
    for image in images:
        common = key(image)
        group = next((group for known, group in groups if known == common), None)
        if group is None:
            groups.append((common, [image]))
        else:
            group.append(image)
    return groups
