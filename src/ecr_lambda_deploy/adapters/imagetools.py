"""Copies images between registries, by `buildx imagetools`, which needs no engine."""

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from tempfile import TemporaryDirectory

from ecr_lambda_deploy.adapters.docker_config import Login, private_docker_config
from ecr_lambda_deploy.adapters.retries import TransientError, retried
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.model import ImageReference

# What it may see of the step's environment: what the network needs, and no engine.
_PASSED_ON = re.compile(r"PATH|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY", re.IGNORECASE)
_PASSING = re.compile(
    r"connection re(set|fused)|broken pipe|\bEOF\b|time(d )?out|no such host|server misbehaving"
    r"|too many requests|\b(429|50[0234])\b",
    re.IGNORECASE,
)


class ImageTools:
    """Copies images between registries.

    Args:
        environment: the step's environment.
        program: path of buildx.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        program: str = "buildx",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._environment = {name: value for name, value in environment.items() if _PASSED_ON.fullmatch(name)}
        self._program = program
        self._sleep = sleep

    def copy(self, image: ImageReference, destination: str, logins: Mapping[str, Login]) -> None:
        """Copy an image, layers included; its digest stays the same.

        Args:
            image: a single one, no index.
            destination: registry, repository and tag.
            logins: for both registries, by host.

        Raises:
            DeployError: a registry refuses, or does not answer.
        """
        with private_docker_config(logins) as config, TemporaryDirectory(prefix="buildx-") as folder:
            environment = {**self._environment, "DOCKER_CONFIG": str(config), "BUILDX_CONFIG": folder}
            # Left to itself, it would wrap a single manifest in an index, which Lambda refuses.
            options = ["--prefer-index=false", f"--tag={destination}"]
            command = [self._program, "imagetools", "create", *options, str(image)]
            try:
                retried(lambda: _run(command, environment), sleep=self._sleep)
            except (TransientError, _FailedError) as error:
                raise DeployError(
                    f"{image} could not be copied to {destination}: {error}",
                    "The credentials need ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the one repository, and "
                    "the actions of a push on the other. Run this job again if a registry was only out of reach.",
                ) from None


class _FailedError(Exception):
    """It failed, and would fail again."""


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    message = _last_error(done.stderr)
    raise TransientError(message) if _PASSING.search(message) else _FailedError(message)


def _last_error(stderr: str) -> str:
    """Return what it says when it ends, below the lines of its progress."""
    lines = [line.removeprefix("ERROR: ") for line in stderr.splitlines() if line.startswith("ERROR: ")]
    return lines[-1] if lines else stderr.strip()
