"""What is there before anything is changed: functions, registry, repository, platform; and whether it will do."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ecr_lambda_deploy.functions.reads import AT_ONCE, ServingReads, check_updatable
from ecr_lambda_deploy.images.destination import (
    Destination,
    ObservedImage,
    check_one_architecture,
    named_repository,
    platform_of,
    present_repository,
)
from ecr_lambda_deploy.model.errors import DeployError, Failures, MissingFunctionError
from ecr_lambda_deploy.model.functions import ObservedFunction, name_of
from ecr_lambda_deploy.model.outcomes import ImageOutcome, Journal, Outcome
from ecr_lambda_deploy.model.targets import Build, ImageTarget, Mode, Platform
from ecr_lambda_deploy.ports.ports import Ports

_MOST_CLOSE = 150  # functions whose versions are listed: that takes ten seconds


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
    failures, close = Failures(), _close(images, journal)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="observe") as pool:
        authorization = pool.submit(ports.repositories.registry)
        platforms = {
            image.name: pool.submit(_own_platform, image, ports, journal)
            for image in images
            if image.platform is None and not image.functions
        }
        reads = [
            [
                ServingReads.start(function, ports.functions, ports.aliases, pool, is_close=function.name in close)
                for function in image.functions
                if journal.mode is not Mode.BUILD or image.platform is None
            ]
            for image in images
        ]
    observed = [tuple(_results(several, failures, ports, journal)) for several in reads]
    with failures.collected():
        authorization.result()
    for platform in platforms.values():
        with failures.collected():
            platform.result()
    failures.raise_if_any()
    found = []
    for image, functions in zip(images, observed, strict=True):
        with failures.collected():
            own = platforms[image.name].result() if image.name in platforms else None
            found.append(_observed_image(image, functions, authorization.result(), own, ports, journal))
    failures.raise_if_any()
    return tuple(found)


def _close(images: Sequence[ImageTarget], journal: Journal) -> set[str]:
    """Return the functions in which a release that was left half done is looked for although they run the image.

    That takes a call of which Lambda answers 15 a second. A run that is repeated may have left some, a single function
    is soon looked at, and code that serves without an alias must have passed its test.
    """
    functions = [function for image in images for function in image.functions]
    if journal.run.attempt not in {"", "1"} or len(functions) == 1:
        return {function.name for function in functions}
    published = [function for function in functions if function.publish and not function.alias]
    return {function.name for function in published if function.smoke_test or len(published) <= _MOST_CLOSE}


def _results(
    reads: Sequence[ServingReads], failures: Failures, ports: Ports, journal: Journal
) -> Iterator[ObservedFunction]:
    """Yield the functions that could be read and can be given an image; the others are failures.

    In mode build they are not: it only wants to know what they run on, if they are there.
    """
    for read in reads:
        if journal.mode is Mode.BUILD:
            yield from _known(read, ports)
            continue
        name = name_of(read.target.name)
        for future in read.futures:
            with failures.collected(), journal.recording_failure(name):
                future.result()
        if not any(future.exception() for future in read.futures):
            function = read.result()
            journal.record(Outcome.untouched(function))
            with failures.collected(), journal.recording_failure(name):
                check_updatable(function)
            yield function


def _known(read: ServingReads, ports: Ports) -> Iterator[ObservedFunction]:
    """Yield a function if it is there."""
    try:
        yield read.result()
    except MissingFunctionError:
        pass
    except DeployError as error:
        ports.log.warning(f"What {read.target.name} runs on is not known, so it is not asked: {error.message}")


def _observed_image(
    target: ImageTarget,
    functions: tuple[ObservedFunction, ...],
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


def _describe(observed: ObservedFunction) -> str:
    latest, alias = observed.latest, observed.alias
    if latest is None:
        return f"Function {observed.name} does not exist, and will be created"
    version = f", version {observed.published.number}" if observed.published else ""
    pointer = f"; alias {alias.name}: version {alias.version}" if alias else ""
    return f"Function {latest.name}: {latest.state}, {latest.architecture}, runs {latest.image}{version}{pointer}"
