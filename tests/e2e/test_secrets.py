"""Nothing secret leaves: not by the log, a command line, another host or a file that is left behind."""

import json
import statistics
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.machine.process_watch import Sightings, watched_processes
from sandbox.runner import RunningStep, StepResult
from tests.e2e.canaries import Canaries, canaries, found, pushed, records, texts_in
from tests.e2e.jobs import SHARED, Job

_ALLOWED = {
    "bake": {"npm", "proxy"},
    "imagetools": {"proxy"},
    "history": {"proxy"},
}  # which canaries a buildx needs, by its command
# What is denied or held, by the mode.
_DENIED = {"build": "ecr:PutImage", "plan": "lambda:GetFunction", "rollback": "lambda:UpdateAlias"}
_HELD = {"deploy": "registry:PutManifest", "build": "registry:PutManifest", "rollback": "lambda:UpdateAlias"}
_MEMORY, _HOME = "/dev/shm", "/github/home"  # noqa: S108 # of the container
_WRITABLE = (_MEMORY, _HOME, "/tmp", "/var/tmp")  # noqa: S108 # of the container
_CODES = {"success": 0, "failure": 1, "cancel": 1, "kill": 137}
each_mode = pytest.mark.parametrize(
    ("each_engine", "mode"),
    [("current", "deploy"), ("20.10", "build"), ("20.10", "plan"), ("20.10", "rollback")],
    indirect=["each_engine"],
)
each_ending = pytest.mark.parametrize(
    ("ending", "way"),
    [("success", "id token"), ("failure", "chained role"), ("cancel", "environment"), ("kill", "id token")],
)


@each_mode
@each_ending
def test_what_the_step_is_given_stays_with_it(
    job_on_each_engine: Job, first_image_on_each_engine: str, mode: str, ending: str, way: str, tmp_path: Path
) -> None:
    """A canary in each secret input, and in each variable that a runner or a workflow keeps secrets in."""
    job = job_on_each_engine
    # Of a container that is killed, its memory ends with it.
    folders = {path: tmp_path / path[1:] for path in _WRITABLE if (path, ending) != (_MEMORY, "kill")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    credentials = job.aws.environment()
    if way == "id token":
        credentials = {"AWS_ENDPOINT_URL": job.aws.endpoint, "AWS_REGION": job.aws.region, **job.aws.oidc_environment()}
    with canaries(job, credentials) as given, watched_processes() as sightings:
        inputs = _inputs(job, given, mode, way)
        given.write_dockerfile(job, fails=(mode, ending) == ("deploy", "failure"), adds=mode == "deploy")
        if ending == "failure" and mode in _DENIED:
            job.aws.deny(_DENIED[mode])
        with (
            _held(job, given, mode, ending) as end,
            job.started(inputs, environment=given.environment, mounts=folders) as step,
        ):
            end(step)
            result = step.wait()
    assert result.exit_code == _CODES[ending], result.log

    issued = {secret for secret in job.aws.issued_secrets() if secret in f"{result.output}{credentials}"}
    assert issued
    assert given.to_mask(mode) <= {*result.masked}
    secrets = given.all | issued
    _assert_masked_first(result, secrets)
    _assert_kept_from_processes(sightings, secrets, mode)
    left = [path for name, folder in folders.items() for path in folder.iterdir() if name != _HOME]
    assert left == []
    _assert_gone(job, step)
    # Nobody is left to remove the record of a build whose run is killed.
    assert found(secrets, records(job)) <= (given.recorded if ending == "kill" else set())
    in_repository = [*pushed(job, without=first_image_on_each_engine)]
    places = {
        "the runner's files": result.files.values(),
        "files that are left": texts_in([job.workspace, *folders.values()]),
        "the repository": in_repository,
        "the image": [job.engine.docker("history", "--no-trunc", image) for image in _images(result, mode)],
    }
    assert {place: leaked for place, texts in places.items() if (leaked := found(secrets, texts))} == {}
    called = [str(call.parameters) for call in job.aws.calls()]
    assert found(given.all, called) <= {job.aws.oidc_environment()["ACTIONS_ID_TOKEN_REQUEST_TOKEN"]}
    for name, host in given.hosts.items():
        assert found(secrets, host.heard) <= given.meant.get(name, set()), name
    if ending == "success" and mode != "rollback":
        assert found(secrets, given.hosts["private"].heard)
        assert found(secrets, given.hosts["proxy"].heard) or mode == "deploy"
        assert in_repository or mode == "plan"


def _assert_gone(job: Job, step: RunningStep) -> None:
    """Make sure that the engine removes the container, soon after it has ended."""
    deadline = time.monotonic() + 20
    while job.engine.docker("ps", "--all", "--quiet", f"--filter=name={step.container}"):
        assert time.monotonic() < deadline


def _images(result: StepResult, mode: str) -> list[str]:
    """Return the images that the step made."""
    return [result.outputs["image-uri"]] if result.exit_code == 0 and mode in {"deploy", "build"} else []


def _inputs(job: Job, given: Canaries, mode: str, way: str) -> Mapping[str, str]:
    role = {"role-to-assume": f"arn:aws:iam::{job.aws.account}:role/deploy"} if way != "environment" else {}
    chained = {"role-chaining": "true"} if way == "chained role" else {}
    if mode == "rollback":
        client = job.aws.client("lambda")
        for number in ("1", "2"):
            client.update_function_configuration(FunctionName=job.name, Description=number)
            client.get_waiter("function_updated_v2").wait(FunctionName=job.name, WaiterConfig={"Delay": 0.05})
            client.publish_version(FunctionName=job.name)
        client.create_alias(FunctionName=job.name, Name="live", FunctionVersion="2")
        function = {"function-name": job.name, "alias": "live", "rollback-to": "1"}
        return {"mode": mode, **function, **role, **chained}
    what = {"repository": job.name} if mode == "build" else {"function-name": job.name, "repository": job.name}
    inputs = {"mode": mode, **given.inputs, **what, **role, **chained}
    if mode == "deploy":  # on an engine that can export caches
        inputs["cache-from"] += "\ntype=gha,scope=canaries"
        cache = f"{job.aws.registry}/{job.name}:cache"
        inputs["cache-to"] = f"type=registry,ref={cache},mode=max,image-manifest=true,oci-mediatypes=true"
    return inputs


@contextmanager
def _held(job: Job, given: Canaries, mode: str, ending: str) -> Iterator[Callable[[RunningStep], None]]:
    """Yield what ends the step when it is where it has most to hide: in the middle of a build, or of a change."""
    if ending not in {"cancel", "kill"}:
        yield lambda _: None
        return
    held = given.hosts["private"].hold() if mode == "plan" else job.aws.hold(_HELD[mode])

    def end(step: RunningStep) -> None:
        held.reached()
        deadline = time.monotonic() + 30
        while job.aws.issued_secrets().isdisjoint(step.masked) and time.monotonic() < deadline:
            time.sleep(0.05)  # a registry is asked beside AWS: it may be held before anything secret is there
        step.signal({"cancel": "SIGINT", "kill": "SIGKILL"}[ending])
        time.sleep(0.3)
        held.release()

    yield end


def _assert_masked_first(result: StepResult, secrets: Iterable[str]) -> None:
    """Make sure that the log shows none, and that what the action prints has one only where it is masked."""
    assert found(secrets, [result.log]) == set()
    printed = [line for line in result.output.splitlines() if not line.startswith("::add-mask::")]
    for secret in secrets:
        lines = [line for line in result.output.splitlines() if secret in line]
        assert all(line.startswith("::add-mask::") for line in lines), secret
    assert found(secrets, printed) == set()


def _assert_kept_from_processes(sightings: Sightings, secrets: Iterable[str], mode: str) -> None:
    """Make sure that no command line has one, and no program's environment one that it does not need."""
    assert mode in {"plan", "rollback"} or any("buildx" in arguments for arguments in sightings.arguments)
    assert statistics.quantiles(sightings.gaps, n=20)[-1] < 0.02
    assert found(secrets, sightings.arguments) == set()
    for arguments, environment in sightings.environments:
        is_action = "/action/entrypoint.py" in arguments or " run --name action-" in arguments
        if not is_action:
            needed = next((names for command, names in _ALLOWED.items() if f"buildx {command}" in arguments), set())
            leaked = found(secrets, [environment])
            assert all(secret.startswith(tuple(f"canary-{name}-" for name in needed)) for secret in leaked), arguments


_TELLING = 'case "$(env)" in *of-the-cache*) exit 42;; *) exit 41;; esac\n'


@pytest.mark.parametrize("each_engine", ["current"], indirect=True)
def test_a_frontend_of_others_is_not_given_the_token_of_the_cache(job_on_each_engine: Job, tmp_path: Path) -> None:
    """A Dockerfile names a program that BuildKit starts with the options of the build, and the manifest the cache."""
    job, dockerfile = job_on_each_engine, job_on_each_engine.workspace / "Dockerfile"
    content = dockerfile.read_text()
    (job.workspace / "frontend.sh").write_text(_TELLING)
    base = content.splitlines()[0]
    dockerfile.write_text(f'{base}\nCOPY frontend.sh /\nENTRYPOINT ["/bin/sh", "/frontend.sh"]\n')
    frontend = f"{job.aws.registry}/{SHARED}:frontend"
    job.push_with_plain_buildx(frontend, tmp_path, "--provenance=false")
    dockerfile.write_text(f"# syntax={frontend}\n{content}")
    (job.workspace / "deploy.yaml").write_text(
        f"version: 1\nimages: {{ orders: {{ repository: {SHARED}, platform: linux/amd64, cache: gha }} }}\n"
    )
    scopes = json.dumps([{"Scope": "refs/heads/main", "Permission": 3}])
    header, claims = (
        urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256"}, {"ac": scopes, "exp": 2**32, "nbf": 1})
    )
    service = {"ACTIONS_RESULTS_URL": "http://127.0.0.1:9/", "ACTIONS_RUNTIME_TOKEN": f"{header}.{claims}.of-the-cache"}
    result = job.step({"mode": "build", "manifest": "deploy.yaml"}, environment={**job.aws.environment(), **service})
    assert "exit code: 41" in result.log
    assert "which the frontend" in next(one.message for one in result.annotations if one.level == "warning")


def test_an_input_that_is_refused_is_not_shown(bare_job: Job) -> None:
    canary = f"canary-{bare_job.name}"
    login = f"user:{canary}@host.example"
    inputs = {
        "function-name": bare_job.name,
        "secrets": f'npm="{canary}',
        "docker-auth": json.dumps({"auths": {"registry.example": {"auth": canary}}}),
        "build-args": f"A B={canary}",
        "build-contexts": f"https://{login}/orders.git\nother=ftp://{login}/orders",
        "cache-from": f"type=s3,secret_access_key={canary}\x01",
        "builder": f"tcp://{login}:1",
        "image-uri": f"https://{login}/orders",
    }
    result = bare_job.step(inputs, with_engine=False)
    assert result.exit_code == 1
    for name in inputs.keys() - {"function-name"}:
        assert f"'{name}'" in result.summary
    _assert_masked_first(result, [canary])
    assert found([canary], result.files.values()) == set()
