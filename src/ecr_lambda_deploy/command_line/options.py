"""Arguments become inputs: each option is an input of the action, from the same table."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecr_lambda_deploy import __version__
from ecr_lambda_deploy.command_line.descriptions import DESCRIPTIONS
from ecr_lambda_deploy.inputs.table import TABLE, Input, Scope, Shape
from ecr_lambda_deploy.model.targets import Mode

_COMMANDS: Mapping[str, str] = {
    "plan": "show what a deployment would change, and change nothing",
    "deploy": "build an image, or take one, and have functions run it",
    "build": "build and push, and touch no function",
    "rollback": "have functions serve what they served before",
    "history": "show what was released to functions, by whom, and what serves",
    "policy": "print the least IAM policy for these inputs; asks nobody",
}
_FINE = """exit codes: 0 done, 1 failed, 2 wrong usage. @FILE stands for the arguments in a file, one on each line: so
no secret is in the list of processes."""
_OF_IMAGES = {"platform", "image-uri", "promote-from"}
_OF_HISTORY = {"function-name", "manifest", "only", "vars", "alias", "aws-region"}
_LISTS = {Shape.LINES, Shape.PAIRS, Shape.VALUES, Shape.SECRETS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody asks for.

    Attributes:
        command: the first argument.
        inputs: of the action, by name.
        is_json: whether the answer is to be JSON.
        account: of a policy, 12 digits; empty if it is not given.
    """

    command: str
    inputs: Mapping[str, str]
    is_json: bool = False
    account: str = ""


def parse(arguments: Sequence[str]) -> Request:
    """Return what the arguments ask for.

    Raises:
        SystemExit: with 2, after a message, if they are wrong; with 0, if they ask for help.
    """
    given = vars(_parser().parse_args(arguments))
    command, is_json, account = given.pop("command"), given.pop("json", False), given.pop("account", "")
    inputs = {"mode": _mode(command, given)}
    for name, value in given.items():
        text = "\n".join(value) if isinstance(value, list) else value
        if text:
            inputs[name] = text
    # Nobody but a workflow has a token to take a role with.
    if "role-to-assume" in inputs:
        inputs.setdefault("role-chaining", "true")
    return Request(command=command, inputs=inputs, is_json=is_json, account=account)


def _mode(command: str, given: Mapping[str, str]) -> str:
    match command:
        case "history":
            return Mode.ROLLBACK  # which takes the same inputs, and reads the same
        case "policy":
            return given.get("mode") or Mode.DEPLOY
        case _:
            return command


def _parser() -> argparse.ArgumentParser:
    common = {"allow_abbrev": False, "fromfile_prefix_chars": "@", "epilog": _FINE}
    parser = argparse.ArgumentParser(
        prog="ecr-lambda-deploy",
        description="Ship container images to AWS Lambda by hand, as the GitHub Action of this name does.",
        **common,  # type: ignore[arg-type] # the stubs have no type for keywords of different types
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text, **common)  # type: ignore[arg-type] # the same
        if name == "policy":
            command.add_argument(
                "--account", default="", metavar="ID", help="the account of functions and repositories"
            )
        else:
            command.add_argument("--json", action="store_true", help="print one JSON document")
        for option, one in TABLE.items():
            if _is_of(name, option, one):
                _add(command, option, one)
    return parser


def _is_of(command: str, name: str, one: Input) -> bool:
    """Whether a command has an input for an option; what goes with what, the inputs' own checks say."""
    match command:
        case "policy":
            return True
        case "history":
            return name in _OF_HISTORY or name.startswith("role-")
        case "rollback":
            return name != "mode" and one.scope is not Scope.BUILD and name not in _OF_IMAGES
        case _:
            return name not in {"mode", "rollback-to"}


def _add(command: argparse.ArgumentParser, name: str, one: Input) -> None:
    text = DESCRIPTIONS[name].replace("`", "").replace("%", "%%")
    if one.shape in _LISTS:
        metavar = "ITEM" if one.shape is Shape.LINES else "KEY=VALUE"
        command.add_argument(
            f"--{name}", dest=name, action="append", metavar=metavar, default=[], help=f"{text} (may be repeated)"
        )
    elif one.shape is Shape.FLAG:
        choice = "true|false"
        command.add_argument(f"--{name}", dest=name, nargs="?", const="true", default="", metavar=choice, help=text)
    else:
        command.add_argument(f"--{name}", dest=name, default="", metavar=_metavar(one), help=text)


def _metavar(one: Input) -> str:
    if one.choices:
        return "|".join(one.choices)
    return {Shape.SECONDS: "SECONDS", Shape.JSON: "JSON", Shape.MAPPING: "YAML"}.get(one.shape, "TEXT")
