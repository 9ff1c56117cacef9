"""Whenever a run ends, however it ends: what serves is known, and running it again does the rest."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from sandbox.runner import RunningStep
from tests.e2e.jobs import SHARED, Job
from tests.e2e.releases import APP, Releases, commit, error, notices, status

# Every change of a full release, in order: a layer and the image are pushed, and so on. Of the layers' uploads the
# first request and the last stand for all of them. The commit's tag is added beside what Lambda does.
_BEFORE_LAMBDA = [
    ("registry:InitiateUpload", 1),
    ("registry:CompleteUpload", 1),
    ("registry:PutManifest", 1),
]
_TAG = ("ecr:PutImage", 1)
_OF_LAMBDA = [
    ("lambda:UpdateFunctionCode", 1),
    ("lambda:PublishVersion", 1),
    ("lambda:UpdateAlias", 1),
    ("lambda:UpdateAlias", 2),
    ("lambda:UpdateAlias", 3),
]
_CHANGES = [*_BEFORE_LAMBDA, _TAG, *_OF_LAMBDA]
_INPUTS = {"image-uri": "", "repository": f"{SHARED}-releases", "smoke-event": "{}", "traffic": "10% 1s, 50% 1s"}
_SECONDS_TO_LEAVE = 7
each_change = pytest.mark.parametrize(
    ("action", "nth"), _CHANGES, ids=[f"{action.partition(':')[2]}-{nth}" for action, nth in _CHANGES]
)


@pytest.fixture
def source(releases: Releases) -> Releases:
    """A function that serves image 0 by its alias, and a workspace whose code was never built."""
    client = releases.aws.client("lambda")
    version = client.publish_version(FunctionName=releases.job.name)["Version"]
    waiter = client.get_waiter("published_version_active")
    waiter.wait(FunctionName=releases.job.name, Qualifier=version, WaiterConfig={"Delay": 0.05})
    client.create_alias(FunctionName=releases.job.name, Name="live", FunctionVersion=version)
    shutil.copytree(APP, releases.job.workspace, dirs_exist_ok=True)
    releases.job.greet(f"good morning from {releases.job.name}")
    releases.aws.forget_calls()
    return releases


@contextmanager
def _release(source: Releases, attempt: str = "1", inputs: Mapping[str, str] | None = None) -> Iterator[RunningStep]:
    given = {**_INPUTS, "alias": "live", **(inputs or {})}
    with source.started(given, commit=commit(10), run_id="7001", attempt=attempt, with_engine=True) as step:
        yield step


def _converges(source: Releases) -> None:
    """Run the same again, and make sure that everything is as if nothing had happened."""
    with _release(source, attempt="2") as step:
        result = step.wait()
    assert result.exit_code == 0, result.log
    assert source.job.name in source.answer()
    assert source.served() == source.latest() == result.outputs["image-uri"]
    assert source.weights() == {}
    assert source.alias()["FunctionVersion"] == result.outputs["function-version"]


def test_these_are_all_the_changes_of_a_full_release(source: Releases) -> None:
    with _release(source) as step:
        assert step.wait().exit_code == 0
    made = [
        f"{call.service}:{call.action}".removeprefix("registry:")
        for call in source.aws.calls()
        if call.changing and call.status < 400
    ]
    uploads = {"registry:UploadPart", "registry:InitiateUpload", "registry:CompleteUpload", "registry:CancelUpload"}
    made.remove(_TAG[0])
    expected = [action for action, _ in (*_BEFORE_LAMBDA, *_OF_LAMBDA) if action not in uploads]
    assert [action for action in made if action not in uploads] == expected


@each_change
def test_a_run_that_is_killed_after_a_change_is_completed_by_the_next(source: Releases, action: str, nth: int) -> None:
    held = source.aws.hold(action, nth)
    with _release(source) as step:
        held.reached()
        step.kill()
        assert step.wait().exit_code == 137
    held.release()
    _converges(source)


@each_change
def test_a_run_that_is_cancelled_ends_in_time_with_what_served_before(source: Releases, action: str, nth: int) -> None:
    before = source.aws.snapshot()
    held = source.aws.hold(action, nth)
    with _release(source) as step:
        held.reached()
        started = time.monotonic()
        step.signal("SIGINT")
        time.sleep(0.3)
        held.release()
        result = step.wait()
    took = time.monotonic() - started

    assert took < _SECONDS_TO_LEAVE
    assert result.exit_code == 1
    assert "The run was cancelled." in error(result)
    after = source.aws.snapshot()
    assert after.functions == before.functions
    assert after.aliases == before.aliases
    assert result.outputs["image-uri"] == source.images[0]
    assert result.outputs["changed"] == "false"
    assert result.outputs["function-version"] == "1"
    is_either = (action, nth) == _TAG
    assert is_either or status(result) == ("failed" if (action, nth) in _BEFORE_LAMBDA else "reverted")
    assert "cancelled" in result.summary
    _converges(source)


def test_a_build_is_ended_with_the_run(source: Releases) -> None:
    dockerfile = source.job.workspace / "Dockerfile"
    dockerfile.write_text(dockerfile.read_text() + f"RUN echo {source.job.name} && sleep 300\n")
    before = source.aws.snapshot()
    with _release(source) as step:
        while "sleep 300" not in _processes():
            time.sleep(0.1)
        started = time.monotonic()
        step.signal("SIGINT")
        result = step.wait()
    assert time.monotonic() - started < _SECONDS_TO_LEAVE
    assert (result.exit_code, status(result)) == (1, "failed")
    assert source.aws.snapshot() == before
    deadline = time.monotonic() + 10
    while "sleep 300" in _processes():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("each_engine", ["current"], indirect=True)
def test_a_release_does_not_wait_for_the_cache_and_a_run_that_is_cancelled_ends_it(job_on_each_engine: Job) -> None:
    job = job_on_each_engine
    job.greet(job.name)
    held = job.aws.hold("registry:PutManifest", 2, when="before")  # the first one is of the image
    with job.started({"function-name": job.name, "alias": "live"}, commit=commit(10)) as step:
        held.reached()
        while not any(call.action == "CreateAlias" and call.status == 201 for call in job.aws.calls()):
            time.sleep(0.1)
        started = time.monotonic()
        step.signal("SIGINT")
        result = step.wait()
    held.release()

    assert time.monotonic() - started < _SECONDS_TO_LEAVE
    assert (result.exit_code, result.outputs["changed"]) == (0, "true")
    assert job.name in job.invoke("live")
    assert "a cache of their build is perhaps not complete: The run was cancelled." in notices(result, "warning")


def test_the_run_is_gone_in_time_though_lambda_does_not_finish_the_update(source: Releases) -> None:
    before = source.aws.snapshot()
    with source.aws.updates_taking(12):
        held = source.aws.hold("lambda:UpdateFunctionCode")
        with _release(source) as step:
            held.reached()
            held.release()
            time.sleep(1)
            started = time.monotonic()
            step.signal("SIGINT")
            result = step.wait()
        assert time.monotonic() - started < _SECONDS_TO_LEAVE
    assert result.exit_code == 1
    assert source.aws.snapshot().aliases == before.aliases
    assert result.outputs["image-uri"] == source.images[0]  # by the alias
    assert "update-function-code" in result.summary  # what is left to put back
    assert "Reverting it has not ended" in error(result)
    _converges(source)


def test_a_change_by_somebody_else_between_update_and_revert_is_left_alone_and_told(source: Releases) -> None:
    held = source.aws.hold("lambda:Invoke", 2, when="before")  # the first one is the check, which runs nothing
    with _release(source, inputs={"smoke-event": '{"fail": "on purpose"}'}) as step:
        held.reached()
        client = source.aws.client("lambda")
        client.update_function_code(FunctionName=source.job.name, ImageUri=source.images[3])
        client.get_waiter("function_updated_v2").wait(FunctionName=source.job.name, WaiterConfig={"Delay": 0.05})
        held.release()
        result = step.wait()
    assert (result.exit_code, status(result)) == (1, "failed")
    assert f"$LATEST runs {source.images[3]}: somebody else has updated it since, so it stays." in error(result)
    assert source.latest() == source.images[3]
    assert source.served() == source.images[0] == result.outputs["image-uri"]


def test_a_revert_that_fails_says_what_is_left_and_how_to_mend_it(source: Releases) -> None:
    held = source.aws.hold("lambda:Invoke", 2, when="before")  # the first one is the check, which runs nothing
    with _release(source, inputs={"smoke-event": '{"fail": "on purpose"}'}) as step:
        held.reached()
        source.aws.deny("lambda:UpdateFunctionCode")
        held.release()
        result = step.wait()
    assert (result.exit_code, status(result)) == (1, "failed")
    assert "Reverting it failed too" in error(result)
    assert "not authorized to perform: lambda:UpdateFunctionCode" in error(result)
    mend = f"--function-name {source.job.name} --architectures x86_64 --image-uri {source.images[0]}"
    assert mend in result.summary.replace(" \\\n  ", " ")
    source.aws.allow("lambda:UpdateFunctionCode")
    _converges(source)


def _processes() -> str:
    """Return the command lines of all processes of the machine."""
    return subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
