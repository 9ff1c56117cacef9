"""AWS Lambda's rules on image functions."""

import random
from functools import partial
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.strict.errors import ApiError
from sandbox.strict.images import resolve_image, unsupported_layer
from sandbox.strict.state import Function, Image, Request, Rule, Version
from sandbox.strict.upstream import Answer, Scope

_LONGEST_DESCRIPTION = 256


# --- what is refused -------------------------------------------------------------------------------------------------


async def _description_is_short(request: Request) -> None:
    description = request.operation.parameters.get("Description", "")
    if len(description) > _LONGEST_DESCRIPTION:
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{description}' at 'description' failed to satisfy constraint: Member "
            f"must have length less than or equal to {_LONGEST_DESCRIPTION}",
        )


async def _package_type_stays(request: Request) -> None:
    function, has_image = _function(request), "ImageUri" in request.operation.parameters
    if function is None or (function.latest.image is not None) == has_image:
        return
    if has_image:
        text = "Please don't provide ImageUri when updating a function with packageType Zip."
    else:
        text = "Please provide ImageUri when updating a function with packageType Image."
    raise ApiError("InvalidParameterValueException", text)


async def _nothing_in_progress(request: Request) -> None:
    function = _function(request)
    if function is None:
        return
    if function.latest.state == "Pending":
        raise _not_active("Pending")
    if function.latest.update == "InProgress":
        raise ApiError(
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: " + function.arn,
            409,
        )


async def _revision_matches(request: Request) -> None:
    function, wanted = _function(request), request.operation.parameters.get("RevisionId")
    if function is not None and wanted not in {None, function.latest.revision_id}:
        raise ApiError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId for the Lambda function or alias. Call the "
            "GetFunction or the GetAlias API to retrieve the latest RevisionId for your resource.",
            412,
        )


async def _code_is_the_expected(request: Request) -> None:
    function, wanted = _function(request), request.operation.parameters.get("CodeSha256")
    if function is None or function.latest.image is None or wanted is None:
        return
    current = function.latest.image.code_sha256
    if wanted != current:
        raise ApiError(
            "InvalidParameterValueException",
            f"CodeSHA-256 ({wanted}) is different from current CodeSHA-256 in $LATEST ({current}). Please try again "
            "with the CodeSHA-256 in $LATEST.",
        )


async def _alias_points_to_versions(request: Request) -> None:
    function, parameters = _function(request), request.operation.parameters
    if function is None:
        return
    routed = (parameters.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    for version in [parameters.get("FunctionVersion", "$LATEST"), *routed]:
        if version not in function.versions:
            raise ApiError("ResourceNotFoundException", f"Function not found: {function.arn}:{version}", 404)
    if routed and "$LATEST" in {*routed, parameters.get("FunctionVersion")}:
        raise ApiError(
            "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version"
        )


# --- what is answered ------------------------------------------------------------------------------------------------


async def _create_function(request: Request) -> web.Response:
    parameters = request.operation.parameters
    code, image = dict(parameters.get("Code", {})), None
    if parameters.get("PackageType", "Zip") != "Image" and "Runtime" not in parameters:
        raise ApiError(
            "InvalidParameterValueException",
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        )
    if "ImageUri" in code:
        architectures = parameters.get("Architectures", ["x86_64"])
        image = await resolve_image(request.state, request.scope, code["ImageUri"], architectures)
        code["ImageUri"] = image.resolved_uri
    sent = {name: value for name, value in parameters.items() if name != "Architectures"} | {"Code": code}
    answer = await request.state.upstream.functions(request.scope, "POST", "", **sent)
    if not answer.ok:
        return answer.response()
    config = answer.json()
    name = config["FunctionName"]
    function = Function(arn=_arn(request.scope, name), versions={"$LATEST": Version(image=image)})
    if config["Version"] != "$LATEST":
        function.versions[config["Version"]] = Version(image=image)
    request.state.functions[request.scope, name] = function
    request.state.later(partial(_created, request, name, function))
    return answer.response(_shown(request, config))


async def _created(request: Request, name: str, function: Function) -> None:
    failure = await _failure(request, name, function.latest.image)
    for version in function.versions.values():
        version.state, version.state_reason = ("Failed", failure) if failure else ("Active", None)
    function.latest.touch()


async def _update_function_code(request: Request) -> web.Response | None:
    function, parameters = _function(request), request.operation.parameters
    if function is None or "ImageUri" not in parameters:
        return None
    architectures = parameters.get("Architectures", ["x86_64"])
    image = await resolve_image(request.state, request.scope, parameters["ImageUri"], architectures)
    name, _ = _target(request)
    answer = await request.state.upstream.functions(request.scope, "GET", f"/{name}/configuration")
    if parameters.get("DryRun"):
        return answer.response(_shown(request, answer.json()) | {"CodeSha256": image.code_sha256})
    function.pending = image
    function.latest.update, function.latest.update_reason = "InProgress", None
    function.latest.touch()
    if parameters.get("Publish"):
        # The version is there at once and brings the image with it, while the update goes on.
        answer = await _bring(request, name, function, publish=True)
        version = answer.json()["Version"]
        function.versions[version] = Version(image=image)
        request.state.later(partial(_activated, function.versions[version]))
    request.state.later(partial(_updated, request, name, function))
    return answer.response(_shown(request, answer.json()))


async def _updated(request: Request, name: str, function: Function) -> None:
    latest, failure = function.latest, await _failure(request, name, function.pending)
    if failure is None and function.pending is not None:
        answer = await _bring(request, name, function)
        failure = None if answer.ok else ("InternalError", answer.body.decode())
    if failure is None:
        latest.state, latest.state_reason = "Active", None
    function.pending = None
    latest.update, latest.update_reason = ("Failed", failure) if failure else ("Successful", None)
    latest.touch()


async def _bring(request: Request, name: str, function: Function, *, publish: bool = False) -> Answer:
    """Give ministack the pending image: until then invocations run the old one."""
    image = function.pending
    assert image is not None  # noqa: S101 -- callers looked
    answer = await request.state.upstream.functions(
        request.scope, "PUT", f"/{name}/code", ImageUri=image.resolved_uri, Publish=publish
    )
    if answer.ok:
        function.latest.image = image
        function.pending = None
    return answer


async def _update_function_configuration(request: Request) -> web.Response:
    answer, function = await request.forward(), _function(request)
    if function is None or not answer.ok:
        return answer.response()
    function.latest.update, function.latest.update_reason = "InProgress", None
    function.latest.touch()
    request.state.later(partial(_updated, request, _target(request)[0], function))
    return answer.response(_shown(request, answer.json()))


async def _publish_version(request: Request) -> web.Response:
    answer, function = await request.forward(), _function(request)
    if function is None or not answer.ok:
        return answer.response()
    config = answer.json()
    if config["Version"] not in function.versions:
        version = function.versions[config["Version"]] = Version(image=function.latest.image)
        request.state.later(partial(_activated, version))
    return answer.response(_shown(request, config))


async def _activated(version: Version) -> None:
    version.state = "Active"


async def _delete_function(request: Request) -> web.Response:
    answer, function = await request.forward(), _function(request)
    name, qualifier = _target(request)
    if function is not None and answer.ok:
        if qualifier:
            function.versions.pop(qualifier, None)
        else:
            del request.state.functions[request.scope, name]
    return answer.response()


async def _shown_as_it_is(request: Request) -> web.Response:
    answer = await request.forward()
    if not answer.ok:
        return answer.response()
    value = answer.json()
    if "Configuration" in value:
        config = value["Configuration"] = _shown(request, value["Configuration"])
        function = _function(request)
        version = function.versions.get(config["Version"]) if function else None
        image = _image(function, version) if function and version else None
        if image is not None:
            value["Code"] |= {"ImageUri": image.uri, "ResolvedImageUri": image.resolved_uri}
        return answer.response(value)
    for listed in ("Functions", "Versions"):
        if listed in value:
            return answer.response(value | {listed: [_shown(request, config) for config in value[listed]]})
    return answer.response(_shown(request, value))


async def _invoke(request: Request) -> web.Response | None:
    function = _function(request)
    name, qualifier = _target(request)
    if function is None:
        return None
    version = qualifier or "$LATEST"
    if version not in function.versions:
        alias = await request.state.upstream.functions(request.scope, "GET", f"/{name}/aliases/{quote(version)}")
        if not alias.ok:
            return None
        version = _routed(alias.json())
    if version in function.versions and function.versions[version].state != "Active":
        raise _not_active(function.versions[version].state)
    path = f"/2015-03-31/functions/{name}/invocations?Qualifier={quote(version)}"
    headers = {key: value for key, value in request.http.headers.items() if key.lower().startswith("x-amz-")}
    answer = await request.state.upstream.call(
        request.scope, "lambda", "POST", path, headers=headers, body=request.body
    )
    return answer.response()


def _routed(alias: dict[str, Any]) -> str:
    drawn = random.random()  # noqa: S311 -- traffic, not secrets
    for version, weight in alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}).items():
        drawn -= weight
        if drawn < 0:
            return str(version)
    return str(alias["FunctionVersion"])


# --- what they share -------------------------------------------------------------------------------------------------


def _target(request: Request) -> tuple[str, str | None]:
    """Return the function's name and the qualifier; the API takes a name, an ARN or a part of one."""
    parts = request.operation.parameters["FunctionName"].split(":")
    rest = parts[parts.index("function") + 1 :] if "function" in parts else parts
    qualifier = request.operation.parameters.get("Qualifier") or (rest[1] if len(rest) > 1 else None)
    return rest[0], qualifier


def _function(request: Request) -> Function | None:
    return request.state.functions.get((request.scope, _target(request)[0]))


def _arn(scope: Scope, name: str) -> str:
    return f"arn:aws:lambda:{scope.region}:{scope.account}:function:{name}"


def _not_active(state: str) -> ApiError:
    text = f"The operation cannot be performed at this time. The function is currently in the following state: {state}"
    return ApiError("ResourceConflictException", text, 409)


async def _failure(request: Request, name: str, image: Image | None) -> tuple[str, str] | None:
    """Return the reason, as code and text, for which the update or creation fails."""
    if planned := request.state.planned_failures.pop(name, None):
        return planned
    layer = await unsupported_layer(request.state, request.scope, image) if image else None
    if layer is None:
        return None
    return "InvalidImage", f"ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest {layer}"


def _image(function: Function, version: Version) -> Image | None:
    return (function.pending or version.image) if version is function.latest else version.image


def _shown(request: Request, config: dict[str, Any]) -> dict[str, Any]:
    """Lay the layer's truth over ministack's configuration of one version."""
    function = request.state.functions.get((request.scope, config.get("FunctionName", "")))
    version = function.versions.get(config["Version"]) if function else None
    if function is None or version is None:
        return config
    hidden = {"ImageUri", "StateReason", "StateReasonCode", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"}
    shown = {key: value for key, value in config.items() if key not in hidden}
    shown |= {"State": version.state, "LastUpdateStatus": version.update, "RevisionId": version.revision_id}
    for prefix, reason in (("State", version.state_reason), ("LastUpdateStatus", version.update_reason)):
        if reason is not None:
            shown |= {f"{prefix}ReasonCode": reason[0], f"{prefix}Reason": reason[1]}
    if (image := _image(function, version)) is not None:
        shown |= {"CodeSha256": image.code_sha256, "Architectures": image.architectures}
    return shown


_GUIDE, _API = "AWS Lambda Developer Guide, ", "AWS Lambda API Reference, "
_UPDATES = ("lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration")
_ALIASES = ("lambda:CreateAlias", "lambda:UpdateAlias")
_READS = ("GetFunction", "GetFunctionConfiguration", "ListFunctions", "ListVersionsByFunction")

RULES = (
    Rule(("lambda:PublishVersion", *_ALIASES), _description_is_short, _API + "PublishVersion, CreateAlias"),
    Rule(("lambda:UpdateFunctionCode",), _package_type_stays, "appleboy/lambda-action#28, pythonista-chromeless#19"),
    Rule((*_UPDATES, "lambda:PublishVersion"), _nothing_in_progress, "appleboy/lambda-action#46"),
    Rule((*_UPDATES, "lambda:PublishVersion"), _revision_matches, _API + "PreconditionFailedException"),
    Rule(("lambda:PublishVersion",), _code_is_the_expected, _API + "PublishVersion, CodeSha256"),
    Rule(_ALIASES, _alias_points_to_versions, _API + "CreateAlias, AliasRoutingConfiguration"),
    Rule(("lambda:CreateFunction",), _create_function, _GUIDE + "Lambda function states"),
    Rule(("lambda:UpdateFunctionCode",), _update_function_code, _GUIDE + "Lambda function states"),
    Rule(("lambda:UpdateFunctionConfiguration",), _update_function_configuration, _GUIDE + "Lambda function states"),
    Rule(("lambda:PublishVersion",), _publish_version, _API + "PublishVersion; moto#8379"),
    Rule(("lambda:DeleteFunction",), _delete_function, _API + "DeleteFunction"),
    Rule(("lambda:Invoke",), _invoke, _GUIDE + "Lambda function states; Route traffic with aliases"),
    Rule(
        tuple(f"lambda:{action}" for action in _READS),
        _shown_as_it_is,
        _API + "FunctionConfiguration, FunctionCodeLocation",
    ),
)
