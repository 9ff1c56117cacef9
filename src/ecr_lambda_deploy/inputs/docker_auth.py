"""The input `docker-auth`: a Docker `config.json` with credentials for base images."""

import json
from base64 import b64decode
from collections.abc import Mapping

from ecr_lambda_deploy.inputs.reader import InputReader

_SECRET_FIELDS = ("auth", "password", "identitytoken", "registrytoken")
_HELPERS = ("credHelpers", "credsStore")


def read_docker_auth(reader: InputReader) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """Read the input; what is wrong with it is told without what it holds.

    Returns:
        the configuration, and every value in it that is secret.
    """
    text = reader.text("docker-auth")
    if not text:
        return {}, ()
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        reader.problem("docker-auth", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.")
        return {}, ()
    except RecursionError:
        reader.problem("docker-auth", "is nested too deeply.")
        return {}, ()
    auths = config.get("auths", {}) if isinstance(config, dict) else None
    if not isinstance(auths, dict) or not all(_is_entry(entry) for entry in auths.values()):
        reader.problem(
            "docker-auth",
            "is the content of a Docker config.json such as "
            '{"auths": {"registry.example": {"auth": "base64 of user:password"}}}; this has another shape.',
        )
        return {}, ()
    for name in _HELPERS:
        if config.get(name):
            reader.problem(
                "docker-auth",
                f"names credential helpers in {name!r}, programs that the action's container does not "
                "have: give the credentials themselves, in 'auths'.",
            )
    return config, tuple(secret for entry in auths.values() for secret in _secrets(entry))


def _is_entry(entry: object) -> bool:
    """Whether it is what `docker login` writes for a registry."""
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        return False
    try:
        return not entry.get("auth") or ":" in _decoded(entry["auth"])
    except ValueError:
        return False


def _secrets(entry: Mapping[str, str]) -> list[str]:
    given = [entry[name] for name in _SECRET_FIELDS if entry.get(name)]
    password = _decoded(entry.get("auth", "")).partition(":")[2]
    return [*given, password] if password else given


def _decoded(auth: str) -> str:
    return b64decode(auth, validate=True).decode()
