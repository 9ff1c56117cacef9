"""Functions on Lambda Managed Instances, their version `$LATEST.PUBLISHED`, and functions that isolate tenants.

ministack has no such version, so a published one that it has stands for it, under its number: `latest_published`.
"""

from collections.abc import Mapping
from typing import Any

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.functions import CREATING, function_of, shown, target
from sandbox.aws.state import Function, Version
from sandbox.aws.upstream import Answer

LATEST_PUBLISHED = "$LATEST.PUBLISHED"
PER_TENANT = "PER_TENANT"


def capacity_provider(parameters: Mapping[str, Any]) -> str:
    """Return the ARN of the capacity provider that a creation names; empty for a function that has none."""
    config = parameters.get("CapacityProviderConfig") or {}
    return str((config.get("LambdaManagedInstancesCapacityProviderConfig") or {}).get("CapacityProviderArn", ""))


def publish_latest(request: Request, function: Function, config: Mapping[str, Any]) -> dict[str, Any]:
    """Have `$LATEST.PUBLISHED` be what ministack has just published, and return it as it is shown."""
    number = str(config["Version"])
    if number not in function.versions:
        function.unlisted.add(number)
    function.latest_published = number
    version = Version(image=function.latest.image, state="Pending", state_reason=CREATING)
    function.versions[LATEST_PUBLISHED] = version
    request.state.later(version.activate)
    return shown(request, _as_latest_published(function, config))


def listed(function: Function, configs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the versions of a function as they are listed: `$LATEST.PUBLISHED`, and not the number behind it."""
    behind = [config for config in configs if config["Version"] == function.latest_published]
    return [
        *(config for config in configs if config["Version"] not in function.unlisted),
        *(_as_latest_published(function, config) for config in behind),
    ]


async def read(request: Request) -> tuple[Answer, Any]:
    """Return what ministack answers to a read of functions or versions, and the value in it with that version."""
    function = function_of(request) if "FunctionName" in request.operation.parameters else None
    if function is None or not function.latest_published:
        answer = await request.forward()
        return answer, answer.json()
    name, qualifier = target(request)
    if qualifier != LATEST_PUBLISHED:
        answer = await request.forward()
        value = answer.json()
        return answer, value | {"Versions": listed(function, value["Versions"])} if "Versions" in value else value
    path = f"/{name}/configuration" if request.operation.action == "GetFunctionConfiguration" else f"/{name}"
    path += f"?Qualifier={function.latest_published}"
    answer = await request.state.upstream.functions(request.scope, "GET", path)
    value = answer.json()
    if "Configuration" in value:
        return answer, value | {"Configuration": _as_latest_published(function, value["Configuration"])}
    return answer, _as_latest_published(function, value)


def _as_latest_published(function: Function, config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config, "Version": LATEST_PUBLISHED, "FunctionArn": f"{function.arn}:{LATEST_PUBLISHED}"}


async def _publish_to(request: Request) -> None:
    function = function_of(request)
    if function is None:
        return
    to = request.operation.parameters.get("PublishTo")
    if to and not function.capacity_provider:
        text = f"PublishTo is not supported for functions without a capacity provider: {function.arn}"
        raise ApiError("InvalidParameterValueException", text)
    if not function.capacity_provider or (to and function.latest_published):
        return
    provider, most = function.capacity_provider, request.state.most_versions
    others = [other for other in request.state.functions.values() if other.capacity_provider == provider]
    if sum(len(other.versions) - 1 for other in others) >= most:  # `$LATEST` does not count
        raise ApiError(
            "FunctionVersionsPerCapacityProviderLimitExceededException",
            f"The maximum number of function versions ({most}) of the capacity provider {provider} has been exceeded.",
        )


async def _needs_published_version(request: Request) -> None:
    function, (_, qualifier) = function_of(request), target(request)
    if function is None or not function.capacity_provider or qualifier not in {None, LATEST_PUBLISHED}:
        return
    if not function.latest_published:
        raise ApiError("NoPublishedVersionException", "The function has no published versions available.")


async def _needs_tenant(request: Request) -> None:
    function = function_of(request)
    if function is not None and function.isolates_tenants and not request.operation.parameters.get("TenantId"):
        text = "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request."
        raise ApiError("InvalidParameterValueException", text)


_GUIDE, _API = "AWS Lambda Developer Guide, ", "AWS Lambda API Reference, "
_VERSIONS = _GUIDE + "$LATEST.PUBLISHED version in Lambda Managed Instances"

RULES = (
    Rule(
        ("lambda:PublishVersion",),
        _publish_to,
        _VERSIONS + "; " + _API + "PublishVersion, FunctionVersionsPerCapacityProviderLimitExceededException",
    ),
    Rule(("lambda:Invoke",), _needs_published_version, _API + "Invoke, NoPublishedVersionException"),
    Rule(("lambda:Invoke",), _needs_tenant, _GUIDE + "Invoking Lambda functions with tenant isolation"),
)
