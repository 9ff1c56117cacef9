"""The input `docker-auth`: a Docker `config.json` with credentials for base images.

What it holds is masked before anything is said about it, and nothing that it holds is ignored in silence: a login that
is not found would be a secret in vain.
"""

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import suppress

from ecr_lambda_deploy.inputs.reader import InputReader
from ecr_lambda_deploy.model.json_text import check_nesting

_FORM = '{"auths": {"registry.example": {"auth": "base64 of user:password"}}}'
_TOKENS = ("identitytoken", "registrytoken")
_NAMES = {"username", "email", "serveraddress"}
_LOGIN_FIELDS = {"auth", "password", *_TOKENS, *_NAMES}  # [docker/cli, types.AuthConfig]
_CREDENTIAL_HELPERS = ("credHelpers", "credsStore")  # keys that name programs
_HOST = re.compile(r"(https?://)?[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?(/v\d/?)?")  # and nothing that could be a secret
_STRING = re.compile(r'"([^"]*)"')
_WORD = re.compile(r"[^\s\"',:={}\[\]]+")


def read_docker_auth(reader: InputReader) -> Mapping[str, object]:
    """Read the configuration; no problem shows a value that it holds.

    Args:
        reader: of the action's own inputs.
    """
    text = reader.text("docker-auth")
    if not text:
        return {}
    try:
        config = _parsed(text)
    except json.JSONDecodeError as error:
        reader.problem("docker-auth", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.")
        return {}
    except ValueError:  # a number longer than int() reads
        reader.problem("docker-auth", "is nested too deeply, or has a number that is too long.")
        return {}
    for problem in _problems(config):
        reader.problem("docker-auth", problem)
    return config if isinstance(config, dict) else {}


def secrets_of_docker_auth(text: str) -> Iterator[str]:
    """Yield what the log must mask, whether or not the text is right; of a wrong one that is all that it says.

    Args:
        text: as given.
    """
    try:
        config = _parsed(text)
    except ValueError:
        yield from (found[1] for found in _STRING.finditer(text) if found[1] not in {*_LOGIN_FIELDS, "auths"})
        yield from (found[0] for found in _WORD.finditer(text) if found[0] not in {*_LOGIN_FIELDS, "auths"})
        return
    if any(_problems(config)):
        yield from _values(config)
    auths = config.get("auths") if isinstance(config, dict) else None
    for login in auths.values() if isinstance(auths, dict) else ():
        if _is_login(login):
            yield from _secrets_of(login)


def _parsed(text: str) -> object:
    """Return the JSON's value.

    Raises:
        JSONDecodeError: it is no JSON, or has a key twice, of which the first would be ignored.
        NestingError: it is nested too deeply.
    """

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) < len(pairs):
            raise json.JSONDecodeError("A key twice in one object", text, 0)
        return dict(pairs)

    check_nesting(text)
    return json.loads(text, object_pairs_hook=once)


def _problems(config: object) -> Iterator[str]:
    """Yield what is wrong with a configuration, without its values."""
    if not isinstance(config, dict):
        yield f"is the content of a Docker config.json such as {_FORM}; this has another shape."
        return
    helpers = [name for name in _CREDENTIAL_HELPERS if config.get(name)]
    for name in helpers:
        yield (
            f"names credential helpers in {name!r}, programs that the action's container does not have: give the "
            "credentials themselves, in 'auths'."
        )
    if helpers:
        return
    outside = sorted(name for name, value in config.items() if name != "auths" and _is_like_login(name, value))
    if outside or (config and "auths" not in config):
        named = next(filter(_HOST.fullmatch, outside), "")
        where = f", not beside it as {named!r} is" if named else ""
        yield f"has logins by registry in 'auths'{where}, as in {_FORM}."
        return
    auths = config.get("auths", {})
    if not isinstance(auths, dict) or not all(isinstance(login, dict) for login in auths.values()):
        yield f"is the content of a Docker config.json such as {_FORM}; this has another shape."
        return
    for number, (host, login) in enumerate(auths.items(), 1):
        if host != host.strip() or not host or not _is_login(login):
            named = repr(host) if _HOST.fullmatch(host) else f"entry {number}"
            yield (
                f"has no login for {named} of 'auths': that is 'auth', the base64 of user:password, or 'username' and "
                "'password', or 'identitytoken', each a text."
            )


def _is_like_login(name: str, value: object) -> bool:
    """Whether a key beside `auths` looks like a registry or a part of a login; Docker has other keys of its own."""
    return name in _LOGIN_FIELDS or (isinstance(value, dict) and not _LOGIN_FIELDS.isdisjoint(value))


def _is_login(login: object) -> bool:
    """Whether this is what `docker login` writes for a registry, and something to log in with."""
    if not isinstance(login, dict) or not all(isinstance(value, str) for value in login.values()):
        return False
    try:
        is_whole = not login.get("auth") or ":" in _user_and_password(login)
    except ValueError:
        return False
    names = [name for name in ("auth", *_TOKENS) if login.get(name)]
    return is_whole and bool(names or (login.get("username") and login.get("password")))


def _secrets_of(login: Mapping[str, str]) -> list[str]:
    password = _user_and_password(login).partition(":")[2]
    return list(filter(None, [*(value for name, value in login.items() if name not in _NAMES), password]))


def _user_and_password(login: Mapping[str, str]) -> str:
    return b64decode(login.get("auth", ""), validate=True).decode()


def _values(config: object) -> Iterator[str]:
    """Yield all texts and numbers of a document, and what is within base64 in it."""
    waiting = [config]
    while waiting:
        match waiting.pop():
            case dict() as mapping:
                waiting += mapping.values()
            case list() as items:
                waiting += items
            case str() as text:
                yield from (text, text.partition(":")[2])
                with suppress(ValueError):
                    decoded = b64decode(text, validate=True).decode()
                    yield from (decoded, decoded.partition(":")[2])
            case int() | float() as number if not isinstance(number, bool):
                yield str(number)
