from base64 import b64encode
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecr_lambda_deploy.aws.ecr import EcrRepositories
from ecr_lambda_deploy.aws.sources import EcrSources
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Authorization, ImageReference, RegistryHosts
from ecr_lambda_deploy.model.targets import RoleToAssume
from tests.integration.aws_in_memory import (
    ENVIRONMENT_KEY,
    REGION,
    REGISTRY,
    ROLE,
    Request,
    Traffic,
    aws_of,
    client,
    recorded_aws,
)

_CHAINED = replace(ROLE, is_chained=True)


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    with recorded_aws(monkeypatch) as traffic:
        yield traffic


def _expire_in(minutes: float, traffic: Traffic) -> None:
    """Let credentials that STS gives from now on last so long."""

    def shorten(parsed: dict[str, Any]) -> None:
        parsed["Credentials"]["Expiration"] = datetime.now(UTC) + timedelta(minutes=minutes)

    traffic.answers = shorten


def test_without_a_role_the_environment_s_credentials_sign(traffic: Traffic) -> None:
    aws_of(traffic).ecr().describe_repositories()

    (request,) = traffic.requests()
    assert ENVIRONMENT_KEY in request.signature
    assert traffic.events == [request]


def test_the_environment_s_credentials_have_to_be_there(traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(DeployError, match="There are no AWS credentials") as caught:
        EcrRepositories(aws_of(traffic), traffic.mask).registry()

    assert "'role-to-assume'" in caught.value.hint


def test_no_role_is_taken_before_it_is_needed(traffic: Traffic) -> None:
    aws_of(traffic, ROLE)

    assert traffic.events == []


def test_a_role_is_taken_with_the_job_s_token(traffic: Traffic) -> None:
    aws_of(traffic, replace(ROLE, duration_seconds=1800)).ecr().describe_repositories()

    assume, _ = traffic.requests()
    assert (assume.service, assume.action) == ("sts", "AssumeRoleWithWebIdentity")
    assert assume.parameters == {
        "Version": "2011-06-15",
        "RoleArn": ROLE.arn,
        "RoleSessionName": "deploy",
        "DurationSeconds": "1800",
        "WebIdentityToken": "token for sts.amazonaws.com",
    }


def test_the_job_s_token_is_all_the_proof_there_is(traffic: Traffic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    aws_of(traffic, ROLE).ecr().describe_repositories()

    assume, describe = traffic.requests()
    assert (assume.signature, assume.session_token) == ("", "")
    assert describe.signature.startswith("AWS4-HMAC-SHA256 Credential=ASIA")


def test_a_chained_role_is_taken_with_the_environment_s_credentials(traffic: Traffic) -> None:
    aws_of(traffic, _CHAINED).ecr().describe_repositories()

    assume, describe = traffic.requests()
    assert assume.action == "AssumeRole"
    assert ENVIRONMENT_KEY in assume.signature
    assert "WebIdentityToken" not in assume.parameters
    assert "DurationSeconds" not in assume.parameters
    assert ENVIRONMENT_KEY not in describe.signature


@pytest.mark.parametrize("role", [ROLE, _CHAINED])
def test_what_sts_gives_is_masked_before_it_is_used(traffic: Traffic, role: RoleToAssume) -> None:
    given: dict[str, Any] = {}
    traffic.answers = lambda parsed: given.update(parsed["Credentials"])
    aws_of(traffic, role).functions().list_functions()

    assume, *masked, use = traffic.events
    assert isinstance(assume, Request)
    assert isinstance(use, Request)
    assert set(masked) == {given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]}
    assert use.session_token == given["SessionToken"]


def test_one_session_serves_all_clients_and_threads(traffic: Traffic) -> None:
    aws = aws_of(traffic, ROLE)
    with ThreadPoolExecutor(max_workers=16) as pool:
        described = [pool.submit(lambda: aws.ecr().describe_repositories()) for _ in range(32)]
        listed = [pool.submit(lambda: aws.functions().list_functions()) for _ in range(32)]
    assert all(call.result()["repositories"] == [] for call in described)
    assert all(call.result()["Functions"] == [] for call in listed)

    assert len(traffic.requests("AssumeRoleWithWebIdentity")) == 1
    assert len({request.session_token for request in traffic.requests() if request.service != "sts"}) == 1


def test_another_region_has_clients_of_its_own_and_the_same_credentials(traffic: Traffic) -> None:
    aws = aws_of(traffic, ROLE)
    elsewhere = aws.in_region("us-east-2")
    assert (aws.ecr().meta.region_name, elsewhere.ecr().meta.region_name) == ("eu-west-1", "us-east-2")
    assert elsewhere.ecr() is aws.in_region("us-east-2").ecr()
    aws.ecr().describe_repositories()
    elsewhere.ecr().describe_repositories()

    assert len(traffic.requests("AssumeRoleWithWebIdentity")) == 1


@pytest.mark.parametrize("role", [None, ROLE, _CHAINED])
def test_sources_are_read_with_the_environment_s_credentials(traffic: Traffic, role: RoleToAssume | None) -> None:
    aws_of(traffic, role).source().ecr().describe_repositories()

    (request,) = traffic.requests()
    assert ENVIRONMENT_KEY in request.signature


def test_sources_are_read_with_the_role_where_the_environment_has_none(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    aws = aws_of(traffic, ROLE)
    aws.source().in_region("us-east-2").ecr().describe_repositories()

    _, request = traffic.requests()
    assert "Credential=ASIA" in request.signature
    assert "/us-east-2/" in request.signature


def test_the_machine_s_own_credentials_are_not_looked_for_beside_a_role(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")

    def find(_: object) -> None:
        pytest.fail("the metadata service was asked")

    monkeypatch.setattr("botocore.utils.InstanceMetadataFetcher.retrieve_iam_role_credentials", find)
    aws = aws_of(traffic, ROLE)

    assert aws.source() is aws


def test_credentials_of_the_environment_that_are_incomplete_are_an_error(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    with pytest.raises(DeployError, match="credentials of the environment cannot be used: Partial credentials"):
        aws_of(traffic, ROLE).source()


def test_credentials_that_are_about_to_expire_are_taken_anew(traffic: Traffic) -> None:
    tokens = iter(["first", "second"])
    aws = aws_of(traffic, ROLE, id_token=lambda _: next(tokens))
    _expire_in(1, traffic)
    aws.ecr().describe_repositories()
    _expire_in(60, traffic)
    aws.ecr().describe_repositories()
    aws.functions().list_functions()

    first, used_first, second, *used_second = traffic.requests()
    assert [first.parameters["WebIdentityToken"], second.parameters["WebIdentityToken"]] == ["first", "second"]
    assert used_first.session_token != used_second[0].session_token
    assert used_second[0].session_token == used_second[1].session_token
    assert len([event for event in traffic.events if isinstance(event, str)]) == 6  # the new ones are masked too


def test_the_shortest_session_is_not_taken_anew_for_every_request(traffic: Traffic) -> None:
    aws = aws_of(traffic, replace(ROLE, duration_seconds=900))
    for _ in range(5):
        aws.ecr().describe_repositories()

    assert len(traffic.requests("AssumeRoleWithWebIdentity")) == 1


def test_a_job_without_permission_for_a_token_is_an_error(traffic: Traffic) -> None:
    def refuse(audience: str) -> str:
        raise DeployError(f"Unable to get ACTIONS_ID_TOKEN_REQUEST_URL for {audience}")

    with pytest.raises(DeployError, match="no OIDC token: Unable to get ACTIONS_ID_TOKEN_REQUEST_URL") as caught:
        EcrRepositories(aws_of(traffic, ROLE, id_token=refuse), traffic.mask).registry()

    assert "id-token: write" in caught.value.hint
    assert traffic.requests() == []


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"),
        ("InvalidIdentityToken", "The ID Token provided is not a valid JWT"),
    ],
)
def test_a_role_that_does_not_trust_the_workflow_hints_at_its_trust_policy(
    traffic: Traffic, code: str, message: str
) -> None:
    traffic.refusals["AssumeRoleWithWebIdentity"] = (code, message)

    with pytest.raises(DeployError, match=f"{code}: {message}") as caught:
        EcrRepositories(aws_of(traffic, ROLE), traffic.mask).registry()

    assert "trust policy" in caught.value.hint
    assert '"Resource"' not in caught.value.hint  # a trust policy has none


def test_a_chained_role_that_is_refused_hints_at_the_statement_to_add(traffic: Traffic) -> None:
    message = f"User: x is not authorized to perform: sts:AssumeRole on resource: {ROLE.arn}"
    traffic.refusals["AssumeRole"] = ("AccessDenied", message)

    with pytest.raises(DeployError, match="AccessDenied") as caught:
        EcrRepositories(aws_of(traffic, _CHAINED), traffic.mask).registry()

    assert f'"Action": "sts:AssumeRole", "Resource": "{ROLE.arn}"' in caught.value.hint


def test_ecr_s_password_is_masked_before_anybody_has_it(traffic: Traffic) -> None:
    authorization = EcrRepositories(aws_of(traffic), traffic.mask).authorization()

    _, *masked = traffic.events
    assert authorization.password in masked
    assert b64encode(f"AWS:{authorization.password}".encode()).decode() in masked


def test_rule_2_only_an_overridden_endpoint_makes_an_emulator(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not aws_of(traffic).is_ecr_overridden()
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR"):
        with monkeypatch.context() as patched:
            patched.setenv(name, "http://localhost:4566")
            assert aws_of(traffic).is_ecr_overridden()
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://localhost:4566")
    assert not aws_of(traffic).is_ecr_overridden()


def test_rule_2_aws_names_the_host_of_another_account_s_registry(traffic: Traffic) -> None:
    """The credentials may read it, but without the account ECR would name their own registry."""
    host = f"210987654321.dkr.ecr.{REGION}.amazonaws.com"
    filed: dict[str, Authorization] = {}

    def copy_image(_image: ImageReference, _destination: str, logins: Mapping[str, Authorization]) -> None:
        filed.update(logins)

    aws = aws_of(traffic)
    target = EcrRepositories(aws, traffic.mask)
    sources = EcrSources(aws, target=target, copy_image=copy_image, mask=traffic.mask)
    reference = ImageReference(registry=host, repository="orders", digest=f"sha256:{64 * '0'}")
    with pytest.raises(DeployError, match="was copied to"):
        sources.copy(reference, f"{REGISTRY}/orders:v1")

    assert {one: login.registry for one, login in filed.items()} == {host: host, REGISTRY: REGISTRY}
    assert not any(login.is_of_emulator for login in filed.values())


_OTHER = "210987654321"


def test_each_region_is_asked_once_for_the_login_to_all_its_registries(traffic: Traffic) -> None:
    repositories = EcrRepositories(aws_of(traffic), traffic.mask)
    here = f"{_OTHER}.dkr.ecr.{REGION}.amazonaws.com"
    there = [f"{_OTHER}.dkr.ecr.us-east-1.amazonaws.com", f"{_OTHER}.dkr-ecr.us-east-1.on.aws"]

    logins = {host: repositories.login(host) for host in (REGISTRY, here, *there, *there)}

    assert {host: login and login.registry for host, login in logins.items()} == {host: host for host in logins}
    assert [
        f"/{region}/ecr/" in request.signature
        for region, request in zip([REGION, "us-east-1"], traffic.requests(), strict=True)
    ] == [True, True]
    for host in ("ghcr.io", f"{here}.evil.example", f"{here}:443", f"{_OTHER}.dkr.ecr.{REGION}.amazonaws.com.cn"):
        assert repositories.login(host) is None


def test_lambda_is_given_ecr_s_own_host_whatever_host_is_pushed_to(traffic: Traffic) -> None:
    dual_stack = f"{REGISTRY.partition('.')[0]}.dkr-ecr.{REGION}.on.aws"
    client("ecr").create_repository(repositoryName="orders")
    repositories = EcrRepositories(aws_of(traffic), traffic.mask, given=dual_stack)

    assert repositories.registry() == RegistryHosts(own=REGISTRY, push=dual_stack)
    assert repositories.login(dual_stack) is repositories.login(REGISTRY) is repositories.authorization()
    with pytest.raises(DeployError, match=f"ECR does not have the image {REGISTRY}/orders:v1"):
        repositories.read_image("orders", "v1", "linux/amd64")
    with pytest.raises(DeployError, match="is not given the registry's login"):
        EcrRepositories(aws_of(traffic), traffic.mask, given="ghcr.io").registry()
