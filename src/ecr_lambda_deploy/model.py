"""What is observed, and what becomes of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.wanted import Architecture, Build, Mode, Platform

_REFERENCE = re.compile(r"(?P<registry>[^/@]+)/(?P<repository>[^:@]+)@(?P<digest>sha256:[0-9a-f]{64})")

# [Amazon ECR User Guide, "Getting started with making requests over IPv6"; AWS General Reference, ECR endpoints]
_ECR_HOST = re.compile(r"([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.")


def is_same_registry(host: str, other: str) -> bool:
    """Whether two host names are one registry's.

    An ECR registry has several, for dual-stack endpoints for example; each has account and Region.
    """
    found, other_found = _ECR_HOST.match(host), _ECR_HOST.match(other)
    return found.groups() == other_found.groups() if found and other_found else host == other


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """An image by digest: the only way in which Lambda is ever given one.

    Attributes:
        registry: host, with port where there is one.
        repository: name within the registry.
        digest: `sha256:` and 64 hexadecimal digits.
    """

    registry: str
    repository: str
    digest: str

    @classmethod
    def parse(cls, uri: str) -> Self | None:
        """Read `registry/repository@sha256:…`; None for anything else, a tag beside the digest included."""
        found = _REFERENCE.fullmatch(uri)
        return cls(**found.groupdict()) if found else None

    @property
    def repository_uri(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    def is_in(self, registry: str) -> bool:
        """Whether it is in the registry with this host name."""
        return is_same_registry(self.registry, registry)

    def is_same_image(self, other: "ImageReference | None") -> bool:
        """Whether both name one digest in one repository of one registry."""
        return (
            other is not None
            and self.is_in(other.registry)
            and (self.repository, self.digest) == (other.repository, other.digest)
        )

    def __str__(self) -> str:
        """Return `registry/repository@sha256:…`."""
        return f"{self.repository_uri}@{self.digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What tells a build's inputs from all others.

    Attributes:
        tag: `src-…`; None if the build depends on something that cannot be known beforehand.
        reason: why there is none.
        hints: what the log should tell.
        is_of_registries: whether every base image is known as its registry has it now. The build must then use these:
            an engine of its own accord takes a copy that it has, however old.
    """

    tag: str | None
    reason: str = ""
    hints: tuple[str, ...] = ()
    is_of_registries: bool = False


CACHE_TAG_PREFIX = "cache-"
"""How the tags of build caches begin: in immutable repositories they are the exception."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheEntries:
    """BuildKit's cache entries of one build, and why these."""

    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """One build, decided to the last detail.

    Attributes:
        build: what is built.
        platform: what it is built for.
        labels: all labels of the image.
        repository_uri: registry and repository.
        tag: that it is pushed under; nobody else pushes other content under it.
        may_overwrite_cache: whether the repository lets the cache's tag be overwritten; None where unknown.
        present_image: what the function runs now, whose layers may serve as a cache.
    """

    build: Build
    platform: Platform
    labels: Mapping[str, str]
    repository_uri: str
    tag: str
    may_overwrite_cache: bool | None = None
    present_image: ImageReference | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A state that Lambda reports, with its reason in Lambda's own words."""

    value: str
    reason_code: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Return such as `Failed (ImageAccessDenied: …)`."""
        reason = ": ".join(part for part in (self.reason_code, self.reason) if part)
        return f"{self.value} ({reason})" if reason else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionState:
    """A function or one of its versions, as GetFunction shows it.

    Attributes:
        name: function name.
        arn: ARN as asked for: with a qualifier if one was given.
        package_type: `Image` or `Zip`.
        architecture: the one that it runs on.
        state: Pending, Active, Inactive, Failed, ...
        update: LastUpdateStatus: Successful, InProgress, Failed.
        image: Code.ResolvedImageUri, the authority on what runs.
        code_sha256: Lambda's own checksum of the code.
        has_entry_point: whether the function's own ImageConfig overrides ENTRYPOINT or CMD.
    """

    name: str
    arn: str
    package_type: str
    architecture: Architecture
    state: Status
    update: Status
    image: ImageReference | None
    code_sha256: str
    has_entry_point: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether Lambda has finished with the last change; Inactive counts, since nothing but a change ends it."""
        return self.update.value != "InProgress" and self.state.value != "Pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A published version: its number and Lambda's checksum of its code."""

    number: str
    code_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFunction:
    """A function at the start of the run.

    Attributes:
        latest: `$LATEST`.
        newest: the version published last, if there is one.
    """

    latest: FunctionState
    newest: PublishedVersion | None

    @property
    def version(self) -> str:
        """The version that holds the code of `$LATEST`; empty without one."""
        if self.newest is None or self.newest.code_sha256 != self.latest.code_sha256:
            return ""
        return self.newest.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer, as an image's manifest names it: media type and compressed size in bytes."""

    media_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImage:
    """A single image that a registry holds, as read from it.

    Attributes:
        reference: by digest; of the platform's image where an index was asked for.
        manifest: the manifest's text, byte for byte.
        media_type: of the manifest.
        platform: from the image's configuration, such as `linux/amd64`.
        layers: in order.
        has_entry_point: whether the image's configuration has an ENTRYPOINT or a CMD.
        is_of_index: whether the tag or digest that was asked for names an index that it belongs to.
    """

    reference: ImageReference
    manifest: str
    media_type: str
    platform: str
    layers: tuple[Layer, ...]
    has_entry_point: bool
    is_of_index: bool = False


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
