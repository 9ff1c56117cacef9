"""A program in buildx's place that has pushed, and goes on: its end, and what becomes of one that has none."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ecr_lambda_deploy.docker.exports import CacheExport, conversation
from ecr_lambda_deploy.model.errors import CancelledError
from tests.unit.fakes.clock import FakeClock

_BUSY = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); print('#11', flush=True); "
_ENDLESS = _BUSY + "time.sleep(60)"


class _Export:
    """An export by a program, and what is seen of it."""

    def __init__(self, program: str) -> None:
        self.at_end, self.shown = ExitStack(), list[str]()
        command = [sys.executable, "-c", program]
        pipe = subprocess.PIPE
        self.process = self.at_end.enter_context(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True))
        self.is_closed = False
        self.at_end.callback(self._close)
        self.export = CacheExport(self.process, conversation(self.process, "{}"), self.at_end)

    def _close(self) -> None:
        assert self.process.poll() is not None, "what it needs is kept until it has ended"
        self.is_closed = True

    def finish(self, clock: FakeClock) -> str:
        return self.export.finish(clock, self.shown.append)


@pytest.fixture
def clock() -> Iterator[FakeClock]:
    """Time that passes only while somebody sleeps; the test itself is to take little."""
    begun = time.monotonic()
    yield FakeClock()
    assert time.monotonic() - begun < 5


def test_what_has_been_printed_meanwhile_is_shown_and_the_end_waited_for(clock: FakeClock) -> None:
    """More than a pipe holds: the program is not kept waiting for somebody to read it."""
    lines = 5_000
    export = _Export(f"for number in range({lines}): print(f'#11 writing layer {{number:030}}')")
    export.process.wait(5)

    assert export.finish(clock) == ""
    assert len(export.shown) == lines
    assert export.shown[-1].endswith(f"{lines - 1:030}")
    assert export.is_closed


def test_a_failure_is_told_by_the_last_line(clock: FakeClock) -> None:
    export = _Export("import sys; print('ERROR: lost'); sys.exit(3)")

    assert export.finish(clock) == "buildx ended with 3: ERROR: lost"
    assert export.is_closed


def test_what_takes_too_long_is_ended(clock: FakeClock) -> None:
    export = _Export(_ENDLESS)
    clock.later(0, lambda: clock.pass_time(600))

    assert "600 s" in export.finish(clock)
    assert (export.process.returncode, export.is_closed) == (9, True)
    assert export.shown == ["#11"]


@pytest.mark.parametrize("program", [_ENDLESS, _BUSY + "signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"])
def test_it_ends_with_a_run_that_is_cancelled(clock: FakeClock, program: str) -> None:
    export = _Export(program)
    clock.cancelled_at = clock.time

    with pytest.raises(CancelledError):
        export.finish(clock)
    assert export.process.returncode in {9, -9, -15}
    assert export.is_closed
