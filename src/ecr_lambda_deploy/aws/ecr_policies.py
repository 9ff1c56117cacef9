"""The policy of an ECR repository, and its lifecycle policy: what the action writes, and what it reads in others'."""

import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

_PULL_ACTIONS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
PULL_STATEMENT: Mapping[str, object] = {
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": list(_PULL_ACTIONS),
}
"""Lets Lambda pull, in a repository's policy [Lambda developer guide, images-create]."""

_UNTAGGED_DAYS = 14


def repository_policy(repository_arn: str) -> str:
    """Return a policy that lets Lambda pull for the functions of the repository's own account and Region.

    AWS documents the condition for cross-account permissions [Lambda developer guide, images-create];
    aws-parallelcluster-ui#380 has it within one account.
    """
    _, partition, _, region, account, _ = repository_arn.split(":", maxsplit=5)
    statement = {
        "Sid": "LambdaECRImageRetrievalPolicy",
        **PULL_STATEMENT,
        "Condition": {"StringLike": {"aws:sourceArn": f"arn:{partition}:lambda:{region}:{account}:function:*"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def lets_lambda_pull(policy: str) -> bool:
    """Whether a repository's policy lets Lambda pull."""
    allowed = [
        action.lower()  # IAM ignores the case
        for statement in _listed(json.loads(policy).get("Statement", []))
        if statement.get("Effect") == "Allow" and _is_for_lambda(statement.get("Principal"))
        for action in _listed(statement.get("Action", []))
    ]
    return all(any(fnmatchcase(wanted.lower(), action) for action in allowed) for wanted in _PULL_ACTIONS)


def lifecycle_policy() -> str:
    """Return a lifecycle policy that removes untagged images after a while, and never a tagged one."""
    rule = {
        "rulePriority": 1,
        "description": f"Remove images without a tag {_UNTAGGED_DAYS} days after their push",
        "selection": {
            "tagStatus": "untagged",
            "countType": "sinceImagePushed",
            "countUnit": "days",
            "countNumber": _UNTAGGED_DAYS,
        },
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})


def expiring_rule(policy: str, tags: Sequence[str]) -> str:
    """Return a sentence on the rule of a lifecycle policy that could remove an image with these tags, or nothing.

    At most one rule applies to an image: the first, by priority, whose tagging requirements it meets. It meets a list
    only if it has a tag for each entry. Source: Amazon ECR user guide, "How lifecycle policies work" and "Lifecycle
    policy properties". An archived image cannot be pulled, so archiving counts as removing.
    """
    for rule in sorted(json.loads(policy)["rules"], key=lambda rule: int(rule["rulePriority"])):
        if _matches(rule["selection"], tags):
            name = f"rule {rule['rulePriority']} of the lifecycle policy"
            if description := rule.get("description"):
                name += f" ({description})"
            verb = "archives" if rule["action"]["type"] == "transition" else "deletes"
            return f"{name} {verb} {_selected(rule['selection'])}."
    return ""


def _matches(selection: Mapping[str, Any], tags: Sequence[str]) -> bool:
    if selection.get("storageClass") == "archive":  # for archived images, which no function can run
        return False
    if selection["tagStatus"] != "tagged":
        return bool(selection["tagStatus"] == "any" or not tags)
    return all(any(fnmatchcase(tag, pattern) for tag in tags) for pattern in _patterns(selection))


def _patterns(selection: Mapping[str, Any]) -> list[str]:
    return [*selection.get("tagPatternList", []), *(f"{prefix}*" for prefix in selection.get("tagPrefixList", []))]


def _selected(selection: Mapping[str, Any]) -> str:
    if selection["tagStatus"] == "tagged":
        return f"images with tags like {' and '.join(_patterns(selection))}"
    return "any image" if selection["tagStatus"] == "any" else "untagged images"


def _is_for_lambda(principal: object) -> bool:
    if isinstance(principal, dict):
        return "lambda.amazonaws.com" in _listed(principal.get("Service", []))
    return principal == "*"


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 # IAM's JSON has one thing or a list of them
    return value if isinstance(value, list) else [value]
