"""What README.md says besides its tables: permissions and policies."""

import json
import re
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.table import PROPERTIES, TABLE

_ROOT = Path(__file__).parents[2]
_README = (_ROOT / "README.md").read_text()
_POLICIES = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", _README, re.MULTILINE | re.DOTALL)]
_ASKED_FOR = {
    action
    for source in (_ROOT / "src").rglob("*.py")
    for action in re.findall(r'(?:translated|translated_change|probed)\(\s*"([a-z]+:[A-Za-z]+)"', source.read_text())
}


def test_the_code_names_the_permissions_that_it_needs() -> None:
    assert {"lambda:UpdateFunctionCode", "ecr:BatchGetImage", "ecr:CreateRepository"} <= _ASKED_FOR


@pytest.mark.parametrize("action", sorted(_ASKED_FOR))
def test_every_permission_that_the_code_needs_is_explained(action: str) -> None:
    assert re.search(rf"[`\"]{action}[`\"]", _README)


@pytest.mark.parametrize("policy", _POLICIES, ids=lambda policy: str(policy["Statement"][0].get("Sid", "")))
def test_every_policy_is_one(policy: dict[str, object]) -> None:
    assert policy["Version"] == "2012-10-17"
    assert isinstance(policy["Statement"], list)
    assert all(
        statement["Effect"] == "Allow"
        and statement["Action"]
        and ("Resource" in statement) != ("Principal" in statement)
        for statement in policy["Statement"]
    )


def test_the_readme_has_what_is_reserved_to_the_workflow() -> None:
    rows = re.findall(r"^\| (`.+) \| (it says .+) \|$", _README, re.MULTILINE)
    shown = {(name, why) for names, why in rows for name in re.findall(r"`([^`]+)`", names.removesuffix(" in `set`"))}

    reserved = {(name, one.reserved) for table in (TABLE, PROPERTIES) for name, one in table.items() if one.reserved}
    assert shown == reserved
