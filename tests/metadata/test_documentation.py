"""What the documentation says of policies and manifests."""

import json
import re
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.table import PROPERTIES, TABLE

_ROOT = Path(__file__).parents[2]
_MANIFEST = (_ROOT / "docs/reference/manifest.md").read_text()
_PAGES = [*_ROOT.glob("README*.md"), *_ROOT.glob("docs/**/*.md")]
_BLOCKS = [
    (str(page.relative_to(_ROOT)), json.loads(block))
    for page in sorted(_PAGES)
    for block in re.findall(r"^```json\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
]
_POLICIES = [(page, block) for page, block in _BLOCKS if "Statement" in block]


def test_the_readme_and_the_reference_have_policies() -> None:
    assert {"README.md", "docs/reference/permissions.md"} <= {page for page, _ in _POLICIES}


@pytest.mark.parametrize(("page", "policy"), _POLICIES, ids=[page for page, _ in _POLICIES])
def test_every_policy_is_one(page: str, policy: dict[str, object]) -> None:
    assert policy["Version"] == "2012-10-17", page
    assert isinstance(policy["Statement"], list)
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert statement["Action"]
        # A role's trust policy and a repository's policy say who; an identity's policy says on what.
        assert ("Resource" in statement) != ("Principal" in statement)


def test_the_reference_has_what_is_reserved_to_the_workflow() -> None:
    rows = re.findall(r"^\| (`.+) \| (it says .+) \|$", _MANIFEST, re.MULTILINE)
    shown = {(name, why) for names, why in rows for name in re.findall(r"`([^`]+)`", names.removesuffix(" in `set`"))}

    reserved = {(name, one.reserved) for table in (TABLE, PROPERTIES) for name, one in table.items() if one.reserved}
    assert shown == reserved
