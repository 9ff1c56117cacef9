"""The runner's signals, each to a process of its own: it ends at once, or it is ended in time."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from ecr_lambda_deploy.github.cancelling import DEADLINE
from sandbox.runner.workflow_commands import parse_file_command

_SOURCE = Path(__file__).parents[2] / "src"
_PATIENCE = 3.0  # seconds until a process is said to hang

# What each process begins with. It says when it is ready to be signalled, and what it was ended by.
_BEGINNING = """
import os, sys, threading, time
from contextlib import nullcontext
from ecr_lambda_deploy.github import cancelling as runner
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import CancelledError

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def give_up():
    say("given up")
    os._exit(3)

cancelling = runner.RunnerCancelling()
clock = SystemClock(cancelling)
"""

_SLEEP = "clock.sleep(60)"
_BUSY = "while True: clock.sleep(0)"
_WAITING = """
cancelling.listen(give_up)
try:
    with cancelling.polled() if {is_polled} else nullcontext():
        say("ready")
        {wait}
except CancelledError:
    say("cancelled")
except KeyboardInterrupt:
    say("interrupted")
say(cancelling.is_cancelled)
"""

_TWICE = """
runner.DEADLINE = 60
cancelling.listen(give_up)
interrupts = 0
for _ in range(2):
    try:
        with cancelling.polled() if {is_polled} else nullcontext():
            say("ready")
            deadline = time.monotonic() + 0.2
            while time.monotonic() < deadline:
                pass
    except KeyboardInterrupt:
        interrupts += 1
say(interrupts)
"""

# A call that no handler and no exception ends: the read is begun again [PEP 475].
_HANGING = """
runner.DEADLINE = {deadline}
cancelling.listen(give_up)
reader, writer = os.pipe()
try:
    with cancelling.polled():
        say("ready")
        os.read(reader, 1)
except BaseException as error:
    say(error)
"""

# The signal comes between any two steps of `sleep`; the run then hangs all the same.
_HANGING_AFTER_SLEEP = """
runner.DEADLINE = 0.02
cancelling.listen(give_up)
try:
    say("ready")
    while True:
        clock.sleep(0)
except (KeyboardInterrupt, CancelledError):
    pass
while True:
    time.sleep(60)
"""

_FINISHED = """
runner.DEADLINE = 60
cancelling.listen(give_up)
cancelling.finish()
say("ready")
deadline = time.monotonic() + 0.2
while time.monotonic() < deadline:
    pass
say("finished", cancelling.is_cancelled)
"""

# The end of a run whose log nobody reads any more.
_NO_LOG = """
from ecr_lambda_deploy.github.actions import Console
from ecr_lambda_deploy.conclusion import Conclusion
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.private_folders import PrivateFolders
from pathlib import Path

runner.DEADLINE = 0.2
console = Console()
folders = PrivateFolders(Path("/workspace"))
cancelling.listen(Conclusion(Journal(run=WorkflowRun()), dict(os.environ), console, folders).give_up)
with folders.folder() as folder:
    Path(os.environ.get("NAMED", "/dev/null")).write_text(str(folder))
    say("ready")
    with cancelling.polled():
        {task}
"""
_HANGS = "time.sleep(60)"
_PRINTS = "while True: console.info('x' * 1000)"
_HAS_PRINTED = """
        os.set_blocking(1, False)
        try:
            while True: os.write(1, b"x" * 1000)
        except BlockingIOError:
            os.set_blocking(1, True)
        time.sleep(60)
"""


@contextmanager
def _process(program: str, *, patience: float = _PATIENCE, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process and wait until it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", _BEGINNING + program],
        env={"PYTHONPATH": str(_SOURCE), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    watchdog = Timer(patience, process.kill)
    watchdog.start()
    try:
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
            process.kill()
    finally:
        process.kill()
        watchdog.cancel()


def _ended(process: subprocess.Popen[str], *, begun: float) -> tuple[str, int, float]:
    """Return what the process says, its exit code, and after how many seconds it was gone."""
    said, _ = process.communicate()
    return said, process.returncode, time.monotonic() - begun


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("wait", [_SLEEP, _BUSY], ids=["sleep", "busy loop"])
@pytest.mark.parametrize("is_polled", [True, False], ids=["polled", "not polled"])
def test_a_wait_ends_at_once(wait: str, is_polled: bool, number: signal.Signals) -> None:
    with _process(_WAITING.format(wait=wait, is_polled=is_polled)) as process:
        begun = time.monotonic()
        process.send_signal(number)
        said, exit_code, seconds = _ended(process, begun=begun)

    told, is_cancelled = said.split()
    assert told == "cancelled" if is_polled else told in {"cancelled", "interrupted"}
    assert (is_cancelled, exit_code) == ("True", 0)
    assert seconds < 2


@pytest.mark.parametrize("wait", ["time.sleep(60)", "threading.Event().wait(60)"])
def test_without_polling_whatever_is_done_is_interrupted(wait: str) -> None:
    with _process(_WAITING.format(wait=wait, is_polled=False)) as process:
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        said, exit_code, seconds = _ended(process, begun=begun)

    assert (said.split(), exit_code) == (["interrupted", "True"], 0)
    assert seconds < 2


@pytest.mark.parametrize(("is_polled", "interrupts"), [(False, 1), (True, 0)])
def test_only_the_first_signal_interrupts(is_polled: bool, interrupts: int) -> None:
    with _process(_TWICE.format(is_polled=is_polled)) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"  # a second time
        for number in (signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        said, exit_code, _ = _ended(process, begun=0)

    assert (said, exit_code) == (f"{interrupts}\n", 0)


def test_a_run_that_is_at_its_end_is_not_interrupted() -> None:
    with _process(_FINISHED) as process:
        process.send_signal(signal.SIGINT)
        said, exit_code, _ = _ended(process, begun=0)

    assert (said, exit_code) == ("finished True\n", 0)


def test_a_run_that_hangs_is_given_up_at_the_deadline() -> None:
    """The runner would end the docker client, and not the container, 10 seconds after the first signal."""
    with _process(_HANGING.format(deadline=DEADLINE), patience=10) as process:
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        said, exit_code, seconds = _ended(process, begun=begun)

    assert (said, exit_code) == ("given up\n", 3)
    assert DEADLINE <= seconds < 7


def test_no_process_outlives_its_signal() -> None:
    """Whatever step the signal comes at: a hundred processes, each signalled at another moment."""

    def signalled(number: int) -> tuple[str, int]:
        with _process(_HANGING_AFTER_SLEEP) as process:
            time.sleep(number % 10 / 1000)
            process.send_signal(signal.SIGINT)
            said, exit_code, _ = _ended(process, begun=0)
            return said, exit_code

    with ThreadPoolExecutor(4) as pool:
        assert {*pool.map(signalled, range(100))} == {("given up\n", 3)}


@pytest.mark.parametrize(
    ("task", "is_closed"), [(_HANGS, True), (_HAS_PRINTED, False), (_PRINTS, False)], ids=["gone", "full", "in use"]
)
def test_a_log_that_cannot_be_written_keeps_no_process_alive(task: str, is_closed: bool, tmp_path: Path) -> None:
    """Its reader is gone, or reads no more, or does so while the run prints; what else is there is written."""
    output, summary = tmp_path / "output", tmp_path / "summary"
    output.touch()
    with _process(_NO_LOG.format(task=task), GITHUB_OUTPUT=str(output), GITHUB_STEP_SUMMARY=str(summary)) as process:
        if is_closed and process.stdout is not None:
            process.stdout.close()
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        exit_code = process.wait()

    assert exit_code == 1
    assert "image-uri" in parse_file_command(output.read_text())
    assert "🛑 Cancelled: " in summary.read_text()


@pytest.mark.parametrize("task", [_HANGS, _HAS_PRINTED], ids=["hangs", "log is full"])
def test_rule_9_a_run_that_is_given_up_leaves_no_secret_on_disk(task: str, tmp_path: Path) -> None:
    named = tmp_path / "named"
    with _process(_NO_LOG.format(task=task), NAMED=str(named)) as process:
        folder = Path(named.read_text())
        assert folder.exists()
        process.send_signal(signal.SIGINT)
        process.wait()

    assert not folder.exists()
