"""What a release needs to know of kinds of functions: durable ones, and those that isolate tenants."""

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import ServingFunction
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.ports.runner import Log


def check_tenants(target: FunctionTarget, function: ServingFunction) -> None:
    """Make sure that a function can be tested: one that isolates tenants is not invoked without a tenant.

    [Lambda developer guide, Invoking Lambda functions with tenant isolation]

    Raises:
        DeployError: it cannot.
    """
    tenancy = (target.creation or {}).get("TenancyConfig")
    isolates_tenants = function.latest.isolates_tenants if function.latest is not None else bool(tenancy)
    if target.smoke_test is None or not isolates_tenants:
        return
    raise DeployError(
        f"{function.name} isolates tenants (TenancyConfig PER_TENANT), so Lambda invokes it for a named tenant only, "
        "and 'smoke-event' names none.",
        "Leave out 'smoke-event' and 'smoke-expect' for it (in a manifest `smoke-event: null`), and invoke it in a "
        f"later step: aws lambda invoke --function-name {function.name} --tenant-id TENANT --payload … answer.json",
        topic="tenant-isolation",
    )


def warn_of_replay(target: FunctionTarget, function: ServingFunction, log: Log) -> None:
    """Warn that new code serves what was begun with the old: a durable execution is replayed, unless it is pinned.

    [Lambda developer guide, Best practices for Lambda durable functions, Function versions and aliases]
    """
    if function.latest is None or not function.latest.is_durable or target.alias:
        return
    log.warning(
        f"{function.name} is a durable function: what it executes now goes on with the new code, which replays it from "
        "the beginning and fails where the steps differ. Give it an 'alias', and have it invoked by the alias's ARN: "
        "each execution then ends with the version that it began with."
    )
