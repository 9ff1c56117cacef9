"""Prints permissions.md, the page beside it: `PYTHONPATH=src python docs/reference/generate_permissions.py`.

The words are in `permissions.template`; tables and policies are made of the product's own table.
"""
# ruff: noqa: INP001 # a script, not a package

import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from ecr_lambda_deploy.aws.ecr_policies import PULL_STATEMENT, repository_policy
from ecr_lambda_deploy.permissions.policies import Policy, trust_statement
from ecr_lambda_deploy.permissions.roles import ROLES, SUBJECT, Role
from ecr_lambda_deploy.permissions.table import TABLE, Need, Resource

_TEMPLATE = Path(__file__).with_name("permissions.template")
_PROVIDER = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
_REPOSITORY = "arn:aws:ecr:ap-northeast-2:123456789012:repository/orders-api"
_WIDTH = 118
_REQUIRED, _OPTIONAL = "●", "○"

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
    sys.stdout.write(rendered())
