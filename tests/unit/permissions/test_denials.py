"""Denials in the words of the IAM User Guide, Troubleshoot access denied error messages."""

import json
import time

import pytest

from ecr_lambda_deploy.permissions.denials import denial_hint, refused_request_hint

_ROLE = "User: arn:aws:sts::123456789012:assumed-role/deploy/ecr-lambda-deploy"
_FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
_USER = "User: arn:aws:iam::123456789012:user/ci/deployer"
_WHAT = " is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/orders "
_STATEMENT = (
    '{"Effect": "Allow", "Action": "ecr:PutImage", "Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/orders"}'
)


@pytest.mark.parametrize("why", ["", "because no identity-based policy allows the ecr:PutImage action"])
def test_what_no_policy_allows_needs_a_statement_of_whom_the_message_names(why: str) -> None:
    assert denial_hint(_ROLE + _WHAT + why) == f"Allow it in a policy of the role deploy:\n{_STATEMENT}"
    assert denial_hint(_USER + _WHAT + why) == f"Allow it in a policy of the user ci/deployer:\n{_STATEMENT}"


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("lambda:UpdateFunctionCode", "orders", "arn:*:lambda:*:*:function:orders"),
        ("lambda:GetFunction", "orders:live", "arn:*:lambda:*:*:function:orders:*"),
        ("lambda:GetAlias", "orders:live", "arn:*:lambda:*:*:function:orders"),
        ("ecr:PutImage", "shop/orders", "arn:*:ecr:*:*:repository/shop/orders"),
        ("ssm:PutParameter", "/shop/image", "arn:*:ssm:*:*:parameter/shop/image"),
        ("cloudwatch:DescribeAlarms", "errors, latency", "*"),
        ("sqs:SendMessage", "orders", "orders"),
    ],
)
def test_what_the_message_does_not_name_is_what_was_asked_for(action: str, resource: str, allowed: str) -> None:
    hint = denial_hint("Access denied", action, resource)

    assert hint == (
        "Allow it in a policy of the role that this job uses:\n"
        + json.dumps({"Effect": "Allow", "Action": action, "Resource": allowed})
    )


@pytest.mark.parametrize(
    ("action", "named", "allowed"),
    [
        ("lambda:GetFunction", f"{_FUNCTION}:live", f"{_FUNCTION}:*"),  # the next run asks for another version
        ("lambda:GetFunction", _FUNCTION, _FUNCTION),
        ("lambda:InvokeFunction", f"{_FUNCTION}:$LATEST", f"{_FUNCTION}:*"),
        ("cloudwatch:DescribeAlarms", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:*", "*"),
        ("kms:Decrypt", "arn:aws:kms:eu-west-1:123456789012:key/1", "arn:aws:kms:eu-west-1:123456789012:key/1"),
    ],
)
def test_a_statement_is_as_wide_as_the_feature_needs_it(action: str, named: str, allowed: str) -> None:
    hint = denial_hint(f"{_ROLE} is not authorized to perform: {action} on resource: {named} because no identity-based")

    assert json.dumps({"Effect": "Allow", "Action": action, "Resource": allowed}) in hint


def test_a_role_is_passed_to_lambda_alone() -> None:
    role = "arn:aws:iam::123456789012:role/orders"
    hint = denial_hint(f"{_ROLE} is not authorized to perform: iam:PassRole on resource: {role} because no")

    assert json.loads(hint.split("\n")[1]) == {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    }


@pytest.mark.parametrize(
    ("why", "hint"),
    [
        ("with an explicit deny in a service control policy", "A service control policy denies the role deploy"),
        ("because no service control policy allows the ecr:PutImage action", "A service control policy does not allow"),
        (
            "with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1",
            "A service control policy arn:aws:organizations::1:policy/o-1/p-1 denies the role deploy",
        ),
        ("with an explicit deny in a resource control policy", "A resource control policy denies"),
        ("because no permissions boundary allows the ecr:PutImage action", "A permissions boundary does not allow"),
        ("with an explicit deny in a permissions boundary", "A permissions boundary denies"),
        ("because no session policy allows the ecr:PutImage action", "A session policy does not allow"),
        ("with an explicit deny in a session policy", "A session policy denies"),
        ("because no VPC endpoint policy allows the ecr:PutImage action", "A VPC endpoint policy does not allow"),
        ("with an explicit deny in a VPC endpoint policy", "A VPC endpoint policy denies"),
        ("because no resource-based policy allows the ecr:PutImage action", "A resource-based policy does not allow"),
        ("with an explicit deny in a resource-based policy", "A resource-based policy denies"),
        ("with an explicit deny in an identity-based policy", "An identity-based policy denies"),
        ("because no role trust policy allows the sts:AssumeRole action", "A role trust policy does not allow"),
        ("with an explicit deny in the role trust policy", "A role trust policy denies"),
    ],
)
def test_the_policy_that_denies_is_named_and_no_statement_for_the_role(why: str, hint: str) -> None:
    said = denial_hint(_ROLE + _WHAT + why)

    assert said.startswith(hint)
    assert "the role deploy the action ecr:PutImage: " in said
    assert '"Effect"' not in said


def test_a_key_has_a_policy_too() -> None:
    message = "is not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:123456789012:key/1 because "
    allowing = denial_hint(_ROLE.replace("deploy", "orders-function") + " " + message)

    assert allowing.startswith("Allow it in a policy of the role orders-function:\n")
    assert "The key's own policy must allow it too" in allowing


_REGISTRY = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/shop/orders"


@pytest.mark.parametrize(
    ("request_", "actions"),
    [
        (f"HEAD request to {_REGISTRY}/blobs/sha256:1", "ecr:BatchCheckLayerAvailability"),
        (f"GET request to {_REGISTRY}/blobs/sha256:1", "ecr:GetDownloadUrlForLayer"),
        (f"HEAD request to {_REGISTRY}/manifests/v1", "ecr:BatchGetImage"),
        (f"PUT request to {_REGISTRY}/manifests/v1", "ecr:PutImage"),
        (f"POST request to {_REGISTRY}/blobs/uploads/?mount=sha256:1&from=a", "ecr:InitiateLayerUpload"),
        (f"PATCH request to {_REGISTRY}/blobs/uploads/1", "ecr:UploadLayerPart"),
        (f"PUT request to {_REGISTRY}/blobs/uploads/1?digest=1", ["ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]),
    ],
)
def test_a_registry_s_bare_status_means_the_permission_of_the_request(request_: str, actions: object) -> None:
    hint = refused_request_hint(f"failed commit on ref: unexpected status from {request_}: 403 Forbidden")

    assert json.loads(hint.split("\n")[1]) == {
        "Effect": "Allow",
        "Action": actions,
        "Resource": "arn:*:ecr:eu-west-1:123456789012:repository/shop/orders",
    }


@pytest.mark.parametrize(
    "message",
    [
        f"unexpected status from PUT request to {_REGISTRY}/manifests/v1: 400 Bad Request",
        f"unexpected status from DELETE request to {_REGISTRY}/manifests/v1: 403 Forbidden",
        "unexpected status from GET request to https://sts.example/: 403 Forbidden",
    ],
)
def test_any_other_answer_of_a_registry_has_no_such_hint(message: str) -> None:
    assert refused_request_hint(message) == ""


def test_rule_6_a_message_takes_no_time() -> None:
    started = time.thread_time()
    for text in ("not authorized to perform: ", "User: arn:aws:sts::1:assumed-role/", "because no ", "a:" * 9):
        denial_hint(text * 2000)
    for text in ("unexpected status from GET request to https://a/v2/", "a/", "/manifests/", "unexpected status from "):
        refused_request_hint(text * 2000)
        refused_request_hint("unexpected status from GET request to https://a/v2/" + text * 2000)

    assert time.thread_time() - started < 1
