"""Images: what they are called, what they are made from, and what a registry says of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ecr_lambda_deploy.model.targets import (
    Build,
    Platform,
)

_REFERENCE = re.compile(r"(?P<registry>[^/@]+)/(?P<repository>[^:@]+)@(?P<digest>sha256:[0-9a-f]{64})")

# [Amazon ECR User Guide, "Getting started with making requests over IPv6"; AWS General Reference, ECR endpoints]
_ECR_HOST = re.compile(r"([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.")


def is_same_registry(host: str, other: str) -> bool:
    """Whether two host names are one registry's.

    An ECR registry has several, for dual-stack endpoints for example; each has account and Region.
    """
    found, other_found = _ECR_HOST.match(host), _ECR_HOST.match(other)
    return found.groups() == other_found.groups() if found and other_found else host == other


def registry_account(host: str) -> str:
    """Return the account that an ECR registry belongs to; empty for a host that does not say."""
    found = _ECR_HOST.match(host)
    return found[1] if found else ""


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
        images: references of the base images, as they are written.
        is_of_registries: whether every base image is known as its registry has it now. The build must then use these:
            an engine of its own accord takes a copy that it has, however old.
    """

    tag: str | None
    reason: str = ""
    hints: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    is_of_registries: bool = False


CACHE_TAG_PREFIX = "cache-"
"""How the tags of build caches begin: in immutable repositories they are the exception."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOrder:
    """One build, decided to the last detail.

    Attributes:
        name: of the image in the manifest; empty where the action's own inputs name it.
        build: what is built.
        platform: what it is built for.
        labels: all labels of the image.
        repository_uri: registry and repository.
        tag: that it is pushed under; nobody else pushes other content under it.
        may_overwrite_cache: whether the repository lets the cache's tag be overwritten; None where unknown.
        present_image: what the function runs now, whose layers may serve as a cache.
    """

    name: str = ""
    build: Build
    platform: Platform
    labels: Mapping[str, str]
    repository_uri: str
    tag: str
    may_overwrite_cache: bool | None = None
    present_image: ImageReference | None = None

    @property
    def uri(self) -> str:
        """Registry, repository and tag."""
        return f"{self.repository_uri}:{self.tag}"


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


# ECR's own pattern [CreateRepository, repositoryName].
REPOSITORY_NAME = re.compile(r"(?=.{2,256}$)[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What `docker login` would need; it lasts 12 hours.

    Attributes:
        registry: host.
        username: always `AWS`.
        password: masked already.
    """

    registry: str
    username: str
    password: str
