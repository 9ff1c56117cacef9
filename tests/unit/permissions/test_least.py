import json
from pathlib import Path
from typing import Any

import pytest

from ecr_lambda_deploy.inputs.parse import parse_inputs
from ecr_lambda_deploy.permissions.least import policy, source_policy
from ecr_lambda_deploy.permissions.policies import LARGEST, Policy, size

_ACCOUNT, _REGION = "123456789012", "eu-west-1"
_IMAGE = f"{_ACCOUNT}.dkr.ecr.{_REGION}.amazonaws.com/orders-api:v1"


def _environment(workspace: Path) -> dict[str, str]:
    return {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": "c0ffee" + "0" * 34}


def _policy(workspace: Path, given: dict[str, str], *, has_optional: bool = False) -> Policy:
    workspace.joinpath("Dockerfile").write_text("FROM scratch\n")
    inputs = parse_inputs({"aws-region": _REGION, **given}, _environment(workspace))
    return policy(inputs.mode, inputs.images, region=inputs.region, account=_ACCOUNT, has_optional=has_optional)


def _allowed(made: Policy) -> dict[str, set[str]]:
    """Return the actions by what follows the account in a resource."""
    allowed: dict[str, set[str]] = {}
    statements: Any = made["Statement"]
    for statement in statements:
        actions, resources = (
            [value] if isinstance(value, str) else value for value in (statement["Action"], statement["Resource"])
        )
        for resource in resources:
            allowed.setdefault(resource.split(":", 5)[-1], set()).update(actions)
    return allowed


_READ = {"lambda:GetFunction", "lambda:ListVersionsByFunction"}
_CHANGE = {"lambda:UpdateFunctionCode", "lambda:PublishVersion"}
_PULL = {"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
_PUSH = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
}
_LOGIN = {"*": {"ecr:GetAuthorizationToken"}}


def test_a_deployment_without_an_alias(workspace: Path) -> None:
    assert _allowed(_policy(workspace, {"function-name": "orders-api", "repository": "shop/orders"})) == {
        **_LOGIN,
        "function:orders-api": _READ | _CHANGE,
        "function:orders-api:*": {"lambda:GetFunction"},
        "repository/shop/orders": _PULL | _PUSH,
    }


@pytest.mark.parametrize(
    ("given", "function", "versions", "others"),
    [
        ({"publish": "false"}, _READ | {"lambda:UpdateFunctionCode"}, None, {}),
        (
            {"alias": "live"},
            _READ | _CHANGE | {"lambda:GetAlias", "lambda:CreateAlias", "lambda:UpdateAlias"},
            {"lambda:GetFunction"},
            {},
        ),
        ({"smoke-event": "{}"}, _READ | _CHANGE, {"lambda:GetFunction", "lambda:InvokeFunction"}, {}),
        (
            {"create-function": f"Role: arn:aws:iam::{_ACCOUNT}:role/service/orders\nTags: {{a: b}}"},
            _READ | _CHANGE | {"lambda:CreateFunction", "lambda:TagResource"},
            {"lambda:GetFunction"},
            {"role/service/orders": {"iam:PassRole"}},
        ),
        ({"mode": "plan"}, _READ, None, {}),
        ({"mode": "plan", "alias": "live"}, _READ | {"lambda:GetAlias"}, {"lambda:GetFunction"}, {}),
        ({"mode": "rollback"}, _READ | _CHANGE, {"lambda:GetFunction"}, {}),
    ],
)
def test_each_input_adds_what_it_needs(
    workspace: Path, given: dict[str, str], function: set[str], versions: set[str] | None, others: dict[str, set[str]]
) -> None:
    allowed = _allowed(_policy(workspace, {"function-name": "orders-api", **given}))

    assert allowed["function:orders-api"] == function
    assert allowed.get("function:orders-api:*") == versions
    assert {key: value for key, value in allowed.items() if key.startswith("role/")} == others


def test_alarms_and_metrics_are_read_everywhere(workspace: Path) -> None:
    given = {"function-name": "orders-api", "alias": "live", "traffic": "10% 5m"}
    alarms, metrics = "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"

    assert _allowed(_policy(workspace, given | {"alarms": "errors"}))["*"] == {alarms, "ecr:GetAuthorizationToken"}
    rates = {"max-error-rate": "1%"}
    assert _allowed(_policy(workspace, given | rates))["*"] == {metrics, "ecr:GetAuthorizationToken"}


def test_a_plan_pushes_nothing_and_a_build_reads_no_function(workspace: Path) -> None:
    assert _allowed(_policy(workspace, {"mode": "plan", "function-name": "a-b"}))["repository/a-b"] == _PULL
    assert _allowed(_policy(workspace, {"mode": "build", "repository": "a-b", "create-repository": "true"})) == {
        **_LOGIN,
        "repository/a-b": _PULL | _PUSH | {"ecr:CreateRepository", "ecr:SetRepositoryPolicy", "ecr:PutLifecyclePolicy"},
    }


@pytest.mark.parametrize(
    ("to", "repository", "optional"),
    [
        ("previous", set(), {"ecr:DescribeImages"}),
        ("41", set(), {"ecr:DescribeImages"}),
        ("sha256:" + "a" * 64, _PULL, {"ecr:DescribeImages"}),
        ("a" * 40, _PULL, {"ecr:DescribeImages"}),
        ("8f3c1d2", _PULL | {"ecr:ListImages"}, {"ecr:DescribeImages"}),
        ("1234567", _PULL | {"ecr:ListImages"}, {"ecr:DescribeImages"}),  # a version's number or a commit's digits
    ],
)
def test_a_rollback_reads_images_for_a_commit_or_a_digest(
    workspace: Path, to: str, repository: set[str], optional: set[str]
) -> None:
    given = {"mode": "rollback", "function-name": "orders-api", "rollback-to": to, "repository": "shop"}
    least, whole = (_allowed(_policy(workspace, given, has_optional=wanted)) for wanted in (False, True))

    assert least.get("repository/shop", set()) == repository
    assert least.get("*", set()) == ({"ecr:GetAuthorizationToken"} if repository else set())
    assert whole["repository/shop"] - repository == optional


def test_a_function_of_another_account_is_read_with_other_credentials(workspace: Path) -> None:
    source = "arn:aws:lambda:us-east-1:210987654321:function:orders-dev:live"
    given = {"function-name": "orders-api", "promote-from": source, "platform": "linux/amd64"}
    inputs = parse_inputs({"aws-region": _REGION, **given}, _environment(workspace))

    target = json.dumps(policy(inputs.mode, inputs.images, region=_REGION, account=_ACCOUNT))
    theirs = source_policy(inputs.images, region=_REGION, account=_ACCOUNT, has_optional=False)
    assert "210987654321" not in target
    assert _allowed(theirs) == {**_LOGIN, "function:orders-dev:*": {"lambda:GetFunction"}, "repository/*": _PULL}
    assert _ACCOUNT not in json.dumps(theirs)


def test_a_function_of_the_same_account_is_read_with_the_same(workspace: Path) -> None:
    given = {"function-name": "orders-api", "promote-from": "orders-dev", "platform": "linux/amd64"}
    inputs = parse_inputs({"aws-region": _REGION, **given}, _environment(workspace))

    assert _allowed(policy(inputs.mode, inputs.images, region=_REGION, account=_ACCOUNT))["function:orders-dev"] == {
        "lambda:GetFunction"
    }
    assert source_policy(inputs.images, region=_REGION, account=_ACCOUNT)["Statement"] == []


def test_an_image_that_is_named_is_read_where_it_is(workspace: Path) -> None:
    given = {"function-name": "orders-prod", "image-uri": _IMAGE, "platform": "linux/amd64"}

    assert _allowed(_policy(workspace, given))["repository/orders-api"] >= _PULL


def test_functions_of_a_manifest_have_what_each_needs(workspace: Path) -> None:
    workspace.joinpath("deploy.yaml").write_text(
        """
version: 1
images:
  orders:
    functions: [{ name: orders-api, alias: live }, orders-worker]
  mail:
    functions: [{ name: mail-worker, smoke-event: {} }]
"""
    )
    allowed = _allowed(_policy(workspace, {"manifest": "deploy.yaml"}))

    assert "lambda:UpdateAlias" in allowed["function:orders-api"]
    assert allowed["function:orders-worker"] == allowed["function:mail-worker"] == _READ | _CHANGE
    assert allowed["function:mail-worker:*"] == {"lambda:GetFunction", "lambda:InvokeFunction"}
    assert allowed["repository/orders"] == allowed["repository/mail"] == _PULL | _PUSH


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("shop-{:03}-prod", "function:shop-*"), ("{:03}-shop-of-a-name-of-its-own-for-each", "function:*")],
)
def test_many_functions_are_named_by_a_pattern(workspace: Path, name: str, pattern: str) -> None:
    names = [name.format(number) for number in range(300)]
    made = _policy(workspace, {"function-name": "\n".join(names), "repository": "shop/all"}, has_optional=True)

    assert size(made) <= LARGEST
    assert _allowed(made)[pattern] >= _READ | _CHANGE
    assert set(_allowed(made)) >= {pattern, f"{pattern}:*"}


def test_a_few_functions_are_named_one_by_one(workspace: Path) -> None:
    names = [f"shop-{number}" for number in range(8)]
    allowed = _allowed(_policy(workspace, {"function-name": "\n".join(names), "repository": "shop"}))

    assert {f"function:{name}" for name in names} < allowed.keys()


@pytest.mark.parametrize(
    ("mode", "actions"),
    [
        ("deploy", {"ssm:GetParameter", "ssm:PutParameter"}),
        ("rollback", {"ssm:GetParameter", "ssm:PutParameter"}),
        ("plan", {"ssm:GetParameter"}),
    ],
)
def test_a_parameter_is_read_and_written_by_its_own_name(workspace: Path, mode: str, actions: set[str]) -> None:
    given = {"mode": mode, "function-name": "orders", "ssm-parameter": "/shop/image"}

    assert _allowed(_policy(workspace, given, has_optional=True))["parameter/shop/image"] == actions
    assert ("ssm:GetParameter" in json.dumps(_policy(workspace, given))) is (mode != "rollback")
    assert "ssm:" not in json.dumps(_policy(workspace, {**given, "ssm-parameter": ""}))
