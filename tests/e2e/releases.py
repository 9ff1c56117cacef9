"""A function that is released to by an alias, from images that are there already."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.aws import Aws
from sandbox.runner import RunningStep, StepResult
from sandbox.sandbox import create_function
from tests.e2e.jobs import ROOT, SHARED, Job

ALIAS = "live"
APP = ROOT / "tests/e2e/release_app"


def commit(number: int) -> str:
    """Return the commit that an image was built from."""
    return f"{number:x}" * 40


@dataclass(slots=True, kw_only=True)
class Releases:
    """Releases of a few images to one function.

    Attributes:
        job: the function's.
        images: by number; `0` is the one that the function was created from.
    """

    job: Job
    images: tuple[str, ...]

    @property
    def aws(self) -> Aws:
        """The account."""
        return self.job.aws

    def deploy(self, number: int, inputs: Mapping[str, str] | None = None, **options: Any) -> StepResult:  # noqa: ANN401 # those of Runner.start
        """Release an image by the alias, in a run of that number."""
        with self.deploying(number, inputs, **options) as step:
            return step.wait()

    @contextmanager
    def deploying(
        self,
        number: int,
        inputs: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401 # likewise
    ) -> Iterator[RunningStep]:
        """Start to release an image."""
        given = {"image-uri": self.images[number], "alias": ALIAS, **(inputs or {})}
        with self.started(given, **{"commit": commit(number), "run_id": str(1000 + number), **options}) as step:
            yield step

    def roll_back(self, to: str = "previous", *, run: int, inputs: Mapping[str, str] | None = None) -> StepResult:
        """Roll back by the alias, in a run of that number of a workflow of its own, without an engine."""
        given = {"mode": "rollback", "alias": ALIAS, "rollback-to": to, **(inputs or {})}
        with self.started(given, run_id=str(run), workflow="rollback.yml") as step:
            return step.wait()

    @contextmanager
    def started(self, inputs: Mapping[str, str], **options: Any) -> Iterator[RunningStep]:  # noqa: ANN401 # likewise
        """Start the action; an input that is empty is left out."""
        with self.job.started({"function-name": self.job.name, **inputs}, **{"with_engine": False, **options}) as step:
            yield step

    def put_alarm(self, name: str) -> None:
        """Create an alarm that is quiet."""
        self.aws.client("cloudwatch").put_metric_alarm(
            AlarmName=name,
            MetricName="Errors",
            Namespace="AWS/Lambda",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        self.set_alarm(name, "OK")

    def set_alarm(self, name: str, state: str) -> None:
        """Put an alarm into a state: OK, ALARM or INSUFFICIENT_DATA."""
        self.aws.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")

    def alias(self) -> dict[str, Any]:
        """Return the alias as it is now: FunctionVersion, Description, RoutingConfig."""
        return self.aws.snapshot().aliases[self.job.name].get(ALIAS, {})

    def weights(self) -> dict[str, float]:
        """Return the shares of the alias's traffic that go to other versions."""
        routing: dict[str, float] = self.alias().get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return routing

    def served(self) -> str:
        """Return the image of the version that the alias points to."""
        return str(self.versions()[self.alias()["FunctionVersion"]]["ResolvedImageUri"])

    def latest(self) -> str:
        """Return the image of `$LATEST`."""
        return str(self.aws.snapshot().functions[self.job.name]["ResolvedImageUri"])

    def versions(self) -> dict[str, dict[str, Any]]:
        """Return the published versions by number."""
        return self.aws.snapshot().versions[self.job.name]

    def answer(self, qualifier: str = ALIAS) -> str:
        """Return what the function answers."""
        return self.job.invoke(qualifier)


def status(result: StepResult) -> str:
    """Return what became of the step's only function."""
    (outcome,) = json.loads(result.outputs["results"])
    return str(outcome["status"])


def error(result: StepResult) -> str:
    """Return the step's errors."""
    return "\n".join(annotation.message for annotation in result.annotations if annotation.level == "error")


def notices(result: StepResult, level: str = "notice") -> str:
    """Return the step's notices, or annotations of another level."""
    return "\n".join(annotation.message for annotation in result.annotations if annotation.level == level)


def until(is_so: Callable[[], bool], seconds: float = 30) -> float:
    """Wait until something is so, and return how long it took."""
    started = time.monotonic()
    while not is_so():
        assert time.monotonic() - started < seconds
        time.sleep(0.02)
    return time.monotonic() - started


def push_images(job: Job, count: int) -> tuple[str, ...]:
    """Build and push a few images of one function that differ in what they greet with."""
    job.aws.client("ecr").create_repository(repositoryName=f"{SHARED}-releases")
    shutil.copytree(APP, job.workspace, dirs_exist_ok=True)
    images = []
    for number in range(count):
        job.greet(f"greeting {number}")
        built = job.step({"mode": "build", "repository": f"{SHARED}-releases"}, commit=commit(number))
        assert built.exit_code == 0, built.log
        images.append(built.outputs["image-uri"])
    return tuple(images)


def releases_of(
    job: Job, images: tuple[str, ...], workspace: Path, settings: Mapping[str, object] | None = None
) -> Releases:
    """Return a function that runs the first of the images, with a workspace that has nothing in it.

    Args:
        job: the function's.
        images: by number.
        workspace: made empty.
        settings: further parameters of CreateFunction.
    """
    workspace.mkdir()
    job.workspace = workspace
    create_function(job.aws, job.name, images[0], settings=settings)
    job.aws.forget_calls()
    return Releases(job=job, images=images)
