"""The table of permissions is what the code asks for, and what the documentation shows."""

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from docs.reference.generate_permissions import pages
from ecr_lambda_deploy.permissions.policies import LARGEST, grants, size
from ecr_lambda_deploy.permissions.roles import DEPLOY, ROLES
from ecr_lambda_deploy.permissions.table import TABLE, Feature

_ROOT = Path(__file__).parents[2]
_SOURCE = _ROOT / "src/ecr_lambda_deploy"
_ACTION = re.compile(r"\b(?:cloudwatch|ecr|iam|kms|lambda|ssm|sts):[A-Z][A-Za-z]+\b")
_IN_CODE = {
    action
    for module in _SOURCE.rglob("*.py")
    if "permissions" not in module.relative_to(_SOURCE).parts
    for action in _ACTION.findall(module.read_text(encoding="utf-8"))
}
# What others need: trust policies and a key's policy allow it.
_OF_OTHERS = {"sts:AssumeRoleWithWebIdentity", "kms:CreateGrant"}
# What the builder asks a registry for, and what Lambda asks IAM for when it creates a function.
_BEHIND_OTHERS = {
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "iam:PassRole",
    "lambda:PassCapacityProvider",
    "lambda:TagResource",
}


def test_every_page_with_policies_is_what_the_generator_writes() -> None:
    written = pages()

    assert _ROOT / "docs/reference/permissions.md" in written
    assert _ROOT / "docs/recipes/promotion.md" in written
    assert [page.name for page, text in written.items() if page.read_text(encoding="utf-8") != text] == []


def test_a_page_s_policy_is_of_its_workflows() -> None:
    rollback, of_manifest = _policies_of("docs/recipes/roll-back.md")
    _, source, _, target = _policies_of("docs/recipes/promotion.md")

    # Whatever `rollback-to` may be: a commit's first digits are looked for among the tags.
    assert "ecr:ListImages" in _actions(rollback, "123456789012:repository/orders-api")
    assert "lambda:InvokeFunction" in _actions(of_manifest, "123456789012:function:carts-api-prod:*")
    assert "lambda:InvokeFunction" not in _actions(rollback, "123456789012:function:orders-api:*")
    assert _actions(source, "210987654321:function:orders-api:*") == {"lambda:GetFunction"}
    assert "ecr:PutImage" not in _actions(source, "210987654321:repository/orders-api")
    assert "ecr:PutImage" in _actions(target, "123456789012:repository/orders-api")
    assert "ecr:BatchGetImage" in _actions(target, "210987654321:repository/orders-api")


def test_every_action_of_the_code_is_in_the_table_and_the_other_way_round() -> None:
    table = {need.action for need in TABLE}

    assert _IN_CODE - _OF_OTHERS - table == set()
    assert table - _IN_CODE == _BEHIND_OTHERS


def test_every_feature_needs_something() -> None:
    assert {need.feature for need in TABLE} == {*Feature}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.title)
def test_a_policy_that_is_documented_fits_into_a_managed_one(role: Any) -> None:  # noqa: ANN401 # pytest's
    assert 0 < size(role.policy()) <= LARGEST


def _policies_of(page: str) -> list[dict[str, Any]]:
    blocks = re.findall(r"^```json\n(.*?)^```", (_ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [json.loads(block) for block in blocks]


def _policy_of(page: str) -> dict[str, Any]:
    (policy,) = _policies_of(page)
    return policy


def _actions(policy: dict[str, Any], resource: str) -> set[str]:
    """Return what a policy allows on a resource, named by the end of its ARN."""
    return {
        action
        for statement in policy["Statement"]
        if any(arn.endswith(resource) for arn in _listed(statement["Resource"]))
        for action in _listed(statement["Action"])
    }


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_the_readme_s_policy_is_what_a_deployment_needs_and_no_more() -> None:
    needed = {(grant.action, grant.arn) for grant in grants(DEPLOY.features, DEPLOY.names) if not grant.is_optional}
    allowed = {
        (action, arn)
        for statement in _policy_of("README.md")["Statement"]
        for action in _listed(statement["Action"])
        for arn in _listed(statement["Resource"])
    }

    assert allowed == needed


def test_a_monorepo_s_new_functions_need_what_is_listed() -> None:
    _, _, section = (_ROOT / "docs/recipes/monorepo.md").read_text(encoding="utf-8").partition("\n## New functions\n")
    created = {Feature.CREATED_FUNCTION, Feature.FUNCTION_TAGS, Feature.CREATED_REPOSITORY}

    assert {*_ACTION.findall(section)} == {need.action for need in TABLE if need.feature in created}


def test_the_first_steps_have_the_trust_policy_of_the_reference() -> None:
    page = (_ROOT / "docs/reference/permissions.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]

    assert _policy_of("docs/start/aws-set-up.md") in blocks


def test_patterns_of_many_functions_match_them() -> None:
    (many,) = (role for role in ROLES if role.title == "Many functions")

    assert fnmatchcase("shop-orders-prod", many.names.functions[0])
