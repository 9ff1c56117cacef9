"""action.yml, README.md, the reference and the code name the same inputs and outputs, and none but those of v1."""

import re
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecr_lambda_deploy.inputs.table import INPUTS, PROPERTIES
from ecr_lambda_deploy.report.outputs import OUTPUTS

_ROOT = Path(__file__).parents[2]

# The names of v1, which users rely on: a new one is added on purpose, and none is taken away.
_V1_INPUTS = frozenset([
    "mode", "function-name", "manifest", "only", "vars", "ssm-parameter",
    # The image, built or existing.
    "context", "dockerfile", "target", "build-args", "build-contexts", "labels", "secrets", "platform", "set", "pull",
    "no-cache", "cache", "cache-from", "cache-to", "builder", "provenance", "sbom", "reuse",
    "image-uri", "promote-from",
    # Registry and AWS.
    "repository", "registry", "tags", "create-repository", "docker-auth", "aws-region", "role-to-assume",
    "role-chaining", "role-session-name", "role-duration-seconds",
    # The release.
    "publish", "alias", "smoke-event", "smoke-expect", "traffic", "alarms", "max-error-rate", "create-function",
    "on-failure", "allow-stale", "wait-timeout", "rollback-to",
])  # fmt: skip
_V1_OUTPUTS = frozenset([
    "image-uri", "image-digest", "image-tags", "repository-uri", "function-arn", "alias-arn", "function-version",
    "previous-image-uri", "previous-version", "changed", "results", "function-url", "summary", "matrix",
])  # fmt: skip


@pytest.fixture(scope="module")
def action() -> Mapping[str, Any]:
    parsed: Mapping[str, Any] = yaml.safe_load((_ROOT / "action.yml").read_text())
    return parsed


def _table(*header: str) -> list[list[str]]:
    """Return the rows of README.md's tables with this header."""
    lines = (_ROOT / "README.md").read_text().splitlines()
    rows = []
    for first, line in enumerate(lines):
        if line == f"| {' | '.join(header)} |":
            found = takewhile(lambda row: row.startswith("|"), lines[first + 2 :])
            rows += [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in found]
    return rows


def _name(cell: str) -> str:
    """Return what a cell names in backticks, as a link or without; empty if it has anything else."""
    found = re.fullmatch(r"\[?`([^`]+)`(?:\]\([^)]*\))?", cell)
    return found[1] if found else ""


def _headings() -> dict[str, str]:
    """Return the inputs that docs/reference/inputs.md has as headings, with their default in backticks."""
    text = (_ROOT / "docs/reference/inputs.md").read_text()
    return {
        name: _name(default) for name, default in re.findall(r"^### `(.+)`\n\nDefault: (.+)\.$", text, re.MULTILINE)
    }


def test_the_action_declares_the_inputs_that_the_code_reads(action: Mapping[str, Any]) -> None:
    declared = {name: entry.get("default", "") for name, entry in action["inputs"].items()}

    assert list(declared.items()) == list(INPUTS.items())


def test_the_action_declares_the_outputs_that_the_code_writes(action: Mapping[str, Any]) -> None:
    assert tuple(action["outputs"]) == OUTPUTS


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_the_action_describes_everything(action: Mapping[str, Any], kind: str) -> None:
    assert all(entry["description"].strip() for entry in action[kind].values())


def test_no_input_is_required_by_the_runner(action: Mapping[str, Any]) -> None:
    """The runner does not enforce `required`; the code tells what is missing, with everything else that is wrong."""
    assert not [name for name, entry in action["inputs"].items() if "required" in entry]


def test_the_readme_has_the_inputs_of_the_action() -> None:
    shown = [(_name(row[0]), _name(row[1])) for row in _table("Input", "Default", "Meaning")]

    assert sorted(shown) == sorted(INPUTS.items())


def test_the_reference_has_the_inputs_of_the_action() -> None:
    assert _headings() == dict(INPUTS)


def test_the_readme_has_the_outputs_of_the_action() -> None:
    assert [_name(row[0]) for row in _table("Output", "Value")] == list(OUTPUTS)


def test_the_readme_explains_everything() -> None:
    assert all(row[-1] for row in [*_table("Input", "Default", "Meaning"), *_table("Output", "Value")])


def test_the_readme_is_read_in_ten_minutes() -> None:
    text = (_ROOT / "README.md").read_text()

    assert len(text.splitlines()) <= 250
    assert len(text.split()) <= 2000


def test_every_input_is_one_of_v1() -> None:
    assert {*INPUTS} <= _V1_INPUTS


def test_what_set_takes_has_no_input_of_its_own() -> None:
    """Else the one would silently go before the other."""
    assert not PROPERTIES.keys() & INPUTS


def test_every_output_is_one_of_v1() -> None:
    assert {*OUTPUTS} <= _V1_OUTPUTS


_WITH_EXAMPLES = [*_ROOT.glob("README*.md"), *_ROOT.glob("docs/**/*.md"), *_ROOT.glob("examples/**/*.yml")]


def _our_steps(page: Path) -> list[Mapping[str, Any]]:
    """Return the steps of a page that use this action, in whole workflows and in pieces."""
    text = page.read_text()
    blocks = re.findall(r"^```ya?ml\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if page.suffix == ".md" else [text]
    steps = [step for block in blocks for step in _steps(yaml.safe_load(block))]
    return [step for step in steps if re.match(r"\S+/ecr-lambda-deploy@|\./", step["uses"])]


@pytest.mark.parametrize("page", sorted(_WITH_EXAMPLES), ids=lambda page: str(page.relative_to(_ROOT)))
def test_examples_give_inputs_that_there_are(page: Path) -> None:
    assert {name for step in _our_steps(page) for name in step.get("with", {})} <= {*INPUTS}


def test_the_check_of_examples_finds_some() -> None:
    assert all(_our_steps(_ROOT / page) for page in ("README.md", "docs/recipes/roll-back.md"))


def _steps(value: Any) -> list[Mapping[str, Any]]:  # noqa: ANN401 # YAML
    """Return the steps anywhere in a piece of a workflow."""
    match value:
        case {"uses": _}:
            return [value]
        case dict():
            return [step for item in value.values() for step in _steps(item)]
        case list():
            return [step for item in value for step in _steps(item)]
        case _:
            return []
