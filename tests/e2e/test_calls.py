"""The guard of what a run costs over a network: its calls to AWS and to the registry, in series and in all.

The table `calls.csv` has what each kind of run takes, and why that is so. A change that is meant is recorded in it by
`pytest tests/e2e/test_calls.py --record-calls='REASON'`. On engine 20.10, since what BuildKit asks a registry for side
by side is not always the same.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Self

import pytest

from sandbox.aws import Call
from sandbox.aws.calls import calls_in_series
from tests.e2e.jobs import Job

_TABLE = Path(__file__).with_name("calls.csv")
_SECONDS = 0.5  # that each call takes: more than what lies between calls that are made side by side
_OTHER_COMMIT = "beef" + "0" * 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a kind of run takes.

    Attributes:
        run: its kind.
        series: calls each of which begins only after the one before has ended.
        all: calls.
        reason: why that changed last.
    """

    run: str
    series: int
    all: int
    reason: str = ""

    @classmethod
    def of(cls, run: str, calls: Iterable[Call], reason: str) -> Self:
        """Return what a run has taken, but for the reads that waited for Lambda to finish an update."""
        counted = _without_waiting(list(calls))
        return cls(run=run, series=len(calls_in_series(counted)), all=len(counted), reason=reason)


def _without_waiting(calls: Sequence[Call]) -> list[Call]:
    """Return the calls without reads that were made once more: how many these are depends on Lambda."""
    reads = [call for call in calls if call.service == "lambda"]
    again = [one for one, following in pairwise(reads) if _is_same_read(one, following)]
    return [call for call in calls if not any(call is one for one in again)]


def _is_same_read(one: Call, other: Call) -> bool:
    return one.action == other.action == "GetFunction" and one.parameters == other.parameters and other.at >= one.ended


def _recorded() -> list[Cost]:
    with _TABLE.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    return [
        Cost(
            run=row["run"],
            series=int(row["series"]),
            all=int(row["all"]),
            reason=row["reason"],
        )
        for row in rows
    ]


def _record(costs: Sequence[Cost]) -> None:
    recorded = {(cost.run, cost.series, cost.all): cost for cost in _recorded()}
    kept = [recorded.get((cost.run, cost.series, cost.all), cost) for cost in costs]
    with _TABLE.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Cost)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(asdict, kept))


def _numbers(costs: Iterable[Cost]) -> dict[str, tuple[int, int]]:
    return {cost.run: (cost.series, cost.all) for cost in costs}


@pytest.mark.parametrize("each_engine", ["20.10"], indirect=True)
def test_a_run_takes_no_more_calls_than_are_recorded(job_on_each_engine: Job, request: pytest.FixtureRequest) -> None:
    job, reason = job_on_each_engine, request.config.getoption("--record-calls")
    costs = list[Cost]()
    plain, by_alias = {"function-name": job.name}, {"function-name": job.name, "alias": "live"}

    def run(kind: str, inputs: dict[str, str], commit: str, *, is_changed: bool) -> None:
        job.aws.forget_calls()
        result = job.step(inputs, commit=commit)
        assert (result.exit_code, result.outputs["changed"]) == (0, str(is_changed).lower()), result.log
        costs.append(Cost.of(kind, job.aws.calls(), reason))

    for number, inputs in enumerate((plain, by_alias)):
        job.greet(f"{job.name} {number}")
        assert job.step(inputs).exit_code == 0  # an earlier run
    with job.aws.calls_taking(_SECONDS):
        run("nothing changed", by_alias, f"{1:040x}", is_changed=False)
        run("a new commit that changes nothing", by_alias, _OTHER_COMMIT, is_changed=False)
        job.greet(f"{job.name} by alias")
        run("one line by alias", by_alias, f"{2:040x}", is_changed=True)
        job.greet(f"{job.name} without")
        run("one line without an alias", plain, f"{3:040x}", is_changed=True)

    if reason:
        _record(costs)
    assert _numbers(costs) == _numbers(_recorded())
