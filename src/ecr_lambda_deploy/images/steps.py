"""Pure: the step that gets an image into its repository, and how it follows from what the repository has."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self
from uuid import uuid4

from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.model.documents import REVISION_LABEL
from ecr_lambda_deploy.model.images import BuildOrder, Fingerprint, ImageReference, RegistryImage
from ecr_lambda_deploy.model.outcomes import ImageStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What gets an image into its repository.

    Attributes:
        unique_tag: `src-…` or `digest-…`, under which nobody ever pushes other content: the image has it, or is pushed
            under it. None if it has none.
        tags: those that it gets besides.
        reason: why it is this step.
        status: of the image when the step is done.
    """

    unique_tag: str | None
    tags: tuple[str, ...]
    reason: str
    status: ClassVar[ImageStatus]

    @property
    def all_tags(self) -> tuple[str, ...]:
        """The tags that the image has when the step is done."""
        return (*self.tags, self.unique_tag) if self.unique_tag else self.tags


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepImage(_Step):
    """Do nothing: the functions run the image, and it has its tags."""

    image: ImageReference
    status = ImageStatus.FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeImage(_Step):
    """Take what the repository has.

    Attributes:
        digest: of the image, or of the index that it belongs to.
    """

    digest: str
    status = ImageStatus.FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyImage(_Step):
    """Copy an image from another repository, by digest.

    Attributes:
        source: as its registry has it.
        unique_tag: that it is copied to.
    """

    source: RegistryImage
    unique_tag: str
    status = ImageStatus.COPIED


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildImage(_Step):
    """Build an image and push it.

    Attributes:
        build: what is built.
        unique_tag: that it is pushed under.
        inputs_tag: that stands for its inputs; None if they are not known.
    """

    build: Build
    unique_tag: str
    inputs_tag: str | None
    status = ImageStatus.BUILT

    @property
    def is_reusable(self) -> bool:
        """Whether a later run finds the image by its inputs."""
        return self.unique_tag == self.inputs_tag

    def without_inputs(self, reason: str, fresh_tag: str) -> Self:
        """Return the step for inputs that are not known after all.

        Args:
            reason: why.
            fresh_tag: a tag that nobody else has.
        """
        tags = tuple(tag for tag in self.tags if tag != self.inputs_tag)
        unique_tag = fresh_tag if self.is_reusable else self.unique_tag
        return replace(self, unique_tag=unique_tag, inputs_tag=None, tags=tags, reason=reason)


ImageStep = KeepImage | TakeImage | CopyImage | BuildImage


def plan_build(
    build: Build,
    fingerprint: Fingerprint,
    observed: ObservedImage,
    *,
    tags_found: Mapping[str, str],
    fresh_tag: str,
    unusable: str = "",
) -> KeepImage | TakeImage | BuildImage:
    """Plan the step for an image that is built, unless the same inputs gave it before.

    Args:
        build: what is built.
        fingerprint: of its inputs.
        observed: what is wanted, and what is there.
        tags_found: the digests of the wanted tags, and of the fingerprint's, that the repository has.
        fresh_tag: a tag that nobody else has.
        unusable: why the image that has the tag of the same inputs cannot be taken; empty if it can.
    """
    inputs_tag, tags = fingerprint.tag, observed.target.tags
    if inputs_tag and fingerprint.is_of_registries:
        # The tag says which base images went in: the build takes those, no older copies that the engine has.
        build = replace(build, pull=True)
    if not inputs_tag or not build.reuse or unusable:
        # What the same inputs gave before may be under their tag: the new image gets it if it can be moved.
        tags = (*tags, inputs_tag) if inputs_tag else tags
        reason = fingerprint.reason or unusable or "reuse is switched off"
        return BuildImage(build=build, unique_tag=fresh_tag, tags=tags, reason=reason, inputs_tag=inputs_tag)
    if inputs_tag not in tags_found:
        reason = f"the repository has none of these inputs, {inputs_tag[:12]}…"
        return BuildImage(build=build, unique_tag=inputs_tag, tags=tags, reason=reason, inputs_tag=inputs_tag)
    image, reason = observed.reference(tags_found[inputs_tag]), "it was built from the same inputs"
    if observed.target.is_default_tag and observed.is_served(image):
        tags = ()
    if observed.is_run(image) and all(tags_found.get(tag) == image.digest for tag in tags):
        return KeepImage(image=image, unique_tag=inputs_tag, tags=tags, reason=reason)
    return TakeImage(digest=image.digest, unique_tag=inputs_tag, tags=tags, reason=reason)


def keep_existing(source: RegistryImage, observed: ObservedImage) -> KeepImage | None:
    """Keep an image that exists, where that is known without a look at its repository.

    Args:
        source: the image, as its registry has it.
        observed: what is wanted, and what is there.
    """
    image = observed.reference(source.reference.digest)
    if observed.target.tags or not observed.is_run(image):
        return None
    return KeepImage(image=image, unique_tag=None, tags=(), reason="the functions run it")


def plan_existing(
    source: RegistryImage, observed: ObservedImage, *, tags_found: Mapping[str, str]
) -> TakeImage | CopyImage:
    """Plan the step for an image that exists and is not simply kept.

    Args:
        source: the image, as its registry has it.
        observed: what is wanted, and what is there.
        tags_found: the digests of the wanted tags, and of the image's digest tag, that the repository has.
    """
    image, tags = observed.reference(source.reference.digest), observed.target.tags
    tag = digest_tag(image)
    if image.is_same_image(source.reference):
        return TakeImage(digest=image.digest, unique_tag=None, tags=(tag, *tags), reason="it is there")
    held = tags_found.get(tag)
    if held in {image.digest, ""}:  # empty for an archived image, which taking it finds out
        return TakeImage(digest=image.digest, unique_tag=tag, tags=tags, reason="it was copied before")
    if held is not None:
        # Whoever may push may have been first; a tag that is immutable then never is the image's.
        reason = f"somebody has put {held} under its tag {tag}, so it is copied under another"
        return CopyImage(source=source, unique_tag=f"digest-{uuid4().hex}", tags=tags, reason=reason)
    reason = f"the repository does not have {source.reference}"
    return CopyImage(source=source, unique_tag=tag, tags=tags, reason=reason)


def fresh_tag() -> str:
    """Return a tag that nobody else has."""
    return f"src-{uuid4().hex}"


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
        run: that the image's labels name, and that a cache may have to stay apart for.
        may_overwrite_cache: whether the repository lets the cache's tag be overwritten; None where unknown.
    """
    return BuildOrder(
        name=observed.name,
        build=step.build,
        platform=observed.destination.platform,
        labels={**_labels(step.build.commit, run), **step.build.labels},
        repository_uri=observed.destination.push_uri,
        tag=step.unique_tag,
        may_overwrite_cache=may_overwrite_cache,
        present_image=next((function.latest.image for function in observed.functions if function.latest), None),
        why_apart=run.why_apart,
    )


def _labels(commit: str, run: WorkflowRun) -> dict[str, str]:
    """Return the labels that lead from an image to its source [OCI image specification, annotations]."""
    labels = {
        REVISION_LABEL: commit,
        "org.opencontainers.image.source": f"{run.server_url}/{run.repository}" if run.repository else "",
    }
    return {name: value for name, value in labels.items() if value}
