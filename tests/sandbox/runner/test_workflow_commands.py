"""The sandbox's runner takes for a workflow command what GitHub's does."""

import pytest

from sandbox.runner.workflow_commands import Annotation, JobLog


def _taken(*lines: str) -> JobLog:
    log = JobLog()
    for line in lines:
        log.take(line)
    return log


@pytest.mark.parametrize(
    "line",
    [
        "::warning::late",
        "  ::warning::late",
        "\t\u00a0::warning::late",
        "::WARNING::late",
        "##[warning]late",
        "it said ##[warning]late",
        "::unknown:: ##[warning]late",
        "::warning file=a.py,line=3::late",
        "##[warning file=a.py;line=3]late",
    ],
)
def test_what_is_a_command(line: str) -> None:
    log = _taken(line)

    assert log.commands == ["warning"]
    (annotation,) = log.annotations
    assert (annotation.level, annotation.message) == ("warning", "late")
    assert (annotation.file, annotation.line) == (("a.py", 3) if "a.py" in line else ("", 0))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "it said ::warning::late",
        ": :warning::late",
        "::warning:late",
        "::unknown::late",
        "## [warning]late",
        "##[warning late",
        "##[unknown]late",
        "std::vector::warning::late",
    ],
)
def test_what_is_none(line: str) -> None:
    log = _taken(line)

    assert (log.commands, log.annotations, log.lines) == ([], [], [line])


@pytest.mark.parametrize(
    ("line", "message"), [("::error::a%0A%5D%25", "a\n%5D%"), ("##[error]a%0A%5D%25%3B", "a\n]%;")]
)
def test_each_form_has_its_escapes(line: str, message: str) -> None:
    assert _taken(line).annotations == [Annotation(level="error", message=message)]


@pytest.mark.parametrize("resume", ["::0123abc::", " ::0123abc::", "##[0123abc]"])
def test_nothing_is_a_command_until_the_token_comes(resume: str) -> None:
    log = _taken("::stop-commands::0123abc", "::error::one", "##[error]two", "::another::", resume, "::error::three")

    assert log.commands == ["stop-commands", "resume", "error"]
    assert [annotation.message for annotation in log.annotations] == ["three"]
    assert log.lines == ["::error::one", "##[error]two", "::another::", "::error::three"]


@pytest.mark.parametrize("mask", ["::add-mask::hunter2", "##[add-mask]hunter2"])
def test_a_mask_is_kept_from_then_on(mask: str) -> None:
    log = _taken("hunter2", mask, "it is hunter2")

    assert (log.masked, log.lines) == (["hunter2"], ["hunter2", "it is ***"])


def test_an_annotation_is_cut() -> None:
    (annotation,) = _taken(f"::error::{'x' * 4_097}").annotations

    assert annotation.message == "x" * 4_096
