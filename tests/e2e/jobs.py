"""A job of a repository whose code is that of one function."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

from sandbox.aws import Aws, Call
from sandbox.machine.engine import Engine
from sandbox.runner import ACTION_IMAGE, Runner, RunningStep, StepResult
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
        with self.started(given, environment=environment, commit=commit, **options) as step:
            return step.wait()

    @contextmanager
    def started(
        self,
        inputs: Mapping[str, str],
        *,
        environment: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401 # those of Runner.start
    ) -> Iterator[RunningStep]:
        """Start the action; an input that is empty is left out."""
        given = {name: value for name, value in inputs.items() if value}
        runner = Runner(engine=self.engine, environment=self.aws.environment() if environment is None else environment)
        with runner.start(self.workspace, given, **{"show": print, **options}) as step:
            yield step

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
        mounts = {"/var/run/docker.sock": self.engine.socket, "/source": self.workspace}
        _buildx(self.engine, [self.aws], folder, mounts, "build", "--push", f"--tag={uri}", *options, "/source")

    def changing_calls(self, service: str = "lambda") -> list[Call]:
        """Return the calls since `forget_calls` that changed something, or may have; one that is refused has not."""
        return [call for call in self.aws.calls() if call.changing and call.service == service and call.status < 400]


def new_job(engine: Engine, aws: Aws, folder: Path) -> Job:
    """Return a job whose function and repository do not exist yet."""
    workspace = folder / "workspace"
    shutil.copytree(ROOT / "examples/hello", workspace)
    return Job(name=f"job-{uuid4().hex[:8]}", workspace=workspace, engine=engine, aws=aws)


@contextmanager
def documented_function(job: Job) -> Iterator[Job]:
    """Have the job be that of the function that README.md speaks of, which is there in the block only."""
    job.name = "orders-api"
    ecr = job.aws.client("ecr")
    ecr.create_repository(repositoryName=job.name)
    try:
        create_function(job.aws, job.name, job.step({"mode": "build", "repository": job.name}).outputs["image-uri"])
        yield job
    finally:
        if job.name in job.aws.snapshot().functions:
            job.aws.client("lambda").delete_function(FunctionName=job.name)
        ecr.delete_repository(repositoryName=job.name, force=True)


def push_first_image(engine: Engine, aws: Aws, folder: Path) -> str:
    """Push examples/hello to a repository that many functions share: so its layers are pushed once."""
    aws.client("ecr").create_repository(repositoryName=SHARED)
    first = new_job(engine, aws, folder).step({"mode": "build", "repository": SHARED})
    assert first.exit_code == 0, first.log
    return first.outputs["image-uri"]


def copy_image(uri: str, engine: Engine, source: Aws, target: Aws) -> str:
    """Copy an image of one AWS to another, and return its URI there.

    Its layers are not packed anew, so a later push of the same layers finds them there.
    """
    copied = uri.replace(source.registry, target.registry)
    name, _, digest = copied.partition("@")
    target.client("ecr").create_repository(repositoryName=name.partition("/")[2])
    tag = f"--tag={name}:{digest.replace(':', '-')}"
    with TemporaryDirectory(prefix="docker-") as folder:
        _buildx(engine, [source, target], Path(folder), {}, "imagetools", "create", "--prefer-index=false", tag, uri)
    return copied


def _buildx(engine: Engine, registries: Iterable[Aws], folder: Path, mounts: Mapping[str, Path], *command: str) -> None:
    """Run the action's buildx, logged in to registries; its configuration is in the folder."""
    auths = {}
    for aws in registries:
        token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        auths[aws.registry] = {"auth": token}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    volumes = [f"--volume={source}:{target}" for target, source in {**mounts, "/docker": folder}.items()]
    options = ["--rm", "--network=host", "--env=DOCKER_CONFIG=/docker", "--entrypoint=buildx", *volumes]
    engine.docker("run", *options, ACTION_IMAGE, *command)
