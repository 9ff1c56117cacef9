"""Logins for base images: found or refused, and masked either way."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.docker_auth import secrets_of_docker_auth
from tests.unit.inputs.given_inputs import parse, problems_of

_AUTH = b64encode(b"me:hid:den").decode()
_LOGIN = {"username": "octocat", "password": "hidden-password"}


@pytest.mark.parametrize(
    ("auths", "secrets"),
    [
        ({"one.example": {"auth": _AUTH}}, {_AUTH, "hid:den"}),
        ({"ghcr.io": _LOGIN}, {"hidden-password"}),
        ({"https://index.docker.io/v1/": {"auth": _AUTH, "email": "me@example.com"}}, {_AUTH, "hid:den"}),
        ({"a.azurecr.io": {"auth": b64encode(b"0-0:").decode(), "identitytoken": "hidden-token"}}, {"hidden-token"}),
        ({"localhost:5000": {"registrytoken": "hidden-token"}}, {"hidden-token"}),
        ({"ghcr.io": {**_LOGIN, "token": "hidden-token"}}, {"hidden-password", "hidden-token"}),
        ({}, set()),
    ],
)
def test_a_login_is_taken_as_docker_writes_it_and_its_secrets_are_known(
    workspace: Path, auths: dict[str, object], secrets: set[str]
) -> None:
    config = {"auths": auths, "psFormat": "table", "HttpHeaders": {"User-Agent": "x"}}
    given = json.dumps(config)

    assert parse(workspace, {"docker-auth": given}).images[0].builder.docker_auth == config
    assert {*secrets_of_docker_auth(given)} >= secrets
    assert "octocat" not in {*secrets_of_docker_auth(given)}


_FORM = 'as in {"auths": {"registry.example": {"auth": "base64 of user:password"}}}'


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"ghcr.io": _LOGIN}, f"has logins by registry in 'auths', not beside it as 'ghcr.io' is, {_FORM}."),
        (
            {"auths": {}, "ghcr.io": _LOGIN},
            f"has logins by registry in 'auths', not beside it as 'ghcr.io' is, {_FORM}.",
        ),
        (_LOGIN, f"has logins by registry in 'auths', {_FORM}."),
        ({"Auths": {"ghcr.io": _LOGIN}}, f"has logins by registry in 'auths', {_FORM}."),
        ({"hidden-host": _LOGIN}, f"has logins by registry in 'auths', {_FORM}."),
        ({"auths": [{"registry": "ghcr.io", **_LOGIN}]}, "has another shape"),
        ({"auths": {"ghcr.io": "hidden-password"}}, "has another shape"),
        ({"auths": None}, "has another shape"),
        ({"auths": {"ghcr.io": {"user": "octocat", "pass": "hidden-password"}}}, "has no login for 'ghcr.io'"),
        ({"auths": {"ghcr.io": {"username": "octocat"}}}, "has no login for 'ghcr.io'"),
        ({"auths": {"ghcr.io": {"auth": "octocat:hidden-password"}}}, "has no login for 'ghcr.io'"),
        ({"auths": {"ghcr.io": {"auth": b64encode(b"hidden-password").decode()}}}, "has no login for 'ghcr.io'"),
        ({"auths": {"ghcr.io": {"username": "octocat", "password": 12345678}}}, "has no login for 'ghcr.io'"),
        ({"auths": {"hidden-host": {}}}, "has no login for entry 1 of 'auths'"),
        ({"credsStore": "desktop", "auths": {"ghcr.io": {}}}, "names credential helpers in 'credsStore'"),
        ({"credHelpers": {"ghcr.io": "hidden-helper"}}, "names credential helpers in 'credHelpers'"),
        (["hidden-password"], "has another shape"),
        ('"hidden-password"', "has another shape"),
        ('{"auths": {"ghcr.io": {"password": "hidden-password"', "is not JSON"),
        ('{"auths": {"a.example": {"auth": "hidden-token"}}, "auths": {}}', "A key twice in one object"),
        ("ghcr.io:\n  username: octocat\n  password: hidden-password\n", "is not JSON"),
        ("password=hidden-password", "is not JSON"),
    ],
)
def test_what_would_be_ignored_is_refused_and_masked(workspace: Path, given: object, problem: str) -> None:
    text = given if isinstance(given, str) else json.dumps(given)
    (said,) = problems_of(workspace, {"docker-auth": text})

    assert said.startswith("'docker-auth' ")
    assert problem in said
    assert "hidden" not in said
    masked = {*secrets_of_docker_auth(text)}
    for secret in ("hidden-password", "hidden-token", "12345678", b64encode(b"hidden-password").decode()):
        assert secret not in text or secret in masked


def test_a_secret_within_base64_is_masked_too_whatever_its_place() -> None:
    assert "hid:den" in {*secrets_of_docker_auth(json.dumps({"ghcr.io": {"auth": _AUTH}}))}


def test_of_what_is_not_json_no_name_of_a_field_is_masked() -> None:
    masked = {*secrets_of_docker_auth("{'auths': {'ghcr.io': {'auth': 'hidden-token'}}}")}

    assert "hidden-token" in masked
    assert not masked & {"auth", "auths"}  # the message says docker-auth
