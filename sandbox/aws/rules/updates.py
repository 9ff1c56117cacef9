"""Creations, updates and new versions in AWS Lambda: they take time, and may fail after they were accepted."""

from functools import partial

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.function_images import resolve_image, unsupported_layer
from sandbox.aws.rules.functions import CREATING, function_arn, function_of, shown, shown_image, target
from sandbox.aws.rules.managed_instances import PER_TENANT, capacity_provider, publish_latest, read
from sandbox.aws.rules.refusals import revision_matches
from sandbox.aws.state import Function, Image, Version
from sandbox.aws.upstream import Answer


async def _create_function(request: Request) -> web.Response:
    parameters = request.operation.parameters
    code, image = dict(parameters.get("Code", {})), None
    if parameters.get("PackageType", "Zip") != "Image" and "Runtime" not in parameters:
        raise ApiError(
            "InvalidParameterValueException",
            "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
        )
    if "ImageUri" in code:
        image = await _image(request, code["ImageUri"])
        code["ImageUri"] = image.resolved_uri
    # The rules keep the architecture: ministack would not start an image of another architecture than the machine's.
    sent = {name: value for name, value in parameters.items() if name not in {"Architectures", "Publish"}}
    answer = await request.state.upstream.functions(request.scope, "POST", "", **sent | {"Code": code})
    if not answer.ok:
        return answer.response()
    config = answer.json()
    name = config["FunctionName"]
    function = Function(
        arn=function_arn(request.scope, name),
        versions={"$LATEST": _pending(image)},
        capacity_provider=capacity_provider(parameters),
        isolates_tenants=(parameters.get("TenancyConfig") or {}).get("TenantIsolationMode") == PER_TENANT,
    )
    request.state.functions[request.scope, name] = function
    if parameters.get("Publish"):
        config["Version"] = await _publish(request, name, function, image)
    request.state.later(partial(_created, request, name, function))
    return answer.response(shown(request, config))


async def _image(request: Request, uri: str) -> Image:
    architectures = request.operation.parameters.get("Architectures")
    return await resolve_image(request.state, request.scope, uri, architectures, request.caller)


async def _created(request: Request, name: str, function: Function) -> None:
    latest, failure = function.latest, await _failure(request, name, function.latest.image)
    latest.state, latest.state_reason = ("Failed", failure) if failure else (function.settled_state, None)
    function.has_failed_creation = failure is not None
    latest.touch()


async def _update_function_code(request: Request) -> web.Response | None:
    function, parameters = function_of(request), request.operation.parameters
    if function is None or "ImageUri" not in parameters:
        return None
    image = await _image(request, parameters["ImageUri"])
    name, _ = target(request)
    answer = await request.state.upstream.functions(request.scope, "GET", f"/{name}/configuration")
    if function.latest.update == "InProgress":  # another update has started since
        text = "The function could not be updated due to a concurrent update operation. Please try again later."
        raise ApiError("ResourceConflictException", text, 409)
    await revision_matches(request)
    if parameters.get("DryRun"):
        return answer.response(shown(request, answer.json()) | {"CodeSha256": image.code_sha256})
    function.pending = image
    function.latest.update, function.latest.update_reason = "InProgress", CREATING
    function.latest.touch()
    config = answer.json()
    if parameters.get("Publish"):
        # The version exists at once, so ministack needs its image now; $LATEST then runs it too early.
        await _hand_image_over(request, name, function, image)
        config["Version"] = await _publish(request, name, function, image)
    request.state.later(partial(_updated, request, name, function))
    return answer.response(shown(request, config))


async def _updated(request: Request, name: str, function: Function) -> None:
    latest, image = function.latest, function.pending
    failure = await _failure(request, name, image)
    if image is not None and failure is None:
        answer = await _hand_image_over(request, name, function, image)
        failure = None if answer.ok else ("InternalError", answer.body.decode())
    if failure is None:
        latest.state, latest.state_reason = function.settled_state, None
    function.pending = None  # after a failure the old image is shown again; it served all the time
    latest.update, latest.update_reason = ("Failed", failure) if failure else ("Successful", None)
    latest.touch()


async def _hand_image_over(request: Request, name: str, function: Function, image: Image) -> Answer:
    """Give ministack the new image; until then invocations run the old one."""
    answer = await request.state.upstream.functions(request.scope, "PUT", f"/{name}/code", ImageUri=image.resolved_uri)
    if answer.ok:
        function.latest.image, function.pending = image, None
    return answer


async def _publish(request: Request, name: str, function: Function, image: Image | None) -> str:
    """Publish within another operation, and return the version."""
    answer = await request.state.upstream.functions(request.scope, "POST", f"/{name}/versions")
    number = str(answer.json()["Version"])
    version = function.versions[number] = _pending(image)
    request.state.later(version.activate)
    return number


def _pending(image: Image | None) -> Version:
    return Version(image=image, state="Pending", state_reason=CREATING)


async def _update_function_configuration(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    if function is None or not answer.ok:
        return answer.response()
    function.latest.update, function.latest.update_reason = "InProgress", CREATING
    function.latest.touch()
    request.state.later(partial(_updated, request, target(request)[0], function))
    return answer.response(shown(request, answer.json()))


async def _publish_version(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    if function is None or not answer.ok:
        return answer.response()
    config = answer.json()
    if request.operation.parameters.get("PublishTo"):
        return answer.response(publish_latest(request, function, config))
    function.unlisted.discard(config["Version"])
    if config["Version"] not in function.versions:
        version = function.versions[config["Version"]] = Version(image=function.latest.image)
        has_snapshot = config.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
        if has_snapshot or function.capacity_provider:
            version.state, version.state_reason = "Pending", CREATING
            request.state.later(version.activate)
        function.latest.touch()
    return answer.response(shown(request, config))


async def _delete_function(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    name, qualifier = target(request)
    if function is not None and answer.ok:
        if qualifier:
            function.versions.pop(qualifier, None)
        else:
            del request.state.functions[request.scope, name]
    return answer.response()


async def _shown_as_it_is(request: Request) -> web.Response:
    answer, value = await read(request)
    if not answer.ok:
        return answer.response()
    if "Configuration" in value:
        config = value["Configuration"] = shown(request, value["Configuration"])
        function = function_of(request)
        version = function.versions.get(config["Version"]) if function else None
        image = shown_image(function, version) if function and version else None
        if image is not None:
            value["Code"] |= {"ImageUri": image.uri, "ResolvedImageUri": image.resolved_uri}
        return answer.response(value)
    for member in ("Functions", "Versions"):
        if member in value:
            return answer.response(value | {member: [shown(request, config) for config in value[member]]})
    return answer.response(shown(request, value))


async def _failure(request: Request, name: str, image: Image | None) -> tuple[str, str] | None:
    """Return the reason, as code and text, for which the update or creation fails."""
    if planned := request.state.planned_failures.pop(name, None):
        return planned
    layer = await unsupported_layer(request.state, request.scope, image) if image else None
    if layer is None:
        return None
    return "InvalidImage", f"ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest {layer}"


_STATES, _API = "AWS Lambda Developer Guide, Lambda function states", "AWS Lambda API Reference, "
_READS = ("GetFunction", "GetFunctionConfiguration", "ListFunctions", "ListVersionsByFunction")

RULES = (
    Rule(("lambda:CreateFunction",), _create_function, _STATES),
    Rule(("lambda:UpdateFunctionCode",), _update_function_code, _STATES + "; aws-sdk#377 on RevisionId"),
    Rule(("lambda:UpdateFunctionConfiguration",), _update_function_configuration, _STATES),
    Rule(("lambda:PublishVersion",), _publish_version, _API + "PublishVersion; moto#8379"),
    Rule(("lambda:DeleteFunction",), _delete_function, _API + "DeleteFunction"),
    Rule(tuple(f"lambda:{action}" for action in _READS), _shown_as_it_is, _API + "FunctionConfiguration"),
)
