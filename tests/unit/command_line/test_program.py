"""The program itself, as far as it asks nobody."""

import json

import pytest

from ecr_lambda_deploy.command_line.program import main

_ARN = "arn:aws-cn:lambda:cn-north-1:123456789012:function:orders-api"
_ROLE = "--role-to-assume=arn:aws:iam::210987654321:role/deploy"
_WHERE = ("--aws-region", "eu-west-1")


def _resources(printed: str) -> set[str]:
    document = json.loads(printed)
    return {resource for one in document["Statement"] for resource in ([*_listed(one["Resource"])])}


def _listed(resource: str | list[str]) -> list[str]:
    return [resource] if isinstance(resource, str) else resource


@pytest.mark.parametrize(
    ("arguments", "resource"),
    [
        (
            ("--function-name=orders-api", "--account=123456789012", *_WHERE),
            "arn:aws:lambda:eu-west-1:123456789012:function:orders-api",
        ),
        (("--function-name=orders-api", _ROLE, *_WHERE), "arn:aws:lambda:eu-west-1:210987654321:function:orders-api"),
        ((f"--function-name={_ARN}", "--aws-region=cn-north-1"), _ARN),
        (
            ("--function-name=orders-api", "--account=123456789012", "--aws-region=us-gov-west-1"),
            "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:orders-api",
        ),
    ],
)
def test_policy_prints_the_least_policy(
    arguments: tuple[str, ...], resource: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "--mode=rollback", *arguments]) == 0

    out, err = capsys.readouterr()
    assert resource in _resources(out)
    assert err == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--function-name=orders-api",), "--account is required"),
        (("--function-name=orders-api", "--account=1234"), "--account is required"),
        (("--account=123456789012",), "'function-name' is required"),
    ],
)
def test_policy_without_what_it_needs_is_wrong_usage(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policy", "--mode=rollback", *arguments, *_WHERE]) == 2

    out, err = capsys.readouterr()
    assert (out, words in err) == ("", True)
