"""A build as `buildx bake` wants it told: arguments, definition, and what may only travel in its environment."""

from collections.abc import Mapping
from typing import Any

from ecr_lambda_deploy.image_model import BuildOrder, CacheEntries
from ecr_lambda_deploy.wanted import Build

TARGET = "image"
_SECRET_VARIABLE = "BUILD_SECRET_{}"  # noqa: S105 # a variable's name


def bake_arguments(build: Build) -> list[str]:
    """Return the arguments of buildx; the definition is read from its standard input."""
    wanted = {"ssh"} & build.properties.keys() | set(build.properties.get("entitlements", ()))
    if build.properties.get("network") == "host":
        wanted.add("network.host")
    # Who writes the workflow has decided: bake would ask whether the definition may have these.
    allowed = [f"--allow={entitlement}" for entitlement in sorted(wanted)]
    return ["bake", "--file=-", "--progress=plain", *allowed, TARGET]


def bake_secrets(build: Build) -> dict[str, str]:
    """Return the environment variables in which buildx finds the secrets: there is no other trace of them."""
    return {_SECRET_VARIABLE.format(number): value for number, value in enumerate(build.secrets.values())}


def bake_definition(order: BuildOrder, cache: CacheEntries) -> Mapping[str, Any]:
    """Return the definition that bake reads: one target, pushed under one tag.

    Attestations are disabled unless they are asked for: with them, BuildKit's default, the tag names an index, which
    Lambda refuses [buildx#1533].
    """
    build = order.build
    target: dict[str, Any] = {
        # Bake takes a Dockerfile's path as relative to the context: both are absolute here.
        "context": str(build.context),
        "dockerfile": str(build.dockerfile),
        "args": dict(build.build_args),
        "labels": dict(order.labels),
        "platforms": [order.platform],
        "tags": [f"{order.repository_uri}:{order.tag}"],
        # A base image's layers may be uncompressed or zstd, which Lambda does not read.
        "output": ["type=image,push=true,compression=gzip,force-compression=true"],
        "attest": [_attestation("provenance", build.provenance), _attestation("sbom", build.sbom)],
        "pull": build.pull,
        "no-cache": build.no_cache,
        **build.properties,
    }
    optional: dict[str, Any] = {
        "target": build.target,
        "contexts": dict(build.build_contexts),
        "secret": [f"type=env,id={id_},env={_SECRET_VARIABLE.format(n)}" for n, id_ in enumerate(build.secrets)],
        "cache-from": list(cache.imports),
        "cache-to": list(cache.exports),
    }
    target |= {name: value for name, value in optional.items() if value}
    escaped: Mapping[str, Any] = _escape({"target": {TARGET: target}})
    return escaped


def _attestation(kind: str, wanted: str) -> str:
    """Return bake's entry for what buildx takes as `--provenance` and `--sbom` [buildx reference]."""
    match wanted:
        case "false":
            return f"type={kind},disabled=true"
        case "true":
            return f"type={kind}"
        case attributes:
            return f"type={kind},{attributes}"


def _escape(value: Any) -> Any:  # noqa: ANN401 # JSON
    """Keep bake from evaluating what is in strings as its own language [HCL native syntax, templates]."""
    match value:
        case str():
            return value.replace("${", "$${").replace("%{", "%%{")
        case dict():
            return {_escape(name): _escape(item) for name, item in value.items()}
        case list():
            return [_escape(item) for item in value]
        case _:
            return value
