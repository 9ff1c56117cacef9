"""The few things that the core talks to, as it sees them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from ecr_lambda_deploy.errors import SourceLocation
from ecr_lambda_deploy.model import (
    Architecture,
    Build,
    FunctionState,
    ImageReference,
    Platform,
    PublishedVersion,
    PushedImage,
)


class Functions(Protocol):
    """Lambda functions of one account and Region."""

    def read(self, name: str, qualifier: str = "") -> FunctionState:
        """Read a function, or the version that `qualifier` names.

        Raises:
            DeployError: it does not exist, or may not be read.
        """

    def newest_version(self, name: str) -> PublishedVersion | None:
        """Return the version published last; None if none ever was."""

    def check_may_publish(self, name: str) -> None:
        """Make sure that a version may be published, without publishing one.

        Raises:
            DeployError: it may not.
        """

    def update_code(self, name: str, image: ImageReference, architecture: Architecture) -> None:
        """Start an update of the code of `$LATEST`; it goes on after the call.

        Raises:
            DeployError: Lambda refuses the image, or the caller.
        """

    def publish_version(self, name: str, code_sha256: str, description: str) -> str:
        """Publish `$LATEST` as a version and return its number; its code must still be `code_sha256`.

        Raises:
            DeployError: Lambda refuses.
        """


class Repositories(Protocol):
    """ECR repositories of one registry."""

    def registry(self) -> str:
        """Return the host that ECR's authorization names.

        Raises:
            DeployError: no authorization is to be had.
        """

    def check_exists(self, repository: str) -> None:
        """Make sure that a repository is there and can be read.

        Raises:
            DeployError: it is not.
        """

    def may_lambda_pull(self, repository: str) -> bool | None:
        """Whether the repository's policy lets Lambda pull; None where that cannot be known."""

    def read_image(self, reference: ImageReference) -> PushedImage:
        """Read an image's manifest and configuration.

        Raises:
            DeployError: it is not there, or it is an index.
        """

    def add_tag(self, image: PushedImage, tag: str) -> bool:
        """Give an image one more tag.

        Returns:
            False if the tag stays on other content, because the repository's tags are immutable.

        Raises:
            DeployError: ECR refuses otherwise.
        """


class Builder(Protocol):
    """Builds images and pushes them."""

    def check_engine(self) -> Platform:
        """Return the platform that the builder runs on.

        Raises:
            DeployError: it cannot be reached.
        """

    def check_platform(self, platform: Platform) -> None:
        """Make sure that the builder can build for a platform.

        Raises:
            DeployError: it cannot.
        """

    def build_and_push(self, build: Build, *, platform: Platform, labels: Mapping[str, str], destination: str) -> str:
        """Build an image and push it.

        Args:
            build: what is built.
            platform: what it is built for.
            labels: all labels of the image.
            destination: registry, repository and tag; a tag that nobody else uses.

        Returns:
            the digest of what was pushed, `sha256:…`.

        Raises:
            DeployError: the build or the push failed.
        """


class Log(Protocol):
    """The job's log."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is printed within the block."""

    def info(self, message: str) -> None:
        """Print a line."""

    def notice(self, message: str) -> None:
        """Print a line and annotate the run with it."""

    def warning(self, message: str) -> None:
        """Print a warning and annotate the run with it."""

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        """Print an error and annotate the run, or a line of a file, with it."""


class Clock(Protocol):
    """Time, as waiting needs it."""

    def now(self) -> float:
        """Return seconds since some fixed moment; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """All of them together."""

    functions: Functions
    repositories: Repositories
    builder: Builder
    log: Log
    clock: Clock
