"""Builds images and pushes them, by `buildx bake`."""

import json
import re
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ecr_lambda_deploy.adapters.actions import Console
from ecr_lambda_deploy.adapters.build_errors import explain
from ecr_lambda_deploy.adapters.docker_config import private_docker_config
from ecr_lambda_deploy.adapters.ecr import Authorization
from ecr_lambda_deploy.adapters.engine import check_engine
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.model import Build, Platform

_TARGET = "image"
_LINES_KEPT = 500  # of the build's log, to look for an error in
# What buildx may see of the step's environment: nothing that could be a secret.
_PASSED_ON = re.compile(
    r"PATH|HOME|LANG|SSH_AUTH_SOCK|SOURCE_DATE_EPOCH|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY"
    r"|DOCKER_(HOST|CERT_PATH|TLS|TLS_VERIFY|API_VERSION)|(BUILDX|BUILDKIT|BAKE)_\w+",
    re.IGNORECASE,
)


class Buildx:
    """Builds on the runner's engine.

    Args:
        workspace: folder that paths in messages are relative to.
        environment: the step's environment.
        console: shows the build's progress.
        authorization: returns the registry's credentials.
        program: path of buildx.
    """

    def __init__(
        self,
        *,
        workspace: Path,
        environment: Mapping[str, str],
        console: Console,
        authorization: Callable[[], Authorization],
        program: str = "buildx",
    ) -> None:
        self._workspace = workspace
        self._environment = {name: value for name, value in environment.items() if _PASSED_ON.fullmatch(name)}
        self._console = console
        self._authorization = authorization
        self._program = program

    def check_engine(self) -> Platform:
        """Return the platform that the engine runs on.

        Raises:
            DeployError: it does not answer.
        """
        return check_engine()

    def check_platform(self, platform: Platform) -> None:
        """Make sure that the engine can build for a platform, itself or by emulation.

        Raises:
            DeployError: it cannot.
        """
        answer = subprocess.run(
            [self._program, "inspect", "default"], env=self._environment, capture_output=True, text=True, check=False
        )
        if answer.returncode != 0:
            raise DeployError(f"buildx cannot use the Docker engine: {answer.stderr.strip()}")
        line = next((line for line in answer.stdout.splitlines() if line.startswith("Platforms:")), "")
        platforms = [name.strip().rstrip("*") for name in line.removeprefix("Platforms:").split(",")]
        if platform not in platforms:
            raise DeployError(
                f"The Docker engine cannot build for {platform}; it builds for {', '.join(platforms)}.",
                "Run this job on a runner of that architecture (for linux/arm64 `runs-on: ubuntu-24.04-arm`, the fast "
                "way), or put a step of docker/setup-qemu-action before this one.",
            )

    def build_and_push(self, build: Build, *, platform: Platform, labels: Mapping[str, str], destination: str) -> str:
        """Build an image and push it.

        Args:
            build: what is built.
            platform: what it is built for.
            labels: all labels of the image.
            destination: registry, repository and tag; a tag that nobody else uses, since buildx's docker driver
                learns the digest by asking the registry what the tag names.

        Returns:
            the digest of what was pushed, `sha256:…`.

        Raises:
            DeployError: the build or the push failed.
        """
        authorization = self._authorization()
        registries = dict.fromkeys([destination.partition("/")[0], authorization.registry])
        with (
            private_docker_config([*registries], authorization.username, authorization.password) as config,
            TemporaryDirectory(prefix="bake-") as folder,
        ):
            metadata = Path(folder, "metadata.json")
            status, log = self._run(
                [*bake_arguments(build, metadata), _TARGET],
                definition=json.dumps(bake_definition(build, platform, labels, destination)),
                environment={
                    "DOCKER_CONFIG": str(config),
                    "BUILDX_CONFIG": folder,
                    "BUILDX_GIT_INFO": "false",  # there is no git here, and the labels say the commit
                },
            )
            if status != 0:
                raise self._failure(build, log)
            digest: str = json.loads(metadata.read_text())[_TARGET]["containerimage.digest"]
            return digest

    def _run(self, arguments: list[str], *, definition: str, environment: Mapping[str, str]) -> tuple[int, list[str]]:
        """Run buildx, show what it prints as it prints it, and return its exit status and last lines."""
        tail: deque[str] = deque(maxlen=_LINES_KEPT)
        with (
            self._console.verbatim(),
            subprocess.Popen(
                [self._program, *arguments],
                cwd=self._workspace,  # bake reads below its working folder only
                env={**self._environment, **environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            for line in _conversation(process, definition):
                tail.append(line)
                self._console.info(line)
        return process.returncode, list(tail)

    def _failure(self, build: Build, log: list[str]) -> DeployError:
        dockerfile = build.dockerfile
        shown = dockerfile.relative_to(self._workspace) if dockerfile.is_relative_to(self._workspace) else dockerfile
        return explain(log, dockerfile=str(shown), instructions=dockerfile.read_text(errors="replace"))


def _conversation(process: subprocess.Popen[str], definition: str) -> Iterator[str]:
    """Give buildx its definition, and yield the lines that it prints."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    try:
        process.stdin.write(definition)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it ended early, and its output says why
    for line in process.stdout:
        yield line.rstrip("\n")


def bake_arguments(build: Build, metadata: Path) -> list[str]:
    """Return the arguments of buildx but for the target."""
    wanted = {"ssh"} & build.properties.keys() | set(build.properties.get("entitlements", ()))
    if build.properties.get("network") == "host":
        wanted.add("network.host")
    # Who writes the workflow has decided: bake would ask whether the definition may have these.
    allowed = [f"--allow={entitlement}" for entitlement in sorted(wanted)]
    return ["bake", "--file=-", "--progress=plain", f"--metadata-file={metadata}", *allowed]


def bake_definition(build: Build, platform: Platform, labels: Mapping[str, str], destination: str) -> Mapping[str, Any]:
    """Return the definition that bake reads: one target, pushed as a single image.

    With attestations, BuildKit's default, it would be an index, which Lambda refuses [buildx#1533].
    """
    target: dict[str, Any] = {
        # Bake takes a Dockerfile's path as relative to the context: both are absolute here.
        "context": str(build.context),
        "dockerfile": str(build.dockerfile),
        "args": dict(build.build_args),
        "labels": dict(labels),
        "platforms": [platform],
        "tags": [destination],
        "output": ["type=image,push=true"],
        "attest": ["type=provenance,disabled=true", "type=sbom,disabled=true"],
        "pull": build.pull,
        "no-cache": build.no_cache,
        **build.properties,
    }
    if build.target:
        target["target"] = build.target
    escaped: Mapping[str, Any] = _escape({"target": {_TARGET: target}})
    return escaped


def _escape(value: Any) -> Any:  # noqa: ANN401 # JSON
    """Keep bake from evaluating what is in strings as its own language [HCL native syntax, templates]."""
    match value:
        case str():
            return value.replace("${", "$${").replace("%{", "%%{")
        case dict():
            return {_escape(name): _escape(item) for name, item in value.items()}
        case list():
            return [_escape(item) for item in value]
        case _:
            return value
