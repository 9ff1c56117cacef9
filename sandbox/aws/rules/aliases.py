"""Aliases of AWS Lambda, and their provisioned concurrency."""

from functools import partial
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.functions import function_of, stale_revision, target
from sandbox.aws.state import Function, Move
from sandbox.aws.upstream import Answer


async def get_alias(request: Request, name: str) -> dict[str, Any] | None:
    """Return an alias of the function that a request names, as the API shows it, or None if there is none."""
    function, (function_name, _) = function_of(request), target(request)
    path = f"/{function_name}/aliases/{quote(name)}"
    answer = await request.state.upstream.functions(request.scope, "GET", path)
    return _shown(function, answer.json()) if function is not None and answer.ok else None


async def _weights_are_shares(request: Request) -> None:
    weights = (request.operation.parameters.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if all(0 <= weight <= 1 for weight in weights.values()):
        return
    value = ", ".join(f"{version}={weight}" for version, weight in weights.items())
    raise ApiError(
        "ValidationException",
        f"1 validation error detected: Value '{{{value}}}' at 'routingConfig.additionalVersionWeights' failed to "
        "satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
        "Member must have value greater than or equal to 0.0]",
    )


async def _versions_share_role_and_queue(request: Request) -> None:
    parameters, (name, _) = request.operation.parameters, target(request)
    weights = (parameters.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if not weights:
        return
    alias = await get_alias(request, parameters["Name"]) or {}
    primary = parameters.get("FunctionVersion") or alias.get("FunctionVersion")
    shared = list[tuple[str, str]]()
    for version in (primary, *weights):
        path = f"/{name}/configuration?Qualifier={quote(str(version))}"
        config = (await request.state.upstream.functions(request.scope, "GET", path)).json()
        shared.append((config.get("Role", ""), config.get("DeadLetterConfig", {}).get("TargetArn", "")))
    if len({*shared}) > 1:
        text = f"The versions {', '.join(map(str, (primary, *weights)))} differ in execution role or dead-letter queue"
        raise ApiError("InvalidParameterValueException", text)


async def _create_alias(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    if function is not None and answer.status == web.HTTPConflict.status_code:
        name = request.operation.parameters["Name"]
        raise ApiError("ResourceConflictException", f"Alias already exists: {function.arn}:{name}", 409)
    return answer.response()


async def _update_alias(request: Request) -> web.Response:
    function, name = function_of(request), request.operation.parameters["Name"]
    before = await get_alias(request, name)
    provisioned = (await _provisioned_concurrency(request, name)).ok
    answer = await request.forward()
    if answer.status == web.HTTPPreconditionFailed.status_code:
        raise stale_revision()
    if function is None or before is None or not answer.ok or not provisioned:
        return answer.response()
    new, move = answer.json()["FunctionVersion"], function.moves.pop(name, None)
    if new != (old := move.old if move else before["FunctionVersion"]):
        move = function.moves[name] = Move(old=old)
        request.state.later(partial(_end_move, request, function, name, move))
    return answer.response()  # it does not show the weights that Lambda adds


async def _end_move(request: Request, function: Function, alias: str, move: Move) -> None:
    """End a move of provisioned concurrency, unless the alias was moved again since."""
    if function.moves.get(alias) is not move:
        return
    name, _ = target(request)
    move.failure = request.state.planned_move_failures.pop(name, "")
    if not move.failure:
        del function.moves[alias]
    # The weights were part of the alias, so it has another revision now.
    await request.state.upstream.functions(request.scope, "PUT", f"/{name}/aliases/{quote(alias)}")


async def _provisioned_concurrency(request: Request, alias: str) -> Answer:
    path = f"/2019-09-30/functions/{target(request)[0]}/provisioned-concurrency?Qualifier={quote(alias)}"
    return await request.state.upstream.call(request.scope, "lambda", "GET", path, headers={}, body=b"")


async def _shown_as_it_is(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    if function is None or not answer.ok:
        return answer.response()
    value = answer.json()
    if "Aliases" in value:
        return answer.response(value | {"Aliases": [_shown(function, alias) for alias in value["Aliases"]]})
    return answer.response(_shown(function, value))


def _shown(function: Function | None, alias: dict[str, Any]) -> dict[str, Any]:
    """Return an alias as shown; until its new version has its concurrency, all traffic goes to the old one."""
    move = function.moves.get(alias["Name"]) if function is not None else None
    return alias | ({"RoutingConfig": {"AdditionalVersionWeights": {move.old: 1.0}}} if move else {})


async def _get_provisioned_concurrency(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    move = function.moves.get(target(request)[1] or "") if function is not None else None
    if move is None or not answer.ok:
        return answer.response()
    status = {"Status": "FAILED", "StatusReason": move.failure} if move.failure else {"Status": "IN_PROGRESS"}
    none_yet = {"AvailableProvisionedConcurrentExecutions": 0, "AllocatedProvisionedConcurrentExecutions": 0}
    return answer.response(answer.json() | none_yet | status)


async def _has_no_weights(request: Request) -> None:
    alias = await get_alias(request, target(request)[1] or "$LATEST")
    if alias is not None and alias.get("RoutingConfig"):
        text = "Alias with weights can not be used with Provisioned Concurrency"
        raise ApiError("InvalidParameterValueException", text)


_CREATE, _UPDATE, _API = "lambda:CreateAlias", "lambda:UpdateAlias", "AWS Lambda API Reference, "
_CANARY = "AWS Lambda Developer Guide, Implement Lambda canary deployments using a weighted alias"  # without the words
_TRANSITION = "terraform-provider-aws#48116; recorded answer of 2023"  # AWS adds and removes a weight by itself

RULES = (
    Rule((_CREATE, _UPDATE), _weights_are_shares, _API + "AliasRoutingConfiguration, Weight"),
    Rule((_CREATE, _UPDATE), _versions_share_role_and_queue, _CANARY),
    Rule((_CREATE,), _create_alias, "HumanCellAtlas/data-store#929"),
    Rule((_UPDATE,), _update_alias, _TRANSITION),
    Rule(("lambda:GetAlias", "lambda:ListAliases"), _shown_as_it_is, _TRANSITION),
    Rule(
        ("lambda:GetProvisionedConcurrencyConfig",),
        _get_provisioned_concurrency,
        "AWS Lambda Developer Guide, Configuring provisioned concurrency for a function",
    ),
    Rule(("lambda:PutProvisionedConcurrencyConfig",), _has_no_weights, "hashicorp/terraform#24957"),
)
