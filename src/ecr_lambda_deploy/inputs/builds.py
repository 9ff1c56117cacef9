"""The inputs of a build and its builder."""

import json
import os
import re
import stat
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path

from ecr_lambda_deploy.inputs.reader import InputReader, why_unreadable
from ecr_lambda_deploy.model.targets import BakeProperty, Build, BuilderSettings, CacheSettings

LONGEST_SECRET = 131_000
"""Bytes: Linux allows an environment variable 131,072, with name and NUL [execve(2), MAX_ARG_STRLEN]."""

# The properties of a bake target that `set` takes, since they have no input of their own, by the shape that bake wants
# [bake reference]. They go into bake's definition, since bake's --set forgets some of them (buildx 0.29: network,
# ulimits, no-cache-filter).
_SINGLE_PROPERTIES = ("network", "shm-size", "description")
_LISTED_PROPERTIES = ("annotations", "entitlements", "no-cache-filter", "ssh", "ulimits")
_MAPPED_PROPERTIES = ("extra-hosts",)

_REMOTE_CONTEXT = re.compile(r"(docker-image|https?|git|ssh)://.+|git@.+")
_OCI_LAYOUT = re.compile(r"oci-layout://(?P<path>[^:@]+)(?P<image>.*)")
# An id is part of a comma-separated entry for BuildKit; in a quoted value "" stands for a quote, as in CSV.
_SECRET_ID, _QUOTED = r'[^\s=",]+', r'"(?:[^"]|"")*"'
_SECRET = re.compile(
    rf'\s*(?:(?P<id>{_SECRET_ID})[ \t]*=[ \t]*(?P<value>{_QUOTED}|(?!")[^\n]*)|(?P<entry>{_QUOTED}))[ \t]*(?:\n|\Z)'
)
_ENTRY = re.compile(rf"\s*(?P<id>{_SECRET_ID})\s*=(?P<value>.*)", re.DOTALL)
_ATTESTATION = re.compile(r"true|false|min|max|[a-z][a-z-]*=.*")
_ENDPOINT = re.compile(
    r"tcp://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}|docker-container://[A-Za-z0-9][A-Za-z0-9_.-]+"
)

# In a Docker config.json: the secret values of a login in `auths`, and the keys that name programs.
_SECRET_FIELDS = ("auth", "password", "identitytoken", "registrytoken")
_CREDENTIAL_HELPERS = ("credHelpers", "credsStore")


def read_build(reader: InputReader) -> Build:
    """Read how an image is built."""
    context = Path(reader.workspace, reader.text("context"))
    dockerfile = Path(reader.workspace, reader.text("dockerfile") or context / "Dockerfile")
    if _is_in_workspace(reader, "context", context, is_folder=True) or reader.text("dockerfile"):
        _is_in_workspace(reader, "dockerfile", dockerfile, is_folder=False)
    pull, no_cache = reader.flag("pull"), reader.flag("no-cache")
    return Build(
        context=context,
        dockerfile=dockerfile,
        target=reader.text("target"),
        build_args=_read_build_args(reader),
        build_contexts=_read_build_contexts(reader),
        secrets=_read_secrets(reader),
        provenance=_read_attestation(reader, "provenance", "true, false, mode=min or mode=max"),
        sbom=_read_attestation(reader, "sbom", "true, false or generator=IMAGE"),
        labels={key: value or "" for key, value in reader.pairs("labels").items()},
        properties=_read_properties(reader),
        pull=pull,
        no_cache=no_cache,
        cache=_read_cache(reader),
        reuse=reader.choice("reuse") == "auto" and not pull and not no_cache,
    )


def read_builder(reader: InputReader) -> BuilderSettings:
    """Read which builder builds an image, and its credentials for base images."""
    docker_auth, secrets = _read_docker_auth(reader)
    return BuilderSettings(
        endpoint=reader.matching(
            "builder", _ENDPOINT, "a BuildKit endpoint, tcp://HOST:PORT or docker-container://NAME"
        ),
        docker_auth=docker_auth,
        secrets=secrets,
    )


def _is_in_workspace(reader: InputReader, name: str, path: Path, *, is_folder: bool) -> bool:
    """Whether a path is a folder or file in the workspace; if not, note a problem."""
    why = ""
    try:
        if not reader.is_in_workspace(name, path):
            return False
        if (stat.S_ISDIR if is_folder else stat.S_ISREG)(path.stat().st_mode):
            return True
    except FileNotFoundError:
        pass
    except OSError as error:  # a name too long, a loop of symbolic links
        why = f": {why_unreadable(error)}"
    except ValueError as error:  # a NUL
        why = f": {error}"
    shown, what = os.path.relpath(path, reader.workspace), "folder" if is_folder else "file"
    reader.problem(name, f"{shown!r} is not a {what} in the workspace{why}.{reader.checkout_hint}")
    return False


def _read_build_args(reader: InputReader) -> dict[str, str]:
    """Read the build arguments: as in Docker, a name alone gets its value from the environment, or is left out."""
    given = {
        key: reader.environment.get(key) if value is None else value
        for key, value in reader.pairs("build-args").items()
    }
    return {key: value for key, value in given.items() if value is not None}


def _read_build_contexts(reader: InputReader) -> dict[str, str]:
    contexts: dict[str, str] = {}
    for name, value in reader.pairs("build-contexts").items():
        if not value:
            reader.problem("build-contexts", f"holds NAME=VALUE lines; {name!r} has no value.")
        elif value.startswith("target:"):
            reader.problem("build-contexts", f"{name!r} is a target of a bake file, and there is none here.")
        elif _REMOTE_CONTEXT.fullmatch(value):
            contexts[name] = value
        else:
            layout = _OCI_LAYOUT.fullmatch(value)
            folder = Path(reader.workspace, layout["path"] if layout else value)
            _is_in_workspace(reader, "build-contexts", folder, is_folder=True)
            contexts[name] = f"oci-layout://{folder}{layout['image']}" if layout else str(folder)
    return contexts


def _read_secrets(reader: InputReader) -> dict[str, str]:
    """Read a mapping or ID=VALUE lines; no problem shows anything that may be secret."""
    mapping = reader.mapping("secrets")
    secrets = _read_secret_lines(reader) if mapping is None else _read_secret_mapping(reader, mapping)
    for id_, value in secrets.items():
        if wrong := _not_for_environment(value):
            reader.problem("secrets", f"has under the id {id_!r} {wrong}: buildx gets it in an environment variable.")
    return secrets


def _not_for_environment(value: str) -> str:
    """Return why an environment variable cannot have this value, and what to do about it; empty if it can."""
    if "\0" in value:
        return "a NUL, which has to be encoded, such as in base64"
    is_long = len(value.encode(errors="replace")) > LONGEST_SECRET
    return f"more than {LONGEST_SECRET:,} bytes, and has to be shorter" if is_long else ""


def _read_secret_mapping(reader: InputReader, mapping: Mapping[str, object]) -> dict[str, str]:
    secrets: dict[str, str] = {}
    for id_, value in mapping.items():
        if value is None:
            continue
        if re.fullmatch(_SECRET_ID, id_):
            secrets[id_] = str(value)
        else:
            begin = re.split(r'[\s=",]', id_)[0]
            text = f"has ids without blanks, '=', '\"' and ','; the one that begins {begin!r} is not one: rename it."
            reader.problem("secrets", text)
    return secrets


def _read_secret_lines(reader: InputReader) -> dict[str, str]:
    """Read ID=VALUE lines; a value in double quotes, or a whole quoted entry, can span lines, as in CSV."""
    text = reader.text("secrets").replace("\r\n", "\n")
    secrets: dict[str, str] = {}
    position = 0
    while position < len(text):
        line = text.count("\n", 0, position) + 1
        found = _SECRET.match(text, position)
        secret = _ENTRY.fullmatch(_unquoted(found["entry"])) if found and found["entry"] else found
        if found is None or secret is None:
            reader.problem("secrets", f"holds ID=VALUE lines; line {line} does not begin one, or its quote has no end.")
            break
        if secret["id"] in secrets:
            reader.problem("secrets", f"has the id {secret['id']!r} twice.")
        secrets[secret["id"]] = secret["value"] if secret is not found else _unquoted(secret["value"])
        position = found.end()
    return secrets


def _unquoted(value: str) -> str:
    return value[1:-1].replace('""', '"') if value.startswith('"') else value.strip()


def _read_attestation(reader: InputReader, name: str, description: str) -> str:
    value = reader.matching(name, _ATTESTATION, description)
    return f"mode={value}" if value in {"min", "max"} else value


def _read_cache(reader: InputReader) -> CacheSettings:
    mode = reader.choice("cache")
    imports, exports = reader.lines("cache-from"), reader.lines("cache-to")
    if mode and (imports or exports):
        names = ("cache", "cache-from", "cache-to")
        reader.conflict(names, "does not go with 'cache-from' and 'cache-to', which replace it.")
    return CacheSettings(mode=mode or "auto", imports=imports, exports=exports)


def _read_properties(reader: InputReader) -> dict[str, BakeProperty]:
    """Read the properties of the bake target that no other field of `Build` has.

    Bake's definition and the fingerprint take all of them, so an input for one more property is read here, and nothing
    else needs to know it.
    """
    properties: dict[str, BakeProperty] = {}
    for line in reader.lines("set"):
        name, equals, value = line.partition("=")
        name, _, key = name.strip().removesuffix("+").partition(".")
        present = properties.get(name)
        if not (equals and value):
            reader.problem("set", f"holds PROPERTY=VALUE lines; {line!r} is not one.")
        elif name in _SINGLE_PROPERTIES and not key:
            properties[name] = value
        elif name in _LISTED_PROPERTIES and not key:
            properties[name] = [*present, value] if isinstance(present, list) else [value]
        elif name in _MAPPED_PROPERTIES and key:
            properties[name] = {**(present if isinstance(present, dict) else {}), key: value}
        else:
            known = (*_SINGLE_PROPERTIES, *_LISTED_PROPERTIES, *(f"{mapped}.NAME" for mapped in _MAPPED_PROPERTIES))
            reader.problem("set", f"takes {', '.join(sorted(known))}; {line!r} is none of them.")
    return properties


def _read_docker_auth(reader: InputReader) -> tuple[Mapping[str, object], tuple[str, ...]]:
    """Read a Docker `config.json` with credentials for base images; no problem shows what it holds.

    Returns:
        the configuration, and every secret value in it.
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
    if not isinstance(auths, dict) or not all(_is_login(login) for login in auths.values()):
        reader.problem(
            "docker-auth",
            "is the content of a Docker config.json such as "
            '{"auths": {"registry.example": {"auth": "base64 of user:password"}}}; this has another shape.',
        )
        return {}, ()
    for name in _CREDENTIAL_HELPERS:
        if config.get(name):
            reader.problem(
                "docker-auth",
                f"names credential helpers in {name!r}, programs that the action's container does not "
                "have: give the credentials themselves, in 'auths'.",
            )
    return config, tuple(secret for login in auths.values() for secret in _secrets_of(login))


def _is_login(login: object) -> bool:
    """Whether this is what `docker login` writes for a registry."""
    if not isinstance(login, dict) or not all(isinstance(value, str) for value in login.values()):
        return False
    try:
        return not login.get("auth") or ":" in _user_and_password(login)
    except ValueError:
        return False


def _secrets_of(login: Mapping[str, str]) -> list[str]:
    password = _user_and_password(login).partition(":")[2]
    return list(filter(None, [*(login.get(name) for name in _SECRET_FIELDS), password]))


def _user_and_password(login: Mapping[str, str]) -> str:
    return b64decode(login.get("auth", ""), validate=True).decode()
