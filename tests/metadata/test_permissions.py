"""The table of permissions is what the code asks for, and what the documentation shows."""

import importlib.util
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

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


def _generator() -> Any:  # noqa: ANN401 # a script, and no module of a package
    spec = importlib.util.spec_from_file_location("generator", _ROOT / "docs/reference/generate_permissions.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_generator_prints() -> None:
    assert (_ROOT / "docs/reference/permissions.md").read_text(encoding="utf-8") == _generator().rendered()


def test_every_action_of_the_code_is_in_the_table_and_the_other_way_round() -> None:
    table = {need.action for need in TABLE}

    assert _IN_CODE - _OF_OTHERS - table == set()
    assert table - _IN_CODE == _BEHIND_OTHERS


def test_every_feature_needs_something() -> None:
    assert {need.feature for need in TABLE} == {*Feature}


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.title)
def test_a_policy_that_is_documented_fits_into_a_managed_one(role: Any) -> None:  # noqa: ANN401 # pytest's
    assert 0 < size(role.policy()) <= LARGEST


def _policy_of(page: str) -> dict[str, Any]:
    (block,) = re.findall(r"^```json\n(.*?)^```", (_ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    policy: dict[str, Any] = json.loads(block)
    return policy


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


def test_the_first_steps_have_the_trust_policy_of_the_reference() -> None:
    page = (_ROOT / "docs/reference/permissions.md").read_text()
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)]

    assert _policy_of("docs/start/aws-set-up.md") in blocks


def test_patterns_of_many_functions_match_them() -> None:
    (many,) = (role for role in ROLES if role.title == "Many functions")

    assert fnmatchcase("shop-orders-prod", many.names.functions[0])
