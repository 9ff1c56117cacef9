"""Pure: the least policies for the inputs of a run."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ecr_lambda_deploy.model.functions import is_number, name_of
from ecr_lambda_deploy.model.images import registry_owner
from ecr_lambda_deploy.model.run import is_commit
from ecr_lambda_deploy.model.targets import (
    Build,
    EarlierRelease,
    ExistingImage,
    FunctionTarget,
    ImageTarget,
    Mode,
    ServedImage,
)
from ecr_lambda_deploy.permissions.policies import LARGEST, Grant, Names, Policy, grants, policy_of, size
from ecr_lambda_deploy.permissions.table import Feature

_FIRST_WORD = re.compile(r"[^-_./]+[-_./]")
_SHORTEST_COMMIT = 7  # digits
_SHORTENING: tuple[Callable[[str], str], ...] = (
    lambda name: name,
    lambda name: f"{found[0]}*" if (found := _FIRST_WORD.match(name)) else name,
    lambda _: "*",
)
"""How names are shortened until a policy is small enough: not, to their first word, or to nothing."""


def policy(
    mode: Mode,
    images: Sequence[ImageTarget],
    *,
    region: str,
    account: str,
    partition: str = "aws",
    has_optional: bool = True,
) -> Policy:
    """Return the least policy of the role with which a run deploys.

    Where an image has no `repository`, its functions' is not known here, and taken to have the name of the first. If
    the policy is larger than IAM takes, functions and repositories are named by how their names begin; and if that is
    not enough, all are allowed. What is promoted or copied from another account belongs to `source_policy`.

    Args:
        mode: what the run does.
        images: the images and their functions, as the inputs or a manifest name them.
        region: AWS Region of the run.
        account: that functions and repositories are in, 12 digits.
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        has_optional: whether what a run succeeds without is allowed as well.
    """
    names = Names(region=region, account=account, partition=partition)
    return _smallest(
        lambda shorten: (grant for image in images for grant in _grants(mode, image, shorten, names)), has_optional
    )


def needed(mode: Mode, images: Sequence[ImageTarget], names: Names) -> Iterator[Grant]:
    """Yield what a run's role needs, for a policy of several runs: see `policy`.

    Args:
        mode: as for `policy`.
        images: as for `policy`.
        names: Region, account and partition.
    """
    return (grant for image in images for grant in _grants(mode, image, lambda name: name, names))


def source_policy(
    images: Sequence[ImageTarget], *, region: str, account: str, partition: str = "aws", has_optional: bool = True
) -> Policy:
    """Return the least policy of the credentials that read images in other accounts; without any, no statements.

    Args:
        images: as for `policy`.
        region: as for `policy`.
        account: that functions and repositories of the run are in; what is read is not in it.
        partition: as for `policy`.
        has_optional: as for `policy`.
    """
    names = Names(region=region, account=account, partition=partition)
    return _smallest(lambda _: needed_at_sources(images, names), has_optional)


def needed_at_sources(images: Iterable[ImageTarget], names: Names) -> Iterator[Grant]:
    """Yield what the credentials that read images in other accounts need: see `source_policy`."""
    for image in images:
        theirs = _with_source(image, names)
        if theirs.source_account not in {"", names.account}:
            yield from grants((Feature.REGISTRY, *_features_of_source(image)), theirs)


def _smallest(granted: Callable[[Callable[[str], str]], Iterable[Grant]], has_optional: bool) -> Policy:
    """Return the policy with names as long as IAM has room for."""
    made: Policy = {}
    for shorten in _SHORTENING:
        made = policy_of(granted(shorten), has_optional=has_optional)
        if size(made) <= LARGEST:
            break
    return made


def _grants(mode: Mode, image: ImageTarget, shorten: Callable[[str], str], plain: Names) -> Iterator[Grant]:
    functions = [name_of(function.name) for function in image.functions]
    repository = image.repository or (functions[0] if functions else image.name)
    names = replace(
        plain,
        repositories=(shorten(repository),) if repository else (),
        parameters=(shorten(image.parameter.removeprefix("/")),),
    )
    yield from grants(_of_image(mode, image), names)
    sources = _with_source(image, names)
    if mode is not Mode.ROLLBACK and sources.source_account in {"", plain.account}:
        yield from grants(_features_of_source(image), sources)
    for function in image.functions:
        creation = function.creation or {}
        provider = _provider(creation)
        theirs = replace(
            names,
            functions=(shorten(name_of(function.name)),),
            execution_roles=(str(creation.get("Role", "")).partition(":role/")[2] or "*",),
            capacity_providers=(provider,) if provider else (),
        )
        yield from grants(_of_function(mode, image, function), theirs)


def _with_source(image: ImageTarget, names: Names) -> Names:
    """Add the names of what an image is promoted or copied from; the repository of a function is not known."""
    match image.source:
        case ServedImage(function=function):
            if function.startswith("arn:"):
                _, _, _, region, account, *_ = function.split(":")
                names = replace(names, source_region=region, source_account=account)
            return replace(names, source_functions=(name_of(function),), source_repositories=("*",))
        case ExistingImage(uri=uri):
            host, _, path = uri.partition("/")
            if owner := registry_owner(host):
                names = replace(names, source_region=owner.region, source_account=owner.account)
            return replace(names, source_repositories=(path.partition("@")[0].partition(":")[0],))
        case _:
            return names


def _provider(creation: Mapping[str, object]) -> str:
    """Return the name of the capacity provider of a function that is created; empty without one."""
    config = creation.get("CapacityProviderConfig")
    managed = config.get("LambdaManagedInstancesCapacityProviderConfig") if isinstance(config, Mapping) else None
    arn = managed.get("CapacityProviderArn") if isinstance(managed, Mapping) else None
    return str(arn or "").rpartition(":")[2]


def _features_of_source(image: ImageTarget) -> Iterator[Feature]:
    if isinstance(image.source, ServedImage):
        yield Feature.PROMOTED_VERSION if image.source.qualifier else Feature.PROMOTION
    if isinstance(image.source, ServedImage | ExistingImage):
        yield Feature.SOURCE_IMAGE


def _of_image(mode: Mode, image: ImageTarget) -> Iterator[Feature]:
    """Yield what a run needs for an image itself, in its own repository."""
    is_made = mode in {Mode.BUILD, Mode.DEPLOY}
    is_deployed = mode is Mode.DEPLOY and bool(image.functions)
    has_parameter = mode is not Mode.BUILD and bool(image.functions and image.parameter)
    yield from _those(
        {
            (Feature.REGISTRY, Feature.IMAGE, Feature.EXISTING_IMAGE): mode is not Mode.ROLLBACK,
            (Feature.PUSH, Feature.TAG, Feature.USED_REPOSITORY): is_made,
            (Feature.CACHE,): is_made and isinstance(image.source, Build),
            (Feature.CREATED_REPOSITORY,): is_made and image.create_repository,
            (Feature.CHANGED_REPOSITORY,): is_deployed,
            (Feature.PARAMETER,): has_parameter and mode is not Mode.ROLLBACK,
            (Feature.PARAMETER_OF_ROLLBACK,): has_parameter and mode is Mode.ROLLBACK,
            (Feature.WRITTEN_PARAMETER,): has_parameter and mode is not Mode.PLAN,
        }
    )


def _of_function(mode: Mode, image: ImageTarget, function: FunctionTarget) -> Iterator[Feature]:
    """Yield what a run needs for one of an image's functions."""
    is_read, is_deployed, is_rolled_back = mode is not Mode.BUILD, mode is Mode.DEPLOY, mode is Mode.ROLLBACK
    is_changed, has_alias = is_deployed or is_rolled_back, bool(function.alias)
    is_created, creation = is_deployed and function.creation is not None, function.creation or {}
    to = image.source.to if isinstance(image.source, EarlierRelease) else "previous"
    is_version = to == "previous" or (is_number(to) and len(to) < _SHORTEST_COMMIT)
    is_to_commit = is_rolled_back and not is_version and not to.startswith("sha256:")
    yield from _those(
        {
            (Feature.PLATFORM,): not is_read and image.platform is None,
            (Feature.FUNCTION, Feature.VERSIONS): is_read,
            (Feature.URL,): is_read and not has_alias,
            (Feature.ALIAS, Feature.ALIAS_URL): is_read and has_alias,
            (Feature.CODE,): is_changed,
            (Feature.PUBLISH, Feature.ON_MANAGED_INSTANCES): is_changed and function.publish,
            (Feature.SMOKE_TEST,): is_changed and function.smoke_test is not None,
            (Feature.MOVED_ALIAS,): is_changed and has_alias,
            (Feature.NEW_ALIAS, Feature.FIRST_RELEASE_BY_ALIAS): is_deployed and has_alias,
            (Feature.ALARMS,): is_deployed and bool(function.alarms),
            (Feature.ERROR_RATES,): is_deployed and function.max_error_rate is not None,
            (Feature.CREATED_FUNCTION,): is_created,
            (Feature.FUNCTION_TAGS,): is_created and bool(creation.get("Tags")),
            (Feature.MANAGED_INSTANCES,): is_created and bool(_provider(creation)),
            (Feature.ROLLBACK,): is_rolled_back,
            (Feature.ROLLBACK_TO_IMAGE,): is_rolled_back and not is_version,
            (Feature.COMMIT,): is_to_commit,
            (Feature.SHORT_COMMIT,): is_to_commit and not is_commit(to),
        }
    )


def _those(wanted: Mapping[tuple[Feature, ...], bool]) -> Iterator[Feature]:
    for features, is_wanted in wanted.items():
        if is_wanted:
            yield from features
