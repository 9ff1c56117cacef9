"""A run that is cancelled ends in time, whatever text it has been given to read."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from threading import Timer

import pytest

from tests.integration.hostile_texts import HOSTILE

_SOURCE = Path(__file__).parents[2] / "src"
_PROGRAM = Path(__file__).with_name("hostile_texts.py")
_PATIENCE = 12  # seconds until a process is said to hang
_MEMORY = 3 * 1024**2  # KiB of addresses that it may use


@pytest.mark.parametrize("name", HOSTILE)
def test_rule_6_cancelling_ends_the_process_with_any_text_as_input(name: str, tmp_path: Path) -> None:
    with subprocess.Popen(
        ["sh", "-c", f"ulimit -v {_MEMORY}; exec {sys.executable} {_PROGRAM} {name}"],
        env={"PYTHONPATH": str(_SOURCE), "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        time.sleep(1)
        assert process.poll() is None
        watchdog = Timer(_PATIENCE, process.kill)
        watchdog.start()
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        exit_code, seconds = process.wait(), time.monotonic() - begun
        watchdog.cancel()

    assert (exit_code, said) == (3, "")
    assert seconds < 7
