"""Every rule has a source, and sandbox/README.md tells it."""

from pathlib import Path

import pytest

from sandbox.aws.rule import Rule
from sandbox.aws.rules.table import RULES

_README = (Path(__file__).parents[3] / "sandbox/README.md").read_text()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.operations[0]}-{rule.apply.__name__.strip('_')}")
def test_the_readme_has_the_source_of_the_rule(rule: Rule) -> None:
    assert f" {rule.source} |" in _README
