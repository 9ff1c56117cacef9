"""Pure: what is wanted of an image, and what its repository has, make the step that gets it there."""

from collections.abc import Mapping
from dataclasses import dataclass

from ecr_lambda_deploy.image_model import Fingerprint, ImageReference, RegistryImage
from ecr_lambda_deploy.wanted import Build


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepImage:
    """Nothing is to be done: the functions run it, and it has its tags."""

    image: ImageReference
    tags: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeImage:
    """Take what the repository has.

    Attributes:
        reference: digest of it, or of the index that it belongs to.
        own: a tag of this project that `reference` has, if it has one.
        tags: what it is to have too.
        reason: why it will do.
    """

    reference: str
    own: str | None
    tags: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyImage:
    """Copy it from another repository, by digest.

    Attributes:
        image: as its registry has it.
        own: the tag that it is copied to.
        tags: what it is to have too.
        reason: why it is copied.
    """

    image: RegistryImage
    own: str
    tags: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildImage:
    """Build it and push it.

    Attributes:
        own: the tag that it is pushed under; empty for one that nobody else has.
        tags: what it is to have too.
        is_pulled: whether the engine's own copies of base images may be older than what `own` says went in.
        reason: why it is built.
    """

    own: str
    tags: tuple[str, ...]
    is_pulled: bool
    reason: str


ImageStep = KeepImage | TakeImage | CopyImage | BuildImage


def plan_build(
    build: Build,
    fingerprint: Fingerprint,
    tags: tuple[str, ...],
    *,
    found: Mapping[str, str],
    here: ImageReference,
    is_run: bool,
) -> ImageStep:
    """Plan how an image gets there that is built, if it has not been already.

    Args:
        build: what is built.
        fingerprint: of its inputs.
        tags: that it is to have.
        found: the digests of those tags, and of the fingerprint's, that are there.
        here: the image that the fingerprint's tag names, if it is there.
        is_run: whether all functions run that.
    """
    own = fingerprint.tag
    if own and own in found and build.reuse:
        reason = "it was built from the same inputs"
        if is_run and all(found.get(tag) == here.digest for tag in tags):
            return KeepImage(image=here, tags=(*tags, own), reason=reason)
        return TakeImage(reference=here.digest, own=own, tags=tags, reason=reason)
    if own and build.reuse:
        reason = f"the repository has none of these inputs, {own[:12]}…"
        return BuildImage(own=own, tags=tags, is_pulled=fingerprint.is_of_registries, reason=reason)
    # What the same inputs gave before may be under their tag: the new image gets it if it can be moved.
    return BuildImage(
        own="",
        tags=(*tags, own) if own else tags,
        is_pulled=own is not None and fingerprint.is_of_registries,
        reason=fingerprint.reason or "reuse is switched off",
    )


def plan_existing(
    image: RegistryImage, tags: tuple[str, ...], *, found: Mapping[str, str], here: ImageReference, is_run: bool
) -> ImageStep:
    """Plan how an image gets there that exists somewhere.

    Args:
        image: as its registry has it.
        tags: that it is to have.
        found: the digests of those tags, and of its own, that are there.
        here: the same digest in the repository that it goes to.
        is_run: whether all functions run that.
    """
    own = digest_tag(here)
    if is_run and not tags:
        return KeepImage(image=here, tags=(), reason="the functions run it")
    if here.is_same_image(image.reference):
        return TakeImage(reference=here.digest, own=None, tags=(own, *tags), reason="it is there")
    if own in found:
        return TakeImage(reference=here.digest, own=own, tags=tags, reason="it was copied before")
    return CopyImage(image=image, own=own, tags=tags, reason=f"the repository does not have {image.reference}")


def digest_tag(image: ImageReference) -> str:
    """Return a tag that says nothing but which image it is on."""
    return f"digest-{image.digest.removeprefix('sha256:')[:32]}"
