"""An account's functions, versions and aliases at one moment, as plain data."""

from dataclasses import dataclass
from typing import Any

from sandbox.aws.rules.managed_instances import listed
from sandbox.aws.state import Image, State
from sandbox.aws.upstream import Scope

_Named = dict[str, dict[str, Any]]

_CONFIGURATION = ("Description", "Environment", "ImageConfigResponse", "MemorySize", "Role", "Timeout")
_ALIAS = ("FunctionVersion", "Description", "RoutingConfig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """An account's functions, and by function their versions and aliases.

    Attributes:
        functions: ResolvedImageUri, CodeSha256, Architectures and configuration of each `$LATEST`.
        versions: The same of each published version.
        aliases: FunctionVersion, Description and RoutingConfig of each alias.
    """

    functions: _Named
    versions: dict[str, _Named]
    aliases: dict[str, _Named]


async def take_snapshot(state: State, scope: Scope) -> Snapshot:
    """Return the account's functions in the Region; new code shows when its update has ended."""
    functions: _Named = {}
    versions: dict[str, _Named] = {}
    aliases: dict[str, _Named] = {}
    for (owner, name), function in sorted(state.functions.items(), key=lambda item: item[0][1]):
        if owner != scope:
            continue
        found = (await state.upstream.functions(scope, "GET", f"/{name}/versions?MaxItems=10000")).json()["Versions"]
        shown = {
            config["Version"]: _code(function.versions[config["Version"]].image, config)
            for config in listed(function, found)
        }
        functions[name] = shown.pop("$LATEST")
        versions[name] = shown
        found = (await state.upstream.functions(scope, "GET", f"/{name}/aliases?MaxItems=10000")).json()["Aliases"]
        aliases[name] = {alias["Name"]: {key: alias[key] for key in _ALIAS if key in alias} for alias in found}
    return Snapshot(functions=functions, versions=versions, aliases=aliases)


def _code(image: Image | None, config: dict[str, Any]) -> dict[str, Any]:
    shown = {key: config[key] for key in _CONFIGURATION if key in config}
    if image is not None:
        shown |= {
            "ResolvedImageUri": image.resolved_uri,
            "CodeSha256": image.code_sha256,
            "Architectures": image.architectures,
        }
    return shown
