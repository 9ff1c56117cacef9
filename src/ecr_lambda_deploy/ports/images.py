"""Registries and builders, as the core uses them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import (
    BaseFinding,
    BuildOrder,
    Fingerprint,
    ImageReference,
    RegistryHosts,
    RegistryImage,
)
from ecr_lambda_deploy.model.targets import Build, Platform, ServedImage

_NONE: Mapping[str, Configuration] = MappingProxyType({})


class Repositories(Protocol):
    """Repositories of the ECR registry that images are pushed to."""

    def registry(self) -> RegistryHosts:
        """Return the registry's hosts.

        Raises:
            DeployError: ECR gives no authorization, or the host that the inputs name is not the registry's.
        """

    def find_tags(self, repository: str, tags: Sequence[str]) -> Mapping[str, str] | None:
        """Look tags up.

        Returns:
            digests by tag, of the tags that exist; empty for an archived image whose digest these credentials may not
            ask for. None if the repository does not exist.

        Raises:
            DeployError: the repository may not be read.
        """

    def missing(self, repository: str) -> DeployError:
        """Return the error for a missing repository; its hint says how to create it."""

    def create(self, repository: str) -> None:
        """Create a repository: immutable tags but the caches', scan on push, untagged images removed, open to Lambda.

        A repository that is there already is left as it is.

        Raises:
            DeployError: ECR refuses, perhaps only what comes after the creation.
        """

    def may_lambda_pull(self, repository: str) -> bool | None:
        """Whether the repository's policy lets Lambda pull; None where that cannot be known."""

    def may_overwrite(self, repository: str, tag: str) -> bool | None:
        """Whether a tag may be moved to other content; None where that cannot be known."""

    def expiring_rule(self, repository: str, tags: Sequence[str]) -> str:
        """Return a sentence on the lifecycle rule that could remove an image with these tags.

        It is empty if there is none, or where that cannot be known.
        """

    def check_available(self, reference: ImageReference) -> bool:
        """Make sure that ECR still has an image, of this account's registry or another, and can give it to Lambda.

        Returns:
            False if these credentials may not ask.

        Raises:
            ArchivedError: it is archived.
            DeployError: it is gone.
        """

    def tags(self, repository: str) -> Mapping[str, str]:
        """Return the digest of every tag of a repository.

        Raises:
            DeployError: they may not be listed.
        """

    def read_image(
        self, repository: str, tag_or_digest: str, platform: Platform, known: Mapping[str, Configuration] = _NONE
    ) -> RegistryImage:
        """Read an image, or the one for a platform out of an index.

        Args:
            repository: name.
            tag_or_digest: of the image or index.
            platform: which image of an index is wanted.
            known: configurations that need not be read, by their digest or by that of the manifest that names them.

        Raises:
            ArchivedError: ECR hides it, since it is archived.
            DeployError: it is not there, the index holds none for the platform, or it is no container image.
        """

    def add_tag(self, image: RegistryImage, tag: str) -> bool:
        """Give an image one more tag.

        Returns:
            False if the tag stays on other content, because the repository's tags are immutable.

        Raises:
            TagLimitError: ECR has a limit.
            DeployError: ECR refuses otherwise.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVersion:
    """What a function, alias or version serves: an image, and number and description of the version that has it."""

    image: ImageReference
    number: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedImage:
    """What the builder or the engine says of an image that it has pushed.

    Attributes:
        digest: of its manifest, or of the index that it is in.
        configurations: its configuration, by the digest of that, or of the manifest that names it.
    """

    digest: str
    configurations: Mapping[str, Configuration] = field(default_factory=dict)


class Sources(Protocol):
    """Where existing images come from: any ECR registry, and functions that serve an image."""

    def served_image(self, source: ServedImage) -> ServedVersion:
        """Return what a function, alias or version serves.

        Raises:
            DeployError: there is no such function, alias or version, it has no image, or it may not be read.
        """

    def resolve(self, uri: str, platform: Platform) -> RegistryImage:
        """Read an existing image, or the one for a platform out of an index.

        Args:
            uri: registry, repository and a tag or a digest, or both.
            platform: which image of an index is wanted.

        Raises:
            DeployError: it is not there, is archived, may not be read, or is in no ECR registry.
        """

    def copy(self, reference: ImageReference, destination: str) -> None:
        """Copy an image from its registry to another one, layers included, without an engine.

        Args:
            reference: of an image in an ECR registry.
            destination: registry, repository and tag; the digest stays the same.

        Raises:
            DeployError: a registry refuses, or the copy is not the same image.
        """


class Builder(Protocol):
    """Builds images and pushes them."""

    def machine_platform(self) -> Platform:
        """Return the platform that the builder most likely builds for, without asking it."""

    def check_engine(self, platform: Platform | None) -> Platform:
        """Make sure that the builder can be reached, and can build for a platform.

        Args:
            platform: None for the one that it runs on.

        Returns:
            the platform that it will build for.

        Raises:
            DeployError: it cannot.
        """

    def read_ahead(self, builds: Sequence[Build]) -> None:
        """Read what the fingerprints of builds need, as far as it is the same on every platform."""

    def fingerprints(self, wanted: Sequence[tuple[Build, Platform]]) -> tuple[Fingerprint, ...]:
        """Return the fingerprint of each build.

        Args:
            wanted: builds, and the platform of each.

        Raises:
            DeployError: there are no credentials for the registry.
        """

    def look_at_bases(self, wanted: Sequence[tuple[Build, Platform]]) -> tuple[BaseFinding, ...]:
        """Read the configurations of the images that builds start from.

        Args:
            wanted: builds that are to be done, and the platform of each.

        Raises:
            DeployError: there are no credentials for the registry, or no builder.
        """

    def keeps_cache_in_repository(self, build: Build) -> bool:
        """Whether a build's cache is kept under a tag of the repository, if that may be overwritten.

        Raises:
            DeployError: there is no builder.
        """

    def build_and_push(self, orders: Sequence[BuildOrder]) -> Mapping[str, PushedImage]:
        """Build images in one session and push them; what they share is built once.

        A failure that may pass by itself is tried again for a minute. Caches may be exported still: see `finish`.

        Returns:
            what is known of the images from who has pushed them, by the URI of the order.

        Raises:
            BuildError: one could not be built or pushed; others may have been.
            DeployError: there are no credentials for the registry, or no builder.
        """

    @property
    def is_exporting(self) -> bool:
        """Whether something is left to `finish`."""

    def finish(self) -> None:
        """Wait for what goes on after images are pushed: their caches are exported, which only a later build needs.

        That takes minutes at most; and if the run is cancelled, it is ended. Neither is a failure.
        """
