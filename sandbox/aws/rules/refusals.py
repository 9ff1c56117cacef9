"""Requests that AWS Lambda refuses at once."""

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.functions import function_of, not_active, stale_revision

_LONGEST_DESCRIPTION = 256

REFUSALS_OF_NEW_ROLES = (
    "The role defined for the function cannot be assumed by Lambda.",
    "The provided execution role does not have permissions to call CreateNetworkInterface on EC2",
    (
        "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
        "CreateGrant. Please check your KMS key settings. KMS Exception: InvalidArnException KMS Message: ARN does not "
        "refer to a valid principal"
    ),
)
"""What CreateFunction answers while a role, or its policy, has not reached all of AWS yet."""


async def _description_is_short(request: Request) -> None:
    description = request.operation.parameters.get("Description", "")
    if len(description) > _LONGEST_DESCRIPTION:
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value '{description}' at 'description' failed to satisfy constraint: Member "
            f"must have length less than or equal to {_LONGEST_DESCRIPTION}",
        )


async def _package_type_stays(request: Request) -> None:
    function, has_image = function_of(request), "ImageUri" in request.operation.parameters
    if function is None or (function.latest.image is not None) == has_image:
        return
    if has_image:
        text = "Please don't provide ImageUri when updating a function with packageType Zip."
    else:
        text = "Please provide ImageUri when updating a function with packageType Image."
    raise ApiError("InvalidParameterValueException", text)


async def nothing_in_progress(request: Request) -> None:
    """Refuse a change while a creation or an update is in progress, or after a creation that failed."""
    function = function_of(request)
    if function is None:
        return
    if function.has_failed_creation:
        raise not_active("Failed")
    if function.latest.state == "Pending":
        raise not_active("Pending")
    if function.latest.update == "InProgress":
        raise ApiError(
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for resource: " + function.arn,
            409,
        )


async def revision_matches(request: Request) -> None:
    """Refuse a request whose RevisionId is not the latest."""
    function, wanted = function_of(request), request.operation.parameters.get("RevisionId")
    if function is not None and wanted not in {None, function.latest.revision_id}:
        raise stale_revision()


async def _role_is_ready(request: Request) -> None:
    if refusals := request.state.refusals_of_roles.get(request.operation.parameters.get("Role", "")):
        raise ApiError("InvalidParameterValueException", refusals.pop(0))


async def _code_is_the_expected(request: Request) -> None:
    function, wanted = function_of(request), request.operation.parameters.get("CodeSha256")
    if function is None or function.latest.image is None or wanted is None:
        return
    current = function.latest.image.code_sha256
    if wanted != current:
        raise ApiError(
            "InvalidParameterValueException",
            f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({current}). Please try again with "
            "the CodeSHA256 in $LATEST.",
        )


async def _alias_points_to_versions(request: Request) -> None:
    function, parameters = function_of(request), request.operation.parameters
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


_API = "AWS Lambda API Reference, "
_CODE, _CONFIGURATION = "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"
_PUBLISH, _ALIASES = "lambda:PublishVersion", ("lambda:CreateAlias", "lambda:UpdateAlias")

RULES = (
    Rule((_PUBLISH, *_ALIASES), _description_is_short, _API + "PublishVersion, CreateAlias"),
    Rule(("lambda:CreateFunction",), _role_is_ready, "terraform-provider-aws#4633, aws/chalice#1069"),
    Rule((_CODE,), _package_type_stays, "appleboy/lambda-action#28, umihico/pythonista-chromeless#19"),
    Rule((_CODE, _CONFIGURATION, _PUBLISH), nothing_in_progress, "appleboy/lambda-action#46"),
    Rule(
        (_CODE, _CONFIGURATION, _PUBLISH),
        revision_matches,
        _API + "PreconditionFailedException; the words: recorded answer",
    ),
    Rule((_PUBLISH,), _code_is_the_expected, "serverless-aws-batch#22, floci-io/floci#2822"),
    Rule(_ALIASES, _alias_points_to_versions, _API + "CreateAlias, AliasRoutingConfiguration"),
)
