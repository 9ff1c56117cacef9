"""The function that a Lambda request names, and how its configuration is shown."""

from typing import Any

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request
from sandbox.aws.state import Function, Image, Version
from sandbox.aws.upstream import Scope

# Members that ministack fills from its own state, and those that AWS does not show for an image function.
_HIDDEN = {"ImageUri", "StateReason", "StateReasonCode", "LastUpdateStatusReason", "LastUpdateStatusReasonCode"}
_HIDDEN_OF_IMAGES = {"Runtime", "Handler", "Layers"}


def target(request: Request) -> tuple[str, str | None]:
    """Return the function's name and the qualifier; the API takes a name, an ARN or a part of one."""
    parts = request.operation.parameters["FunctionName"].split(":")
    rest = parts[parts.index("function") + 1 :] if "function" in parts else parts
    qualifier = request.operation.parameters.get("Qualifier") or (rest[1] if len(rest) > 1 else None)
    return rest[0], qualifier


def function_of(request: Request) -> Function | None:
    """Return the function that a request names, or None if there is none."""
    return request.state.functions.get((request.scope, target(request)[0]))


def function_arn(scope: Scope, name: str) -> str:
    """Return the unqualified ARN of a function."""
    return f"arn:aws:lambda:{scope.region}:{scope.account}:function:{name}"


CREATING = ("Creating", "The function is being created.")
"""The reason of a creation, and of an update too, while it is in progress (recorded answers)."""


def stale_revision() -> ApiError:
    """Return the error for a RevisionId that is not the latest (recorded answer)."""
    text = (
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve "
        "the latest Revision Id"
    )
    return ApiError("PreconditionFailedException", text, 412)


def not_active(state: str) -> ApiError:
    """Return the error for a function or version whose state does not allow the request."""
    text = f"The operation cannot be performed at this time. The function is currently in the following state: {state}"
    return ApiError("ResourceConflictException", text, 409)


def shown_image(function: Function, version: Version) -> Image | None:
    """Return the image that the API shows for a version: for `$LATEST`, the one of an update in progress."""
    return (function.pending or version.image) if version is function.latest else version.image


def shown(request: Request, config: dict[str, Any]) -> dict[str, Any]:
    """Return ministack's configuration of one version, overlaid with the rules' state, revision and image."""
    function = request.state.functions.get((request.scope, config.get("FunctionName", "")))
    version = function.versions.get(config["Version"]) if function else None
    if function is None or version is None:
        return config
    hidden = _HIDDEN if version.image is None else _HIDDEN | _HIDDEN_OF_IMAGES
    value = {key: value for key, value in config.items() if key not in hidden}
    value |= {"State": version.state, "LastUpdateStatus": version.update, "RevisionId": version.revision_id}
    for prefix, reason in (("State", version.state_reason), ("LastUpdateStatus", version.update_reason)):
        if reason is not None:
            value |= {f"{prefix}ReasonCode": reason[0], f"{prefix}Reason": reason[1]}
    if (image := shown_image(function, version)) is not None:
        value |= {"CodeSha256": image.code_sha256, "Architectures": image.architectures}
    return value
