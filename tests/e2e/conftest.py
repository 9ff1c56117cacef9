"""A repository, a function and a workspace for each test, on the machine's engine or on each engine."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sandbox.aws import Aws, Call, running_aws
from sandbox.engine import Engine
from sandbox.runner import ACTION_IMAGE, Runner, StepResult
from sandbox.sandbox import create_function

ROOT = Path(__file__).parent.parent.parent
SHARED = "shared/functions"
COMMIT = "c0ffee" + "0" * 34


@dataclass(slots=True, kw_only=True)
class Job:
    """A job of a repository whose code is that of one function.

    Attributes:
        name: of the function.
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
        commit: str = COMMIT,
        **options: Any,  # noqa: ANN401 # those of Runner.run
    ) -> StepResult:
        """Run the action; without inputs, only the function is named."""
        given = {"function-name": self.name} if inputs is None else inputs
        runner = Runner(engine=self.engine, environment=self.aws.environment() if environment is None else environment)
        return runner.run(self.workspace, given, commit=commit, show=print, **options)

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

    def push_with_plain_buildx(self, uri: str, folder: Path, *options: str) -> None:
        """Build and push the workspace as a pipeline written by hand does, with buildx's defaults."""
        token = self.aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        (folder / "config.json").write_text(json.dumps({"auths": {self.aws.registry: {"auth": token}}}))
        mounts = {"/var/run/docker.sock": self.engine.socket, "/source": self.workspace, "/docker": folder}
        command = ["run", "--rm", "--network=host", "--env=DOCKER_CONFIG=/docker", "--entrypoint=buildx"]
        command += [f"--volume={source}:{target}" for target, source in mounts.items()]
        self.engine.docker(*command, ACTION_IMAGE, "build", "--push", f"--tag={uri}", *options, "/source")

    def changing_calls(self, service: str = "lambda") -> list[Call]:
        """Return the calls since `forget_calls` that could have changed something."""
        return [call for call in self.aws.calls() if call.changing and call.service == service]


def _job(engine: Engine, aws: Aws, folder: Path) -> Job:
    """Return a job whose function and repository do not exist yet."""
    workspace = folder / "workspace"
    shutil.copytree(ROOT / "examples/hello", workspace)
    return Job(name=f"job-{uuid4().hex[:8]}", workspace=workspace, engine=engine, aws=aws)


def _first_image(engine: Engine, aws: Aws, folder: Path) -> str:
    """Push examples/hello to a repository that many functions share: so its layers are pushed once."""
    aws.client("ecr").create_repository(repositoryName=SHARED)
    first = _job(engine, aws, folder).step({"mode": "build", "repository": SHARED})
    assert first.exit_code == 0, first.log
    return first.outputs["image-uri"]


@pytest.fixture(scope="session")
def first_image(engine: Engine, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What functions are created from."""
    return _first_image(engine, aws, tmp_path_factory.mktemp("first"))


@pytest.fixture
def bare_job(engine: Engine, aws: Aws, tmp_path: Path) -> Iterator[Job]:
    """A job in an account where neither its function nor its repository exist."""
    aws.forget_calls()
    yield _job(engine, aws, tmp_path)
    aws.reset_rules()


@pytest.fixture
def job(bare_job: Job, first_image: str) -> Job:
    """A job whose function exists and answers `hello, world`."""
    create_function(bare_job.aws, bare_job.name, first_image)
    bare_job.aws.forget_calls()
    return bare_job


@pytest.fixture(scope="session")
def aws_of_each_engine(each_engine: Engine, engine: Engine, aws: Aws) -> Iterator[Aws]:
    """An AWS whose functions run on that engine."""
    if each_engine is engine:
        yield aws
        return
    with running_aws(docker_host=each_engine.environment()["DOCKER_HOST"]) as other:
        yield other


@pytest.fixture(scope="session")
def first_image_on_each_engine(
    each_engine: Engine,
    engine: Engine,
    aws_of_each_engine: Aws,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """As `first_image`, in the AWS of that engine."""
    if each_engine is engine:
        return str(request.getfixturevalue("first_image"))
    return _first_image(each_engine, aws_of_each_engine, tmp_path_factory.mktemp("first"))


@pytest.fixture
def bare_job_on_each_engine(each_engine: Engine, aws_of_each_engine: Aws, tmp_path: Path) -> Iterator[Job]:
    """As `bare_job`, on engine 20.10 and on a current one with the containerd image store."""
    yield _job(each_engine, aws_of_each_engine, tmp_path)
    aws_of_each_engine.reset_rules()


@pytest.fixture
def job_on_each_engine(bare_job_on_each_engine: Job, first_image_on_each_engine: str) -> Job:
    """As `job`, on both engines."""
    job = bare_job_on_each_engine
    create_function(job.aws, job.name, first_image_on_each_engine)
    job.aws.forget_calls()
    return job
