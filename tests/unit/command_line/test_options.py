"""Arguments become inputs of the action."""

from pathlib import Path

import pytest
import yaml

from ecr_lambda_deploy.command_line.descriptions import DESCRIPTIONS
from ecr_lambda_deploy.command_line.options import Request, parse
from ecr_lambda_deploy.inputs.table import TABLE

_ACTION = yaml.safe_load((Path(__file__).parents[3] / "action.yml").read_text())
_COMMANDS = ("plan", "deploy", "build", "rollback", "history", "policy")


def test_help_says_of_each_input_what_action_yml_says() -> None:
    assert {name: " ".join(one["description"].split()) for name, one in _ACTION["inputs"].items()} == DESCRIPTIONS


def test_lists_are_repeated_and_flags_need_no_value() -> None:
    request = parse(["deploy", "--function-name=a", "--function-name", "b", "--pull", "--no-cache=false", "--json"])

    assert request == Request(
        command="deploy",
        inputs={"mode": "deploy", "function-name": "a\nb", "pull": "true", "no-cache": "false"},
        is_json=True,
    )


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"mode", "rollback-to"}))
def test_each_input_is_an_option_of_deploy(name: str) -> None:
    assert parse(["deploy", f"--{name}", "x"]).inputs[name] == "x"


def test_a_value_may_begin_like_an_option_or_be_of_several_lines() -> None:
    given = parse(["deploy", "--build-args=A=-x", "--smoke-event", '{"a":\n1}']).inputs

    assert (given["build-args"], given["smoke-event"]) == ("A=-x", '{"a":\n1}')


def test_arguments_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "options").write_text("--secrets=token=s3cr3t of mine\n--alias=live\n")

    assert parse(["deploy", f"@{tmp_path}/options"]).inputs == {
        "mode": "deploy",
        "secrets": "token=s3cr3t of mine",
        "alias": "live",
    }


@pytest.mark.parametrize(
    ("arguments", "mode"),
    [
        (["plan"], "plan"),
        (["build"], "build"),
        (["rollback"], "rollback"),
        (["history"], "rollback"),
        (["policy"], "deploy"),
        (["policy", "--mode=plan"], "plan"),
    ],
)
def test_a_command_is_a_mode(arguments: list[str], mode: str) -> None:
    assert parse(arguments).inputs == {"mode": mode}


def test_a_role_is_taken_with_the_credentials_that_are_there() -> None:
    role = "--role-to-assume=arn:aws:iam::123456789012:role/deploy"

    assert parse(["deploy", role]).inputs["role-chaining"] == "true"
    assert parse(["deploy", role, "--role-chaining=false"]).inputs["role-chaining"] == "false"
    assert "role-chaining" not in parse(["deploy"]).inputs


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["ship"],
        ["deploy", "orders"],
        ["deploy", "--function", "orders"],  # no abbreviations: an option may come that another one begins with
        ["deploy", "--mode", "plan"],
        ["deploy", "--rollback-to", "1"],
        ["rollback", "--context", "."],
        ["rollback", "--image-uri", "x"],
        ["history", "--smoke-event", "{}"],
        ["policy", "--json"],
        ["deploy", "--alias"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)

    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("usage: ecr-lambda-deploy")


@pytest.mark.parametrize("command", _COMMANDS)
def test_help_is_printed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse([command, "--help"])

    assert ended.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "--function-name ITEM Lambda functions' names or ARNs" in shown
    assert "exit codes: 0 done, 1 failed, 2 wrong usage" in shown
