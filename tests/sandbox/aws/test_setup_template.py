"""The CloudFormation template of setup/, created: a role that one branch may take, with the policies asked for."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from ecr_lambda_deploy.permissions.policies import Names, grants, policy_of
from ecr_lambda_deploy.permissions.table import Feature
from sandbox.aws import Aws

_TEMPLATE = (Path(__file__).parents[3] / "setup/cloudformation.yaml").read_text(encoding="utf-8")
_PROVIDER = "token.actions.githubusercontent.com"


def _created(aws: Aws, name: str, **parameters: str) -> dict[str, str]:
    """Create a stack, and return its outputs."""
    provider = f"arn:aws:iam::{aws.account}:oidc-provider/{_PROVIDER}"
    given = {"GitHubOwner": "octo-org", "GitHubRepository": "orders", "OidcProviderArn": provider, **parameters}
    client: Any = aws.client("cloudformation")
    client.create_stack(
        StackName=name,
        TemplateBody=_TEMPLATE,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )
    client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def _document(value: object) -> Any:  # noqa: ANN401 # JSON
    return json.loads(unquote(value)) if isinstance(value, str) else value


def _policies(aws: Aws, role_arn: str) -> dict[str, Any]:
    iam: Any = aws.client("iam")
    role = role_arn.rpartition("/")[2]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    return {name: _document(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]) for name in names}


@pytest.mark.parametrize(
    ("given", "subject"),
    [
        ({}, "repo:octo-org/orders:ref:refs/heads/main"),
        ({"Environment": "prod"}, "repo:octo-org/orders:environment:prod"),
        ({"Subject": "repo:octo-org@1/orders@2:ref:refs/heads/x"}, "repo:octo-org@1/orders@2:ref:refs/heads/x"),
    ],
    ids=["branch", "environment", "subject"],
)
def test_one_subject_may_take_the_role(aws: Aws, given: dict[str, str], subject: str) -> None:
    name = f"trust-{subject.rpartition('/')[2].replace(':', '-')}"
    outputs = _created(aws, name, FunctionNames="orders-api", RepositoryNames="orders-api", **given)

    role = aws.client("iam").get_role(RoleName=outputs["RoleToAssume"].rpartition("/")[2])["Role"]
    (statement,) = _document(role["AssumeRolePolicyDocument"])["Statement"]
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::{aws.account}:oidc-provider/{_PROVIDER}"}
    assert statement["Condition"] == {
        "StringEquals": {f"{_PROVIDER}:aud": "sts.amazonaws.com", f"{_PROVIDER}:sub": subject}
    }


def test_the_role_has_the_policies_of_the_features_that_were_asked_for(aws: Aws) -> None:
    outputs = _created(
        aws,
        "features",
        FunctionNames="shop-*-prod",
        RepositoryNames="shop/*",
        SmokeTest="false",
        Traffic="true",
        SsmParameters="shop/*",
        NewRepository="shop/orders",
        NewExecutionRole="shop-runs",
    )

    policies = _policies(aws, outputs["RoleToAssume"])
    assert {*policies} == {"Deploy", "Alias", "Traffic", "SsmParameters"}
    names = Names(region=aws.region, account=aws.account, parameters=("shop/*",))
    assert policies["SsmParameters"] == policy_of(
        grants([Feature.PARAMETER, Feature.WRITTEN_PARAMETER, Feature.PARAMETER_OF_ROLLBACK], names)
    )
    arns = [arn for one in policies["Deploy"]["Statement"] for arn in (one["Resource"],) if arn != "*"]
    assert {arn.rpartition(":")[2] for arn in arns} == {"shop-*-prod", "*", "repository/shop/*"}
    made = aws.client("cloudformation").describe_stack_resources(StackName="features")["StackResources"]
    names_of = {one["ResourceType"]: one["PhysicalResourceId"] for one in made if "Policy" not in one["ResourceType"]}
    assert names_of["AWS::ECR::Repository"] == "shop/orders"
    assert "AWS::IAM::OIDCProvider" not in names_of
    assert outputs["ExecutionRoleArn"] == f"arn:aws:iam::{aws.account}:role/shop-runs"
