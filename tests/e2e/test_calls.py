"""The guard of what a run costs over a network: its calls to AWS and to the registry, in series and in all.

The table `calls.csv` has what each kind of run takes on each engine, and why that is so. A change that is meant is
recorded in it by `pytest tests/e2e/test_calls.py --record-calls='REASON'`. What BuildKit of a current engine asks a
registry for side by side is not always the same: there the run's own calls are compared as they are, and those of the
registry may be a few more.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Self

import pytest

from sandbox.aws import Call
from sandbox.aws.calls import calls_in_series, until_served, without_waiting
from tests.e2e.jobs import Job
from tests.e2e.services import lay_out_services

_TABLE = Path(__file__).with_name("calls.csv")
_SECONDS = 0.5  # that each call takes: more than what lies between calls that are made side by side
_SPARE = 1  # what a cache's export begins with may end before Lambda is asked, if the machine is slow
_SPARE_OF_REGISTRY = 6  # how many of the first requests are refused for want of a login
_OTHER_COMMIT = "beef" + "0" * 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a kind of run takes.

    Attributes:
        run: its kind.
        engine: that it builds on.
        series: calls each of which begins only after the one before has ended, until what is deployed serves. A cache
            that is exported beside the release does not count. 0 where it depends on the machine.
        own: calls to the APIs of AWS.
        registry: calls to the registry.
        reason: why that changed last.
    """

    run: str
    engine: str
    series: int
    own: int
    registry: int
    reason: str = ""

    @classmethod
    def of(cls, run: str, engine: str, calls: Iterable[Call], reason: str) -> Self:
        """Return what a run has taken, but for the reads that waited for Lambda to finish an update."""
        counted = without_waiting(calls)
        of_registry = sum(call.service == "registry" for call in counted)
        return cls(
            run=run,
            engine=engine,
            series=len(calls_in_series(until_served(counted))),
            own=len(counted) - of_registry,
            registry=of_registry,
            reason=reason,
        )

    def is_as(self, recorded: Self) -> bool:
        """Whether a run takes what is recorded."""
        if (self.run, self.engine, self.own) != (recorded.run, recorded.engine, recorded.own):
            return False
        if self.engine == "20.10":
            return (self.series, self.registry) == (recorded.series, recorded.registry)
        return self.series <= recorded.series + _SPARE and self.registry <= recorded.registry + _SPARE_OF_REGISTRY


def _recorded() -> list[Cost]:
    with _TABLE.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    return [
        Cost(
            run=row["run"],
            engine=row["engine"],
            series=int(row["series"]),
            own=int(row["own"]),
            registry=int(row["registry"]),
            reason=row["reason"],
        )
        for row in rows
    ]


def _check(costs: Sequence[Cost], reason: str) -> None:
    """Compare what runs have taken with what is recorded or, with a reason, record it."""
    measured = {(cost.run, cost.engine): cost for cost in costs}
    recorded = {(cost.run, cost.engine): cost for cost in _recorded()}
    if reason:
        changed = {key: cost for key, cost in measured.items() if key not in recorded or not cost.is_as(recorded[key])}
        with _TABLE.open("w", newline="") as file:
            writer = csv.DictWriter(file, [field.name for field in fields(Cost)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(map(asdict, (recorded | changed).values()))
        return
    others = [(cost, recorded.get(key)) for key, cost in measured.items()]
    assert [pair for pair in others if pair[1] is None or not pair[0].is_as(pair[1])] == []


def test_a_run_takes_no_more_calls_than_are_recorded(job_on_each_engine: Job, request: pytest.FixtureRequest) -> None:
    """Only what is built differs by the engine."""
    job, reason = job_on_each_engine, request.config.getoption("--record-calls")
    engine = "current" if job.engine.containerd_store else "20.10"
    costs = list[Cost]()
    plain, by_alias = {"function-name": job.name}, {"function-name": job.name, "alias": "live"}

    def check_out(commit: str) -> None:
        (job.workspace / ".git").mkdir(exist_ok=True)
        (job.workspace / ".git/HEAD").write_text(f"{commit}\n")

    def run(kind: str, inputs: dict[str, str], commit: str, *, is_changed: bool) -> None:
        check_out(commit)
        job.aws.forget_calls()
        result = job.step(inputs, commit=commit)
        assert (result.exit_code, result.outputs["changed"]) == (0, str(is_changed).lower()), result.log
        costs.append(Cost.of(kind, engine, job.aws.calls(), reason))

    check_out(f"{1:040x}")
    for number, inputs in enumerate((plain, by_alias)):
        job.greet(f"{job.name} {number}")
        assert job.step(inputs, commit=f"{1:040x}").exit_code == 0  # an earlier run
    with job.aws.calls_taking(_SECONDS):
        if engine == "20.10":
            run("nothing changed", by_alias, f"{1:040x}", is_changed=False)
            run("a new commit that changes only .git", by_alias, _OTHER_COMMIT, is_changed=False)
        job.greet(f"{job.name} by alias")
        run("one line by alias", by_alias, f"{2:040x}", is_changed=True)
        if engine == "20.10":
            job.greet(f"{job.name} without")
            run("one line without an alias", plain, f"{3:040x}", is_changed=True)

    _check(costs, reason)


_SERVICES = [f"service-{number}" for number in range(60)]


def test_one_of_sixty_images_costs_the_calls_of_one(bare_job: Job, request: pytest.FixtureRequest) -> None:
    """All sixty are of one Dockerfile, in folders and repositories of their own."""
    job, reason = bare_job, request.config.getoption("--record-calls")
    lay_out_services(job, _SERVICES)
    costs = list[Cost]()
    for kind, changed in (("none of sixty images", 0), ("one of sixty images", 1)):
        for service in _SERVICES[7 : 7 + changed]:
            (job.workspace / service / "app.py").write_text(f"# {job.name}\n")
        job.aws.forget_calls()
        result = job.step({"manifest": "deploy.yaml"}, commit=_OTHER_COMMIT)
        calls = job.aws.calls()

        assert result.exit_code == 0, result.log
        assert [call.action for call in calls if call.service == "ecr" and call.changing] == ["PutImage"] * changed
        assert result.log.count("is to be built") == result.log.count(" exporting to image") == changed
        costs.append(Cost.of(kind, "20.10", calls, reason))
    # Which of so many calls lie side by side depends on the machine.
    _check([replace(cost, series=0) for cost in costs], reason)
