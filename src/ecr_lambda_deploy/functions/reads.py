"""Reads functions: first what serves, by GetFunction alone; the history only where a release is needed.

Lambda answers 100 GetFunction requests a second, and 15 of all others together [Lambda quotas, API requests].
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ecr_lambda_deploy.concurrency import beside
from ecr_lambda_deploy.model.errors import DeployError, Failures, MissingFunctionError, recreation_hint
from ecr_lambda_deploy.model.functions import (
    LATEST_PUBLISHED,
    AliasPointer,
    AliasState,
    FunctionState,
    ObservedFunction,
    PublishedVersion,
    ServingFunction,
    name_of,
)
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.ports.functions import Aliases, Functions

_LOST_IMAGE = {"ImageDeleted", "ImageAccessDenied"}  # reason codes of a State that an update ends


def read_serving(
    target: FunctionTarget, functions: Functions, aliases: Aliases, *, inspect_unfinished: bool = False
) -> ServingFunction:
    """Read what serves, in parallel and with as few requests as possible.

    Args:
        target: the function.
        functions: reads functions and versions.
        aliases: reads the alias.
        inspect_unfinished: whether to read the history too. It shows an earlier release that did not end: code that is
            not published, or routing weights of the alias.

    Raises:
        DeployError: with everything that may not be read, or does not exist and must.
    """
    has_versions = inspect_unfinished and target.publish and not target.alias
    has_alias = inspect_unfinished and target.alias != ""
    with (
        beside(partial(_read_latest, target, functions)) as reading_latest,
        beside(partial(_read_by_alias, target, functions)) as reading_aliased,
        beside(partial(_read_alias, target, aliases) if has_alias else lambda: None) as reading_alias,
        beside(partial(_read_versions, target, functions) if has_versions else lambda: None) as reading_versions,
    ):
        failures = Failures()
        for reading in (reading_latest, reading_aliased, reading_alias, reading_versions):
            with failures.collected():
                reading.result()
        failures.raise_if_any()
    aliased, alias, versions = reading_aliased.result(), reading_alias.result(), reading_versions.result()
    serving = _serving_function(target, reading_latest.result(), aliased, functions)
    if versions is not None:
        return ObservedFunction(
            name=serving.name, latest=serving.latest, latest_published=serving.latest_published, versions=versions
        )
    if alias is not None and aliased is not None and alias.version == aliased.version:
        return ObservedFunction(name=serving.name, latest=serving.latest, alias=alias, aliased=aliased)
    return serving  # if the alias was moved between the two reads, read_history reads it again


def read_history(
    target: FunctionTarget, serving: ServingFunction, functions: Functions, aliases: Aliases
) -> ObservedFunction:
    """Read what a release needs besides what serves: the alias itself or, if there is none yet, the versions.

    Args:
        target: the function.
        serving: what serves; with its history, nothing is read.
        functions: reads functions and versions.
        aliases: reads the alias.

    Raises:
        DeployError: something may not be read.
    """
    if isinstance(serving, ObservedFunction):
        return serving
    observed = ObservedFunction(
        name=serving.name,
        latest=serving.latest,
        aliased=serving.aliased,
        latest_published=serving.latest_published,
    )
    if serving.latest is None:
        return observed
    if serving.alias is None:
        return replace(observed, versions=_read_versions(target, functions))
    observed = replace(observed, alias=_read_alias(target, aliases))
    return replace(observed, aliased=_resolve_alias(observed, target, functions))


def observe_function(target: FunctionTarget, functions: Functions, aliases: Aliases) -> ObservedFunction:
    """Read what serves and the history, as a release is planned from them.

    All requests run on the calling thread. It may be one that reverts: priority and shield hold for that thread alone.

    Raises:
        DeployError: something may not be read, or does not exist and must.
    """
    latest = _read_latest(target, functions)
    aliased = _read_by_alias(target, functions) if latest else None
    return read_history(target, _serving_function(target, latest, aliased, functions), functions, aliases)


def observe_last_release(target: FunctionTarget, functions: Functions, aliases: Aliases) -> ObservedFunction:
    """Read a function with the records of the run that began its last release: those of a canary are in the versions.

    Raises:
        DeployError: something may not be read, or does not exist and must.
    """
    observed = observe_function(target, functions, aliases)
    return with_versions(target, observed, functions) if observed.weights else observed


def observe_with_versions(target: FunctionTarget, functions: Functions, aliases: Aliases) -> ObservedFunction:
    """Read a function, its alias and all its versions in parallel, as a rollback chooses from them.

    Raises:
        DeployError: something may not be read, or does not exist and must.
    """
    with (
        beside(partial(_read_versions, target, functions)) as reading_versions,
        beside(partial(_read_alias, target, aliases)) as reading_alias,
    ):
        latest = _read_latest(target, functions)
        observed = ObservedFunction(
            name=latest.name if latest else name_of(target.name),
            latest=latest,
            latest_published=_read_latest_published(target, latest, functions),
            versions=reading_versions.result(),
            alias=reading_alias.result(),
        )
    return replace(observed, aliased=_resolve_alias(observed, target, functions))


def with_versions(target: FunctionTarget, observed: ObservedFunction, functions: Functions) -> ObservedFunction:
    """Return a function with its versions; read them if nobody has.

    Raises:
        DeployError: they may not be read.
    """
    return observed if observed.versions else replace(observed, versions=_read_versions(target, functions))


def read_url(targets: Sequence[FunctionTarget], aliases: Aliases, journal: Journal) -> None:
    """Record the URL of the first function, which is the one that the outputs show."""
    for target in targets[:1]:
        journal.function_url = aliases.url(target.name, target.alias)


def check_updatable(function: ServingFunction) -> None:
    """Make sure that a function can be given an image.

    Raises:
        DeployError: it is a .zip function, its creation failed, or it is being deleted.
    """
    latest = function.latest
    if latest is None:
        return
    if latest.package_type != "Image":
        raise DeployError(
            f"The function {latest.name} has the package type {latest.package_type}: it cannot run a container image.",
            "Lambda cannot change a function's package type: create the function anew with --package-type Image.",
            topic="not-an-image-function",
        )
    # An alias has a version, which no function has whose creation failed; and one that has lived may lose its image.
    if latest.state.value == "Failed" and not function.alias and latest.state.reason_code not in _LOST_IMAGE:
        raise DeployError(
            f"The creation of {latest.name} has failed: State {latest.state}.",
            recreation_hint(latest.name),
            topic="creation-failed",
        )
    if latest.state.value == "Deleting":
        raise DeployError(f"The function {latest.name} is being deleted.", topic="function-is-being-deleted")


def _read_latest(target: FunctionTarget, functions: Functions) -> FunctionState | None:
    """Read `$LATEST`; None if there is no such function and the target has parameters to create it."""
    try:
        return functions.read(target.name)
    except MissingFunctionError:
        if target.creation is None:
            raise
        return None


def _read_latest_published(
    target: FunctionTarget, latest: FunctionState | None, functions: Functions
) -> FunctionState | None:
    """Read `$LATEST.PUBLISHED` where that is what serves: on managed instances, without an alias; None without one."""
    if latest is None or not latest.is_managed or target.alias:
        return None
    try:
        return functions.read(target.name, LATEST_PUBLISHED)
    except MissingFunctionError:
        return None


def _read_by_alias(target: FunctionTarget, functions: Functions) -> FunctionState | None:
    """Read the version that the alias points to; None without one."""
    try:
        return functions.read(target.name, target.alias) if target.alias else None
    except MissingFunctionError:
        return None  # there is no such alias; if the function itself is missing, _read_latest reports it


def _read_alias(target: FunctionTarget, aliases: Aliases) -> AliasState | None:
    alias = aliases.read(target.name, target.alias) if target.alias else None
    if alias is not None and alias.is_held_back:
        concurrency = aliases.concurrency(target.name, target.alias)
        if concurrency is not None and concurrency.value == "IN_PROGRESS":
            return replace(alias, weights={})  # Lambda removes this one itself
    return alias


def _read_versions(target: FunctionTarget, functions: Functions) -> tuple[PublishedVersion, ...]:
    try:
        return functions.versions(target.name)
    except MissingFunctionError:
        return ()  # _read_latest reports it


def _serving_function(
    target: FunctionTarget, latest: FunctionState | None, aliased: FunctionState | None, functions: Functions
) -> ServingFunction:
    name = latest.name if latest else name_of(target.name)
    if latest is None or aliased is None:
        published = _read_latest_published(target, latest, functions)
        return ServingFunction(name=name, latest=latest, latest_published=published)
    alias = AliasPointer(name=target.alias, arn=f"{latest.arn}:{target.alias}", version=aliased.version)
    return ServingFunction(name=name, latest=latest, alias=alias, aliased=aliased)


def _resolve_alias(observed: ObservedFunction, target: FunctionTarget, functions: Functions) -> FunctionState | None:
    """Return the version that the alias points to; read it only if it is not known yet."""
    alias, latest, known = observed.alias, observed.latest, observed.aliased
    if alias is None:
        return None
    if latest is None or alias.version == latest.version:
        return latest
    if known is not None and known.version == alias.version:
        return known
    # A version with the code of `$LATEST` may have another state: a rollback reads the version that it goes back to.
    version = observed.version_numbered(alias.version)
    is_alike = version is not None and version.code_sha256 == latest.code_sha256
    if version is not None and is_alike and not latest.is_broken and not latest.is_managed:
        return replace(latest, version=version.number, description=version.description)
    return functions.read(target.name, alias.version)
