"""Images: their references, their builds, and what a registry reports."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.targets import Build, Platform

# The grammar of image references [distribution/reference, reference.go and normalize.go].
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9A-Fa-f]{32,}"
TAG_AND_DIGEST = rf"(?::{_TAG})?(?:@{_DIGEST})?"
"""What may follow an image's name, for a regular expression."""

# 64 hexadecimal digits alone would be an image's id, which no registry knows.
_NAME = rf"(?![0-9a-f]{{64}}(?:[:@]|$))(?:(?=[^/]{{1,255}}/){_HOST}/)?(?=[^:@]{{1,255}}(?:[:@]|$)){_PATH}"
_ANY_REFERENCE = re.compile(_NAME + TAG_AND_DIGEST)
IMAGE_URI = re.compile(rf"{_HOST}/{_PATH}(?=[:@])(?::{_TAG})?(?:@sha256:[0-9a-f]{{64}})?")
"""An image of a registry, by tag, by digest or by both."""
_REFERENCE = re.compile(rf"(?P<registry>{_HOST})/(?P<repository>{_PATH})@(?P<digest>sha256:[0-9a-f]{{64}})")

# Every host of an ECR registry, with FIPS and without, dual-stack and not: a whole name, under a domain of AWS's own
# [Amazon ECR User Guide, "Getting started with making requests over IPv6"; AWS General Reference, ECR endpoints].
_ECR_HOST = re.compile(
    r"(?P<account>[0-9]{12})\.(?:dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)"
    r"|dkr-ecr(?:-fips)?\.(?P<dual_stack_region>[a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn))"
)


_NAMED_ECR_HOST = re.compile(rf"(?<![\w.-]){_ECR_HOST.pattern}(?![\w.:-])")
_DUAL_STACK = {".on.aws": ".amazonaws.com", ".on.amazonwebservices.com.cn": ".amazonaws.com.cn"}


class RegistryOwner(NamedTuple):
    """Account and Region of an ECR registry; the account is empty where an emulator's host does not say it."""

    account: str
    region: str


def registry_owner(host: str) -> RegistryOwner | None:
    """Return whose ECR registry has this host name; None for a host that is not ECR's."""
    found = _ECR_HOST.fullmatch(host)
    return RegistryOwner(found["account"], found["region"] or found["dual_stack_region"]) if found else None


def own_host(host: str) -> str:
    """Return the host that ECR itself gives a registry, and that Lambda takes, for any of the registry's hosts.

    Lambda's documentation has no FIPS and no dual-stack hosts [AWS Lambda Developer Guide, images-create]. A host that
    is not ECR's stays as it is.
    """
    owner = registry_owner(host)
    if owner is None:
        return host
    suffix = next((own for dual_stack, own in _DUAL_STACK.items() if host.endswith(dual_stack)), "")
    suffix = suffix or host[host.index(".amazonaws.") :]
    return f"{owner.account}.dkr.ecr.{owner.region}{suffix}"


def ecr_hosts(text: str) -> tuple[str, ...]:
    """Return the hosts of ECR registries that a text names, each once."""
    return tuple(dict.fromkeys(found[0] for found in _NAMED_ECR_HOST.finditer(text)))


class RegistryHosts(NamedTuple):
    """The host names of the registry that images go to: an ECR registry has several.

    Attributes:
        own: the one that Lambda is given.
        push: the one that images are pushed to.
    """

    own: str
    push: str

    def has(self, host: str) -> bool:
        """Whether a host is one of the registry's."""
        return host == self.push or is_same_registry(host, self.own)


def is_image_reference(text: str) -> bool:
    """Whether a text names an image: nothing else goes to a registry, to the engine or to a program as an image."""
    return _ANY_REFERENCE.fullmatch(text) is not None


def is_same_registry(host: str, other: str) -> bool:
    """Whether two host names belong to the same registry.

    An ECR registry has several, for example for dual-stack endpoints; each contains account and Region.
    """
    owner = registry_owner(host)
    return host == other if owner is None else owner == registry_owner(other)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageReference:
    """An image by digest; the action gives Lambda no other references.

    Attributes:
        registry: host, with the port if it has one.
        repository: name within the registry.
        digest: `sha256:` and 64 hexadecimal digits.
    """

    registry: str
    repository: str
    digest: str

    @classmethod
    def parse(cls, uri: str) -> Self | None:
        """Parse `registry/repository@sha256:…`; None for anything else, also with both a tag and a digest."""
        found = _REFERENCE.fullmatch(uri)
        return cls(**found.groupdict()) if found else None

    @property
    def repository_uri(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    @property
    def short(self) -> str:
        """As much of the digest as a person compares."""
        return self.digest[:19]

    def is_in(self, registry: str) -> bool:
        """Whether the image is in the registry with this host name."""
        return is_same_registry(self.registry, registry)

    def is_same_image(self, other: "ImageReference | None") -> bool:
        """Whether both have the same registry, repository and digest."""
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
    """The fingerprint of a build.

    Attributes:
        tag: `src-…`; None if the build has an input that is unknown before it runs.
        reason: why there is no tag.
        hints: lines for the log.
        images: references of the base images, as the Dockerfile has them.
        is_of_registries: whether every base image was resolved at its registry. The build must then pull them: an
            engine otherwise uses its local copy of an image, however old.
    """

    tag: str | None
    reason: str = ""
    hints: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    is_of_registries: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFinding:
    """What the images that a build starts from tell of it, before it is built.

    Attributes:
        error: why Lambda could not run what would be built; None if nothing speaks against it.
        missed: an input that they bring and the fingerprint does not have; empty if there is none.
    """

    error: DeployError | None = None
    missed: str = ""


CACHE_TAG_PREFIX = "cache-"
"""The prefix of the tags of build caches, which may be overwritten in immutable repositories too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """One build, with everything that the builder needs to know.

    Attributes:
        name: of the image in the manifest; empty for the plain inputs.
        build: settings of the build.
        platform: of the image.
        labels: all labels of the image.
        repository_uri: registry and repository.
        tag: of the push, unique to this content.
        may_overwrite_cache: whether the repository lets the cache's tag be overwritten; None if unknown.
        present_image: which the function runs now; its layers can serve as a cache.
        why_apart: why later runs must not take over a cache of this build; empty if they may.
    """

    name: str = ""
    build: Build
    platform: Platform
    labels: Mapping[str, str]
    repository_uri: str
    tag: str
    may_overwrite_cache: bool | None = None
    present_image: ImageReference | None = None
    why_apart: str = ""

    @property
    def uri(self) -> str:
        """Registry, repository and tag."""
        return f"{self.repository_uri}:{self.tag}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer in an image's manifest: media type and compressed size in bytes."""

    media_type: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImage:
    """A single image, as read from a registry.

    Attributes:
        reference: by digest; for an index, of the image for the platform.
        manifest: the text of the manifest, byte for byte.
        media_type: of the manifest.
        platform: from the image's configuration, such as `linux/amd64`.
        layers: in order.
        has_entry_point: whether the image's configuration has an ENTRYPOINT or a CMD.
        is_of_index: whether the requested tag or digest names an index, and this is one of its images.
        revision: full SHA of the commit that it was built from, as its label says; empty if it has none.
    """

    reference: ImageReference
    manifest: str
    media_type: str
    platform: str
    layers: tuple[Layer, ...]
    has_entry_point: bool
    is_of_index: bool = False
    revision: str = ""


# ECR's own pattern [CreateRepository, repositoryName].
REPOSITORY_NAME = re.compile(r"(?=.{2,256}$)[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """Credentials of an ECR registry, as `docker login` takes them; they last 12 hours.

    Attributes:
        registry: host that ECR names.
        username: always `AWS`.
        password: already masked in the log.
        is_of_emulator: whether ECR's endpoint is overridden; its registry may then have hosts of any name.
    """

    registry: str
    username: str
    password: str
    is_of_emulator: bool = False

    def of_region(self, host: str) -> Self | None:
        """Return the login for any registry of the same Region; None for another host.

        The token is for every registry of its Region that its caller may read [Amazon ECR API Reference,
        GetAuthorizationToken].

        Args:
            host: any; a login is for one that is ECR's as a whole, in the same Region and partition.
        """
        if registry_owner(host) is None or own_host(host)[12:] != own_host(self.registry)[12:]:
            return None
        return replace(self, registry=host)

    def check_host(self, host: str) -> None:
        """Make sure that a host may be given this login: one that AWS named, or another one of the same registry.

        Raises:
            DeployError: it may not.
        """
        if not self.is_of_emulator and not is_same_registry(host, self.registry):
            raise DeployError(
                f"{host} is no host of the registry {self.registry}, so it is not given the registry's login.",
                "The input 'registry' takes an ECR host of the same account and Region, such as the dual-stack one. "
                "Any other host is taken only where AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL names an emulator of ECR.",
                topic="wrong-registry-host",
            )
