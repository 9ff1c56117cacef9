"""What is there before anything is changed: functions, registry, repository, platform; and whether it will do."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

from ecr_lambda_deploy.errors import DeployError, Failures
from ecr_lambda_deploy.function_model import FunctionState, ObservedFunction
from ecr_lambda_deploy.function_reads import AT_ONCE, ServingReads
from ecr_lambda_deploy.image_inputs import REPOSITORY_NAME
from ecr_lambda_deploy.image_model import ImageReference, is_same_registry
from ecr_lambda_deploy.model import ImageOutcome, Journal, Outcome
from ecr_lambda_deploy.plan import check_updatable
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.wanted import PLATFORM_OF, Build, ExistingImage, ImageTarget, Mode, Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where an image goes, and which platform it is built for."""

    registry: str
    repository: str
    platform: Platform

    @property
    def repository_uri(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedImage:
    """An image that is wanted, and what is there for it.

    Attributes:
        target: what is wanted.
        functions: those that are to run it as they are, in the target's order; none in mode build.
        destination: where it goes.
    """

    target: ImageTarget
    functions: tuple[ObservedFunction, ...]
    destination: Destination

    @property
    def repository_uri(self) -> str:
        """Registry and repository."""
        return self.destination.repository_uri

    def reference(self, digest: str) -> ImageReference:
        """Return an image of the repository that it goes to."""
        destination = self.destination
        return ImageReference(registry=destination.registry, repository=destination.repository, digest=digest)

    def is_run(self, image: ImageReference) -> bool:
        """Whether all functions run an image already."""
        states = [function.latest for function in self.functions]
        return bool(states) and all(state is not None and image.is_same_image(state.image) for state in states)

    @property
    def is_proven(self) -> bool:
        """Whether Lambda can pull from the repository: a function runs an image of it, or none is to."""
        here = self.reference("")
        images = [function.latest.image if function.latest else None for function in self.functions]
        return not images or any(image and here.is_same_image(replace(image, digest="")) for image in images)

    @property
    def most_demanding(self) -> FunctionState | None:
        """A function that is to run the image; of several, one that does not say how it is started."""
        states = [function.latest for function in self.functions if function.latest is not None]
        return next((state for state in states if not state.has_entry_point), states[0] if states else None)


def observe(images: Sequence[ImageTarget], outside: Outside, journal: Journal) -> tuple[ObservedImage, ...]:
    """Read, all at once, what the rest of the run depends on.

    Args:
        images: what is wanted.
        outside: what is asked.
        journal: told what is found as soon as it is.

    Raises:
        DeployError: with everything that is not as it must be.
    """
    journal.images = tuple(
        ImageOutcome(name=image.name, functions=tuple(function.name for function in image.functions))
        for image in images
    )
    failures = Failures()
    # A run that is repeated may have ended before it published; and the outputs tell the version of a single function.
    is_close = journal.run.attempt not in {"", "1"} or sum(len(image.functions) for image in images) == 1
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="observe") as pool:
        authorization = pool.submit(outside.repositories.registry)
        platforms = {
            image.name: pool.submit(_own_platform, image, outside, journal)
            for image in images
            if image.platform is None and not image.functions
        }
        reads = [
            [
                ServingReads.start(function, outside.functions, pool, is_close=is_close)
                for function in image.functions
                if journal.mode is not Mode.BUILD or image.platform is None
            ]
            for image in images
        ]
    observed = [tuple(_results(several, failures, journal)) for several in reads]
    if journal.mode is not Mode.BUILD:
        journal.outcomes = tuple(Outcome.untouched(function) for functions in observed for function in functions)
    with failures.noted():
        authorization.result()
    for platform in platforms.values():
        with failures.noted():
            platform.result()
    failures.tell()
    found = []
    for image, functions in zip(images, observed, strict=True):
        with failures.noted():
            own = platforms[image.name].result() if image.name in platforms else None
            found.append(_observed_image(image, functions, authorization.result(), own, outside, journal))
    failures.tell()
    return tuple(found)


def _results(reads: Sequence[ServingReads], failures: Failures, journal: Journal) -> Iterator[ObservedFunction]:
    """Yield the functions that could be read and can be given an image; the others are failures.

    In mode build they are not: it only wants to know what they run on, if they are there.
    """
    for read in reads:
        if journal.mode is Mode.BUILD:
            with suppress(DeployError):
                yield read.result()
            continue
        for future in read.futures:
            with failures.noted():
                future.result()
        if not any(future.exception() for future in read.futures):
            function = read.result()
            with failures.noted():
                check_updatable(function)
            yield function


def _observed_image(
    target: ImageTarget,
    functions: tuple[ObservedFunction, ...],
    registry: str,
    own_platform: Platform | None,
    outside: Outside,
    journal: Journal,
) -> ObservedImage:
    is_build = journal.mode is Mode.BUILD
    for function in functions:
        if not is_build:
            outside.log.info(_describe(function))
    if target.platform is None:
        _check_one_architecture(functions)
    host = target.registry or registry
    platform = target.platform or _platform_of(functions) or own_platform
    destination = Destination(
        registry=host,
        repository=target.repository or _named_repository(target, host) or _present_repository(functions, host),
        platform=platform or _own_platform(target, outside, journal),
    )
    journal.record_image(replace(journal.image_named(target.name), repository_uri=destination.repository_uri))
    name = f" {target.name}" if target.name else ""
    outside.log.info(f"Image{name}: {destination.repository_uri} for {destination.platform}")
    return ObservedImage(target=target, functions=() if is_build else functions, destination=destination)


def _check_one_architecture(observed: Sequence[ObservedFunction]) -> None:
    """Make sure that one image can serve all functions.

    Raises:
        DeployError: they run on different architectures.
    """
    architectures = {function.name: function.latest.architecture for function in observed if function.latest}
    if len({*architectures.values()}) > 1:
        listed = ", ".join(f"{name} on {architecture}" for name, architecture in architectures.items())
        raise DeployError(
            f"One image cannot serve functions of different architectures: {listed}.",
            "Deploy them as an image for each architecture, or give all of them one with the input 'platform'.",
        )


def _named_repository(target: ImageTarget, registry: str) -> str:
    """Return the repository of an image that is given and is in this registry."""
    if not isinstance(target.source, ExistingImage):
        return ""
    host, _, name = target.source.uri.partition("/")
    return name.partition("@")[0].partition(":")[0] if is_same_registry(host, registry) else ""


def _present_repository(observed: Sequence[ObservedFunction], registry: str) -> str:
    """Return the repository that the functions use now, if it is in this registry; else the function's name.

    Raises:
        DeployError: neither is to be had.
    """
    images = [function.latest.image if function.latest else None for function in observed]
    present = {image.repository if image is not None and image.is_in(registry) else None for image in images}
    repository = present.pop()
    if repository and not present:
        return repository
    name = observed[0].name if observed else ""
    if len(observed) == 1 and REPOSITORY_NAME.fullmatch(name):
        return name
    raise DeployError(
        f"No repository is given, and none follows from {name}: "
        f"its image is {images[0] or 'unknown'}, and its name cannot be that of an ECR repository.",
        "Give the ECR repository's name in the input 'repository'.",
    )


def _platform_of(observed: Sequence[ObservedFunction]) -> Platform | None:
    latest = next((function.latest for function in observed if function.latest), None)
    return PLATFORM_OF[latest.architecture] if latest else None


def _own_platform(target: ImageTarget, outside: Outside, journal: Journal) -> Platform:
    """Return what is built for where there is no function yet: the builder's own platform."""
    if not isinstance(target.source, Build):
        return "linux/amd64"  # as Lambda has it [CreateFunction, Architectures]
    builder = outside.builders(target.builder)
    return builder.machine_platform() if journal.mode is Mode.PLAN else builder.check_engine(None)


def _describe(observed: ObservedFunction) -> str:
    latest, alias = observed.latest, observed.alias
    if latest is None:
        return f"Function {observed.name} does not exist, and will be created"
    version = f", version {observed.published.number}" if observed.published else ""
    pointer = f"; alias {alias.name}: version {alias.version}" if alias else ""
    return f"Function {latest.name}: {latest.state}, {latest.architecture}, runs {latest.image}{version}{pointer}"
