import re
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from ecr_lambda_deploy.github.actions import Console, shows_colours, write_outputs, write_summary
from ecr_lambda_deploy.model.errors import SourceLocation
from sandbox.runner.workflow_commands import JobLog, parse_file_command

_THREADS, _LINES = 16, 50


def _job_log(text: str) -> JobLog:
    """Return the log as the runner parses it; a carriage return ends a line too [.NET, TextReader.ReadLine]."""
    log = JobLog()
    for line in re.split(r"\r\n|\r|\n", text):
        log.take(line)
    return log


def _printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_group_is_closed_whatever_happens(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with Console().group("Check"):
            Console().info("within")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _printed(capsys) == ["::group::Check", "within", "::endgroup::"]


def test_nothing_is_printed_between_lines_that_are_folded(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()

    def fold(number: int) -> None:
        console.folded(f"of {number}", (f"{number} {line}" for line in range(_LINES)))

    _all_at_once(fold, lambda number: console.info(f"beside {number}"))
    printed = _printed(capsys)

    for number in range(_THREADS):
        start = printed.index(f"::group::of {number}")
        lines = [*(f"{number} {line}" for line in range(_LINES)), "::endgroup::"]
        assert printed[start + 1 :][: _LINES + 1] == lines


@pytest.mark.parametrize("kind", ["notice", "warning", "error"])
def test_an_annotation_is_one_command_however_many_lines_it_has(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    getattr(Console(), kind)("100 % of\nit: all,")

    assert _printed(capsys) == [f"::{kind} title=ecr-lambda-deploy::100 %25 of%0Ait: all,"]


def test_a_long_error_keeps_its_end_in_the_annotation_and_is_whole_in_the_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = "\n".join(["no such functions:", *(f"- orders-{number:04}" for number in range(400)), "Help: https://…"])
    Console().error(text)
    printed = capsys.readouterr().out

    (annotation,) = _job_log(printed).annotations
    assert annotation.message.startswith("no such functions:\n- orders-0000")
    assert annotation.message.endswith("Help: https://…")
    assert text in printed


def test_an_error_can_name_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Console().error("no such file", SourceLocation(file="a:b/Dockerfile", line=3))

    Console().error("no", title="orders, and 2 more: alarm\x1b[31m")

    assert _printed(capsys) == [
        "::error title=ecr-lambda-deploy,file=a%3Ab/Dockerfile,line=3::no such file",
        "::error title=orders%2C and 2 more%3A alarm::no",
    ]


def test_every_line_of_a_secret_is_masked_once(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for secret in ("first\n\nsecond\n", "first", "", " \n"):
        console.mask(secret)

    assert _printed(capsys) == ["::add-mask::first", "::add-mask::second"]


def test_rule_5_a_secret_is_masked_without_its_outer_blanks_too(capsys: pytest.CaptureFixture[str]) -> None:
    Console().mask(" hunter2\t\n")

    assert _printed(capsys) == ["::add-mask:: hunter2\t", "::add-mask::hunter2"]


@pytest.mark.parametrize("secret", ["abc", "  abc ", "ab\ncd"])
def test_rule_5_a_short_secret_is_not_masked_and_that_is_said_once(
    secret: str, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    console.mask(secret)
    console.mask(secret)
    log = _job_log(capsys.readouterr().out)

    assert log.masked == []
    (annotation,) = log.annotations
    assert annotation.level == "warning"
    assert "shorter than 4 characters" in annotation.message
    assert "abc" not in annotation.message


def test_a_short_line_of_a_longer_secret_is_no_reason_to_warn(capsys: pytest.CaptureFixture[str]) -> None:
    Console().mask('{\n"password": "x"\n}')

    assert _printed(capsys) == ['::add-mask::"password": "x"']


@pytest.mark.parametrize(
    "secret",
    [
        "::error::hunter2",
        "hunter##[2]",
        "hun\udc80ter",
        "hun\u2028ter\x0b2",
        "hun\x1bter",
        "\x1b[1mhunter",
        "hun\x00ter",
    ],
)
def test_rule_5_a_secret_is_masked_in_the_form_that_is_printed(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.mask(secret)
    console.info(secret)
    console.warning(f"it is {secret}")

    printed = "\n".join([*_job_log(capsys.readouterr().out).lines])
    assert printed.splitlines() == ["***", "::warning title=ecr-lambda-deploy::it is ***"]


def test_text_of_other_programs_is_not_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for _ in range(2):
        with console.verbatim():
            console.info("::set-env name=x::y")
    first_stop, _, first_resume, second_stop, *_ = _printed(capsys)

    token = first_stop.removeprefix("::stop-commands::")
    assert first_resume == f"::{token}::"
    assert len(token) >= 32
    assert second_stop != first_stop  # nobody can learn it from the log and use it


@pytest.mark.parametrize(
    "text",
    [
        "::warning::x",
        "  ::warning::x",
        "\t\u00a0\u2003::warning::x",
        "##[set-env name=PATH]x",
        "an answer: ##[set-env name=PATH]x",
        "##[##[warning]x",
        "###[warning]x",
        "one\n::add-mask::x",
        "one\n  ::add-mask::x\n\n::stop-commands::x\ntwo ##[error]x",
        "one\r\n::warning::x",
        "one\r::warning::x",
        "one\r  ::warning::x",
        "one\x0b::warning::x\u2028::warning::x",
        "::unknown::##[warning]x",
        ":::warning::x",
        "::::warning::x",
        "\n\n::warning::x\n",
    ],
    ids=repr,
)
@pytest.mark.parametrize("is_verbatim", [False, True])
def test_text_is_never_a_command(text: str, is_verbatim: bool, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    if is_verbatim:
        with console.verbatim():
            console.info(text)
    else:
        console.info(text)
    printed = capsys.readouterr().out
    log = _job_log(printed)

    assert [name for name in log.commands if name not in {"stop-commands", "resume"}] == []
    assert (log.masked, log.annotations) == ([], [])
    said = re.sub(r"^::(stop-commands::)?[0-9a-f]{32}(::)?$", "", printed, flags=re.MULTILINE)
    assert re.sub(r"\s", "", said) == re.sub(r"\s", "", text)  # and nothing of it is lost


def test_text_that_is_no_command_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = "std::vector<int> ::x:: [warning] # [x] ##\n\ttwo  \n"
    Console().info(text)

    assert capsys.readouterr().out == f"{text}\n"


@pytest.mark.parametrize("kind", ["notice", "warning", "error"])
@pytest.mark.parametrize("text", ["one\n::add-mask::x", "one\r::add-mask::x", "##[add-mask]x", "::add-mask::x"])
def test_the_text_of_an_annotation_is_not_a_command(kind: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    getattr(Console(), kind)(text)
    log = _job_log(capsys.readouterr().out)

    assert log.commands == [kind]
    assert [annotation.message for annotation in log.annotations] == [text.replace("\r", "\n")]


def test_commands_are_commands_while_another_program_prints(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    with console.verbatim():
        console.info("::error::of the program")
        console.mask("hunter2")
        console.notice("a notice")
        console.info("it is hunter2")
        console.warning("a warning")
        console.info("::error::of the program")
    console.info("it was hunter2")
    log = _job_log(capsys.readouterr().out)

    assert log.masked == ["hunter2"]
    assert [(annotation.level, annotation.message) for annotation in log.annotations] == [
        ("notice", "a notice"),
        ("warning", "a warning"),
    ]
    assert {"it is ***", "it was ***"} <= {*log.lines}
    assert "hunter2" not in "\n".join(log.lines)


def _all_at_once(*tasks: Callable[[int], None]) -> None:
    """Have many threads do each of the tasks, each with its own number."""
    with ThreadPoolExecutor(len(tasks) * _THREADS) as pool:
        for done in [pool.submit(task, number) for number in range(_THREADS) for task in tasks]:
            done.result()


def test_each_line_of_many_threads_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()

    def print_lines(number: int) -> None:
        for line in range(_LINES):
            console.info(f"line {number} {line} {'x' * 200}\nand {number} {line} {'y' * 200}")

    def notify(number: int) -> None:
        for line in range(_LINES):
            console.notice(f"notice {number} {line} {'z' * 200}")

    def mask(number: int) -> None:
        for line in range(_LINES):
            console.mask(f"secret-{number}-{line}-")

    with console.verbatim():
        _all_at_once(print_lines, notify, mask)
    log = _job_log(capsys.readouterr().out)

    numbers = [(number, line) for number in range(_THREADS) for line in range(_LINES)]
    said = [f"line {number} {line} {'x' * 200}" for number, line in numbers]
    said += [f"and {number} {line} {'y' * 200}" for number, line in numbers]
    assert sorted(line for line in log.lines if line.endswith(("x", "y"))) == sorted(said)
    following = [following for line, following in zip(log.lines, log.lines[1:], strict=False) if line[:5] == "line "]
    assert all(line.startswith("and ") for line in following)
    notices = [annotation.message for annotation in log.annotations[:4]]
    notices += [line.removeprefix("Notice: ") for line in log.lines if line.startswith("Notice: ")]
    assert sorted(notices) == sorted(f"notice {number} {line} {'z' * 200}" for number, line in numbers)
    assert sorted(log.masked) == sorted(f"secret-{number}-{line}-" for number, line in numbers)


@pytest.mark.parametrize("kinds", [["notice"], ["warning", "notice"]])
def test_warnings_and_notices_beyond_what_is_read_are_in_the_log(
    kinds: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console()
    for number in range(8):
        getattr(console, kinds[number % len(kinds)])(f"number {number}")
    log = _job_log(capsys.readouterr().out)

    messages = [annotation.message for annotation in log.annotations]
    assert messages[:-1] == [f"number {number}" for number in range(4)]
    assert messages[-1] == "There are more warnings and notices: this step's log has the rest."
    kept = [f"{kinds[number % len(kinds)].capitalize()}: number {number}" for number in range(4, 8)]
    assert log.lines[-5:-1] == kept


def test_errors_have_room_after_many_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for number in range(20):
        console.warning(f"{number}")
    console.error("the cause")
    annotations = _job_log(capsys.readouterr().out).annotations

    assert [one.level for one in annotations] == ["warning"] * 5 + ["error"]
    assert annotations[-1].message == "the cause"


_ESCAPES = [
    "a\x1b[31mred\x1b[0m",
    "a\x1b[2K\x1b[1A",
    "a\x1b]8;;https://x\x1b\\b",
    "a\x9b31m",
    "a\x08\x7f",
    "a\x1b\x1b[0m[31m",
]


@pytest.mark.parametrize("text", _ESCAPES, ids=repr)
@pytest.mark.parametrize("kind", ["info", "failure", "success", "notice", "warning", "error", "group"])
@pytest.mark.parametrize("has_colours", [False, True])
def test_texts_of_others_bring_no_escapes_into_the_log(
    text: str, kind: str, has_colours: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(has_colours=has_colours)
    with console.verbatim() if kind == "info" else nullcontext():
        if kind == "group":
            console.folded(text, [text])
        else:
            getattr(console, kind)(text)
    printed = capsys.readouterr().out
    own = {"failure": "\x1b[31m", "success": "\x1b[32m"} if has_colours else {}
    begin, end = (own[kind], "\x1b[0m\n") if kind in own else ("", "")

    assert printed.startswith(begin)
    assert printed.endswith(end)
    inner = printed[len(begin) : len(printed) - len(end)]
    assert [character for character in inner if character != "\n" and unicodedata.category(character) == "Cc"] == []


@pytest.mark.parametrize(
    "text", ["#\x1b[0m#[error]x", ":\x1b[m:error::x", "a\n\x1b[1m::error::x", "\x1b[0m::error::x", "\x1b[3::error::x"]
)
def test_what_is_left_without_an_escape_is_no_command(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    Console().info(text)

    assert _job_log(capsys.readouterr().out).commands == []


def test_each_line_of_a_failure_has_its_colour(capsys: pytest.CaptureFixture[str]) -> None:
    Console(has_colours=True).failure("one\n\ntwo\r\n::error::three")

    assert capsys.readouterr().out == "\x1b[31mone\x1b[0m\n\n\x1b[31mtwo\x1b[0m\r\n\x1b[31m: :error::three\x1b[0m\n"


@pytest.mark.parametrize(
    ("environment", "is_shown"),
    [
        ({"GITHUB_ACTIONS": "true"}, True),
        ({"GITHUB_ACTIONS": "true", "NO_COLOR": ""}, True),
        ({"GITHUB_ACTIONS": "true", "NO_COLOR": "1"}, False),
        ({}, False),
    ],
)
def test_only_the_log_of_github_has_colours(environment: dict[str, str], is_shown: bool) -> None:
    assert shows_colours(environment) is is_shown


def test_verbatim_ends_while_other_threads_send_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """A notice at the very end of the block does not leave commands stopped."""
    console = Console()

    def notify(number: int) -> None:
        for line in range(_LINES):
            console.notice(f"{number} {line}")

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(notify, number) for number in range(4)]
        for number in range(_LINES):
            with console.verbatim():
                console.info(f"::error::{number}")
        for task in done:
            task.result()
    console.error("the end")
    log = _job_log(capsys.readouterr().out)

    printed = [line for line in log.lines if line.startswith("Notice: ")]
    assert len(log.annotations) - 2 + len(printed) == 4 * _LINES  # one says that there are more
    assert {annotation.level for annotation in log.annotations} == {"notice", "error"}
    assert log.annotations[-1].message == "the end"


def test_rule_5_programs_that_print_at_the_same_time_leave_the_runner_listening(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console = Console()
    one, two = console.verbatim(), console.verbatim()
    for block in (one, two):
        block.__enter__()
        console.info("::error::of a program")
    console.mask("hunter2")
    console.notice("both print")
    one.__exit__(None, None, None)
    console.notice("one prints")
    console.info("::error::of a program, hunter2")
    two.__exit__(None, None, None)
    console.notice("none prints")
    log = _job_log(capsys.readouterr().out)

    assert log.masked == ["hunter2"]
    assert [annotation.message for annotation in log.annotations] == ["both print", "one prints", "none prints"]


@pytest.mark.parametrize("kind", ["info", "notice", "warning", "error"])
def test_rule_5_lone_surrogates_are_printed_with_replacements(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    getattr(Console(), kind)("an answer \udc80 of\ud800 others")

    assert capsys.readouterr().out.endswith("an answer ? of? others\n")


def test_rule_5_lone_surrogates_lose_no_output_and_no_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary, output = tmp_path / "summary", tmp_path / "output"
    output.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    write_summary("an answer \udc80", str(summary))
    write_outputs({"one": "an answer \udc80", "two": "2"})

    assert summary.read_text(encoding="utf-8") == "an answer ?\n"
    assert parse_file_command(output.read_text(encoding="utf-8")) == {"one": "an answer ?", "two": "2"}


def test_what_others_wrote_in_an_output_sets_no_other_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "output"
    output.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))
    written = {
        "summary": "### of others\nEOF\nghadelimiter_00000000-0000-0000-0000-000000000000\nchanged=true\nx<<EOF\n",
        "changed": "false",
    }
    write_outputs(written)

    assert parse_file_command(output.read_text(encoding="utf-8")) == written


def test_the_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("of another step\n")
    write_summary("### Deployed → ok", str(path))

    assert path.read_text(encoding="utf-8") == "of another step\n### Deployed → ok\n"
