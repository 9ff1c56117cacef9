"""What was released before is one click and a few calls away, and never needs a build."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws import Aws
from sandbox.machine.engine import Engine
from sandbox.runner import StepResult
from sandbox.sandbox import create_function
from tests.e2e.jobs import Job, new_job
from tests.e2e.releases import Releases, commit, error, notices, status


@pytest.fixture(scope="module")
def released(
    request: pytest.FixtureRequest,
    engine: Engine,
    aws: Aws,
    release_images: tuple[str, ...],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The names of functions, one for each test with `four`: four runs have released to all of them at once."""
    job = new_job(engine, aws, tmp_path_factory.mktemp("released"))
    tests = [item for item in request.session.items if "four" in getattr(item, "fixturenames", ())]
    names = [f"{job.name}-{number}" for number in range(len(tests))]
    for name in names:
        create_function(aws, name, release_images[0])
    releases = Releases(job=job, images=release_images)
    for number in range(1, 5):
        result = releases.deploy(number, {"function-name": "\n".join(names)})
        assert result.exit_code == 0, result.log
    return iter(names)


@pytest.fixture
def four(bare_job: Job, released: Iterator[str], release_images: tuple[str, ...], tmp_path: Path) -> Releases:
    """The images 1 to 4 were released one after the other, as versions 1 to 4."""
    bare_job.name = next(released)
    bare_job.workspace = tmp_path
    bare_job.aws.forget_calls()
    return Releases(job=bare_job, images=release_images)


def _serves(releases: Releases, number: int, result: StepResult) -> None:
    """Make sure that everything agrees on which image serves."""
    assert result.exit_code == 0, result.log
    assert f"greeting {number}" in releases.answer()
    assert releases.served() == releases.latest() == releases.images[number] == result.outputs["image-uri"]
    assert releases.weights() == {}


def test_an_alias_goes_back_in_ten_calls_of_which_one_changes_before_traffic_is_back(four: Releases) -> None:
    result = four.roll_back(run=5001)

    calls = [call for call in four.aws.calls() if call.action != "Invoke"]
    changing = [call.action for call in calls if call.changing]
    assert len(calls) <= 10, [call.action for call in calls]  # two, for URL and concurrency, beside others
    assert changing == ["UpdateAlias", "UpdateFunctionCode"]
    _serves(four, 3, result)
    assert status(result) == "rolled-back"
    assert result.outputs["function-version"] == "3"
    assert result.outputs["previous-version"] == "4"
    assert result.outputs["previous-image-uri"] == four.images[4]
    assert result.outputs["changed"] == "true"


def test_three_times_in_a_row_goes_further_back_each_time_and_no_further_than_there_is(four: Releases) -> None:
    for run, number in ((5001, 3), (5002, 2), (5003, 1)):
        _serves(four, number, four.roll_back(run=run))
    before = four.aws.snapshot()
    result = four.roll_back(run=5004)
    assert result.exit_code == 1
    assert "does not record which version served before it" in error(result)
    assert "4: commit 444444444444, run 1004/1, after version 3" in error(result)
    assert four.aws.snapshot() == before


def test_the_same_run_again_changes_nothing(four: Releases) -> None:
    _serves(four, 3, four.roll_back(run=5001))
    before = four.aws.snapshot()
    with four.started(
        {"mode": "rollback", "alias": "live"}, run_id="5001", attempt="2", workflow="rollback.yml"
    ) as step:
        again = step.wait()
    assert (again.exit_code, status(again), again.outputs["changed"]) == (0, "unchanged", "false")
    assert four.aws.snapshot() == before


@pytest.mark.parametrize(
    "to", ["2", commit(2), commit(2)[:7], "digest"], ids=["a version", "a commit", "a short commit", "a digest"]
)
def test_back_and_forward_by_name(four: Releases, to: str) -> None:
    _serves(four, 2, four.roll_back(four.images[2].partition("@")[2] if to == "digest" else to, run=5001))
    _serves(four, 4, four.roll_back(commit(4)[:12], run=5002))
    assert list(four.versions()) == ["1", "2", "3", "4"]


def test_a_commit_without_a_version_is_found_among_the_repository_s_tags(four: Releases) -> None:
    result = four.roll_back(commit(5)[:8], run=5001)
    _serves(four, 5, result)
    assert result.outputs["function-version"] == "5"
    assert f" commit={commit(5)[:8]} " in four.versions()["5"]["Description"]


def test_the_next_deploy_compares_with_the_truth(four: Releases) -> None:
    _serves(four, 3, four.roll_back(run=5001))
    _serves(four, 4, four.deploy(4, run_id="6000"))
    _serves(four, 3, four.roll_back(run=6001))


def test_a_release_that_failed_is_no_target(four: Releases) -> None:
    failed = four.deploy(5, {"smoke-event": '{"fail": "on purpose"}'})
    assert failed.exit_code == 1
    _serves(four, 3, four.roll_back(run=5001))
    _serves(four, 2, four.roll_back(run=5002))


def test_a_canary_that_failed_is_no_target(four: Releases) -> None:
    four.put_alarm(four.job.name)
    held = four.aws.hold("lambda:UpdateAlias")
    with four.deploying(5, {"traffic": "10% 1h", "alarms": four.job.name}) as step:
        held.reached()
        four.set_alarm(four.job.name, "ALARM")
        held.release()
        assert step.wait().exit_code == 1
    assert "5" in four.versions()  # it was published before traffic could reach it

    _serves(four, 3, four.roll_back(run=5001))
    _serves(four, 5, four.deploy(5, run_id="6000"))
    _serves(four, 3, four.roll_back(run=6001))


def test_a_canary_that_is_under_way_is_what_is_taken_back(four: Releases) -> None:
    with four.deploying(5, {"traffic": "10% 1h"}) as step:
        while not four.weights():
            pass
        result = four.roll_back(run=5001)
        _serves(four, 4, result)
        step.kill()
        step.wait()


def test_a_version_that_is_not_active_is_released_anew(four: Releases) -> None:
    four.aws.set_state(four.job.name, "Inactive", version="3")
    result = four.roll_back(run=5001)
    _serves(four, 3, result)
    assert result.outputs["function-version"] == "5"
    assert f"commit={commit(3)} " in four.versions()["5"]["Description"]
    _serves(four, 2, four.roll_back(run=5002))  # it has the history of the version that it repeats


@pytest.mark.parametrize(("how", "words"), [("removed", "does not have the image"), ("archived", "is archived in ECR")])
def test_an_image_that_is_gone_is_refused_before_any_change(releases: Releases, how: str, words: str) -> None:
    own = {"repository": releases.job.name, "create-repository": "true"}
    image = releases.deploy(1, own).outputs["image-uri"]
    assert releases.deploy(2).exit_code == 0
    repository, _, digest = image.partition("/")[2].partition("@")
    if how == "removed":
        removed = releases.aws.client("ecr").batch_delete_image(
            repositoryName=repository, imageIds=[{"imageDigest": digest}]
        )
        assert removed["failures"] == []
    else:
        releases.aws.archive_image(repository, digest)
    before = releases.aws.snapshot()

    result = releases.roll_back(run=5001)

    assert result.exit_code == 1
    assert words in error(result)
    assert releases.aws.snapshot() == before


def test_what_may_not_be_asked_is_said_and_is_no_reason_to_stay(four: Releases) -> None:
    four.aws.deny("ecr:DescribeImages")
    result = four.roll_back(run=5001)
    _serves(four, 3, result)
    assert "ecr:DescribeImages" in notices(result, "warning")


def test_without_an_alias_code_comes_back_as_a_version_with_the_history_of_the_one_it_repeats(
    releases: Releases,
) -> None:
    for number in range(1, 5):
        assert releases.deploy(number, {"alias": ""}).exit_code == 0
    for run, number, version in ((5001, 3, "5"), (5002, 2, "6"), (5003, 1, "7")):
        result = releases.roll_back(run=run, inputs={"alias": ""})
        assert result.exit_code == 0, result.log
        assert releases.latest() == releases.images[number] == result.outputs["image-uri"]
        assert result.outputs["function-version"] == version
        assert f"commit={commit(number)} " in releases.versions()[version]["Description"]
        assert f"greeting {number}" in releases.answer("$LATEST")
    before = releases.aws.snapshot()
    with releases.started({"mode": "rollback"}, run_id="5003", attempt="2", workflow="rollback.yml") as step:
        again = step.wait()
    assert (again.exit_code, status(again)) == (0, "unchanged")
    assert releases.aws.snapshot() == before
    assert releases.roll_back(commit(4), run=5004, inputs={"alias": ""}).exit_code == 0
    assert releases.latest() == releases.images[4]


def test_versions_of_others_are_shown_and_can_be_chosen_by_number(releases: Releases) -> None:
    client = releases.aws.client("lambda")
    client.publish_version(FunctionName=releases.job.name, Description="by hand")
    assert releases.deploy(1).exit_code == 0
    assert releases.deploy(2).exit_code == 0
    result = releases.roll_back("1", run=5001)
    _serves(releases, 0, result)
    assert "1: " in result.log
    assert "not published by this action" in result.log


def test_a_version_that_there_is_not_is_told_with_those_that_there_are(four: Releases) -> None:
    result = four.roll_back("17", run=5001)
    assert result.exit_code == 1
    assert "has no version 17" in error(result)
    assert "3: served before" in error(result)
