"""A repository, a function and a workspace for each test, on the machine's engine or on each engine."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sandbox.aws import Aws, Call, running_aws
from sandbox.engine import Engine
from sandbox.runner import Runner, StepResult
from sandbox.sandbox import create_function

ROOT = Path(__file__).parent.parent.parent
COMMIT = "c0ffee" + "0" * 34


@dataclass(slots=True, kw_only=True)
class Job:
    """A job of a repository whose code is that of one function.

    Attributes:
        name: of the function and of its ECR repository.
        workspace: holds examples/hello to begin with.
    """

    name: str
    workspace: Path
    engine: Engine
    aws: Aws

    def step(
        self,
        inputs: Mapping[str, str] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401 # those of Runner.run
    ) -> StepResult:
        """Run the action; without inputs, only the function is named."""
        given = {"function-name": self.name} if inputs is None else inputs
        runner = Runner(engine=self.engine, environment=self.aws.environment() if environment is None else environment)
        return runner.run(self.workspace, given, commit=COMMIT, show=print, **options)

    def greet(self, greeting: str) -> None:
        """Change the code: the function is to answer with another greeting."""
        app = self.workspace / "app.py"
        lines = [
            f'GREETING = "{greeting}"' if line.startswith("GREETING") else line for line in app.read_text().splitlines()
        ]
        app.write_text("\n".join(lines) + "\n")

    def invoke(self, qualifier: str = "$LATEST") -> str:
        """Return the function's answer."""
        answer = self.aws.client("lambda").invoke(FunctionName=self.name, Qualifier=qualifier, Payload=b"{}")
        return str(answer["Payload"].read().decode())

    def resolved_image_uri(self) -> str:
        """Return what Lambda says that the function runs."""
        return str(self.aws.client("lambda").get_function(FunctionName=self.name)["Code"]["ResolvedImageUri"])

    def changing_calls(self, service: str = "lambda") -> list[Call]:
        """Return the calls since `forget_calls` that could have changed something."""
        return [call for call in self.aws.calls() if call.changing and call.service == service]


NewJob = Callable[..., Job]


def _job(name: str, workspace: Path, engine: Engine, aws: Aws, *, with_function: bool) -> Job:
    shutil.copytree(ROOT / "examples/hello", workspace)
    job = Job(name=name, workspace=workspace, engine=engine, aws=aws)
    if with_function:
        aws.client("ecr").create_repository(repositoryName=name)
        first = job.step({"mode": "build", "repository": name})
        assert first.exit_code == 0, first.log
        create_function(aws, name, first.outputs["image-uri"])
    aws.forget_calls()
    return job


@pytest.fixture
def job(engine: Engine, aws: Aws, tmp_path: Path) -> Iterator[Job]:
    """A job whose function exists and answers `hello, world`."""
    yield _job(f"job-{uuid4().hex[:8]}", tmp_path / "workspace", engine, aws, with_function=True)
    aws.reset_rules()


@pytest.fixture
def bare_job(engine: Engine, aws: Aws, tmp_path: Path) -> Iterator[Job]:
    """A job in an account where neither its function nor its repository exist."""
    yield _job(f"job-{uuid4().hex[:8]}", tmp_path / "workspace", engine, aws, with_function=False)
    aws.reset_rules()


@pytest.fixture(scope="session")
def aws_of_each_engine(each_engine: Engine, engine: Engine, aws: Aws) -> Iterator[Aws]:
    """An AWS whose functions run on that engine."""
    if each_engine is engine:
        yield aws
        return
    with running_aws(docker_host=each_engine.environment()["DOCKER_HOST"]) as other:
        yield other


@pytest.fixture
def job_on_each_engine(each_engine: Engine, aws_of_each_engine: Aws, tmp_path: Path) -> Iterator[Job]:
    """As `job`, on engine 20.10 and on a current one with the containerd image store."""
    name = f"job-{uuid4().hex[:8]}"
    yield _job(name, tmp_path / "workspace", each_engine, aws_of_each_engine, with_function=True)
    aws_of_each_engine.reset_rules()
