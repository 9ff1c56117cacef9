"""Pure: what is wanted of an image, and what its repository has, make the step that gets it there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.model.images import BuildOrder, Fingerprint, ImageReference, RegistryImage
from ecr_lambda_deploy.model.outcomes import ImageStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What gets an image into its repository.

    Attributes:
        own: a tag of this project that it has, or is pushed under.
        tags: what it is to have too.
        reason: why it is this step.
        status: what has become of the image when that is done.
    """

    own: str | None
    tags: tuple[str, ...]
    reason: str
    status: ClassVar[ImageStatus]

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags that the image has when that is done."""
        return (*self.tags, self.own) if self.own else self.tags


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepImage(_Step):
    """Nothing is to be done: the functions run it, and it has its tags."""

    image: ImageReference
    status = ImageStatus.FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeImage(_Step):
    """Take what the repository has.

    Attributes:
        reference: digest of it, or of the index that it belongs to.
    """

    reference: str
    status = ImageStatus.FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyImage(_Step):
    """Copy it from another repository, by digest.

    Attributes:
        image: as its registry has it.
        own: the tag that it is copied to.
    """

    image: RegistryImage
    own: str
    status = ImageStatus.COPIED


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildImage(_Step):
    """Build it and push it.

    Attributes:
        build: what is built.
        own: the tag that it is pushed under.
    """

    build: Build
    own: str
    status = ImageStatus.BUILT


ImageStep = KeepImage | TakeImage | CopyImage | BuildImage


def plan_build(
    build: Build, fingerprint: Fingerprint, observed: ObservedImage, *, found: Mapping[str, str], fresh: str
) -> ImageStep:
    """Plan how an image gets there that is built, if it has not been already.

    Args:
        build: what is built.
        fingerprint: of its inputs.
        observed: what is wanted, and what is there.
        found: the digests of the wanted tags, and of the fingerprint's, that are there.
        fresh: a tag that nobody else has.
    """
    own, tags = fingerprint.tag, observed.target.tags
    if own and fingerprint.is_of_registries:
        # The tag says which base images went in: the build takes those, no older copies that the engine has.
        build = replace(build, pull=True)
    if not own or not build.reuse:
        # What the same inputs gave before may be under their tag: the new image gets it if it can be moved.
        tags, reason = (*tags, own) if own else tags, fingerprint.reason or "reuse is switched off"
        return BuildImage(build=build, own=fresh, tags=tags, reason=reason)
    if own not in found:
        reason = f"the repository has none of these inputs, {own[:12]}…"
        return BuildImage(build=build, own=own, tags=tags, reason=reason)
    here, reason = observed.reference(found[own]), "it was built from the same inputs"
    if observed.is_run(here) and all(found.get(tag) == here.digest for tag in tags):
        return KeepImage(image=here, own=own, tags=tags, reason=reason)
    return TakeImage(reference=here.digest, own=own, tags=tags, reason=reason)


def keep_existing(image: RegistryImage, observed: ObservedImage) -> KeepImage | None:
    """Keep an image that exists, where that is known without a look at its repository.

    Args:
        image: as its registry has it.
        observed: what is wanted, and what is there.
    """
    here = observed.reference(image.reference.digest)
    if observed.target.tags or not observed.is_run(here):
        return None
    return KeepImage(image=here, own=None, tags=(), reason="the functions run it")


def plan_existing(image: RegistryImage, observed: ObservedImage, *, found: Mapping[str, str]) -> TakeImage | CopyImage:
    """Plan how an image gets there that exists somewhere, if it is not to be kept.

    Args:
        image: as its registry has it.
        observed: what is wanted, and what is there.
        found: the digests of the wanted tags, and of the image's own, that are there.
    """
    here, tags = observed.reference(image.reference.digest), observed.target.tags
    own = digest_tag(here)
    if here.is_same_image(image.reference):
        return TakeImage(reference=here.digest, own=None, tags=(own, *tags), reason="it is there")
    if own in found:
        return TakeImage(reference=here.digest, own=own, tags=tags, reason="it was copied before")
    return CopyImage(image=image, own=own, tags=tags, reason=f"the repository does not have {image.reference}")


def digest_tag(image: ImageReference) -> str:
    """Return a tag that says nothing but which image it is on."""
    return f"digest-{image.digest.removeprefix('sha256:')[:32]}"


def build_order(
    step: BuildImage, observed: ObservedImage, *, run: WorkflowRun, may_overwrite_cache: bool | None
) -> BuildOrder:
    """Return the order for a build.

    Args:
        step: that plans it.
        observed: what is there, and where the image goes.
        run: that the image's labels name.
        may_overwrite_cache: whether the repository lets the cache's tag be overwritten; None where unknown.
    """
    return BuildOrder(
        name=observed.target.name,
        build=step.build,
        platform=observed.destination.platform,
        labels={**_labels(run), **step.build.labels},
        repository_uri=observed.destination.repository_uri,
        tag=step.own,
        may_overwrite_cache=may_overwrite_cache,
        present_image=next((function.latest.image for function in observed.functions if function.latest), None),
    )


def _labels(run: WorkflowRun) -> dict[str, str]:
    """Return the labels that lead from an image to its source [OCI image specification, annotations]."""
    labels = {
        "org.opencontainers.image.revision": run.commit,
        "org.opencontainers.image.source": f"{run.server_url}/{run.repository}" if run.repository else "",
    }
    return {name: value for name, value in labels.items() if value}
