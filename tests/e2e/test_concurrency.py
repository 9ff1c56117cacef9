"""Several runs of one function: the newest release stays, and everything agrees on which one that is."""

import json
from typing import Any

import pytest

from sandbox.runner import StepResult
from tests.e2e.releases import Releases, error, notices, status


def _outcome(result: StepResult) -> dict[str, Any]:
    (outcome,) = json.loads(result.outputs["results"])
    return dict(outcome)


def test_of_two_deploys_started_together_one_ends_everywhere(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    for turn in range(20):
        pair = (2, 3) if turn % 2 else (3, 2)
        one_run, other_run = str(2000 + 2 * turn), str(2001 + 2 * turn)
        with (
            releases.deploying(pair[0], run_id=one_run) as one,
            releases.deploying(pair[1], run_id=other_run) as other,
        ):
            results = [one.wait(), other.wait()]

        served = releases.served()
        assert served == releases.latest(), turn
        assert served in {releases.images[number] for number in pair}
        assert releases.weights() == {}
        for number, result in zip(pair, results, strict=True):
            _tells_the_truth(releases, releases.images[number], served, result)
        assert any(
            result.exit_code == 0 and releases.images[number] == served
            for number, result in zip(pair, results, strict=True)
        )


def _tells_the_truth(releases: Releases, image: str, served: str, result: StepResult) -> None:
    """Make sure that a run says of itself what it did, and names an image that did serve when it ended."""
    outcome = _outcome(result)
    if outcome["status"] in {"deployed", "unchanged"}:
        assert result.exit_code == 0
        assert result.outputs["image-uri"] == image
        assert releases.versions()[result.outputs["function-version"]]["ResolvedImageUri"] == image
    elif outcome["status"] == "skipped":
        assert result.exit_code == 0
        assert result.outputs["image-uri"] != image or image == served
    else:
        assert result.exit_code == 1
        assert outcome["error"]
        assert result.outputs["image-uri"] in releases.images


def test_an_older_run_leaves_what_a_newer_one_has_released(releases: Releases) -> None:
    assert releases.deploy(2, run_id="3002").exit_code == 0
    before = releases.aws.snapshot()

    older = releases.deploy(1, run_id="3001")
    assert (older.exit_code, status(older)) == (0, "skipped")
    assert "newer run 3002" in notices(older, "warning")
    assert older.outputs["image-uri"] == releases.images[2]
    assert older.outputs["changed"] == "false"
    assert releases.aws.snapshot() == before

    other_workflow = releases.deploy(3, run_id="3000", workflow="hotfix.yml")
    assert status(other_workflow) == "deployed"

    assert status(releases.deploy(2, run_id="3002")) == "deployed"
    on_purpose = releases.deploy(1, run_id="3001", attempt="2")
    assert status(on_purpose) == "deployed"
    assert releases.served() == releases.images[1]


def test_allow_stale_lets_an_older_run_through(releases: Releases) -> None:
    assert releases.deploy(2, run_id="3002").exit_code == 0
    assert status(releases.deploy(1, {"allow-stale": "true"}, run_id="3001")) == "deployed"
    assert releases.served() == releases.latest() == releases.images[1]


def test_a_queued_deploy_does_not_undo_a_rollback_of_another_workflow(releases: Releases) -> None:
    assert releases.deploy(1, run_id="3001").exit_code == 0
    assert releases.deploy(2, run_id="3002").exit_code == 0
    assert status(releases.roll_back(run=3005)) == "rolled-back"
    queued = releases.deploy(3, run_id="3003")
    assert (queued.exit_code, status(queued)) == (0, "skipped")
    assert releases.served() == releases.latest() == releases.images[1]


def test_without_an_alias_the_newest_version_tells_which_run_was_last(releases: Releases) -> None:
    assert releases.deploy(2, {"alias": ""}, run_id="3002").exit_code == 0
    assert status(releases.deploy(1, {"alias": ""}, run_id="3001")) == "skipped"
    assert releases.latest() == releases.images[2]


def test_an_update_that_somebody_else_has_begun_is_waited_for(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    with releases.aws.updates_taking(2):
        releases.aws.client("lambda").update_function_code(FunctionName=releases.job.name, ImageUri=releases.images[3])
        result = releases.deploy(2)
    assert result.exit_code == 0, result.log
    assert releases.served() == releases.latest() == releases.images[2]


@pytest.mark.parametrize("nth", [1, 2])
def test_a_rollback_during_a_deploy_is_what_stays(releases: Releases, nth: int) -> None:
    """The deploy is held before it publishes, or before it moves the alias."""
    assert releases.deploy(1, run_id="3001").exit_code == 0
    assert releases.deploy(2, run_id="3002").exit_code == 0
    action = "lambda:PublishVersion" if nth == 1 else "lambda:UpdateAlias"
    held = releases.aws.hold(action, when="before")  # what earlier runs prove is not checked by a call like it
    with releases.deploying(3, run_id="3003") as deploy:
        held.reached()
        assert status(releases.roll_back(run=3004)) == "rolled-back"
        held.release()
        result = deploy.wait()
    assert result.exit_code == 1
    assert error(result)
    assert releases.served() == releases.latest() == releases.images[1] == result.outputs["image-uri"]


def test_a_rollback_that_cannot_take_the_code_along_leaves_the_alias_where_it_put_it(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    assert releases.deploy(2).exit_code == 0
    releases.aws.deny("lambda:UpdateFunctionCode")
    result = releases.roll_back(run=5001)
    assert (result.exit_code, status(result)) == (1, "failed")
    assert "what was rolled back stays so" in error(result)
    assert releases.served() == releases.images[1] == result.outputs["image-uri"]
    assert result.outputs["changed"] == "true"
