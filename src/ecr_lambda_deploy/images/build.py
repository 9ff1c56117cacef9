"""Builds images in one session of their builder, and takes those that another run pushes meanwhile."""

from collections.abc import Mapping, Sequence

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.images.stages import FailedImage, PlannedImage, fail, grouped, timed
from ecr_lambda_deploy.images.steps import BuildImage, build_order
from ecr_lambda_deploy.model.errors import BuildError, DeployError
from ecr_lambda_deploy.model.images import CACHE_TAG_PREFIX, BuildOrder
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.targets import BuilderSettings
from ecr_lambda_deploy.ports.images import PushedImage
from ecr_lambda_deploy.ports.ports import Ports

_Orders = Mapping[str, tuple[PlannedImage, BuildOrder]]  # by the URI that each is pushed to


def build_images(
    images: Sequence[PlannedImage],
    builder: BuilderSettings,
    ports: Ports,
    journal: Journal,
    overwritable: Mapping[str, bool | None],
) -> tuple[Mapping[str, PushedImage], list[FailedImage]]:
    """Build images in one session; those that another run pushes meanwhile from the same inputs are taken as they are.

    If one fails, its session ends: the others are not built either, but they have not failed.

    Args:
        images: planned to be built.
        builder: what they are built with.
        ports: what is asked.
        journal: keeps which image failed.
        overwritable: see `overwritable_caches`.

    Returns:
        what the builder says of the images that it has pushed, by name; and the image that failed, if one has.

    Raises:
        DeployError: the session failed for no image in particular.
    """
    waiting, pushed = _orders(images, journal, overwritable), dict[str, PushedImage]()
    while waiting:
        try:
            with timed([image for image, _ in waiting.values()], ports, journal):
                done = ports.builders(builder).build_and_push(tuple(order for _, order in waiting.values()))
            pushed = {image.name: done[uri] for uri, (image, _) in waiting.items() if uri in done}
        except BuildError as error:
            there = _pushed(waiting, ports)
            # Under a tag that is not of its inputs nobody else pushes. What is there is of an attempt of this run: if
            # the registry now refuses the tag, the answer was lost; any other failure is the build's own.
            if error.uri not in there or not (_is_reusable(waiting[error.uri][0]) or error.is_tag_taken):
                return {}, _failed(waiting, error, ports, journal)
            ports.log.info(f"{error.uri} has been pushed meanwhile, by another run or an attempt of this one")
            waiting = {uri: one for uri, one in waiting.items() if uri not in there}
        else:
            break
    return pushed, []


def _is_reusable(image: PlannedImage) -> bool:
    return isinstance(image.step, BuildImage) and image.step.is_reusable


def _orders(images: Sequence[PlannedImage], journal: Journal, overwritable: Mapping[str, bool | None]) -> _Orders:
    waiting: dict[str, tuple[PlannedImage, BuildOrder]] = {}
    for image in images:
        if isinstance(image.step, BuildImage):
            may = overwritable[image.observed.repository_uri]
            order = build_order(image.step, image.observed, run=journal.run, may_overwrite_cache=may)
            waiting[order.uri] = (image, order)
    return waiting


def overwritable_caches(images: Sequence[PlannedImage], ports: Ports) -> Mapping[str, bool | None]:
    """Ask the repositories of builds whether tags of caches may be overwritten.

    Args:
        images: planned to be built.
        ports: repositories and builders are asked.

    Returns:
        the answers by the repository's URI; None where none of its images has a cache there, or nobody knows.

    Raises:
        DeployError: there is no builder.
    """
    groups = grouped(images, lambda image: image.observed.repository_uri)
    answers = for_each(groups, lambda group: _may_overwrite_cache(group[1], ports))
    return {uri: answer for (uri, _), answer in zip(groups, answers, strict=True)}


def _may_overwrite_cache(images: Sequence[PlannedImage], ports: Ports) -> bool | None:
    image = images[0]
    if not any(_keeps_cache(one, ports) for one in images):
        return None
    if not image.has_repository:
        return True  # as it was just created
    try:
        return ports.repositories.may_overwrite(image.observed.destination.repository, CACHE_TAG_PREFIX)
    except DeployError as error:
        uri = image.observed.repository_uri
        ports.log.info(f"Whether a cache can be kept in {uri} is not known: {error.message}")
        return None


def _keeps_cache(image: PlannedImage, ports: Ports) -> bool:
    builder = ports.builders(image.observed.target.builder)
    return isinstance(image.step, BuildImage) and builder.keeps_cache_in_repository(image.step.build)


def _failed(waiting: _Orders, error: BuildError, ports: Ports, journal: Journal) -> list[FailedImage]:
    """Return the image that a session failed for.

    Raises:
        BuildError: it is none in particular.
    """
    at_fault = [image for uri, (image, _) in waiting.items() if uri == error.uri or len(waiting) == 1]
    if not at_fault:
        raise error
    return fail(at_fault, error, ports, journal)


def _pushed(waiting: _Orders, ports: Ports) -> set[str]:
    """Return the URIs of builds that are in their repositories now, each of which is asked once."""
    groups: dict[str, list[BuildOrder]] = {}
    for image, order in waiting.values():
        groups.setdefault(image.observed.destination.repository, []).append(order)

    def find(repository: str) -> set[str]:
        orders = groups[repository]
        try:
            found = ports.repositories.find_tags(repository, [order.tag for order in orders]) or {}
        except DeployError:
            return set()  # the error to report is why the build failed
        return {order.uri for order in orders if order.tag in found}

    return set().union(*for_each(groups, find))
