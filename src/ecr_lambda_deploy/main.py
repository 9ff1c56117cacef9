"""Composition root: the only reader of the environment, and the one place that ends the run."""

import os
import signal
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path

from ecr_lambda_deploy.adapters.actions import Console, id_token, write_outputs, write_summary
from ecr_lambda_deploy.deploy import deploy
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.inputs import Inputs, parse_inputs
from ecr_lambda_deploy.model import Journal, WorkflowRun
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.report import headline, outputs, summary
from ecr_lambda_deploy.wanted import Build


class SystemClock:
    """The machine's time."""

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def main() -> int:
    """Run the action as its environment asks, and return the exit code."""
    environment = dict(os.environ)
    console = Console()
    journal = Journal(run=workflow_run(environment))
    region = ""
    # As process 1 of a container Python ignores SIGTERM, the runner's second signal when a job is cancelled.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        inputs = parse_inputs(action_inputs(environment), environment)
        region, journal.mode = inputs.region, inputs.mode
        deploy(inputs, _outside(inputs, environment, console), journal)
    except DeployError as error:
        journal.error = error
    except KeyboardInterrupt:
        journal.error = DeployError("The run was cancelled.", "Run this job again: it goes on from what is there.")
    except Exception:  # noqa: BLE001 # whatever it is, outputs and summary are still written
        console.info(traceback.format_exc())
        journal.error = DeployError("This is a bug in ecr-lambda-deploy.", "Report it with the traceback above.")
    return _conclude(journal, region, environment, console)


def action_inputs(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs by name; the runner gives them as `INPUT_` and the name in upper case."""
    prefix = "INPUT_"
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environment.items()
        if name.startswith(prefix) and value
    }


def workflow_run(environment: Mapping[str, str]) -> WorkflowRun:
    """Return the run that this is part of, from GitHub's default variables."""
    return WorkflowRun(
        commit=environment.get("GITHUB_SHA", ""),
        repository=environment.get("GITHUB_REPOSITORY", ""),
        run_id=environment.get("GITHUB_RUN_ID", ""),
        attempt=environment.get("GITHUB_RUN_ATTEMPT", "1"),
        server_url=environment.get("GITHUB_SERVER_URL", ""),
    )


def _outside(inputs: Inputs, environment: Mapping[str, str], console: Console) -> Outside:
    # Imported here, since wrong inputs are told without a wait for boto3 and the docker SDK.
    from ecr_lambda_deploy.adapters.buildx import Buildx
    from ecr_lambda_deploy.adapters.credentials import Aws
    from ecr_lambda_deploy.adapters.ecr import EcrRepositories
    from ecr_lambda_deploy.adapters.functions import LambdaFunctions
    from ecr_lambda_deploy.adapters.imagetools import ImageTools
    from ecr_lambda_deploy.adapters.sources import EcrSources

    for secret in _secrets(inputs, environment):
        console.mask(secret)
    aws = Aws(region=inputs.region, role=inputs.role, id_token=id_token, mask=console.mask)
    repositories = EcrRepositories(aws, console.mask)
    clock = SystemClock()
    return Outside(
        functions=LambdaFunctions(aws),
        repositories=repositories,
        sources=EcrSources(aws, target=repositories, tools=ImageTools(environment=environment), mask=console.mask),
        builder=Buildx(
            workspace=Path(environment.get("GITHUB_WORKSPACE") or ".").absolute(),
            environment=environment,
            console=console,
            authorization=repositories.authorization,
            choice=inputs.builder,
            clock=clock,
        ),
        log=console,
        clock=clock,
    )


def _secrets(inputs: Inputs, environment: Mapping[str, str]) -> Iterator[str]:
    """Yield what no log may show, and the step was given; what it is given later is masked where it comes."""
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "ACTIONS_RUNTIME_TOKEN"):
        yield environment.get(name, "")
    yield from inputs.builder.secrets
    if isinstance(inputs.image.source, Build):
        yield from inputs.image.source.secrets.values()


def _conclude(journal: Journal, region: str, environment: Mapping[str, str], console: Console) -> int:
    """Tell what became of the run, in every way that GitHub has for it."""
    for error in journal.errors:
        console.error(str(error), error.location)
    console.info(headline(journal))
    if environment.get("GITHUB_OUTPUT"):
        write_outputs(outputs(journal))
    if path := environment.get("GITHUB_STEP_SUMMARY"):
        write_summary(summary(journal, region=region), path)
    return 1 if journal.errors else 0
