"""A canary is judged by Lambda's own metrics: its failed invocations, against those of the version before."""

from sandbox.aws import Fault
from sandbox.runner import StepResult
from tests.e2e.releases import ALIAS, Releases, error, notices, status, until

_RATE = {"max-error-rate": "1%"}


def _released(
    releases: Releases, number: int, *, new: tuple[int, int], old: tuple[int, int], shown_in: float = 0.0
) -> StepResult:
    """Release an image by a canary, while both versions serve so many invocations, of which some fail."""
    before, version = releases.alias()["FunctionVersion"], str(len(releases.versions()) + 1)
    with releases.deploying(number, {"traffic": "10% 2s", **_RATE}, run_id=f"{1000 + int(version)}") as step:
        until(lambda: version in releases.weights())
        for served, (invocations, errors) in ((version, new), (before, old)):
            releases.aws.set_metrics(
                releases.job.name,
                qualifier=ALIAS,
                executed_version=served,
                invocations=invocations,
                errors=errors,
                shown_in=shown_in,
            )
        return step.wait()


def test_a_version_that_fails_more_often_than_the_one_before_goes_back(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    before = releases.aws.snapshot()
    releases.aws.forget_calls()
    releases.aws.deny("cloudwatch:GetMetricData")
    refused = releases.deploy(2, {"traffic": "10% 1h", **_RATE})
    assert '{"Effect": "Allow", "Action": "cloudwatch:GetMetricData", "Resource": "*"}' in error(refused)
    assert releases.job.changing_calls() == []
    releases.aws.allow("cloudwatch:GetMetricData")

    worse = _released(releases, 2, new=(40, 5), old=(400, 1))
    assert (worse.exit_code, status(worse)) == (1, "reverted")
    rates = "version 2 fails in 5 of 40 invocations (12.5 %), version 1 in 1 of 400 (0.25 %)"
    assert f"The error rate is above 1 %: {rates}." in error(worse)
    after = releases.aws.snapshot()
    assert (after.aliases, after.functions) == (before.aliases, before.functions)
    assert "such as 10% for 2 s of" in notices(worse)

    releases.aws.inject(Fault(action="GetMetricData", status=429))
    as_bad = _released(releases, 2, new=(40, 5), old=(4000, 550))  # and those of the minute, before
    assert (as_bad.exit_code, status(as_bad), releases.served()) == (0, "deployed", releases.images[2]), as_bad.log
    assert releases.aws.pending_faults() == []
    assert "version 3 fails in 5 of 40 invocations (12.5 %), version 1 in 55" in as_bad.log


def test_what_is_too_little_or_comes_too_late_ends_nothing(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    few = _released(releases, 2, new=(19, 19), old=(400, 0))
    assert (status(few), releases.served()) == ("deployed", releases.images[2])
    assert "version 2 fails in 19 of 19 invocations (100 %)" in few.log

    late = _released(releases, 1, new=(40, 40), old=(400, 0), shown_in=60)
    assert (status(late), releases.served()) == ("deployed", releases.images[1])
    assert "CloudWatch has no invocations of version 3 yet" in late.log


def test_what_fails_after_the_alias_has_moved_moves_it_back(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    with releases.deploying(2, {"traffic": "100% 2s", **_RATE}) as step:
        until(lambda: releases.alias()["FunctionVersion"] == "2")
        # The next minute is the first in which the alias serves nothing else.
        releases.aws.set_metrics(releases.job.name, qualifier=ALIAS, invocations=40, errors=5, minutes_ago=-1)
        result = step.wait()

    assert (result.exit_code, status(result)) == (1, "reverted")
    assert "version 2 fails in 5 of 40 invocations (12.5 %), version 1 in 0 of 0 (0 %)" in error(result)
    assert (releases.alias()["FunctionVersion"], releases.latest()) == ("1", releases.images[1])
