"""The log of a terminal."""

import pytest

from ecr_lambda_deploy.command_line.terminal import Terminal
from ecr_lambda_deploy.model.errors import SourceLocation


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_progress_goes_to_standard_error_and_has_no_workflow_commands(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    with terminal.group("Check"), terminal.verbatim():
        terminal.info("::warning::as it is")
    terminal.folded("More", ["one", "two"])
    terminal.notice("a notice")
    terminal.warning("odd", SourceLocation(file="deploy.yml", line=3))
    terminal.error("why\nand what to do", title="Orders: no credentials")
    terminal.answer("done")

    out, err = capsys.readouterr()
    assert out == "done\n"
    assert err.splitlines() == [
        "Check",
        "::warning::as it is",
        "More",
        "one",
        "two",
        "notice: a notice",
        "warning: deploy.yml:3: odd",
        "error: Orders: no credentials",
        "why",
        "and what to do",
    ]


def test_secrets_are_replaced_wherever_they_are_printed(terminal: Terminal, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.mask(" first line of it \r\nsecond line")
    terminal.mask("second")  # a part of another one leaves nothing of that
    terminal.mask("abc")  # is in too many words

    terminal.info("x (first line of it) y, second line, abc")
    terminal.error("second line", title="first line of it")
    terminal.warning("second")
    terminal.failure("second line")
    with terminal.group("second line"):
        pass
    terminal.answer("a second line")

    out, err = capsys.readouterr()
    assert out == "a ***\n"
    assert err.splitlines() == ["x (***) y, ***, abc", "error: ***", "***", "warning: ***", "***", "***"]
    assert terminal.redacted("second line") == "***"


def test_colours_are_for_the_terminal_alone_and_those_of_others_are_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal = Terminal(has_colours=True)
    terminal.failure("red")
    terminal.warning("\x1b[31modd\x1b]0;title\x07")
    with terminal.group("Check"):
        pass
    terminal.answer("\x1b[31mplain")

    out, err = capsys.readouterr()
    assert out == "plain\n"
    assert err.splitlines() == [
        "\x1b[31mred\x1b[0m",
        "\x1b[33mwarning: odd\\x1b]0;title\\x07\x1b[0m",
        "\x1b[1mCheck\x1b[0m",
    ]
