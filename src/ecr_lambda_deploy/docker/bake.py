"""Builds as `buildx bake` takes them: arguments, definition, and the secrets in its environment."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import Any

from ecr_lambda_deploy.docker.cache import CacheEntries
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import BuildOrder
from ecr_lambda_deploy.model.targets import ENTITLEMENTS, Build

_MOST_SECRETS = 3 * 2**19  # bytes; arguments and environment of a program have 2 MiB together [execve(2)]
_ONLY_TARGET = "image"
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")  # of targets [bake reference]


def bake_targets(orders: Sequence[BuildOrder]) -> dict[str, BuildOrder]:
    """Return the orders by target. Targets have the images' names as far as bake allows: BuildKit's log shows them."""
    targets: dict[str, BuildOrder] = {}
    for order in orders:
        name = _NOT_IN_NAMES.sub("-", order.name) or _ONLY_TARGET
        names = chain([name], (f"{name}-{number}" for number in count(1)))
        targets[next(free for free in names if free not in targets)] = order
    return targets


def bake_arguments(targets: Mapping[str, BuildOrder]) -> list[str]:
    """Return the arguments of buildx; the definition is read from its standard input."""
    # The workflow asks for these; without the flags, bake would ask whether the definition may have them.
    entitlements = {entitlement for order in targets.values() for entitlement in _entitlements(order.build)}
    return ["bake", "--file=-", "--progress=plain", *(f"--allow={one}" for one in sorted(entitlements)), *targets]


def _entitlements(build: Build) -> set[str]:
    given = {*ENTITLEMENTS}.intersection(build.properties.get("entitlements", ()))
    is_of_host = build.properties.get("network") == "host"
    return given | ({"ssh"} & build.properties.keys()) | ({"network.host"} if is_of_host else set())


def bake_secrets(targets: Mapping[str, BuildOrder]) -> dict[str, str]:
    """Return the environment variables in which buildx finds the secrets: nothing else holds them.

    A secret that several builds share is there once.

    Raises:
        DeployError: they are more than an environment can hold.
    """
    values = dict.fromkeys(value for order in targets.values() for value in order.build.secrets.values())
    variables = {f"BUILD_SECRET_{number}": value for number, value in enumerate(values)}
    size = sum(len(f"{name}={value}\0".encode(errors="replace")) for name, value in variables.items())
    if size > _MOST_SECRETS:
        raise DeployError(
            f"The secrets of {len(targets)} builds have {size:,} bytes, and buildx takes {_MOST_SECRETS:,} at once.",
            "Name fewer of the images by 'only', or have them share secrets: equal values count once.",
            topic="too-many-secrets",
        )
    return variables


def bake_definition(
    targets: Mapping[str, BuildOrder], caches: Sequence[CacheEntries], *, is_pushed: bool = True
) -> Mapping[str, Any]:
    """Return the definition that bake reads: targets, each pushed under one tag.

    Args:
        targets: orders by target.
        caches: cache entries of each order, in the same sequence.
        is_pushed: whether bake is to push; otherwise the engine has the images then, under their tags.

    Raises:
        DeployError: there are too many secrets.
    """
    variables = {value: name for name, value in bake_secrets(targets).items()}
    pairs = zip(targets.items(), caches, strict=True)
    definition = {target: _definition(order, cache, variables, is_pushed=is_pushed) for (target, order), cache in pairs}
    escaped: Mapping[str, Any] = _escape({"target": definition})
    return escaped


def _definition(
    order: BuildOrder, cache: CacheEntries, variables: Mapping[str, str], *, is_pushed: bool
) -> dict[str, Any]:
    """Return the definition of one target.

    Attestations are disabled unless they are asked for: with them, BuildKit's default, the tag names an index, which
    Lambda refuses [buildx#1533].

    Args:
        order: the build.
        cache: its cache entries.
        variables: names of the secrets' variables, by the secret.
        is_pushed: whether bake is to push.
    """
    build = order.build
    target: dict[str, Any] = {
        # Absolute, since bake resolves a Dockerfile's path relative to the context.
        "context": str(build.context),
        "dockerfile": str(build.dockerfile),
        "args": dict(build.build_args),
        "labels": dict(order.labels),
        "platforms": [order.platform],
        "tags": [order.uri],
        # A base image's layers may be uncompressed or zstd, which Lambda does not read.
        "output": [f"type=image,push={'true' if is_pushed else 'false'},compression=gzip,force-compression=true"],
        "attest": [_attestation("provenance", build.provenance), _attestation("sbom", build.sbom)],
        "pull": build.pull,
        "no-cache": build.no_cache,
    }
    optional: dict[str, Any] = {
        "target": build.target,
        "contexts": dict(build.build_contexts),
        "secret": [f"type=env,id={id_},env={variables[value]}" for id_, value in build.secrets.items()],
        "cache-from": list(cache.imports),
        "cache-to": list(cache.exports),
    }
    return {**build.properties, **target, **{key: value for key, value in optional.items() if value}}


def _attestation(kind: str, value: str) -> str:
    """Return bake's entry for a value of `--provenance` or `--sbom` [buildx reference]."""
    match value:
        case "false":
            return f"type={kind},disabled=true"
        case "true":
            return f"type={kind}"
        case attributes:
            return f"type={kind},{attributes}"


def _escape(value: Any) -> Any:  # noqa: ANN401 # JSON
    """Escape what bake would evaluate in strings [HCL native syntax, templates]."""
    match value:
        case str():
            return value.replace("${", "$${").replace("%{", "%%{")
        case dict():
            return {_escape(name): _escape(item) for name, item in value.items()}
        case list():
            return [_escape(item) for item in value]
        case _:
            return value
