"""What README.md says besides its tables: permissions, policies, links."""

import json
import re
from pathlib import Path

import pytest

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


def test_every_link_within_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", _README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"\]\(#([^)]+)\)", _README)

    assert links
    assert {*links} <= anchors


def test_every_file_that_is_linked_is_there() -> None:
    files = re.findall(r"\]\((?!https?:|#)([^)#]+)", _README)

    assert files
    assert not [file for file in files if not (_ROOT / file).exists()]
