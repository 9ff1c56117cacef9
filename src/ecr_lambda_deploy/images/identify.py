"""Identifies images: one that is built by the fingerprint of its inputs, one that exists by its digest."""

from collections.abc import Iterator, Mapping, Sequence

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.images.checks import check_image
from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.images.hints import moving_values
from ecr_lambda_deploy.images.stages import IdentifiedImage, StageResult, grouped, log, run_stage
from ecr_lambda_deploy.model.functions import is_number
from ecr_lambda_deploy.model.images import Fingerprint, RegistryImage
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build, EarlierRelease, ExistingImage, ServedImage
from ecr_lambda_deploy.ports.ports import Ports

_MOST_NAMED = 5  # images in a hint


def identify_images(images: Sequence[ObservedImage], ports: Ports, journal: Journal) -> StageResult[IdentifiedImage]:
    """Find out what each image is; one that exists is checked as well.

    Args:
        images: what is wanted, and what is there.
        ports: what is asked.
        journal: keeps what becomes of each.

    Raises:
        DeployError: no fingerprint can be taken at all.
    """
    fingerprints = dict(_fingerprints(images, ports))
    _give_hints(images, fingerprints, ports, journal.run)

    def identify(image: ObservedImage) -> IdentifiedImage:
        match image.target.source:
            case Build() as build:
                return _identified(image, fingerprints[image.name], build.commit, journal)
            case ExistingImage(uri=uri):
                existing = _resolve(image, uri, ports)
                return _identified(image, existing, existing.revision, journal)
            case ServedImage() as served:
                version = ports.sources.served_image(served)
                promoted = _promoted(served, version.number)
                log(image, f"promoting what {promoted} serves", ports)
                journal.update_image(image.name, promoted=promoted)
                existing = _resolve(image, str(version.image), ports)
                # Anyone who may publish a version writes its description; a label takes a push.
                commit = existing.revision or Record.parse(version.description).full_commit
                return _identified(image, existing, commit, journal)
            case EarlierRelease():
                raise AssertionError("a rollback gets no image")

    return run_stage(images, identify, ports, journal)


def _promoted(served: ServedImage, number: str) -> str:
    """Return what an image is promoted from, such as `orders-dev:live (version 2)`."""
    return f"{served} (version {number})" if is_number(number) and number != served.qualifier else str(served)


def _identified(
    image: ObservedImage, identity: Fingerprint | RegistryImage, commit: str, journal: Journal
) -> IdentifiedImage:
    journal.update_image(image.name, commit=commit)
    return IdentifiedImage(observed=image, identity=identity, commit=commit)


def _give_hints(
    images: Sequence[ObservedImage], fingerprints: Mapping[str, Fingerprint], ports: Ports, run: WorkflowRun
) -> None:
    """Say what makes each run another build, once for all images that have it."""
    names = dict[str, list[str]]()
    for image in images:
        if isinstance(image.target.source, Build):
            for hint in (*fingerprints[image.name].hints, moving_values(image.target.source, run)):
                names.setdefault(hint, []).append(image.name)
    for hint in filter(None, names):
        some = [*names[hint][:_MOST_NAMED], *(["…"] if len(names[hint]) > _MOST_NAMED else [])]
        listed = ", ".join(filter(None, some))
        ports.log.notice(f"{listed}: {hint}" if listed else hint)


def _fingerprints(images: Sequence[ObservedImage], ports: Ports) -> Iterator[tuple[str, Fingerprint]]:
    """Yield the fingerprint of each build by the image's name, with one call of each builder."""
    for builder, several in grouped(images, lambda image: image.target.builder):
        builds = {
            image.name: (image.target.source, image.destination.platform)
            for image in several
            if isinstance(image.target.source, Build)
        }
        if builds:
            yield from zip(builds, ports.builders(builder).fingerprints(tuple(builds.values())), strict=True)


def _resolve(image: ObservedImage, uri: str, ports: Ports) -> RegistryImage:
    """Find an image that exists.

    Raises:
        DeployError: it does not exist, or Lambda could not run it.
    """
    platform = image.destination.platform
    source = ports.sources.resolve(uri, platform)
    log(image, f"{uri} is {source.reference}" if uri != str(source.reference) else f"the image is {uri}", ports)
    check_image(source, platform=platform, function=image.most_demanding)
    return source
