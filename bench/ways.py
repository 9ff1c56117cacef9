"""The three ways to deploy that are compared: the action, a pipeline written by hand, and the build alone.

Each is a program that starts, does its work and ends. What it costs to have the programs is the same for all and left
out: the action's image is built before, as are the AWS CLI and buildx installed.
"""

import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from bench.memory import in_container, in_session, watched
from bench.place import Place
from sandbox.runner import Runner

LOGIN = """\
aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
"""
BUILD = """\
docker build $OPTIONS --file "$DOCKERFILE" --tag "$IMAGE" "$CONTEXT"
docker push "$IMAGE"
"""
UPDATE = """\
aws lambda update-function-code --function-name "$FUNCTION" --image-uri "$IMAGE"
aws lambda wait function-updated-v2 --function-name "$FUNCTION"
"""
RELEASE = """\
version=$(aws lambda publish-version --function-name "$FUNCTION" --query Version --output text)
aws lambda wait published-version-active --function-name "$FUNCTION" --qualifier "$version"
aws lambda update-alias --function-name "$FUNCTION" --name live --function-version "$version"
"""
COPY = """\
docker pull "$SOURCE"
docker tag "$SOURCE" "$IMAGE"
docker push "$IMAGE"
"""
ROLL_BACK = """\
aws lambda update-alias --function-name "$FUNCTION" --name live --function-version "$VERSION"
"""
MANY = f"""\
{LOGIN}
for SERVICE in $SERVICES; do
DOCKERFILE="$CONTEXT/services/$SERVICE/Dockerfile" IMAGE="$REPOSITORIES/$SERVICE:$COMMIT" FUNCTION="$FUNCTIONS$SERVICE"
{BUILD}{UPDATE}{RELEASE}
done
"""
PUSH = """\
buildx build --push --provenance=false --file "$DOCKERFILE" --tag "$IMAGE" "$CONTEXT"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that has ended.

    Attributes:
        seconds: From its start to its end.
        exit_code: Its exit code.
        log: What it printed.
        peak_memory: The most memory that its processes had together, in bytes; 0 if they were not watched.
    """

    seconds: float
    exit_code: int
    log: str
    peak_memory: int


def run_action(place: Place, workspace: Path, inputs: Mapping[str, str], commit: str, *, watch: bool = False) -> Run:
    """Run the action's container to its end, as GitHub's runner starts it.

    Args:
        place: Where it runs.
        workspace: The job's workspace.
        inputs: The step's `with`.
        commit: GITHUB_SHA.
        watch: Whether to watch its memory.
    """
    runner = Runner(engine=place.engine, environment=place.aws.environment())
    with ExitStack() as stack:
        step = stack.enter_context(runner.start(workspace, inputs, commit=commit, run_id=str(next(place.run_ids))))
        peak = stack.enter_context(watched(in_container(_container_id(place, step.container)))) if watch else None
        result = step.wait()
    return Run(
        seconds=result.seconds,
        exit_code=result.exit_code,
        log=result.log,
        peak_memory=peak.bytes if peak else 0,
    )


def _container_id(place: Place, name: str) -> str:
    while not (found := place.engine.docker("ps", "--all", "--no-trunc", "--quiet", "--filter", f"name={name}")):
        time.sleep(0.02)
    return found.strip()


def run_script(script: str, environment: Mapping[str, str], *, watch: bool = False) -> Run:
    """Run a pipeline's commands to their end, as `run:` of a step does.

    Args:
        script: The commands.
        environment: Its environment.
        watch: Whether to watch its memory.
    """
    with TemporaryFile("w+") as output, ExitStack() as stack:
        start = time.monotonic()
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        peak = stack.enter_context(watched(in_session(process.pid))) if watch else None
        exit_code = process.wait()
        seconds = time.monotonic() - start
        output.seek(0)
        log = output.read()
    return Run(seconds=seconds, exit_code=exit_code, log=log, peak_memory=peak.bytes if peak else 0)
