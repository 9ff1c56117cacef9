"""Outputs and summary of runs with many functions stay within the limits of GitHub."""

import json
import re
from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, Phase, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.outputs import check_matrix, matrix, outputs
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import NEW, REGISTRY, RUN, alias_state, function_state, observed_function, version_state

_MOST_BYTES = 1_048_576
_UGLY = DeployError("it | broke\n```\n<script>alert(1)</script> `x`", "mend *it*")


def _observed(name: str, version: str = "7") -> ObservedFunction:
    observed = observed_function(function_state(name=name), version_state(version), alias=alias_state(version))
    return replace(observed, name=name)


def _outcome(name: str, status: ReleaseStatus, error: DeployError | None = None, reason: str = "") -> Outcome:
    before, after = _observed(name), _observed(name, "8" if status is ReleaseStatus.DEPLOYED else "7")
    return Outcome(before=before, after=after, status=status, error=error, reason=reason, started=1.0, seconds=2.5)


def _journal(*outcomes: Outcome, mode: Mode = Mode.DEPLOY, manifest: str = "deploy.yaml") -> Journal:
    images = [
        ImageOutcome(
            name=f"image-{outcome.function}",
            functions=(outcome.function,),
            status=ImageStatus.PLANNED if outcome.status is ReleaseStatus.PLANNED else ImageStatus.BUILT,
            repository_uri=f"{REGISTRY}/orders",
            reference=NEW,
            seconds=1.0,
        )
        for outcome in outcomes
    ]
    phases = [Phase(title="Check", started=0.0, seconds=1.0), Phase(title="Deploy", started=1.0, seconds=3.0)]
    return Journal(run=RUN, mode=mode, manifest=manifest, images=tuple(images), outcomes=outcomes, phases=phases)


def _many(number: int, status: ReleaseStatus) -> list[Outcome]:
    return [_outcome(f"a-function-of-orders-{index:05}", status) for index in range(number)]


@pytest.mark.parametrize("number", [1_000, 10_000])
@pytest.mark.parametrize("status", [ReleaseStatus.DEPLOYED, ReleaseStatus.UNCHANGED, ReleaseStatus.FAILED])
def test_outputs_and_summary_stay_within_githubs_limits(number: int, status: ReleaseStatus) -> None:
    failed = replace(_outcome("broken", ReleaseStatus.FAILED), error=DeployError(100_000 * "x"))
    journal = _journal(*_many(number, status), failed)
    results = outputs(journal)["results"]

    assert sum(map(len, outputs(journal).values())) <= 520_000
    assert len(outputs(journal)["summary"]) > 15_000
    assert status is ReleaseStatus.FAILED or "broken" in {one["function"] for one in json.loads(results)}
    assert json.loads(results)
    assert len(summary(journal).encode()) < _MOST_BYTES
    assert summary(journal).count("```") % 2 == 0


def test_a_thousand_results_are_all_there() -> None:
    assert len(json.loads(outputs(_journal(*_many(1_000, ReleaseStatus.DEPLOYED)))["results"])) == 1_000


def test_unchanged_functions_are_left_out_first() -> None:
    journal = _journal(*_many(2_000, ReleaseStatus.UNCHANGED), *[_outcome("last", ReleaseStatus.DEPLOYED)])
    kept = json.loads(outputs(journal)["results"])

    assert len(kept) < 2_001
    assert kept[-1]["function"] == "last"


def test_the_matrix_has_what_would_change_and_only_in_a_plan() -> None:
    planned = _outcome("orders", ReleaseStatus.PLANNED, reason="another digest")
    plan = _journal(planned, _outcome("mail", ReleaseStatus.UNCHANGED), mode=Mode.PLAN)

    assert json.loads(outputs(plan)["matrix"]) == {"include": [{"image": "image-orders", "functions": ["orders"]}]}
    assert outputs(plan)["changed"] == "true"
    assert outputs(_journal(planned))["matrix"] == ""
    assert headline(plan) == "Plan: 1 image would be built or copied, 1 of 2 functions would change"


def test_a_matrix_is_no_longer_than_an_output() -> None:
    journal = _journal(_outcome("orders", ReleaseStatus.PLANNED), mode=Mode.PLAN)
    journal.images = (replace(journal.images[0], functions=tuple(f"{number:064}" for number in range(8_000))),)

    with pytest.raises(DeployError, match="more functions than an output holds"):
        check_matrix(journal)
    assert outputs(journal)["matrix"] == ""


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (1, 5_000 * "x" + "\nmend it"),  # in full: 2,000 unchanged functions are left out for it
        (200, 1_000 * "x" + "…\nmend it"),
    ],
)
def test_errors_are_cut_only_where_not_all_fit(failed: int, expected: str) -> None:
    error = DeployError(5_000 * "x", "mend it")
    broken = [_outcome(f"broken-{number}", ReleaseStatus.FAILED, error) for number in range(failed)]
    kept = json.loads(outputs(_journal(*_many(2_000, ReleaseStatus.UNCHANGED), *broken))["results"])

    assert [one["error"] for one in kept if one["status"] == "failed"] == failed * [expected]
    assert len(kept) < 2_000


def test_a_matrix_has_256_jobs_at_most() -> None:
    check_matrix(_journal(*_many(256, ReleaseStatus.PLANNED), mode=Mode.PLAN))
    journal = _journal(*_many(257, ReleaseStatus.PLANNED), mode=Mode.PLAN)

    assert len(matrix(journal)) == 257
    with pytest.raises(DeployError, match="257 images") as caught:
        check_matrix(journal)
    assert "'only'" in caught.value.hint


def test_failed_functions_come_first_and_unchanged_ones_are_folded() -> None:
    journal = _journal(
        _outcome("calm", ReleaseStatus.UNCHANGED),
        _outcome("done", ReleaseStatus.DEPLOYED),
        _outcome("back", ReleaseStatus.REVERTED),
        _outcome("broken", ReleaseStatus.FAILED, error=_UGLY),
    )
    text = summary(journal)
    table = text[text.index("| Function |") :]

    names = re.findall(
        r"^\| \S+ \| \[(\w+)\]\(https://eu-west-1\.console\.aws\.amazon\.com/lambda/", table, re.MULTILINE
    )
    assert names == ["broken", "done", "back", "calm"]
    assert text.index("<details>") < text.index("[calm]")
    assert "<script>" not in table
    assert headline(journal) == "Partly released: broken: it | broke"


@pytest.mark.parametrize(
    ("partition", "region", "host"),
    [
        ("aws-cn", "cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("aws-us-gov", "us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_a_console_of_its_own(partition: str, region: str, host: str) -> None:
    latest = replace(function_state(), arn=f"arn:{partition}:lambda:{region}:123456789012:function:orders-api")
    before = replace(_observed("orders-api"), latest=latest)
    outcome = replace(_outcome("orders-api", ReleaseStatus.DEPLOYED), before=before, after=before)

    assert f"https://{host}/lambda/home?region={region}#/functions/orders-api" in summary(
        _journal(outcome, _outcome("mail", ReleaseStatus.UNCHANGED))
    )


def test_the_chart_has_the_phases_and_no_more_bars_than_mermaid_draws() -> None:
    text = summary(_journal(*_many(1_000, ReleaseStatus.DEPLOYED)))
    chart = text[text.index("```mermaid") :].partition("\n```")[0].splitlines()

    assert "    Check :0, 1000" in chart
    assert len([line for line in chart if line.startswith("    deployed a-function")]) == 40
    assert all(re.fullmatch(r"    [^:;,#%]+ :\d+, \d+", line) for line in chart if " :" in line)


def test_a_single_function_has_no_chart() -> None:
    assert "```mermaid" not in summary(_journal(_outcome("orders", ReleaseStatus.DEPLOYED), manifest=""))


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        ("deploy.yaml", "with: { mode: rollback, manifest: deploy.yaml }"),
        ("", "    function-name: |\n      orders\n      mail\n"),
    ],
)
def test_one_step_undoes_all_releases(manifest: str, expected: str) -> None:
    outcomes = [_outcome(name, ReleaseStatus.DEPLOYED) for name in ("orders", "mail")]
    text = summary(_journal(*outcomes, manifest=manifest))

    assert expected in text
    assert text.count("- uses:") == 1
