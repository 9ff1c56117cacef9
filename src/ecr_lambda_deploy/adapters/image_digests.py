"""The digest that an image reference has now: in its registry or, where that cannot be asked, on the engine."""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ecr_lambda_deploy.adapters.engine import image_digest

_TIMEOUT = 30  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDigests:
    """Resolves references of base images; safe to be used by several threads.

    Attributes:
        program: path of buildx.
        environment: of buildx, with DOCKER_CONFIG for the registries.
        has_engine: whether an engine may be asked.
        say: told what stands in for a digest.
        stand_ins: the references whose registry did not tell.
    """

    program: str
    environment: Mapping[str, str]
    has_engine: bool
    say: Callable[[str], None]
    stand_ins: set[str] = field(default_factory=set)

    def resolve(self, reference: str) -> str:
        """Return the digest of an image, of its index where it has one, or what stands in for it."""
        digest = reference.partition("@")[2]
        if digest:
            return digest
        try:
            return self._ask_registry(reference)
        except _UnknownDigestError as error:
            own = image_digest(reference, self.environment) if self.has_engine else None
            stand_in = "the engine's own copy" if own else "its name"
            self.stand_ins.add(reference)
            self.say(f"The registry does not tell the digest of {reference}; {stand_in} stands in for it ({error})")
            return own or reference

    def _ask_registry(self, reference: str) -> str:
        command = [self.program, "imagetools", "inspect", "--format={{json .Manifest}}", reference]
        try:
            answer = subprocess.run(
                command, env=self.environment, capture_output=True, text=True, check=False, timeout=_TIMEOUT
            )
        except subprocess.TimeoutExpired as error:
            raise _UnknownDigestError(f"no answer within {_TIMEOUT} seconds") from error
        if answer.returncode != 0:
            raise _UnknownDigestError(answer.stderr.strip().rpartition("\n")[2].removeprefix("ERROR: "))
        return str(json.loads(answer.stdout)["digest"])


class _UnknownDigestError(Exception):
    """A registry did not tell."""
