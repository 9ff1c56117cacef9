"""The registry wants its password, and a push makes no repository."""

import time

import pytest
import requests

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, Registry, password


def test_the_registry_wants_the_password_of_the_token(aws: Aws) -> None:
    data = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == f"http://{aws.registry}"
    assert data["expiresAt"].timestamp() == pytest.approx(time.time() + 12 * 3600, abs=60)
    user, secret = password(aws)
    for auth, status in ((None, 401), ((user, "wrong"), 401), (("someone", secret), 401), ((user, secret), 200)):
        answer = requests.get(f"{aws.endpoint}/v2/", auth=auth, timeout=10)
        assert answer.status_code == status
        assert answer.headers.get("WWW-Authenticate", "").startswith("Basic realm=") == (status == 401)


def test_a_push_makes_no_repository(aws: Aws, registry: Registry) -> None:
    answer = registry.http.post(registry.url("nobody/made/this/blobs/uploads/"))
    assert answer.status_code == 404
    assert answer.json()["errors"][0] == {
        "code": "NAME_UNKNOWN",
        "message": f"The repository with name 'nobody/made/this' does not exist in the registry with id '{ACCOUNT}'",
    }
    assert aws.client("ecr").describe_repositories()["repositories"] is not None
