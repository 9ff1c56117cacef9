"""What is there before anything is changed: functions, registry, repository, engine; and whether it will do."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.function_reads import FunctionReads
from ecr_lambda_deploy.image_model import is_same_registry
from ecr_lambda_deploy.inputs import REPOSITORY_NAME
from ecr_lambda_deploy.model import Journal, Outcome
from ecr_lambda_deploy.plan import check_updatable
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.release_checks import check_release
from ecr_lambda_deploy.wanted import (
    PLATFORM_OF,
    Build,
    ExistingImage,
    ImageSource,
    ImageTarget,
    Platform,
)


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


def observe(
    target: ImageTarget, outside: Outside, journal: Journal
) -> tuple[tuple[ObservedFunction, ...], Destination]:
    """Read, all at once, what the rest of the run depends on.

    Args:
        target: what is wanted.
        outside: what is asked.
        journal: told what is found as soon as it is.

    Returns:
        the functions as they are, in order, and where their image goes.

    Raises:
        DeployError: with everything that is not as it must be.
    """
    source = target.source
    with ThreadPoolExecutor() as pool:
        authorization = pool.submit(outside.repositories.registry)
        reads = [
            FunctionReads.start(function, outside.functions, outside.aliases, pool) for function in target.functions
        ]
        functions = [pool.submit(read.result) for read in reads]
        needed: list[Future[Any]] = [authorization, *functions]
        for read in reads:
            needed += [read.latest, read.versions, read.alias]
        needed += [pool.submit(check_release, function, outside) for function in target.functions]
        engine = None
        if isinstance(source, Build) and not target.functions and target.platform is None:
            engine = pool.submit(outside.builder.check_engine, None)
            needed.append(engine)
        wait(needed)
    observed = tuple(function.result() for function in functions if not function.exception())
    journal.outcomes = tuple(Outcome.untouched(function) for function in observed)
    _raise_all(needed)
    for function in observed:
        check_updatable(function)
        outside.log.info(_describe(function))
    if target.platform is None:
        _check_one_architecture(observed)
    registry = target.registry or authorization.result()
    destination = Destination(
        registry=registry,
        repository=target.repository or _named_repository(source, registry) or _present_repository(observed, registry),
        platform=target.platform or _platform_of(observed) or _own_platform(source, engine, outside),
    )
    journal.repository_uri = destination.repository_uri
    outside.log.info(f"Image: {destination.repository_uri} for {destination.platform}")
    return observed, destination


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
            "Deploy them in a step for each architecture, or give all of them one with the input 'platform'.",
        )


def _raise_all(futures: Sequence[Future[Any]]) -> None:
    """Raise everything that failed as one error."""
    errors: dict[str, DeployError] = {}
    for future in futures:
        error = future.exception()
        if isinstance(error, DeployError):
            errors.setdefault(str(error), error)
        elif error is not None:
            raise error
    if len(errors) > 1:
        raise DeployError("\n\n".join(errors))
    for single in errors.values():
        raise single


def _named_repository(source: ImageSource, registry: str) -> str:
    """Return the repository of an image that is given and is in this registry."""
    if not isinstance(source, ExistingImage):
        return ""
    host, _, name = source.uri.partition("/")
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
    latest = observed[0].latest if observed else None
    return PLATFORM_OF[latest.architecture] if latest else None


def _own_platform(source: ImageSource, engine: "Future[Platform] | None", outside: Outside) -> Platform:
    """Return what is built for where there is no function yet: the builder's own platform."""
    if not isinstance(source, Build):
        return "linux/amd64"  # as Lambda has it [CreateFunction, Architectures]
    return engine.result() if engine else outside.builder.check_engine(None)


def _describe(observed: ObservedFunction) -> str:
    latest, alias = observed.latest, observed.alias
    if latest is None:
        return f"Function {observed.name} does not exist, and will be created"
    version = f", version {observed.published.number}" if observed.published else ""
    weights = f", {_shares(alias.weights)}" if alias and alias.weights else ""
    pointer = f"; alias {alias.name}: version {alias.version}{weights}" if alias else ""
    return f"Function {latest.name}: {latest.state}, {latest.architecture}, runs {latest.image}{version}{pointer}"


def _shares(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{weight * 100:g} % to version {version}" for version, weight in weights.items())
