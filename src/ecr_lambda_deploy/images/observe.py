"""What is there before anything is changed: functions, registry, repository, platform; and whether it will do."""

from collections.abc import Sequence
from dataclasses import replace

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.functions.reads import check_updatable, read_serving
from ecr_lambda_deploy.images.destination import (
    Destination,
    ObservedImage,
    check_one_architecture,
    named_repository,
    platform_of,
    present_repository,
)
from ecr_lambda_deploy.model.errors import DeployError, Failures, MissingFunctionError
from ecr_lambda_deploy.model.functions import ObservedFunction, ServingFunction, name_of
from ecr_lambda_deploy.model.outcomes import ImageOutcome, Journal, Outcome
from ecr_lambda_deploy.model.targets import Build, FunctionTarget, ImageTarget, Mode, Platform
from ecr_lambda_deploy.ports.ports import Ports

_MOST_LISTED = 150  # functions whose versions are listed: that takes ten seconds


def observe(images: Sequence[ImageTarget], ports: Ports, journal: Journal) -> tuple[ObservedImage, ...]:
    """Read, all at once, what the rest of the run depends on.

    Args:
        images: what is wanted.
        ports: what is asked.
        journal: told what is found as soon as it is.

    Raises:
        DeployError: with everything that is not as it must be.
    """
    journal.images = tuple(
        ImageOutcome(name=image.name, functions=tuple(function.name for function in image.functions))
        for image in images
    )
    if journal.mode is not Mode.BUILD:
        journal.start_with(name_of(function.name) for image in images for function in image.functions)
    unfinished = _maybe_unfinished(images, journal)

    def read(function: FunctionTarget) -> ServingFunction | None:
        if journal.mode is Mode.BUILD:
            return _read_leniently(function, ports)
        with journal.recording_failure(name_of(function.name)):
            observed = read_serving(
                function, ports.functions, ports.aliases, inspect_unfinished=function.name in unfinished
            )
            journal.record(Outcome.untouched(observed))
            check_updatable(observed)
            return observed

    functions = [
        function
        for image in images
        for function in image.functions
        if journal.mode is not Mode.BUILD or image.platform is None
    ]
    unserved = [image for image in images if image.platform is None and not image.functions]
    failures, observed, own_platforms = Failures(), dict[str, ServingFunction | None](), dict[str, Platform]()
    with (
        beside(ports.repositories.registry) as registry,
        beside(lambda: for_each(unserved, lambda image: _own_platform(image, ports, journal))) as platforms,
        failures.collected(),
    ):
        observed = dict(zip((function.name for function in functions), for_each(functions, read), strict=True))
    with failures.collected():
        registry.result()
    with failures.collected():
        own_platforms = dict(zip((image.name for image in unserved), platforms.result(), strict=True))
    failures.raise_if_any()
    found = list[ObservedImage]()
    for image in images:
        several = (observed.get(function.name) for function in image.functions)
        with failures.collected():
            found.append(
                _observed_image(
                    image,
                    tuple(function for function in several if function is not None),
                    registry.result(),
                    own_platforms.get(image.name),
                    ports,
                    journal,
                )
            )
    failures.raise_if_any()
    return tuple(found)


def _maybe_unfinished(images: Sequence[ImageTarget], journal: Journal) -> set[str]:
    """Return the functions in which a release that was left half done is looked for although they run the image.

    That takes a call of which Lambda answers 15 a second. A run that is repeated may have left some, a single function
    is soon looked at, and code that serves without an alias must have passed its test.
    """
    functions = [function for image in images for function in image.functions]
    if journal.run.attempt not in {"", "1"} or len(functions) == 1:
        return {function.name for function in functions}
    published = [function for function in functions if function.publish and not function.alias]
    return {function.name for function in published if function.smoke_test or len(published) <= _MOST_LISTED}


def _read_leniently(function: FunctionTarget, ports: Ports) -> ServingFunction | None:
    """Read a function of which mode build only wants to know what it runs on; None if that is not known."""
    try:
        return read_serving(function, ports.functions, ports.aliases)
    except MissingFunctionError:
        return None
    except DeployError as error:
        ports.log.warning(f"What {function.name} runs on is not known, so it is not asked: {error.message}")
        return None


def _observed_image(
    target: ImageTarget,
    functions: tuple[ServingFunction, ...],
    registry: str,
    own_platform: Platform | None,
    ports: Ports,
    journal: Journal,
) -> ObservedImage:
    is_build = journal.mode is Mode.BUILD
    for function in functions:
        if not is_build:
            ports.log.info(_describe(function))
    if target.platform is None:
        check_one_architecture(functions)
    host = target.registry or registry
    platform = target.platform or platform_of(functions) or own_platform
    destination = Destination(
        registry=host,
        repository=target.repository or named_repository(target, host) or present_repository(functions, host),
        platform=platform or _own_platform(target, ports, journal),
    )
    journal.record_image(replace(journal.image_named(target.name), repository_uri=destination.repository_uri))
    name = f" {target.name}" if target.name else ""
    ports.log.info(f"Image{name}: {destination.repository_uri} for {destination.platform}")
    return ObservedImage(target=target, functions=() if is_build else functions, destination=destination)


def _own_platform(target: ImageTarget, ports: Ports, journal: Journal) -> Platform:
    """Return what is built for where there is no function yet: the builder's own platform."""
    if not isinstance(target.source, Build):
        return "linux/amd64"  # as Lambda has it [CreateFunction, Architectures]
    builder = ports.builders(target.builder)
    return builder.machine_platform() if journal.mode is Mode.PLAN else builder.check_engine(None)


def _describe(observed: ServingFunction) -> str:
    latest, alias = observed.latest, observed.alias
    if latest is None:
        return f"Function {observed.name} does not exist, and will be created"
    published = observed.published if isinstance(observed, ObservedFunction) else None
    version = f", version {published.number}" if published else ""
    pointer = f"; alias {alias.name}: version {alias.version}" if alias else ""
    return f"Function {latest.name}: {latest.state}, {latest.architecture}, runs {latest.image}{version}{pointer}"
