"""Nothing secret leaves: not by the log, a command line or a file that is left behind."""

import base64
import json
import statistics
from collections.abc import Iterable
from pathlib import Path

import pytest

from sandbox.machine.process_watch import watched_processes
from sandbox.runner import StepResult
from tests.e2e.jobs import Job


def _inputs(job: Job, way: str) -> dict[str, str]:
    role = f"arn:aws:iam::{job.aws.account}:role/deploy"
    return {
        "environment": {"function-name": job.name},
        "id token": {"function-name": job.name, "role-to-assume": role},
        "chained role": {"function-name": job.name, "role-to-assume": role, "role-chaining": "true"},
    }[way]


def _environment(job: Job, way: str) -> dict[str, str]:
    if way == "id token":
        return {"AWS_ENDPOINT_URL": job.aws.endpoint, "AWS_REGION": job.aws.region, **job.aws.oidc_environment()}
    return job.aws.environment()


@pytest.mark.parametrize("way", ["environment", "id token", "chained role"])
@pytest.mark.parametrize("ending", ["deployed", "build failed"])
def test_secrets_are_masked_and_leave_no_trace(job: Job, way: str, ending: str, tmp_path: Path) -> None:
    job.greet("secret")
    if ending == "build failed":
        (job.workspace / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.13\nRUN env | sort && false\n")
    temp, home = tmp_path / "tmp", tmp_path / "home"
    temp.mkdir()
    home.mkdir()
    environment = _environment(job, way)
    with watched_processes() as sightings:
        result = job.step(
            _inputs(job, way),
            environment=environment,
            mounts={"/tmp": temp, "/github/home": home},  # noqa: S108
        )
    assert result.exit_code == (0 if ending == "deployed" else 1)

    secrets = _secrets(job, result, environment)
    _assert_masked_first(result, secrets)
    assert any("buildx" in arguments for arguments in sightings.arguments)
    assert statistics.quantiles(sightings.gaps, n=20)[-1] < 0.02
    _assert_in_none(secrets, sightings.arguments)
    left = [path for folder in (job.workspace, temp, home) for path in folder.rglob("*") if path.is_file()]
    assert left
    _assert_in_none(secrets, (path.read_bytes().decode(errors="replace") for path in left))
    assert list(temp.iterdir()) == []
    _assert_in_none(secrets, [result.summary, *result.outputs.values()])


@pytest.mark.parametrize("ending", ["deployed", "build failed", "planned", "built"])
def test_what_the_step_is_given_stays_with_it(job: Job, ending: str, tmp_path: Path) -> None:
    """A canary in each secret input, and in each variable that a runner or a workflow keeps secrets in."""
    failing = "RUN env | sort && false\n" if ending == "build failed" else ""
    (job.workspace / "Dockerfile").write_text(
        "FROM public.ecr.aws/lambda/python:3.13\nCOPY app.py ./\n"
        "RUN --mount=type=secret,id=npm test -s /run/secrets/npm && env | sort\n"
        f'{failing}CMD ["app.handler"]\n'
    )
    masked = {name: f"canary-{name}-{job.name}" for name in ("npm", "docker", "index", "cache")}
    unnamed = {name: f"canary-{name}-{job.name}" for name in ("GITHUB_TOKEN", "DEPLOY_TOKEN", "RUNNER_TOKEN")}
    runtime = {"ACTIONS_RUNTIME_TOKEN": f"canary-runtime-{job.name}"}
    environment = {**job.aws.environment(), **unnamed, **runtime}
    auth = base64.b64encode(f"user:{masked['docker']}".encode()).decode()
    given = {
        "secrets": f"npm={masked['npm']}",
        "docker-auth": json.dumps({"auths": {"registry.example": {"auth": auth}}}),
        "build-args": f"INDEX=https://user:{masked['index']}@packages.example/simple",
        "cache-from": f"type=registry,ref={job.aws.registry}/none:none,token={masked['cache']}",
        "create-repository": "true",
    }
    modes = {
        "planned": {"mode": "plan", "function-name": job.name},
        "built": {"mode": "build", "repository": job.name},
    }
    folders = {"/tmp": tmp_path / "tmp", "/github/home": tmp_path / "home"}  # noqa: S108
    for folder in folders.values():
        folder.mkdir()
    with watched_processes() as sightings:
        inputs = {**given, **modes.get(ending, {"function-name": job.name})}
        result = job.step(inputs, environment=environment, mounts=folders)
    assert result.exit_code == (1 if ending == "build failed" else 0), result.log

    to_mask = {*masked.values(), auth, *runtime.values(), environment["AWS_ACCESS_KEY_ID"]}
    canaries = to_mask | {*unnamed.values()}
    assert to_mask <= {*result.masked}
    _assert_masked_first(result, canaries)
    _assert_in_none(canaries, sightings.arguments)
    _assert_in_none(canaries, [result.summary, *result.outputs.values()])
    left = [path for folder in (job.workspace, *folders.values()) for path in folder.rglob("*") if path.is_file()]
    _assert_in_none(canaries, (path.read_bytes().decode(errors="replace") for path in left))
    if ending in {"deployed", "built"}:
        image = result.outputs["image-uri"]
        _assert_in_none(
            canaries, [job.engine.docker("history", "--no-trunc", image), job.engine.docker("inspect", image)]
        )


def _secrets(job: Job, result: StepResult, environment: dict[str, str]) -> set[str]:
    """Return what was issued to this step: whatever the action asked to mask, and what AWS knows that it gave."""
    passwords = {secret for secret in job.aws.issued_secrets() if secret in result.output}
    assert passwords, "the action got nothing that is secret"
    given = {environment[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN") if name in environment}
    encoded = {base64.b64encode(f"AWS:{password}".encode()).decode() for password in passwords}
    return set(result.masked) | passwords | given | encoded


def _assert_masked_first(result: StepResult, secrets: Iterable[str]) -> None:
    for secret in secrets:
        assert secret not in result.log
        lines = [line for line in result.output.splitlines() if secret in line]
        assert all(line.startswith("::add-mask::") for line in lines)


def _assert_in_none(secrets: Iterable[str], texts: Iterable[str]) -> None:
    for text in texts:
        for secret in secrets:
            assert secret not in text
