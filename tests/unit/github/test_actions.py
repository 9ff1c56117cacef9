import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ecr_lambda_deploy.github.actions import Console, write_outputs, write_summary
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

    assert _printed(capsys) == [f"::{kind}::100 %25 of%0Ait: all,"]


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

    assert _printed(capsys) == ["::error file=a%3Ab/Dockerfile,line=3::no such file"]


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


@pytest.mark.parametrize("secret", ["::error::hunter2", "hunter##[2]", "hun\udc80ter", "hun\u2028ter\x0b2"])
def test_rule_5_a_secret_is_masked_in_the_form_that_is_printed(secret: str, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    console.mask(secret)
    console.info(secret)
    console.warning(f"it is {secret}")

    printed = "\n".join([*_job_log(capsys.readouterr().out).lines])
    assert printed.splitlines() == ["***", "::warning::it is ***"]


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
    assert [annotation.message for annotation in log.annotations] == [text]


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
    notices = [annotation.message for annotation in log.annotations[:9]]
    notices += [line.removeprefix("Notice: ") for line in log.lines if line.startswith("Notice: ")]
    assert sorted(notices) == sorted(f"notice {number} {line} {'z' * 200}" for number, line in numbers)
    assert sorted(log.masked) == sorted(f"secret-{number}-{line}-" for number, line in numbers)


@pytest.mark.parametrize("kind", ["notice", "warning", "error"])
def test_annotations_beyond_the_limit_of_github_are_in_the_log(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for number in range(12):
        getattr(console, kind)(f"number {number}")
    log = _job_log(capsys.readouterr().out)

    messages = [annotation.message for annotation in log.annotations]
    assert messages[:-1] == [f"number {number}" for number in range(9)]
    assert messages[-1] == f"There are more {kind}s than GitHub shows: this step's log has the rest."
    assert log.lines[-4:-1] == [f"{kind.capitalize()}: number {number}" for number in (9, 10, 11)]


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
    console.warning("the end")
    log = _job_log(capsys.readouterr().out)

    printed = [line for line in log.lines if line.startswith("Notice: ")]
    assert len(log.annotations) - 2 + len(printed) == 4 * _LINES  # one says that there are more
    assert {annotation.level for annotation in log.annotations} == {"notice", "warning"}
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
