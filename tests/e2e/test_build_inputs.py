"""BuildKit at full strength, through the action's container, on both engines."""

import json
from pathlib import Path

import pytest

from sandbox.runner.action_container import HOST_WORKSPACE
from tests.e2e.jobs import Job

SECRET = 'first line of it\nsecond ${line} of "it"'
PYTHON = "FROM public.ecr.aws/lambda/python:3.13\nCOPY app.py ./\n"
COMMAND = 'CMD ["app.handler"]\n'


def test_a_secret_reaches_its_step_and_nothing_else(job_on_each_engine: Job) -> None:
    job = job_on_each_engine
    # The build fails unless the secret arrives byte for byte; `od` keeps the shell from interpreting it.
    expected = SECRET.encode().hex()
    (job.workspace / "Dockerfile").write_text(
        PYTHON
        + "RUN --mount=type=secret,id=token test \"$(od -An -v -tx1 /run/secrets/token | tr -d ' \\n')\" = "
        + expected
        + f"\n{COMMAND}"
    )
    quoted = SECRET.replace('"', '""')
    result = job.step({"function-name": job.name, "secrets": f'token="{quoted}"\nother=unused-{job.name}'})
    assert result.exit_code == 0
    for line in [*SECRET.splitlines(), f"unused-{job.name}"]:
        assert line in result.masked
        assert line not in result.log
        assert all(printed.startswith("::add-mask::") for printed in result.output.splitlines() if line in printed)
    history = job.engine.docker("history", "--no-trunc", result.outputs["image-uri"])
    assert "first line" not in history


def test_a_cache_mount_keeps_what_is_put_into_it(job_on_each_engine: Job) -> None:
    job = job_on_each_engine
    mount = f"RUN --mount=type=cache,id={job.name},target=/kept"
    dockerfile = job.workspace / "Dockerfile"
    dockerfile.write_text(f"{PYTHON}{mount} touch /kept/file\n{COMMAND}")
    assert job.step().exit_code == 0
    dockerfile.write_text(f"{PYTHON}{mount} test -e /kept/file\n{COMMAND}")
    assert job.step().exit_code == 0


@pytest.mark.parametrize("each_engine", ["current"], indirect=True)
def test_heredocs_named_contexts_and_a_dockerfile_that_is_a_link(job_on_each_engine: Job) -> None:
    job = job_on_each_engine
    for folder in ("shared", "docker"):
        (job.workspace / folder).mkdir()
    (job.workspace / "shared/word").write_text(job.name)
    (job.workspace / "docker/Dockerfile").symlink_to("../shared/Dockerfile")
    (job.workspace / "shared/Dockerfile").write_text(
        "FROM public.ecr.aws/lambda/python:3.13\nCOPY --from=shared word ./\nCOPY <<EOF app.py\n"
        "def handler(event, context):\n    return open('word').read()\nEOF\n" + COMMAND
    )
    given = {"build-contexts": f'"shared={HOST_WORKSPACE}/shared"', "labels": '"note=line one\nline ""two"""'}
    result = job.step({"function-name": job.name, "dockerfile": "docker/Dockerfile", **given})
    assert result.exit_code == 0
    labels = job.engine.docker("inspect", "--format={{json .Config.Labels}}", result.outputs["image-uri"])
    assert json.loads(labels)["note"] == 'line one\nline "two"'
    assert job.invoke() == f'"{job.name}"'


def test_a_cache_is_chosen_and_the_log_says_why(job_on_each_engine: Job) -> None:
    job = job_on_each_engine
    job.greet(job.name)
    (line,) = [line for line in job.step().log.splitlines() if line.startswith("Cache: ")]
    assert ("it keeps images in its own store" in line) is not job.engine.containerd_store


def test_an_engine_that_has_nothing_takes_its_layers_from_the_registry(
    job_on_each_engine: Job, first_image_on_each_engine: str, cold_engine: dict[str, str]
) -> None:
    job = job_on_each_engine
    (job.workspace / "Dockerfile").write_text(
        f"FROM {first_image_on_each_engine}\n"
        "RUN python3 -c 'import uuid; print(uuid.uuid4())' > once\n"  # another layer each time that it runs
        "COPY app.py ./\n"
    )
    assert job.step().exit_code == 0
    socket = Path(cold_engine["DOCKER_HOST"].removeprefix("unix://"))
    cold = job.step(
        {"function-name": job.name, "reuse": "never"}, with_engine=False, mounts={"/var/run/docker.sock": socket}
    )
    assert cold.exit_code == 0
    step = cold.log.partition("RUN python3 -c")[2]
    assert step.splitlines()[1].endswith("CACHED")
