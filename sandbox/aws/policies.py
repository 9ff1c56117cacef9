"""Pure: identity policies, evaluated as IAM does; what is not understood here is an error and allows nothing.

Source: IAM User Guide, Policy evaluation logic; IAM JSON policy elements: Action, Resource, Condition; Troubleshoot
access denied error messages.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

Policy = Mapping[str, Any]
"""A policy document, parsed."""

_ARN_PARTS = 6
_STATEMENT_KEYS = {"Sid", "Effect", "Action", "Resource", "Condition"}
_NOTHING: Mapping[str, str] = {}


def check_policy(policy: Policy) -> None:
    """Make sure that a policy has only what is evaluated here.

    Raises:
        ValueError: It has something else, or not what each statement must have.
    """
    if policy.get("Version") != "2012-10-17" or not isinstance(policy.get("Statement"), list):
        raise ValueError(f"MalformedPolicyDocument: {policy}")
    for statement in policy["Statement"]:
        is_whole = {"Effect", "Action", "Resource"} <= statement.keys() <= _STATEMENT_KEYS
        if not is_whole or statement["Effect"] not in {"Allow", "Deny"}:
            raise ValueError(f"MalformedPolicyDocument: {statement}")
        if unknown := statement.get("Condition", {}).keys() - _OPERATORS.keys():
            raise ValueError(f"Conditions of {', '.join(unknown)} are not evaluated here")


def denial(policies: Iterable[Policy], action: str, resource: str, context: Mapping[str, str] = _NOTHING) -> str | None:
    """Return the end of IAM's message for a request that the identity policies do not allow; None if they do.

    Args:
        policies: Of the principal.
        action: Such as `lambda:GetFunction`.
        resource: Its ARN, or `*` for actions that know none.
        context: Values of condition keys, such as `iam:PassedToService`.
    """
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in policy["Statement"]
        if _applies(statement, action, resource, context)
    }
    if "Deny" in effects:
        return "with an explicit deny in an identity-based policy"
    return None if "Allow" in effects else f"because no identity-based policy allows the {action} action"


def _applies(statement: Mapping[str, Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    return (
        any(_matches(pattern.lower(), action.lower()) for pattern in _listed(statement["Action"]))
        and any(_is_resource(pattern, resource) for pattern in _listed(statement["Resource"]))
        and all(
            _OPERATORS[operator](_listed(wanted), context.get(key))
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
    )


def _is_resource(pattern: str, resource: str) -> bool:
    """Whether a resource is meant: a wildcard stays within its part of the ARN, the last of which may have colons."""
    if pattern == "*":
        return True
    patterns, parts = pattern.split(":", _ARN_PARTS - 1), resource.split(":", _ARN_PARTS - 1)
    return len(patterns) == len(parts) and all(map(_matches, patterns, parts))


def _equals(wanted: Sequence[str], value: str | None) -> bool:
    return value in wanted


def _is_like(wanted: Sequence[str], value: str | None) -> bool:
    return value is not None and any(_matches(pattern, value) for pattern in wanted)


_OPERATORS = {"StringEquals": _equals, "StringLike": _is_like}


def _matches(pattern: str, text: str) -> bool:
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of IAM's, in which `*` stands for any characters and `?` for one, as a regular expression."""
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(character) or re.escape(character) for character in pattern), re.DOTALL)


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
