"""The end of a run: if one part cannot be written, the others are, and the process ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import pytest

from ecr_lambda_deploy.conclusion import Conclusion
from ecr_lambda_deploy.github.actions import Console
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, SourceLocation
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.private_folders import PrivateFolders
from sandbox.runner.workflow_commands import parse_file_command
from tests.unit.fakes.examples import NEW, RUN, function_state, observed_function


class _Conclusion(Conclusion):
    """A conclusion that records the exit code instead of ending the process."""

    def __init__(
        self, journal: Journal, environment: dict[str, str], console: Console, folders: PrivateFolders
    ) -> None:
        super().__init__(journal, environment, console, folders)
        self.left: list[int] = []

    def end(self, exit_code: int) -> None:
        self.left.append(exit_code)


@dataclass(kw_only=True)
class _Step:
    """A step of a job, with the files that the runner gives it."""

    output: Path
    summary: Path
    folders: PrivateFolders = field(default_factory=lambda: PrivateFolders(Path("/workspace")))
    journal: Journal = field(default_factory=lambda: Journal(run=RUN, outcomes=(_outcome(),)))

    def conclusion(self, console: Console | None = None, **others: str) -> _Conclusion:
        environment = {"GITHUB_OUTPUT": str(self.output), "GITHUB_STEP_SUMMARY": str(self.summary), **others}
        return _Conclusion(self.journal, environment, console or Console(), self.folders)

    @property
    def outputs(self) -> dict[str, str]:
        return parse_file_command(self.output.read_text(encoding="utf-8"))


def _outcome(observed: ObservedFunction | None = None) -> Outcome:
    observed = observed or observed_function(function_state(image=NEW))
    return Outcome(before=observed, after=observed, status=ReleaseStatus.DEPLOYED)


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Step:
    step = _Step(output=tmp_path / "output", summary=tmp_path / "summary")
    step.output.touch()
    step.summary.touch()
    monkeypatch.setenv("GITHUB_OUTPUT", str(step.output))
    return step


def _ended(end: Callable[[], int | None]) -> int | None:
    """Return the exit code; 1 for a process that ends with a traceback."""
    try:
        return end()
    except Exception:  # noqa: BLE001 # any exception ends the process
        return 1


def test_everything_is_written(step: _Step, capsys: pytest.CaptureFixture[str]) -> None:
    assert step.conclusion().write() == 0
    assert step.outputs["image-uri"] == str(NEW)
    assert step.summary.read_text().startswith("### ✅ `orders-api` serves `sha256:bbbbbbbbbbbb`")
    assert "orders-api serves sha256:bbbbbbbbbbbb" in capsys.readouterr().out


def test_a_run_that_failed_has_the_exit_code_1(step: _Step, capsys: pytest.CaptureFixture[str]) -> None:
    step.journal.error = DeployError("no such repository", "create it")

    assert step.conclusion().write() == 1
    assert "::error title=ecr-lambda-deploy::no such repository%0Acreate it" in capsys.readouterr().out.splitlines()
    assert step.outputs["image-uri"] == str(NEW)


def test_errors_that_github_does_not_show_are_in_the_log(step: _Step, capsys: pytest.CaptureFixture[str]) -> None:
    each = [replace(_outcome(), error=DeployError(f"error {number:02}", "mend it")) for number in range(12)]
    step.journal.outcomes = tuple(each)

    assert step.conclusion().write() == 1
    printed = capsys.readouterr().out
    assert printed.count("::error title=") == 5
    assert [f"error {number:02}" in printed for number in range(12)] == 12 * [True]
    last = printed.splitlines()[-1]  # the total
    assert last == "Released, but unfinished: orders-api: error 00, and 11 more causes"


@pytest.mark.parametrize("is_given_up", [False, True])
def test_the_summary_is_written_although_the_outputs_cannot_be(
    step: _Step, is_given_up: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    step.output.unlink()  # and the toolkit refuses to create it
    step.journal.error = DeployError("what went wrong")
    conclusion = step.conclusion()
    exit_code = _ended(conclusion.give_up if is_given_up else conclusion.write)

    assert step.summary.read_text().startswith("### ❌ Released, but unfinished: what went wrong")
    assert "::error title=ecr-lambda-deploy::what went wrong" in capsys.readouterr().out.splitlines()
    assert conclusion.left[:1] == [1] if is_given_up else exit_code == 1


@pytest.mark.parametrize("is_given_up", [False, True])
def test_the_outputs_are_written_although_the_summary_cannot_be(
    step: _Step, is_given_up: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    step.journal.error = DeployError("what went wrong")
    conclusion = step.conclusion(GITHUB_STEP_SUMMARY=str(step.summary / "not a folder"))
    exit_code = _ended(conclusion.give_up if is_given_up else conclusion.write)

    assert step.outputs["image-uri"] == str(NEW)
    assert "::error title=ecr-lambda-deploy::what went wrong" in capsys.readouterr().out.splitlines()
    assert conclusion.left[:1] == [1] if is_given_up else exit_code == 1


def test_outside_github_only_the_log_is_written(step: _Step, capsys: pytest.CaptureFixture[str]) -> None:
    assert step.conclusion(GITHUB_OUTPUT="", GITHUB_STEP_SUMMARY="").write() == 0
    assert (step.output.read_text(), step.summary.read_text()) == ("", "")
    assert "orders-api serves sha256:bbbbbbbbbbbb" in capsys.readouterr().out


def test_giving_up_says_that_the_run_was_cancelled(step: _Step, capsys: pytest.CaptureFixture[str]) -> None:
    conclusion = step.conclusion()
    conclusion.give_up()

    assert conclusion.left[:1] == [1]
    assert isinstance(step.journal.error, CancelledError)
    assert "::error title=Cancelled::The run was cancelled." in capsys.readouterr().out
    assert step.outputs["image-uri"] == str(NEW)
    assert "🛑 Cancelled: " in step.summary.read_text()


def test_giving_up_keeps_what_went_wrong_before(step: _Step, capsys: pytest.CaptureFixture[str]) -> None:
    step.journal.error = DeployError("what went wrong")
    step.conclusion().give_up()

    assert "::error title=ecr-lambda-deploy::what went wrong" in capsys.readouterr().out.splitlines()


class _SlowConsole(Console):
    """A log whose reader pauses."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.reads_on = Event(), Event()

    def success(self, message: str) -> None:
        self.is_asked.set()
        self.reads_on.wait()
        super().success(message)


def _give_up_while_it_is_written(step: _Step, *, seconds: float) -> tuple[_Conclusion, float]:
    """Return the conclusion and the seconds until it ended the process."""
    console = _SlowConsole()
    conclusion = step.conclusion(console)
    writing = Thread(target=conclusion.write)
    writing.start()
    console.is_asked.wait()
    began = time.monotonic()
    giving_up = Thread(target=conclusion.give_up, daemon=True)
    giving_up.start()
    giving_up.join(seconds)
    left_after = time.monotonic() - began
    console.reads_on.set()
    writing.join()
    giving_up.join(seconds)
    return conclusion, left_after


def test_a_conclusion_that_is_being_written_is_not_waited_for_for_long(step: _Step) -> None:
    conclusion, left_after = _give_up_while_it_is_written(step, seconds=5)

    assert conclusion.left[:1] == [1]
    assert left_after < 2
    assert len(step.summary.read_text().split("### ")) == 2  # it is written once


@pytest.mark.parametrize("kind", ["error", "failure"])
def test_giving_up_leaves_although_the_log_cannot_be_written(
    step: _Step, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BrokenPipeError

    console = Console()
    monkeypatch.setattr(console, kind, refuse)
    conclusion = step.conclusion(console)
    _ended(conclusion.give_up)

    assert conclusion.left[:1] == [1]
    assert step.outputs["image-uri"] == str(NEW)
    assert "🛑 Cancelled: " in step.summary.read_text()


def test_rule_9_giving_up_removes_secrets_before_anything_is_written(step: _Step) -> None:
    remaining: list[bool] = []

    class Watching(Console):
        def error(self, message: str, location: SourceLocation | None = None, *, title: str = "") -> None:
            remaining.append(folder.exists())
            super().error(message, location, title=title)

    with step.folders.folder() as folder:
        step.conclusion(Watching()).give_up()

    assert remaining == [False]


def test_rule_9_a_process_that_leaves_has_removed_its_secrets(step: _Step) -> None:
    conclusion = step.conclusion()
    with step.folders.folder() as folder:
        conclusion.leave(0)
        assert not folder.exists()
    assert conclusion.left == [0]
