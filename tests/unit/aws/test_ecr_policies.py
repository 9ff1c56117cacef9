import json
from typing import Any

import pytest

from ecr_lambda_deploy.aws.ecr_policies import expiring_rule, lets_lambda_pull, lifecycle_policy, repository_policy

_ARN = "arn:aws-cn:ecr:cn-north-1:123456789012:repository/shop/orders"
_LAMBDA = {"Service": "lambda.amazonaws.com"}
_PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


def test_the_policy_lets_lambda_pull_for_the_account_s_functions_in_the_region() -> None:
    policy = repository_policy(_ARN)

    assert lets_lambda_pull(policy)
    (statement,) = json.loads(policy)["Statement"]
    assert statement["Condition"] == {
        "StringLike": {"aws:sourceArn": "arn:aws-cn:lambda:cn-north-1:123456789012:function:*"}
    }


@pytest.mark.parametrize(
    ("principal", "actions", "effect", "expected"),
    [
        (_LAMBDA, _PULL, "Allow", True),
        ({"Service": ["ecs.amazonaws.com", "lambda.amazonaws.com"]}, _PULL, "Allow", True),
        (_LAMBDA, "ecr:*", "Allow", True),
        (_LAMBDA, ["ecr:Batch*", "ecr:Get*"], "Allow", True),
        (_LAMBDA, ["ECR:batchgetimage", "ecr:GetDownloadURLForLayer"], "Allow", True),
        ("*", _PULL, "Allow", True),
        (_LAMBDA, _PULL[:1], "Allow", False),
        (_LAMBDA, _PULL, "Deny", False),
        ({"Service": "ecs.amazonaws.com"}, _PULL, "Allow", False),
        ({"AWS": "arn:aws:iam::123456789012:root"}, _PULL, "Allow", False),
    ],
)
def test_whether_lambda_may_pull_is_in_the_policy(
    principal: object, actions: object, effect: str, *, expected: bool
) -> None:
    statement = {"Effect": effect, "Principal": principal, "Action": actions}

    assert lets_lambda_pull(json.dumps({"Statement": [statement]})) is expected
    assert lets_lambda_pull(json.dumps({"Statement": statement})) is expected


def test_a_new_repository_s_lifecycle_spares_tagged_images() -> None:
    assert expiring_rule(lifecycle_policy(), ["v1"]) == ""
    assert expiring_rule(lifecycle_policy(), []) == (
        "rule 1 of the lifecycle policy (Remove images without a tag 14 days after their push) deletes untagged images."
    )


def _rule(priority: int, *, action: str = "expire", **selection: object) -> dict[str, Any]:
    counted = {"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 5}
    return {"rulePriority": priority, "selection": counted | selection, "action": {"type": action}}


def _found(*rules: dict[str, Any], tags: tuple[str, ...] = ("src-1", "v1.2")) -> str:
    return expiring_rule(json.dumps({"rules": rules}), tags)


@pytest.mark.parametrize(
    ("selection", "deleted"),
    [
        ({"tagStatus": "any"}, "any image"),
        ({"tagPrefixList": ["v"]}, "images with tags like v*"),
        ({"tagPrefixList": ["v1", "src-"]}, "images with tags like v1* and src-*"),
        ({"tagPatternList": ["*.2"]}, "images with tags like *.2"),
    ],
)
def test_a_rule_that_could_remove_the_image_is_named(selection: dict[str, Any], deleted: str) -> None:
    assert _found(_rule(7, **selection)) == f"rule 7 of the lifecycle policy deletes {deleted}."


@pytest.mark.parametrize(
    "selection",
    [
        {"tagPrefixList": ["v", "prod"]},  # an image has to have tags for all of them
        {"tagPatternList": ["v", "*-2"]},
        {"tagStatus": "untagged"},
        {"tagStatus": "any", "storageClass": "archive"},
    ],
)
def test_a_rule_that_spares_the_image_is_not(selection: dict[str, Any]) -> None:
    assert _found(_rule(7, **selection)) == ""


def test_archiving_an_image_takes_it_from_lambda_too() -> None:
    archiving = _rule(1, action="transition", tagStatus="any", countType="sinceImagePulled") | {"description": "idle"}

    assert _found(archiving) == "rule 1 of the lifecycle policy (idle) archives any image."


def test_the_first_rule_that_matches_is_the_only_one_that_can() -> None:
    rules = [_rule(30, tagStatus="any"), _rule(2, tagPrefixList=["v"]), _rule(1, tagPrefixList=["prod"])]

    assert _found(*rules).startswith("rule 2 ")
