"""Reads functions: first what serves, by GetFunction alone; their history only where something is to be done.

Lambda answers 100 GetFunctions a second, and 15 of all other calls together [Lambda quotas, API requests].
"""

from dataclasses import replace
from functools import partial

from ecr_lambda_deploy.concurrency import beside
from ecr_lambda_deploy.model.errors import DeployError, Failures, MissingFunctionError
from ecr_lambda_deploy.model.functions import (
    AliasPointer,
    AliasState,
    FunctionState,
    ObservedFunction,
    PublishedVersion,
    ServingFunction,
    name_of,
)
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.ports.functions import Aliases, Functions


def read_serving(
    target: FunctionTarget, functions: Functions, aliases: Aliases, *, inspect_unfinished: bool = False
) -> ServingFunction:
    """Read what serves, with as little else as may be; side by side.

    Args:
        target: the function.
        functions: reads functions and versions.
        aliases: reads the alias.
        inspect_unfinished: whether to read its history too, which shows an earlier release that was left half done:
            code that is not published, or weights of the alias.

    Raises:
        DeployError: something may not be read, or does not exist and must; all of that at once.
    """
    has_versions = inspect_unfinished and target.publish and not target.alias
    has_alias = inspect_unfinished and target.alias != ""
    with (
        beside(partial(_read_latest, target, functions)) as reading_latest,
        beside(partial(_read_aliased, target, functions)) as reading_aliased,
        beside(partial(_read_alias, target, aliases) if has_alias else lambda: None) as reading_alias,
        beside(partial(_read_versions, target, functions) if has_versions else lambda: None) as reading_versions,
    ):
        failures = Failures()
        for reading in (reading_latest, reading_aliased, reading_alias, reading_versions):
            with failures.collected():
                reading.result()
        failures.raise_if_any()
    aliased, alias, versions = reading_aliased.result(), reading_alias.result(), reading_versions.result()
    serving = _serving(target, reading_latest.result(), aliased)
    if versions is not None:
        return ObservedFunction(name=serving.name, latest=serving.latest, versions=versions)
    if alias is not None and aliased is not None and alias.version == aliased.version:
        return ObservedFunction(name=serving.name, latest=serving.latest, alias=alias, aliased=aliased)
    return serving  # of an alias that was moved meanwhile, the history is read once more


def read_history(
    target: FunctionTarget, serving: ServingFunction, functions: Functions, aliases: Aliases
) -> ObservedFunction:
    """Read what a release needs besides what serves: the alias itself or, where there is none yet, the versions.

    Args:
        target: the function.
        serving: what serves.
        functions: reads functions and versions.
        aliases: reads the alias.

    Raises:
        DeployError: something may not be read.
    """
    if isinstance(serving, ObservedFunction):
        return serving
    observed = ObservedFunction(name=serving.name, latest=serving.latest, aliased=serving.aliased)
    if serving.latest is None:
        return observed
    if serving.alias is None:
        return replace(observed, versions=_read_versions(target, functions))
    observed = replace(observed, alias=_read_alias(target, aliases))
    return replace(observed, aliased=_aliased(observed, target, functions))


def observe_function(target: FunctionTarget, functions: Functions, aliases: Aliases) -> ObservedFunction:
    """Read what serves, and what a release needs besides; all by this thread, which may be one that reverts.

    Raises:
        DeployError: something may not be read, or does not exist and must.
    """
    latest = _read_latest(target, functions)
    aliased = _read_aliased(target, functions) if latest else None
    return read_history(target, _serving(target, latest, aliased), functions, aliases)


def observe_begun(target: FunctionTarget, functions: Functions, aliases: Aliases) -> ObservedFunction:
    """Read what serves, and what tells which run began the last release.

    Raises:
        DeployError: something may not be read, or does not exist and must.
    """
    observed = observe_function(target, functions, aliases)
    is_shared = observed.alias is not None and observed.alias.weights
    return with_versions(target, observed, functions) if is_shared else observed


def with_versions(target: FunctionTarget, observed: ObservedFunction, functions: Functions) -> ObservedFunction:
    """Return a function with its versions, which are read if they have not been.

    Raises:
        DeployError: they may not be read.
    """
    return observed if observed.versions else replace(observed, versions=_read_versions(target, functions))


def observe_releases(target: FunctionTarget, functions: Functions, aliases: Aliases) -> ObservedFunction:
    """Read a function, all its versions and its alias, as a rollback chooses from them.

    Raises:
        DeployError: something may not be read, or does not exist and must.
    """
    with (
        beside(partial(_read_versions, target, functions)) as versions,
        beside(partial(_read_alias, target, aliases)) as alias,
    ):
        state = _read_latest(target, functions)
        observed = ObservedFunction(
            name=state.name if state else name_of(target.name),
            latest=state,
            versions=versions.result(),
            alias=alias.result(),
        )
    return replace(observed, aliased=_aliased(observed, target, functions))


def _serving(target: FunctionTarget, latest: FunctionState | None, aliased: FunctionState | None) -> ServingFunction:
    name = latest.name if latest else name_of(target.name)
    if latest is None or aliased is None:
        return ServingFunction(name=name, latest=latest)
    alias = AliasPointer(name=target.alias, arn=f"{latest.arn}:{target.alias}", version=aliased.version)
    return ServingFunction(name=name, latest=latest, alias=alias, aliased=aliased)


def _aliased(observed: ObservedFunction, target: FunctionTarget, functions: Functions) -> FunctionState | None:
    """Return the version that the alias points to, read only if it is not known yet."""
    alias, latest, known = observed.alias, observed.latest, observed.aliased
    if alias is None:
        return None
    if latest is None or alias.version == latest.version:
        return latest
    if known is not None and known.version == alias.version:
        return known
    # Its state may be another than that of the code that it shares: what a rollback goes back to is read once more.
    version = observed.version_numbered(alias.version)
    if version is not None and version.code_sha256 == latest.code_sha256 and not latest.is_broken:
        return replace(latest, version=version.number, description=version.description)
    return functions.read(target.name, alias.version)


def _read_latest(target: FunctionTarget, functions: Functions) -> FunctionState | None:
    try:
        return functions.read(target.name)
    except MissingFunctionError:
        if target.creation is None:
            raise
        return None


def _read_versions(target: FunctionTarget, functions: Functions) -> tuple[PublishedVersion, ...]:
    try:
        return functions.versions(target.name)
    except MissingFunctionError:
        return ()  # reading the function itself tells


def _read_aliased(target: FunctionTarget, functions: Functions) -> FunctionState | None:
    try:
        return functions.read(target.name, target.alias) if target.alias else None
    except MissingFunctionError:
        return None  # there is no such alias, or reading the function itself tells


def _read_alias(target: FunctionTarget, aliases: Aliases) -> AliasState | None:
    alias = aliases.read(target.name, target.alias) if target.alias else None
    if alias is not None and alias.weights and aliases.is_allocating(target.name, target.alias):
        return replace(alias, weights={})  # Lambda's own, while provisioned concurrency moves
    return alias


def check_updatable(observed: ServingFunction) -> None:
    """Make sure that a function can be given an image.

    Raises:
        DeployError: it is a .zip function, or on its way out.
    """
    latest = observed.latest
    if latest is None:
        return
    if latest.package_type != "Image":
        raise DeployError(
            f"The function {latest.name} has the package type {latest.package_type}: it cannot run a container image.",
            "Lambda cannot change a function's package type: create the function anew with --package-type Image.",
        )
    if latest.state.value == "Deleting":
        raise DeployError(f"The function {latest.name} is being deleted.")
