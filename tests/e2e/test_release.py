"""A release, rehearsed: a bare repository, a registry, the commands of release.yml, and a job that uses the result."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.aws import Aws
from sandbox.machine.debian_packages import programs
from sandbox.machine.engine import Engine, Flavour
from sandbox.runner.workflow import run_workflow
from tests.documented_workflows import documented_workflows
from tests.e2e.jobs import ROOT, Job, documented_function, new_job
from tests.git import git

_BUILDX = ("sid", ("docker-buildx",), ("usr/libexec/docker/cli-plugins/docker-buildx",))
# BuildKit's protocol for what makes an SBOM: a program that reads one folder and writes statements into another.
_GENERATOR = """\
FROM debian:trixie-slim
ENTRYPOINT ["sh", "-c", "echo '{\\"_type\\": \\"https://in-toto.io/Statement/v0.1\\", \\
\\"predicateType\\": \\"https://spdx.dev/Document\\", \\"predicate\\": {\\"name\\": \\"action\\"}}' \\
> $BUILDKIT_SCAN_DESTINATION/action.spdx.json"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """A clone of the action's repository, with the tag of a release, and the registry that stands in for ghcr.io.

    Attributes:
        clone: the clone that a workflow checks out.
        registry: host and port.
        environment: for the commands: the engine, and a login to the registry.
    """

    clone: Path
    registry: str
    environment: Mapping[str, str]

    def command(self, name: str) -> dict[str, str]:
        """Run a command of the release, and return its outputs."""
        command = [sys.executable, "-m", "release", name, "v0.1.0", f"--checkout={self.clone}"]
        command += [f"--image-repository={self.registry}/ghcr/ecr-lambda-deploy", "--platforms=linux/amd64"]
        # The generator of buildx is an image of Docker Hub, this engine's builds have the host's network only, and it
        # unpacks what it builds, with the time that files have.
        command += [f"--option=--sbom=generator={self.registry}/bases/generator:1", "--option=--network=host"]
        command += ["--exporter=unpack=true"]
        done = subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return dict(line.split("=", 1) for line in done.stdout.splitlines())

    def git(self, *arguments: str) -> str:
        """Run git in the clone."""
        return git(self.clone, *arguments)


@pytest.fixture
def job(
    engine_of_kind: Callable[[Flavour], Engine], aws_of_engine: Callable[[Engine], Aws], tmp_path: Path
) -> Iterator[Job]:
    """A job on the current engine, whose function exists."""
    engine = engine_of_kind("current")
    with documented_function(new_job(engine, aws_of_engine(engine), tmp_path)) as job:
        yield job


@pytest.fixture
def rehearsal(job: Job, tmp_path: Path) -> Rehearsal:
    """A tagged commit of this checkout, whose base images the registry has."""
    registry = job.aws.registry
    for name in ("ghcr/ecr-lambda-deploy", "bases/python", "bases/buildx-bin", "bases/generator"):
        job.aws.client("ecr").create_repository(repositoryName=name)
    config = tmp_path / "docker"
    (config / "cli-plugins").mkdir(parents=True)
    (config / "cli-plugins/docker-buildx").symlink_to(programs(*_BUILDX) / "docker-buildx")
    token = job.aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    (config / "config.json").write_text(json.dumps({"auths": {registry: {"auth": token}}}))
    environment = {**job.engine.environment(), "DOCKER_CONFIG": str(config), "HOME": str(tmp_path)}
    environment["PATH"] = f"{job.engine.cli.parent}:{os.defpath}"

    dockerfile = (ROOT / "Dockerfile").read_text()
    for base in dict.fromkeys(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)):
        copy = f"{registry}/bases/{base.rpartition('/')[2]}"
        for command in (["tag", base, copy], ["push", "--quiet", copy]):
            subprocess.run([str(job.engine.cli), *command], env=environment, check=True, capture_output=True)
        dockerfile = dockerfile.replace(f"FROM {base}", f"FROM {copy}")
    subprocess.run(
        [
            str(job.engine.cli),
            "buildx",
            "build",
            "--push",
            "--provenance=false",
            f"--tag={registry}/bases/generator:1",
            "-",
        ],
        input=_GENERATOR,
        text=True,
        env=environment,
        check=True,
        capture_output=True,
    )

    source, bare, clone = tmp_path / "source", tmp_path / "remote.git", tmp_path / "clone"
    source.mkdir()
    for name in (".dockerignore", "action.yml", "entrypoint.py", "pyproject.toml", "requirements", "src"):
        copied = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copied(ROOT / name, source / name)
    (source / "Dockerfile").write_text(dockerfile)
    (source / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 — 2026-11-29\n\n- The first release.\n")
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    git(source, "init", "--quiet", "--initial-branch=main")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message=What is released")
    git(source, "tag", "v0.1.0")
    git(source, "push", "--quiet", str(bare), "main", "v0.1.0")
    git(tmp_path, "clone", "--quiet", str(bare), str(clone))
    return Rehearsal(clone=clone, registry=registry, environment=environment)


def test_a_release_that_is_half_done_is_completed_and_what_is_released_deploys(job: Job, rehearsal: Rehearsal) -> None:
    tagged = rehearsal.git("rev-parse", "v0.1.0")
    assert rehearsal.command("check") == {"commit": tagged}
    image = rehearsal.command("image")["image"]  # and here the first attempt ends

    assert rehearsal.command("image")["image"] == image
    commit = rehearsal.command("commit")
    assert commit == {"image": image, "commit": rehearsal.git("ls-remote", "origin", "v0.1.0").split()[0]}
    assert rehearsal.command("commit") == commit
    assert rehearsal.command("check") == {"commit": tagged}
    assert rehearsal.command("moving-tags") == {"tags": "v0 v0.1"}

    index = _inspected(rehearsal, image)
    kinds = [
        manifest.get("annotations", {}).get("vnd.docker.reference.type", "image") for manifest in index["manifests"]
    ]
    assert sorted(kinds) == ["attestation-manifest", "image"]
    rehearsal.git("fetch", "--quiet", "--tags", "--force")
    assert rehearsal.git("rev-parse", "v0") == commit["commit"]
    bases = re.findall(r"^FROM (\S+)", rehearsal.git("show", "v0:Dockerfile"), re.MULTILINE)
    assert bases
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", base) for base in bases)

    rehearsal.git("checkout", "--quiet", "v0")
    subprocess.run(
        [str(job.engine.cli), "pull", "--quiet", image], env=rehearsal.environment, check=True, capture_output=True
    )
    job.greet("from the released form")
    quick_start = next(workflow for workflow in documented_workflows() if workflow.page == "README.md")
    result = run_workflow(
        quick_start.text,
        job.workspace,
        engine=job.engine,
        action=rehearsal.clone,
        environment={"AWS_ENDPOINT_URL": job.aws.endpoint, **job.aws.oidc_environment()},
    )
    assert result.exit_code == 0, result.log
    assert "docker build" not in result.log
    assert "from the released form" in job.invoke()


def _inspected(rehearsal: Rehearsal, image: str) -> dict[str, list[dict[str, dict[str, str]]]]:
    inspected = subprocess.run(
        ["docker", "buildx", "imagetools", "inspect", "--raw", image],
        env=rehearsal.environment,
        check=True,
        capture_output=True,
    )
    parsed: dict[str, list[dict[str, dict[str, str]]]] = json.loads(inspected.stdout)
    return parsed
