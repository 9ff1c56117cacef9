"""Which permissions a request needs, and what a role's own policies allow."""

import json
from typing import Any

import pytest
import requests

from sandbox.aws import Aws
from sandbox.aws.policies import check_policy, denial
from tests.sandbox.aws.aws_calls import ACCOUNT, OTHER_ACCOUNT, ROLE, Registry, client_of, refusal

_FUNCTION = f"arn:aws:lambda:ap-northeast-2:{ACCOUNT}:function:orders"
_REPOSITORY = f"arn:aws:ecr:ap-northeast-2:{ACCOUNT}:repository"
_PROVIDER = f"arn:aws:lambda:ap-northeast-2:{ACCOUNT}:capacity-provider:shop"
_ROLE = "tests-permissions"


def _allowing(action: object, resource: object = "*", **others: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **others}
    return {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize(
    ("action", "resource", "is_allowed"),
    [
        ("lambda:GetFunction", _FUNCTION, True),
        ("LAMBDA:getfunction", _FUNCTION, True),
        (["lambda:PublishVersion", "lambda:Get*"], _FUNCTION, True),
        ("lambda:Get?unction", [_FUNCTION + "-2", _FUNCTION], True),
        ("lambda:GetFunction", "*", True),
        ("lambda:GetFunction", "arn:aws:lambda:*:*:function:ord*", True),
        ("lambda:GetFunction", _FUNCTION + ":*", False),  # of its versions and aliases alone
        ("lambda:GetFunction", _FUNCTION.upper(), False),
        ("lambda:GetFunction", "arn:aws:lambda:*:orders", False),  # a wildcard stays within its part
        ("lambda:GetFunctionConfiguration", _FUNCTION, False),
        ("lambda:*", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:orders", False),
    ],
)
def test_a_statement_allows_what_its_patterns_match(action: object, resource: object, *, is_allowed: bool) -> None:
    policy = _allowing(action, resource)
    check_policy(policy)
    why = None if is_allowed else "because no identity-based policy allows the lambda:GetFunction action"
    assert denial([policy], "lambda:GetFunction", _FUNCTION) == why


def test_an_asterisk_after_the_colon_allows_versions_and_aliases() -> None:
    policies = [_allowing("lambda:InvokeFunction", _FUNCTION + ":*")]
    assert denial(policies, "lambda:InvokeFunction", _FUNCTION + ":$LATEST") is None
    assert denial(policies, "lambda:InvokeFunction", _FUNCTION + ":live") is None
    assert denial(policies, "lambda:InvokeFunction", _FUNCTION) is not None


def test_a_deny_wins_over_any_allow() -> None:
    policies = [_allowing("*"), _allowing("ecr:*", Effect="Deny")]
    assert denial(policies, "ecr:PutImage", "*") == "with an explicit deny in an identity-based policy"
    assert denial(policies, "lambda:Invoke", "*") is None


@pytest.mark.parametrize(
    ("operator", "wanted", "is_allowed"),
    [
        ("StringEquals", "lambda.amazonaws.com", True),
        ("StringEquals", ["ecs.amazonaws.com", "lambda.amazonaws.com"], True),
        ("StringEquals", "*.amazonaws.com", False),
        ("StringLike", "*.amazonaws.com", True),
        ("StringLike", "ecs.*", False),
    ],
)
def test_a_condition_compares_a_value_of_the_request(operator: str, wanted: object, *, is_allowed: bool) -> None:
    policies = [_allowing("iam:PassRole", Condition={operator: {"iam:PassedToService": wanted}})]
    passed = {"iam:PassedToService": "lambda.amazonaws.com"}
    assert (denial(policies, "iam:PassRole", ROLE, passed) is None) == is_allowed
    assert denial(policies, "iam:PassRole", ROLE) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"Version": "2008-10-17", "Statement": []},
        {"Version": "2012-10-17"},
        _allowing("*", NotAction="lambda:*"),
        _allowing("*", Effect="allow"),
        _allowing("*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*"}]},
    ],
)
def test_a_policy_that_is_not_understood_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"Malformed|not evaluated"):
        check_policy(wrong)


def test_a_role_with_a_policy_may_do_nothing_else(aws: Aws, function: str) -> None:
    arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{function}"
    aws.put_role_policy(_ROLE, _allowing("lambda:GetFunction", arn))
    client = client_of(aws.environment(_ROLE), "lambda")
    assert client.get_function(FunctionName=function)
    for qualified in ({"Qualifier": "$LATEST"}, {"FunctionName": f"{arn}:$LATEST"}):
        code, text, status = refusal(client.get_function, **{"FunctionName": function, **qualified})
        assert (code, status) == ("AccessDeniedException", 403)
        assert text == (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{_ROLE}/ecr-lambda-deploy is not authorized to perform: "
            f"lambda:GetFunction on resource: {arn}:$LATEST because no identity-based policy allows the "
            "lambda:GetFunction action"
        )
    assert client_of(aws.environment(), "lambda").get_function(FunctionName=function, Qualifier="$LATEST")
    aws.put_role_policy(_ROLE, _allowing("lambda:GetFunction", f"{arn}:*"))
    assert client.get_function(FunctionName=function, Qualifier="$LATEST")
    aws.reset_rules()
    assert client.list_functions()


@pytest.mark.parametrize(
    ("service", "call", "parameters", "action", "resource"),
    [
        # An alias that is read or changed is no resource of its own; one that is used as a qualifier is.
        ("lambda", "get_alias", {"FunctionName": "orders", "Name": "live"}, "lambda:GetAlias", _FUNCTION),
        (
            "lambda",
            "update_alias",
            {"FunctionName": "orders", "Name": "live", "FunctionVersion": "1"},
            "lambda:UpdateAlias",
            _FUNCTION,
        ),
        (
            "lambda",
            "get_provisioned_concurrency_config",
            {"FunctionName": "orders", "Qualifier": "live"},
            "lambda:GetProvisionedConcurrencyConfig",
            f"{_FUNCTION}:live",
        ),
        (
            "lambda",
            "invoke",
            {"FunctionName": "orders", "Qualifier": "$LATEST"},
            "lambda:InvokeFunction",
            f"{_FUNCTION}:$LATEST",
        ),
        (
            "lambda",
            "get_function_url_config",
            {"FunctionName": "orders", "Qualifier": "live"},
            "lambda:GetFunctionUrlConfig",
            f"{_FUNCTION}:live",
        ),
        ("lambda", "publish_version", {"FunctionName": "orders"}, "lambda:PublishVersion", _FUNCTION),
        ("lambda", "list_versions_by_function", {"FunctionName": "orders"}, "lambda:ListVersionsByFunction", _FUNCTION),
        ("lambda", "list_event_source_mappings", {"FunctionName": "orders"}, "lambda:ListEventSourceMappings", "*"),
        ("ecr", "get_authorization_token", {}, "ecr:GetAuthorizationToken", "*"),
        ("ecr", "list_images", {"repositoryName": "shop/a"}, "ecr:ListImages", f"{_REPOSITORY}/shop/a"),
        (
            "ecr",
            "list_images",
            {"repositoryName": "shop", "registryId": OTHER_ACCOUNT},
            "ecr:ListImages",
            f"arn:aws:ecr:ap-northeast-2:{OTHER_ACCOUNT}:repository/shop",
        ),
        ("ecr", "create_repository", {"repositoryName": "shop"}, "ecr:CreateRepository", f"{_REPOSITORY}/shop"),
        (
            "ecr",
            "describe_repositories",
            {"repositoryNames": ["shop"]},
            "ecr:DescribeRepositories",
            f"{_REPOSITORY}/shop",
        ),
        (
            "cloudwatch",
            "describe_alarms",
            {},
            "cloudwatch:DescribeAlarms",
            f"arn:aws:cloudwatch:ap-northeast-2:{ACCOUNT}:alarm:*",
        ),
        (
            "sts",
            "assume_role",
            {"RoleArn": f"arn:aws:iam::{OTHER_ACCOUNT}:role/deploy", "RoleSessionName": "a1"},
            "sts:AssumeRole",
            f"arn:aws:iam::{OTHER_ACCOUNT}:role/deploy",
        ),
    ],
)
def test_each_request_needs_its_action_on_its_resource(
    aws: Aws, service: str, call: str, parameters: dict[str, object], action: str, resource: str
) -> None:
    aws.put_role_policy(_ROLE, _allowing("sqs:*"))
    client = client_of(aws.environment(_ROLE), service)
    code, text, _ = refusal(getattr(client, call), **parameters)
    assert code in {"AccessDenied", "AccessDeniedException"}
    assert f"is not authorized to perform: {action} on resource: {resource} because" in text


@pytest.mark.parametrize(
    ("settings", "action", "resource"),
    [
        ({}, "iam:PassRole", ROLE),
        ({"Tags": {"a": "b"}}, "lambda:TagResource", _FUNCTION),
        (
            {
                "CapacityProviderConfig": {
                    "LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": _PROVIDER}
                }
            },
            "lambda:PassCapacityProvider",
            _PROVIDER,
        ),
    ],
)
def test_a_creation_needs_more_than_its_own_action(
    aws: Aws, settings: dict[str, object], action: str, resource: str
) -> None:
    others = {"iam:PassRole", "lambda:TagResource", "lambda:PassCapacityProvider"} - {action}
    aws.put_role_policy(_ROLE, _allowing(["lambda:CreateFunction", *others]))
    client = client_of(aws.environment(_ROLE), "lambda")
    code = {"ImageUri": f"{aws.registry}/absent:1"}
    _, text, _ = refusal(
        client.create_function, FunctionName="orders", Role=ROLE, PackageType="Image", Code=code, **settings
    )
    assert f"perform: {action} on resource: {resource} because" in text


def test_a_role_may_be_passed_to_lambda_alone(aws: Aws) -> None:
    passing = _allowing("iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "ecs.amazonaws.com"}})
    aws.put_role_policy(_ROLE, passing)
    aws.put_role_policy(_ROLE, _allowing("lambda:CreateFunction"))
    client = client_of(aws.environment(_ROLE), "lambda")
    _, text, _ = refusal(
        client.create_function, FunctionName="orders", Role=ROLE, PackageType="Image", Code={"ImageUri": "a"}
    )
    assert "perform: iam:PassRole" in text


def test_the_registry_asks_iam_too(aws: Aws, repository: str) -> None:
    arn = f"arn:aws:ecr:{aws.region}:{ACCOUNT}:repository/{repository}"
    aws.put_role_policy(_ROLE, _allowing("ecr:GetAuthorizationToken"))
    environment = aws.environment(_ROLE)
    token = client_of(environment, "ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    answer = requests.get(f"{aws.endpoint}/v2/{repository}/manifests/1", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "DENIED"
    assert f"ecr:BatchGetImage on resource: {arn} because" in answer.json()["errors"][0]["message"]
    aws.put_role_policy(_ROLE, _allowing("ecr:BatchGetImage", arn))
    answer = requests.get(f"{aws.endpoint}/v2/{repository}/manifests/1", headers=headers, timeout=10)
    assert answer.status_code == 404


def test_lambda_lets_itself_pull_if_the_caller_may_change_the_repository_s_policy(
    aws: Aws, registry: Registry, repository: str, name: str
) -> None:
    registry.push(repository, "v1", repository)
    arn = f"arn:aws:ecr:{aws.region}:{ACCOUNT}:repository/{repository}"
    aws.put_role_policy(_ROLE, _allowing(["lambda:*", "iam:PassRole"]))
    client = client_of(aws.environment(_ROLE), "lambda")
    creation = {
        "FunctionName": name,
        "Role": ROLE,
        "PackageType": "Image",
        "Code": {"ImageUri": f"{aws.registry}/{repository}:v1"},
    }
    code, text, _ = refusal(client.create_function, **creation)
    assert (code, text.partition(".")[0]) == (
        "AccessDeniedException",
        "Lambda does not have permission to access the ECR image",
    )
    aws.put_role_policy(_ROLE, _allowing(["ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"], arn))
    assert client.create_function(**creation)
    policy = json.loads(aws.client("ecr").get_repository_policy(repositoryName=repository)["policyText"])
    assert policy["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
