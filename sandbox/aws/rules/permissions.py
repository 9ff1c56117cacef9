"""What IAM is asked before a request: actions, each on a resource; and the answer, if it is no."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request
from sandbox.aws.rules import registry

# OCI Distribution Specification, error codes; AWS STS API Reference, common errors; amazon-cloudwatch-auto-alarms#1.
_CODES = {"registry": "DENIED", "sts": "AccessDenied", "monitoring": "AccessDenied"}
_FREE = {"sts:GetCallerIdentity", "sts:AssumeRoleWithWebIdentity"}  # AWS STS API Reference: no permission is needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A permission that a request needs.

    Attributes:
        action: Such as `lambda:GetFunction`.
        resource: An ARN, or `*` for actions that know none.
        context: Values of condition keys.
    """

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def check_permissions(request: Request) -> None:
    """Refuse a request that its caller may not make.

    Raises:
        ApiError: In IAM's words, with the code that the service gives it.
    """
    operation, state = request.operation, request.state
    if operation.name == "sts:AssumeRoleWithWebIdentity" and operation.name in state.denied:
        raise ApiError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    try:
        for one in _permissions(request):
            state.check_allowed(one.action, request.caller, one.resource, one.context)
    except ApiError as error:
        error.code = _CODES.get(operation.service, error.code)
        raise


def _permissions(request: Request) -> Iterator[Permission]:
    operation = request.operation
    if operation.service == "registry":
        if operation.action in registry.IAM_ACTIONS:
            yield Permission(action=registry.IAM_ACTIONS[operation.action], resource=_repository(request))
    elif operation.name not in _FREE:
        yield Permission(action=operation.iam_action, resource=_resource(request))
    if operation.name == "lambda:CreateFunction":
        yield from _of_creation(request)


def _of_creation(request: Request) -> Iterator[Permission]:
    """Yield what else a creation needs (Service Authorization Reference, AWS Lambda, CreateFunction)."""
    parameters = request.operation.parameters
    passed = {"iam:PassedToService": "lambda.amazonaws.com"}
    yield Permission(action="iam:PassRole", resource=str(parameters.get("Role", "")), context=passed)
    if parameters.get("Tags"):
        yield Permission(action="lambda:TagResource", resource=_function(request))
    managed = (parameters.get("CapacityProviderConfig") or {}).get("LambdaManagedInstancesCapacityProviderConfig", {})
    if provider := managed.get("CapacityProviderArn"):
        yield Permission(action="lambda:PassCapacityProvider", resource=provider)


def _resource(request: Request) -> str:
    operation, scope, parameters = request.operation, request.scope, request.operation.parameters
    match operation.service:
        case "sts":
            return str(parameters.get("RoleArn", "*"))
        case "lambda" if "FunctionName" in parameters and "EventSourceMapping" not in operation.action:
            return _function(request)
        case "ecr" if names := parameters.get("repositoryNames") or parameters.get("repositoryName"):
            name = names if isinstance(names, str) else names[0]
            return f"arn:aws:ecr:{scope.region}:{scope.account}:repository/{name}"
        case "monitoring" if "Alarm" in operation.action:
            return f"arn:aws:cloudwatch:{scope.region}:{scope.account}:alarm:*"
        case "ssm" if "Name" in parameters:
            name = str(parameters["Name"]).removeprefix("/")
            return f"arn:aws:ssm:{scope.region}:{scope.account}:parameter/{name}"
        case _:
            return "*"


def _function(request: Request) -> str:
    """Return the function's ARN, with the qualifier if the request has one; an alias that is changed is none.

    Sources: serverless-plugin-warmup#304, where AWS announces it; Service Authorization Reference, AWS Lambda.
    """
    operation, scope = request.operation, request.scope
    name = operation.parameters["FunctionName"]
    arn = name if name.startswith("arn:") else f"arn:aws:lambda:{scope.region}:{scope.account}:function:{name}"
    return f"{arn}:{operation.parameters['Qualifier']}" if operation.parameters.get("Qualifier") else arn


def _repository(request: Request) -> str:
    """Return the ARN of the repository in the account that has it: one host stands for the registries of all."""
    name = request.operation.parameters["repository"]
    scope = request.state.owner(name, request.scope) or request.scope
    return f"arn:aws:ecr:{scope.region}:{scope.account}:repository/{name}"
