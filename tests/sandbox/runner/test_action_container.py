"""The sandbox's runner starts a step as GitHub's does, and a step can be signalled and killed."""

import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from sandbox.machine.base_images import LAMBDA_PYTHON, provide_base_images
from sandbox.machine.engine import Engine, running_engine
from sandbox.runner import Runner

# Stands in for the action: it tells its environment and then does what the input `task` says.
PROGRAM = """
import os, signal, sys, time

def interrupted(*_):
    print("interrupted", flush=True)
    sys.exit(130)

signal.signal(signal.SIGINT, interrupted)
print(*(f"{name}={value}" for name, value in os.environ.items() if name.startswith("GITHUB_")), sep="\\n", flush=True)
with open(os.environ["GITHUB_OUTPUT"], "a") as outputs:
    outputs.write("done=yes\\n")
if os.environ.get("INPUT_TASK") == "sleep":
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with running_engine() as engine:
        provide_base_images(engine)
        yield engine


@pytest.fixture
def step_runner(engine: Engine, tmp_path: Path) -> Iterator[Runner]:
    image = f"ecr-lambda-deploy/step:{uuid4().hex[:12]}"
    (tmp_path / "step.py").write_text(PROGRAM)
    (tmp_path / "Dockerfile").write_text(
        f'FROM {LAMBDA_PYTHON}\nCOPY step.py /\nENTRYPOINT ["python3", "/step.py"]\nCMD []\n'
    )
    engine.docker("build", "--quiet", "--tag", image, str(tmp_path), environment={"DOCKER_BUILDKIT": "0"})
    yield Runner(engine=engine, environment={}, image=image)
    assert engine.docker("ps", "--all", "--quiet", f"--filter=ancestor={image}") == ""
    engine.docker("image", "rm", image)


def test_a_step_knows_its_run_attempt_workflow_and_action(step_runner: Runner, tmp_path: Path) -> None:
    result = step_runner.run(tmp_path, {}, run_id="7", attempt="2", workflow="release.yml")
    assert (result.exit_code, result.outputs) == (0, {"done": "yes"})
    for line in (
        "GITHUB_RUN_ID=7",
        "GITHUB_RUN_ATTEMPT=2",
        "GITHUB_WORKFLOW=release",
        "GITHUB_WORKFLOW_REF=octocat/orders/.github/workflows/release.yml@refs/heads/main",
        "GITHUB_ACTION_REPOSITORY=org/ecr-lambda-deploy",
        "GITHUB_ACTION_REF=v1",
    ):
        assert line in result.log.splitlines()


def test_a_signal_reaches_the_container_as_in_a_job_that_is_cancelled(step_runner: Runner, tmp_path: Path) -> None:
    shown: list[str] = []
    with step_runner.start(tmp_path, {"task": "sleep"}, show=shown.append) as step:
        wait_for_output(shown)
        step.signal("SIGINT")
        result = step.wait()
    assert (result.exit_code, result.log.splitlines()[-1]) == (130, "interrupted")
    assert result.seconds < 30


def test_a_killed_step_says_so_and_leaves_what_it_wrote(step_runner: Runner, tmp_path: Path) -> None:
    shown: list[str] = []
    with step_runner.start(tmp_path, {"task": "sleep"}, show=shown.append) as step:
        wait_for_output(shown)
        step.kill()
        result = step.wait()
        step.kill()  # a step that has ended can be killed again
    assert (result.exit_code, result.outputs) == (137, {"done": "yes"})
    assert "interrupted" not in result.log


def test_two_steps_run_at_once_and_none_outlives_its_block(step_runner: Runner, tmp_path: Path) -> None:
    begun = time.monotonic()
    with step_runner.start(tmp_path, {"task": "sleep"}), step_runner.start(tmp_path, {}, run_id="8") as other:
        assert "GITHUB_RUN_ID=8" in other.wait().log
    assert time.monotonic() - begun < 30


def wait_for_output(shown: list[str]) -> None:
    deadline = time.monotonic() + 30
    while not any(line.startswith("GITHUB_ACTION_REF=") for line in shown):
        assert time.monotonic() < deadline, "the step prints nothing"
        time.sleep(0.05)
