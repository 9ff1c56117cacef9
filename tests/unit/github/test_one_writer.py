"""Nothing but the console writes to the log, so that nothing escapes its masks and its quoting of commands."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ecr_lambda_deploy

_PACKAGE = Path(ecr_lambda_deploy.__file__).parent
_WRITERS = {_PACKAGE / "github/actions.py", _PACKAGE / "command_line/terminal.py"}
_FILES = sorted(_PACKAGE.rglob("*.py"))
_WRITING_MODULES = {"actions_toolkit.core", "logging", "warnings"}
_WRITING_NAMES = {"stdout", "stderr", "__stdout__", "__stderr__", "print_exc", "issue_command", "core"}
_STARTING = {"run", "Popen", "call", "check_call", "check_output", "getoutput", "system"}


def _writes(tree: ast.AST) -> Iterator[str]:
    """Yield what in a module could write to standard output or standard error."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield "print"
            case ast.Attribute(value=ast.Name(id="sys"), attr=name) if name in _WRITING_NAMES:
                yield f"sys.{name}"
            case ast.Attribute(value=ast.Name(id="traceback"), attr=("print_exc" | "print_exception" | "print_stack")):
                yield "traceback"
            case ast.Attribute(value=ast.Name(id="os"), attr=("write" | "writev" | "system" | "fdopen")):
                yield "os"
            case ast.Import(names=names) if {name.name for name in names} & _WRITING_MODULES:
                yield "import"
            case ast.ImportFrom(module=module, names=names) if (
                module in _WRITING_MODULES
                or (module in {"sys", "actions_toolkit", "actions_toolkit.command"} and module)
                or (module == "os" and {name.name for name in names} & {"write", "system"})
            ):
                yield f"from {module}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="subprocess"), attr=name), keywords=keywords) if (
                name in _STARTING and not {"capture_output", "stdout"} & {keyword.arg for keyword in keywords}
            ):
                yield f"subprocess.{name}"  # it inherits both


@pytest.mark.parametrize("path", _FILES, ids=lambda path: str(path.relative_to(_PACKAGE)))
def test_rule_5_nothing_writes_to_the_log_but_the_console(path: Path) -> None:
    found = [*_writes(ast.parse(path.read_text(encoding="utf-8")))]

    assert bool(found) == (path in _WRITERS), found


@pytest.mark.parametrize(
    "text",
    [
        "print('x')",
        "import sys\nsys.stdout.write('x')",
        "import sys\nsys.stdout.flush()",
        "from sys import stdout",
        "import os\nos.write(1, b'x')",
        "from os import write",
        "import logging",
        "from actions_toolkit import core",
        "import traceback\ntraceback.print_exc()",
        "import subprocess\nsubprocess.run(['x'], check=True)",
    ],
)
def test_rule_5_each_way_to_write_is_noticed(text: str) -> None:
    assert [*_writes(ast.parse(text))]
