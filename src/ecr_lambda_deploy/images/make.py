"""Makes planned images ready: builds or copies them and reads them back; gives every image its tags."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.images.build import build_images, overwritable_caches
from ecr_lambda_deploy.images.plan import read_image
from ecr_lambda_deploy.images.stages import (
    FailedImage,
    PlannedImage,
    PlannedOrReady,
    ReadyImage,
    ReadyImages,
    StageResult,
    fail,
    grouped,
    log,
    run_stage,
)
from ecr_lambda_deploy.images.steps import BuildImage, CopyImage, KeepImage, fresh_tag
from ecr_lambda_deploy.images.tags import add_tags
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import BaseFinding
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.targets import BuilderSettings
from ecr_lambda_deploy.ports.images import Builder, PushedImage
from ecr_lambda_deploy.ports.ports import Ports

_LONGEST_TAG = 40  # characters, in the log; a commit has as many


def make_images(
    images: Sequence[PlannedOrReady], ports: Ports, journal: Journal, checking: Future[None] | None = None
) -> StageResult[ReadyImage]:
    """Build and copy what is missing.

    Args:
        images: all of them, none of which has failed.
        ports: what is asked.
        journal: keeps what becomes of each.
        checking: what else is checked meanwhile. If that has failed before anything is built, nothing is.

    Raises:
        DeployError: what fails for no image in particular, such as a builder that is not there.
    """
    kept = [image for image in images if isinstance(image, ReadyImage) and isinstance(image.step, KeepImage)]
    if len(kept) == len(images):
        return StageResult(images=tuple(kept))
    for builder, builds in _by_builder(images):
        for platform in sorted({image.observed.destination.platform for image in builds}):
            ports.builders(builder).check_engine(platform)
    builds = [image for _, several in _by_builder(images) for image in several]
    with beside(lambda: overwritable_caches(builds, ports)) as overwritable:
        looked_at = _look_at_bases(images, ports, journal)
    if looked_at.failed:
        return StageResult(failed=looked_at.failed)
    if checking and checking.done():
        checking.result()
    return _make_missing(looked_at.images, ports, journal, overwritable.result())


def exporting_builders(images: Sequence[PlannedOrReady], ports: Ports) -> list[Builder]:
    """Return the builders that still export caches of what they have built.

    Args:
        images: as they were planned.
        ports: its builders are asked.
    """
    builders = [ports.builders(settings) for settings, _ in _by_builder(images)]
    return [builder for builder in builders if builder.is_exporting]


def _by_builder(images: Sequence[PlannedOrReady]) -> list[tuple[BuilderSettings, list[PlannedImage]]]:
    """Return the images that are to be built, by their builder."""
    builds = [image for image in images if isinstance(image, PlannedImage) and isinstance(image.step, BuildImage)]
    return grouped(builds, lambda image: image.observed.target.builder)


def _look_at_bases(images: Sequence[PlannedOrReady], ports: Ports, journal: Journal) -> StageResult[PlannedOrReady]:
    """Make sure that what is to be built starts from images for its platform, and find what these bring to it.

    The tag of a build's inputs stands for all of them: if there are others, it is pushed under a tag of its own.
    """
    findings = dict[str, BaseFinding]()
    for builder, builds in _by_builder(images):
        wanted = [
            (image.step.build, image.observed.destination.platform)
            for image in builds
            if isinstance(image.step, BuildImage)
        ]
        found = ports.builders(builder).look_at_bases(wanted)
        findings |= zip((image.name for image in builds), found, strict=True)

    def look(image: PlannedOrReady) -> PlannedOrReady | FailedImage:
        finding = findings.get(image.name)
        if finding is None or not isinstance(image, PlannedImage) or not isinstance(image.step, BuildImage):
            return image
        if finding.error:
            return fail([image], finding.error, ports, journal)[0]
        if not finding.missed:
            return image
        step = image.step.without_inputs(finding.missed, fresh_tag())
        log(image, f"Every run builds it anew: {finding.missed}", ports)
        journal.update_image(image.name, reason=step.reason)
        return replace(image, step=step)

    return StageResult.of(look(image) for image in images)


def _make_missing(
    images: Sequence[PlannedOrReady], ports: Ports, journal: Journal, overwritable: Mapping[str, bool | None]
) -> StageResult[ReadyImage]:
    missing, by_builder = [image for image in images if isinstance(image, PlannedImage)], _by_builder(images)
    for repository in sorted({image.observed.destination.repository for image in missing if not image.has_repository}):
        ports.log.info(f"Creating the repository {repository}")
        ports.repositories.create(repository)
    with beside(lambda: _for_each_repository(images, _warn_of_policy, ports)) as warnings:
        pushed, failed = dict[str, PushedImage](), list[FailedImage]()
        for builder, builds in by_builder:
            theirs, failed_of_builder = build_images(builds, builder, ports, journal, overwritable)
            pushed |= theirs
            failed += failed_of_builder
        names = {image.name for image in failed}
        copied = run_stage(
            [image for image in images if image.name not in names], lambda image: _copy(image, ports), ports, journal
        )
        warnings.result()
    if failed or copied.failed:
        return StageResult(failed=(*failed, *copied.failed))
    ready = ReadyImages(len(images), len(images) - len(missing), ports)
    return run_stage(
        images, lambda image: _read_back(image, pushed.get(image.name), ready, ports, journal), ports, journal
    )


def tag_images(images: Sequence[ReadyImage], ports: Ports, journal: Journal) -> StageResult[ReadyImage]:
    """Give images their tags, and warn of what will bite later and is no reason to stop.

    Args:
        images: all of them, none of which has failed.
        ports: what is asked.
        journal: keeps what becomes of each.
    """
    with beside(lambda: _for_each_repository(images, _warn_of_expiry, ports)) as warnings:
        tagged = run_stage(images, lambda image: _tag(image, ports, journal), ports, journal)
    warnings.result()
    return tagged


def _copy(image: PlannedOrReady, ports: Ports) -> PlannedOrReady:
    """Copy the image, if that is what is planned.

    Raises:
        DeployError: a registry refuses.
    """
    if isinstance(image.step, CopyImage):
        uri = image.observed.destination.push_uri
        log(image, f"Copying it to {uri}, from registry to registry", ports)
        ports.sources.copy(image.step.source.reference, f"{uri}:{image.step.unique_tag}")
    return image


def _read_back(
    image: PlannedOrReady, pushed: PushedImage | None, ready: ReadyImages, ports: Ports, journal: Journal
) -> ReadyImage:
    """Read what was built or copied, but for a configuration that came with the push.

    Raises:
        DeployError: it is not there, or Lambda could not run it.
    """
    if isinstance(image, ReadyImage):
        return image
    step, observed = image.step, image.observed
    pushed = pushed or PushedImage(digest=step.source.reference.digest if isinstance(step, CopyImage) else "")
    reference = pushed.digest or step.unique_tag
    content = read_image(observed, reference, ports, journal, pushed.configurations)
    journal.update_image(image.name, status=step.status, tags=(step.unique_tag,))
    ready.add()
    return ReadyImage(
        observed=observed,
        commit=image.commit,
        step=step,
        image=observed.reference(content.reference.digest),
        content=content,
        tags_found=image.tags_found,
        has_repository=image.has_repository,
    )


def _tag(image: ReadyImage, ports: Ports, journal: Journal) -> ReadyImage:
    """Give the image its tags, unless it is kept as it is.

    Raises:
        DeployError: ECR refuses.
    """
    if image.content is None:
        return image
    step = image.step
    held = add_tags(image.content, step.tags, unique_tag=step.unique_tag, tags_found=image.tags_found, ports=ports)
    tags = (*held, step.unique_tag) if step.unique_tag else tuple(held)
    journal.update_image(image.name, status=step.status, tags=tags)
    named = [tag if len(tag) <= _LONGEST_TAG else f"{tag[:_LONGEST_TAG]}…" for tag in tags]
    tagged = f"is tagged {', '.join(named)}" if named else "keeps its tags"
    log(image, f"the image {image.image.short} {tagged}", ports)
    return image


def _for_each_repository(
    images: Sequence[PlannedOrReady], warn: Callable[[Sequence[PlannedOrReady], Ports], None], ports: Ports
) -> None:
    """Warn for each repository with an image that comes into use.

    One that this run has created lets Lambda pull, and keeps what has a tag.
    """
    coming = [image for image in images if image.has_repository and not _is_run(image)]

    def act(group: tuple[str, Sequence[PlannedOrReady]]) -> None:
        repository, several = group
        try:
            warn(several, ports)
        except DeployError as error:
            ports.log.warning(f"The policies of the repository {repository} could not be read: {error.message}")

    for_each(grouped(coming, lambda image: image.observed.destination.repository), act)


def _is_run(image: PlannedOrReady) -> bool:
    return image.image is not None and image.observed.is_run(image.image)


def _warn_of_policy(images: Sequence[PlannedOrReady], ports: Ports) -> None:
    repository = images[0].observed.destination.repository
    is_proven = all(image.observed.is_pull_proven for image in images)
    if not is_proven and ports.repositories.may_lambda_pull(repository) is False:
        ports.log.warning(
            f"The policy of the repository {repository} does not let Lambda pull from it. Lambda adds what it "
            "needs if these credentials may call ecr:SetRepositoryPolicy."
        )


def _warn_of_expiry(images: Sequence[PlannedOrReady], ports: Ports) -> None:
    repository = images[0].observed.destination.repository
    tags = tuple(dict.fromkeys(tag for image in images for tag in image.step.all_tags))
    if rule := ports.repositories.expiring_rule(repository, tags):
        ports.log.warning(f"An image that a function runs could be removed from {repository}: {rule}")
