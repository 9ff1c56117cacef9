"""Plans how each image gets into its repository; images that are in it already are ready."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.images.checks import check_image
from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.images.identify import identify_images
from ecr_lambda_deploy.images.stages import (
    FailedImage,
    IdentifiedImage,
    PlannedImage,
    PlannedOrReady,
    ReadyImage,
    StageResult,
    attempt,
    fail,
    grouped,
    log,
)
from ecr_lambda_deploy.images.steps import (
    BuildImage,
    CopyImage,
    ImageStep,
    KeepImage,
    TakeImage,
    digest_tag,
    fresh_tag,
    keep_existing,
    plan_build,
    plan_existing,
)
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.errors import ArchivedError, DeployError, UnusableImageError
from ecr_lambda_deploy.model.images import Fingerprint, RegistryImage
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.targets import Build
from ecr_lambda_deploy.ports.ports import Ports


def plan_images(observed: Sequence[ObservedImage], ports: Ports, journal: Journal) -> StageResult[PlannedOrReady]:
    """Find out which images are there already, and how the others get there; nothing is changed.

    Args:
        observed: what is wanted, and where it goes.
        ports: what is asked.
        journal: keeps what becomes of each.

    Raises:
        DeployError: no fingerprint can be taken at all.
    """
    identified = identify_images(observed, ports, journal)
    planned: dict[str, PlannedOrReady | FailedImage] = {}
    unplanned = list[IdentifiedImage]()
    for image in identified.images:
        if isinstance(image.identity, RegistryImage) and (step := keep_existing(image.identity, image.observed)):
            planned[image.name] = _keep(image, step, {}, ports, journal)
        else:
            unplanned.append(image)
    groups = grouped(unplanned, lambda image: image.observed.repository_uri)
    for several in for_each(groups, lambda group: _plan_together(group[1], ports, journal)):
        planned |= {result.name: result for result in several}
    return StageResult.of([*identified.failed, *(planned[image.name] for image in identified.images)])


def warn_of_repeated_builds(images: Sequence[PlannedOrReady], ports: Ports) -> None:
    """Warn of images that a job of the matrix would build, and the deployment after it once more."""
    again = [
        image.name
        for image in images
        if image.name and isinstance(image.step, BuildImage) and not image.step.is_reusable
    ]
    if again:
        ports.log.warning(
            f"Every run builds these images anew: {', '.join(again)}. What a job of the matrix builds by 'mode: build' "
            "the deployment does not find: it builds them once more."
        )


def read_image(
    observed: ObservedImage,
    reference: str,
    ports: Ports,
    journal: Journal,
    known: Mapping[str, Configuration] = MappingProxyType({}),
) -> RegistryImage:
    """Read an image from its repository by tag or digest, check it, and record its digest.

    Args:
        observed: where it is, and what is to run it.
        reference: tag or digest.
        ports: what is asked.
        journal: keeps the digest.
        known: configurations that need not be read; see `Repositories.read_image`.

    Raises:
        DeployError: it is not there, or Lambda could not run it.
    """
    platform = observed.destination.platform
    content = ports.repositories.read_image(observed.destination.repository, reference, platform, known)
    check_image(content, platform=platform, function=observed.most_demanding)
    journal.update_image(observed.name, reference=observed.reference(content.reference.digest))
    return content


def _plan_together(
    images: Sequence[IdentifiedImage], ports: Ports, journal: Journal
) -> list[PlannedOrReady | FailedImage]:
    """Plan images of one repository, whose tags are looked up together."""
    tags = [tag for image in images for tag in _tags_to_look_up(image)]
    try:
        found = ports.repositories.find_tags(images[0].observed.destination.repository, tags)
    except DeployError as error:
        return [*fail(images, error, ports, journal)]
    return [attempt(image, lambda image: _plan(image, found, ports, journal), ports, journal) for image in images]


def _tags_to_look_up(image: IdentifiedImage) -> tuple[str, ...]:
    """Return the tags whose digests the plan depends on."""
    identity, wanted = image.identity, image.observed.target.tags
    content_tag = digest_tag(identity.reference) if isinstance(identity, RegistryImage) else identity.tag
    return (content_tag, *wanted) if content_tag else wanted


def _plan(image: IdentifiedImage, found: Mapping[str, str] | None, ports: Ports, journal: Journal) -> PlannedOrReady:
    """Decide how the image gets into its repository; one that is there is read.

    Args:
        image: what it is.
        found: the digests of its tags that the repository has; None if there is no such repository.
        ports: what is asked.
        journal: keeps what is decided.

    Raises:
        DeployError: there is no repository, or Lambda could not run the image.
    """
    observed, tags_found = image.observed, found or {}
    if found is None and not observed.target.create_repository:
        raise ports.repositories.missing(observed.destination.repository)
    step, reference = _step(image, tags_found), None
    if isinstance(step, TakeImage):
        try:
            return _take(image, step, tags_found, ports, journal)
        except (ArchivedError, UnusableImageError) as error:
            if not isinstance(image.identity, Fingerprint):
                raise
            step = _step(image, tags_found, unusable=_tell_unusable(image, step, error, ports))
    match step:
        case KeepImage():
            return _keep(image, step, tags_found, ports, journal)
        case CopyImage(source=source):
            reference = observed.reference(source.reference.digest)
        case TakeImage():
            raise AssertionError("what is archived is not taken")
        case BuildImage(reason=reason):
            log(image, f"{observed.repository_uri} is to be built: {reason}", ports)
        case _:
            assert_never(step)
    journal.update_image(image.name, reason=step.reason)
    return PlannedImage(
        observed=observed,
        commit=image.commit,
        step=step,
        image=reference,
        tags_found=tags_found,
        has_repository=found is not None,
    )


def _step(image: IdentifiedImage, tags_found: Mapping[str, str], *, unusable: str = "") -> ImageStep:
    match image.observed.target.source, image.identity:
        case Build() as build, Fingerprint() as fingerprint:
            return plan_build(
                build,
                fingerprint,
                image.observed,
                tags_found=tags_found,
                fresh_tag=fresh_tag(),
                unusable=unusable,
            )
        case _, RegistryImage() as source:
            return plan_existing(source, image.observed, tags_found=tags_found)
        case _:
            raise AssertionError("only what is built has a fingerprint")


def _keep(
    image: IdentifiedImage, step: KeepImage, tags_found: Mapping[str, str], ports: Ports, journal: Journal
) -> ReadyImage:
    journal.update_image(image.name, reference=step.image, tags=step.all_tags, reason=step.reason, status=step.status)
    _log_found(image.observed, step, ports)
    return ReadyImage(
        observed=image.observed,
        commit=image.commit,
        step=step,
        image=step.image,
        content=None,
        tags_found=tags_found,
    )


def _take(
    image: IdentifiedImage, step: TakeImage, tags_found: Mapping[str, str], ports: Ports, journal: Journal
) -> ReadyImage:
    """Take what the repository has, once it is known that Lambda can pull it.

    Raises:
        ArchivedError: it is archived.
        DeployError: it may not be read, or Lambda could not run it.
    """
    observed = image.observed

    def check(digest: str) -> None:
        if digest:
            ports.repositories.check_available(observed.reference(digest))

    with beside(lambda: check(step.digest)) as is_there:
        content = read_image(observed, step.digest or step.unique_tag or "", ports, journal)
    is_there.result()
    if content.is_of_index:
        check(content.reference.digest)
    journal.update_image(image.name, reason=step.reason, status=step.status)
    _log_found(observed, step, ports)
    reference = observed.reference(content.reference.digest)
    return ReadyImage(
        observed=observed, commit=image.commit, step=step, image=reference, content=content, tags_found=tags_found
    )


def _tell_unusable(
    image: IdentifiedImage, step: TakeImage, error: ArchivedError | UnusableImageError, ports: Ports
) -> str:
    """Tell why an image is not taken although it has the tag of the same inputs, and return that in short."""
    if isinstance(error, ArchivedError):
        log(image, f"{error.message} {error.hint}", ports)
        return "the image of the same inputs is archived"
    ports.log.warning(
        f"{image.observed.repository_uri}:{step.unique_tag} is not what a build of these inputs gives, so they are "
        f"built anew: find out who pushed it. {error.message}"
    )
    return "what has the tag of the same inputs cannot be run"


def _log_found(observed: ObservedImage, step: KeepImage | TakeImage, ports: Ports) -> None:
    if isinstance(observed.target.source, Build):
        there = f"{observed.repository_uri}:{step.unique_tag}"
        log(observed, f"Nothing to build: {there} was built from the same inputs", ports)
