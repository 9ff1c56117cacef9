"""Copies images between registries, by `buildx imagetools`, which needs no engine."""

import re
import subprocess
import time
from collections.abc import Callable, Mapping

from ecr_lambda_deploy.docker.config import BUILDX, network_environment, private_docker_config
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Authorization, ImageReference
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.permissions.denials import refused_request_hint
from ecr_lambda_deploy.private_folders import PrivateFolders
from ecr_lambda_deploy.retry import TransientError, retried

# Failures that another try would not change. All others are retried: a lost connection has too many wordings to list.
_LASTING = re.compile(r": 4(?!08|29)\d\d\b|not found|denied|authorization failed|no basic auth|x509|unknown flag")


class ImageTools:
    """Copies images between registries.

    Args:
        environment: the step's environment.
        folders: makes the folder for the logins.
        program: path of buildx.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        folders: PrivateFolders,
        program: str = BUILDX,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._environment = network_environment(environment)
        self._folders = folders
        self._program = program
        self._sleep = sleep

    def copy(self, image: ImageReference, destination: str, logins: Mapping[str, Authorization]) -> None:
        """Copy an image, layers included; its digest stays the same.

        Args:
            image: a single one, no index.
            destination: registry, repository and tag.
            logins: for both registries, by host.

        Raises:
            DeployError: a registry refuses, or does not answer.
        """
        with private_docker_config(self._folders, logins) as config:
            environment = {**self._environment, "DOCKER_CONFIG": str(config), "BUILDX_CONFIG": str(config / "buildx")}
            # Left to itself, it would wrap a single manifest in an index, which Lambda refuses.
            options = ["--prefer-index=false", f"--tag={destination}"]
            command = [self._program, "imagetools", "create", *options, "--", str(image)]
            try:
                retried(lambda: _run(command, environment), sleep=self._sleep)
            except (TransientError, _FailedError) as error:
                raise DeployError(
                    f"{image} could not be copied to {destination}: {error}",
                    # buildx shows the status that a registry answers with, and not its message.
                    refused_request_hint(str(error))
                    or "400 means that the tag is on other content and immutable. For anything else, run this job "
                    "again.",
                    topic="copy-failed",
                ) from None


class _FailedError(Exception):
    """buildx failed, and would fail again."""


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode == 0:
        return
    message = _last_error(done.stderr)
    raise _FailedError(message) if _LASTING.search(message) else TransientError(message)


def _last_error(stderr: str) -> str:
    """Return the last error of buildx's output, which has lines of progress too, or Go's before a trace of stacks."""
    lines = [
        line.removeprefix("ERROR: ") for line in stderr.split("\n") if line.startswith(("ERROR: ", "fatal error: "))
    ]
    return bounded((lines[-1] if lines else stderr).strip())
