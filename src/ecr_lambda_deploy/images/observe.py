"""What is there before anything is changed: functions, registry, repository, platform; and whether it will do."""

from collections.abc import Iterable, Mapping, Sequence

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
from ecr_lambda_deploy.images.listing import function_lines, image_lines
from ecr_lambda_deploy.images.stages import grouped
from ecr_lambda_deploy.model.errors import DeployError, Failures, MissingFunctionError
from ecr_lambda_deploy.model.functions import ServingFunction, name_of
from ecr_lambda_deploy.model.images import RegistryHosts
from ecr_lambda_deploy.model.outcomes import ImageOutcome, Journal, Outcome
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build, FunctionTarget, ImageTarget, Mode, Platform
from ecr_lambda_deploy.ports.ports import Ports

_MOST_LISTED = 150  # functions whose versions are listed: that takes ten seconds


def observe(targets: Sequence[ImageTarget], ports: Ports, journal: Journal, *, mode: Mode) -> tuple[ObservedImage, ...]:
    """Read, all at once, what the rest of the run depends on.

    Args:
        targets: the images that are wanted.
        ports: what is asked.
        journal: keeps what is found as soon as it is.
        mode: in mode build nothing is known of functions, but what they run on where no platform is given; in mode
            plan no engine is asked.

    Raises:
        DeployError: with everything that is not as it must be.
    """
    journal.images = tuple(
        ImageOutcome(name=target.name, functions=tuple(function.name for function in target.functions))
        for target in targets
    )
    function_targets = [function for target in targets for function in target.functions]
    if mode is Mode.BUILD:
        function_targets = [function for target in targets if not target.platform for function in target.functions]
    else:
        journal.start_with(name_of(function.name) for function in function_targets)
    functions, registry, builder_platforms = _read_all(targets, function_targets, ports, journal, mode)

    def observed_image(target: ImageTarget) -> ObservedImage:
        theirs = (functions.get(function.name) for function in target.functions)
        there = tuple(function for function in theirs if function is not None)
        platform = builder_platforms.get(target.name)
        image = _observed_image(target, there, registry, platform, ports, mode)
        journal.update_image(image.name, repository_uri=image.repository_uri)
        return image

    if mode is not Mode.BUILD:
        _log(function_lines([function for function in functions.values() if function is not None]), ports)
    images, failures = list[ObservedImage](), Failures()
    for target in targets:
        with failures.collected():
            images.append(observed_image(target))
    _log(image_lines(images), ports)
    failures.raise_if_any()
    return tuple(images)


def _log(lines: Iterable[str], ports: Ports) -> None:
    for line in lines:
        ports.log.info(line)


def _read_all(
    targets: Sequence[ImageTarget],
    function_targets: Sequence[FunctionTarget],
    ports: Ports,
    journal: Journal,
    mode: Mode,
) -> tuple[Mapping[str, ServingFunction | None], RegistryHosts, Mapping[str, Platform]]:
    """Read side by side what does not depend on anything else.

    Returns:
        the functions by name, the registry, and the builder's platforms by image where nothing else gives one.

    Raises:
        DeployError: with everything that cannot be read.
    """
    unfinished = _maybe_unfinished(function_targets, journal.run)

    def read(function: FunctionTarget) -> ServingFunction | None:
        if mode is Mode.BUILD:
            return _read_leniently(function, ports)
        return _read(function, ports, journal, inspect_unfinished=function.name in unfinished)

    without_functions = [target for target in targets if target.platform is None and not target.functions]
    failures = Failures()
    functions, builder_platforms = dict[str, ServingFunction | None](), dict[str, Platform]()
    with (
        beside(ports.repositories.registry) as registry,
        beside(lambda: _read_ahead(targets, ports)),  # what it fails at, the fingerprint says
        beside(lambda: for_each(without_functions, lambda target: _builder_platform(target, ports, mode))) as platforms,
        failures.collected(),
    ):
        names = [function.name for function in function_targets]
        functions = dict(zip(names, for_each(function_targets, read), strict=True))
    with failures.collected():
        registry.result()
    with failures.collected():
        names = [target.name for target in without_functions]
        builder_platforms = dict(zip(names, platforms.result(), strict=True))
    failures.raise_if_any()
    return functions, registry.result(), builder_platforms


def _read_ahead(targets: Sequence[ImageTarget], ports: Ports) -> None:
    for builder, several in grouped(targets, lambda target: target.builder):
        builds = [target.source for target in several if isinstance(target.source, Build)]
        if builds:
            ports.builders(builder).read_ahead(builds)


def _maybe_unfinished(functions: Sequence[FunctionTarget], run: WorkflowRun) -> set[str]:
    """Return the functions in which a release that was left half done is looked for although they run the image.

    That takes a call of which Lambda answers 15 a second. A run that is repeated may have left some, a single function
    is soon looked at, and code that serves without an alias must have passed its test.
    """
    if run.attempt not in {"", "1"} or len(functions) == 1:
        return {function.name for function in functions}
    published = [function for function in functions if function.publish and not function.alias]
    return {function.name for function in published if function.smoke_test or len(published) <= _MOST_LISTED}


def _read(function: FunctionTarget, ports: Ports, journal: Journal, *, inspect_unfinished: bool) -> ServingFunction:
    """Read a function that is to run an image, and record it.

    Raises:
        DeployError: it may not be read, or cannot be given an image.
    """
    with journal.recording_failure(name_of(function.name)):
        observed = read_serving(function, ports.functions, ports.aliases, inspect_unfinished=inspect_unfinished)
        journal.record(Outcome.untouched(observed))
        check_updatable(observed)
        return observed


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
    registry: RegistryHosts,
    builder_platform: Platform | None,
    ports: Ports,
    mode: Mode,
) -> ObservedImage:
    """Decide where an image goes, from what is there.

    Args:
        target: the image that is wanted.
        functions: those that were read.
        registry: the registry's hosts.
        builder_platform: the builder's, if it was asked for it already.
        ports: what is asked.
        mode: of the run.

    Raises:
        DeployError: no repository follows, or functions differ in their architecture.
    """
    if target.platform is None:
        check_one_architecture(functions)
    platform = target.platform or platform_of(functions) or builder_platform
    destination = Destination(
        registry=registry,
        repository=target.repository or named_repository(target, registry) or present_repository(functions, registry),
        platform=platform or _builder_platform(target, ports, mode),
    )
    return ObservedImage(target=target, functions=() if mode is Mode.BUILD else functions, destination=destination)


def _builder_platform(target: ImageTarget, ports: Ports, mode: Mode) -> Platform:
    """Return the platform of an image where there is no function yet: the builder's, or Lambda's default."""
    if not isinstance(target.source, Build):
        return "linux/amd64"  # as Lambda has it [CreateFunction, Architectures]
    builder = ports.builders(target.builder)
    return builder.machine_platform() if mode is Mode.PLAN else builder.check_engine(None)
