"""Writes permissions.md and other pages' policies: `PYTHONPATH=src python docs/reference/generate_permissions.py`.

The words of permissions.md are in `permissions.template`; tables and policies are made of the product's own table.
Another page has `<!-- policy: ARN -->` and `<!-- /policy -->`: what stands between them is the policy that the role
needs for the whole workflows of that page, and no more.
"""
# ruff: noqa: INP001 # a script, not a package

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from ecr_lambda_deploy.aws.ecr_policies import PULL_STATEMENT, repository_policy
from ecr_lambda_deploy.inputs.parse import Inputs, parse_inputs
from ecr_lambda_deploy.permissions.least import needed, needed_at_sources
from ecr_lambda_deploy.permissions.policies import Grant, Names, Policy, policy_of, trust_statement
from ecr_lambda_deploy.permissions.roles import ROLES, SUBJECT, Role
from ecr_lambda_deploy.permissions.table import TABLE, Need, Resource

_TEMPLATE = Path(__file__).with_name("permissions.template")
_PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
_REPOSITORY = "arn:aws:ecr:ap-northeast-2:123456789012:repository/orders-api"
_WIDTH = 118
_REQUIRED, _OPTIONAL = "●", "○"
_DOCS = Path(__file__).parents[1]
_SHOP = _DOCS / "recipes/monorepo.md"  # its manifest is that of every page that shows none
_GENERATED = re.compile(r"^(<!-- policy: (?P<role>\S+) -->)$.*?^(<!-- /policy -->)$", re.MULTILINE | re.DOTALL)
_EXPRESSIONS: Mapping[str, Sequence[str]] = {
    "${{ inputs.rollback-to }}": ("previous", "41", "8f3c1d2", "8f3c1d2" + "0" * 33, f"sha256:{'0' * 64}"),
    "${{ needs.dev.outputs.image-digest }}": (f"sha256:{'0' * 64}",),
}
"""What an expression of a workflow may stand for."""

_CALLED: Mapping[Resource, str] = {
    Resource.ANY: "`*`",
    Resource.FUNCTION: "`function:NAME`",
    Resource.VERSIONS: "`function:NAME:*`",
    Resource.EXECUTION_ROLE: "the function's role",
    Resource.CAPACITY_PROVIDER: "`capacity-provider:NAME`",
    Resource.REPOSITORY: "`repository/NAME`",
    Resource.SOURCE_FUNCTION: "the source's `function:NAME`",
    Resource.SOURCE_VERSIONS: "the source's `function:NAME:*`",
    Resource.SOURCE_REPOSITORY: "the source's `repository/NAME`",
    Resource.BASE_REPOSITORY: "the base image's `repository/NAME`",
    Resource.PARAMETER: "`parameter/NAME`",
    Resource.ROLE: "the role that is taken",
}


def rendered() -> str:
    """Return the text of `permissions.md`."""
    pull = {"Version": "2012-10-17", "Statement": [{"Sid": "LambdaPull", **PULL_STATEMENT}]}
    trust = trust_statement(provider_arn=_PROVIDER, audience="sts.amazonaws.com", subject=SUBJECT)
    parts = {
        "matrix": _table(_matrix()),
        "actions": _table(_actions()),
        "trust": _block({"Version": "2012-10-17", "Statement": [trust]}),
        "pull": _block(pull),
        "created": _block(json.loads(repository_policy(_REPOSITORY))),
        **{role.title: _block(role.policy()) for role in ROLES},
    }
    template = _TEMPLATE.read_text(encoding="utf-8")
    return re.sub(r"^\{(.+)\}$", lambda found: parts[found[1]], template, flags=re.MULTILINE)


def pages() -> dict[Path, str]:
    """Return what every page with policies is to say."""
    others = (page for page in sorted(_DOCS.rglob("*.md")) if _GENERATED.search(page.read_text(encoding="utf-8")))
    return {_DOCS / "reference/permissions.md": rendered(), **{page: _filled(page) for page in others}}


def _filled(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    blocks = _blocks(page)
    workflows = [yaml.safe_load(block) for block in blocks if re.search(r"^jobs:$", block, re.MULTILINE)]
    manifest = next((block for block in [*blocks, *_blocks(_SHOP)] if block.startswith("# deploy.yaml")), "")

    def policy(found: re.Match[str]) -> str:
        return (
            f"{found[1]}\n{_folded(found['role'], policy_of(_granted(found['role'], workflows, manifest)))}\n{found[3]}"
        )

    return _GENERATED.sub(policy, text)


def _blocks(page: Path) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _folded(role: str, policy: Policy) -> str:
    has_optional = '"Optional' in json.dumps(policy)
    note = "\nStatements whose names begin with `Optional` may be left out.\n" if has_optional else ""
    return f"<details><summary>The policy of <code>{role}</code></summary>\n\n{_block(policy)}\n{note}\n</details>"


def _granted(role: str, workflows: Iterable[Mapping[str, Any]], manifest: str) -> Iterator[Grant]:
    """Yield what a role needs for the steps that take it, and for those that read by it what another one releases."""
    for job in (job for workflow in workflows for job in workflow["jobs"].values()):
        reader = ""
        for step in job["steps"]:
            given, used = step.get("with", {}), str(step.get("uses")).partition("@")[0]
            if used == "aws-actions/configure-aws-credentials":
                reader = given["role-to-assume"]
            elif used == "org/ecr-lambda-deploy":
                own = given["role-to-assume"]
                names = Names(region=given["aws-region"], account=own.split(":")[4])
                for inputs in _readings(given, manifest):
                    if own == role:
                        yield from needed(inputs.mode, inputs.images, names)
                    if (reader or own) == role:
                        yield from map(_named, needed_at_sources(inputs.images, names))


def _named(grant: Grant) -> Grant:
    """Name the repository of a function that is promoted from: on these pages it has the function's name."""
    return replace(grant, arn=grant.arn.replace(":repository/*", ":repository/orders-api"))


def _readings(given: Mapping[str, str | bool], manifest: str) -> Iterator[Inputs]:
    """Yield the inputs of a step, with each kind of value that an expression may have."""
    kinds = next((kinds for expression, kinds in _EXPRESSIONS.items() if expression in str(given)), ("",))
    with TemporaryDirectory() as folder:
        workspace = Path(folder)
        (workspace / "deploy.yaml").write_text(manifest, encoding="utf-8")
        contexts = [image["context"] for image in (yaml.safe_load(manifest) or {}).get("images", {}).values()]
        for context in (".", *contexts):
            (workspace / context).mkdir(parents=True, exist_ok=True)
            (workspace / context / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
        for kind in kinds:
            inputs = {
                name: re.sub(r"\$\{\{.*?\}\}", kind, str(value).lower() if value is True else str(value))
                for name, value in given.items()
            }
            yield parse_inputs(inputs, {"GITHUB_WORKSPACE": folder, "GITHUB_SHA": "0" * 40})


def _matrix() -> Iterator[Sequence[str]]:
    yield ("Action", *(role.title for role in ROLES))
    for action in dict.fromkeys(sorted(need.action for need in TABLE)):
        cells = [_cell(action, role) for role in ROLES]
        if any(cells):
            yield (f"`{action}`", *cells)


def _cell(action: str, role: Role) -> str:
    needs = [need for need in TABLE if need.action == action and need.feature in role.features]
    return _REQUIRED if any(not need.is_optional for need in needs) else _OPTIONAL if needs else ""


def _actions() -> Iterator[Sequence[str]]:
    yield "Action", "On", "Required for", "Optional for; without it"
    rows = dict[tuple[str, Resource], list[Need]]()
    for need in TABLE:
        rows.setdefault((need.action, need.resource), []).append(need)
    order = list(Resource)
    for action, resource in sorted(rows, key=lambda row: (row[0], order.index(row[1]))):
        needs = rows[action, resource]
        required = "; ".join(need.feature.value for need in needs if not need.is_optional)
        optional = " ".join(f"{_capital(need.feature.value)}: {_small(need.lost)}" for need in needs if need.lost)
        yield f"`{action}`", _CALLED[resource], required, optional


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _small(text: str) -> str:
    return text[0].lower() + text[1:]


def _table(rows: Iterable[Sequence[str]]) -> str:
    heading, *others = rows
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, ["---"] * len(heading), *others))


def _block(policy: Policy) -> str:
    statements = policy["Statement"]
    if not isinstance(statements, list):
        raise TypeError("a policy has a list of statements")
    shown = ",\n".join(textwrap.indent(_statement(statement), "    ") for statement in statements)
    return f'```json\n{{\n  "Version": "{policy["Version"]}",\n  "Statement": [\n{shown}\n  ]\n}}\n```'


def _statement(statement: Mapping[str, object]) -> str:
    lines = [f"  {json.dumps(key)}: {_value(value)}" for key, value in statement.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def _value(value: object) -> str:
    """Return a value in one line or, if it is a list that is too long, with as many items in a line as fit."""
    text = json.dumps(value)
    if not isinstance(value, list) or len(text) < _WIDTH - len('      "Resource": ,'):
        return re.sub(r"(?<=\{)(?=\")|(?<=[\"}\]])(?=\})", " ", text) if isinstance(value, dict) else text
    items = textwrap.fill(text[1:-1], _WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    return "[\n" + textwrap.indent(items, "    ") + "\n  ]"


if __name__ == "__main__":
    for path, content in pages().items():
        path.write_text(content, encoding="utf-8")
