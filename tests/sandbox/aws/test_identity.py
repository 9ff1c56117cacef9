"""Credentials, OIDC tokens and roles: who may call, and as whom."""

from typing import Any

import boto3
import requests
from botocore.config import Config

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, OTHER_ACCOUNT, client_of, refusal


def test_credentials_of_the_environment_are_a_session_of_the_role(aws: Aws) -> None:
    identity = client_of(aws.environment(), "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ecr-lambda-deploy"
    assert identity["Account"] == ACCOUNT


def test_unknown_incomplete_and_expired_credentials_are_refused(aws: Aws) -> None:
    environment = aws.environment()
    invalid = ("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
    unknown = environment | {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}
    assert refusal(client_of(unknown, "lambda").list_functions) == invalid
    no_token = {key: value for key, value in environment.items() if key != "AWS_SESSION_TOKEN"}
    assert refusal(client_of(no_token, "ecr").describe_repositories) == invalid
    aws.expire(environment["AWS_ACCESS_KEY_ID"])
    expired = ("ExpiredTokenException", "The security token included in the request is expired", 403)
    assert refusal(client_of(environment, "ecr").get_authorization_token) == expired


def oidc_token(aws: Aws, audience: str) -> str:
    environment = aws.oidc_environment()
    answer = requests.get(
        f"{environment['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}",
        headers={"Authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["value"])


def anonymous_sts(aws: Aws) -> Any:  # noqa: ANN401 -- what boto3 gives
    unsigned = Config(signature_version="unset")
    return boto3.client("sts", endpoint_url=aws.endpoint, region_name=aws.region, config=unsigned)


def test_an_oidc_token_gives_credentials_of_the_role(aws: Aws) -> None:
    assumed = anonymous_sts(aws).assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ci/deploy",
        RoleSessionName="run",
        WebIdentityToken=oidc_token(aws, "sts.amazonaws.com"),
    )
    environment = aws.environment() | {
        "AWS_ACCESS_KEY_ID": assumed["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": assumed["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": assumed["Credentials"]["SessionToken"],
    }
    identity = client_of(environment, "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run"


def test_an_oidc_token_for_another_audience_or_of_another_issuer_is_refused(aws: Aws) -> None:
    call, role = anonymous_sts(aws).assume_role_with_web_identity, f"arn:aws:iam::{ACCOUNT}:role/deploy"
    token = oidc_token(aws, "elsewhere")
    code, text, _ = refusal(call, RoleArn=role, RoleSessionName="run", WebIdentityToken=token)
    assert (code, text) == ("InvalidIdentityToken", "Incorrect token audience")
    forged = oidc_token(aws, "sts.amazonaws.com")[:-4] + "AAAA"
    code, _, _ = refusal(call, RoleArn=role, RoleSessionName="run", WebIdentityToken=forged)
    assert code == "InvalidIdentityToken"
    no_bearer = requests.get(aws.oidc_environment()["ACTIONS_ID_TOKEN_REQUEST_URL"], timeout=10)
    assert no_bearer.status_code == 401


def test_a_session_lasts_as_long_as_the_role_allows_and_a_chained_one_an_hour(aws: Aws) -> None:
    role = {"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/deploy", "RoleSessionName": "run"}
    token = oidc_token(aws, "sts.amazonaws.com")
    call = anonymous_sts(aws).assume_role_with_web_identity
    answer = refusal(call, **role, WebIdentityToken=token, DurationSeconds=3601)
    assert answer == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        400,
    )
    assert call(**role, WebIdentityToken=token, DurationSeconds=3600)["Credentials"]
    chained = client_of(aws.environment(), "sts").assume_role
    answer = refusal(chained, **role, DurationSeconds=3601)
    assert answer == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        400,
    )
    assert chained(**role, DurationSeconds=3600)["Credentials"]


def test_a_denial_names_the_kind_of_policy(aws: Aws) -> None:
    aws.deny("ecr:DescribeRepositories", "with an explicit deny in a service control policy")
    code, text, _ = refusal(client_of(aws.environment(), "ecr").describe_repositories)
    assert code == "AccessDeniedException"
    assert text.endswith("on resource: * with an explicit deny in a service control policy")


def test_github_s_token_endpoint_can_be_busy(aws: Aws) -> None:
    aws.keep_oidc_busy(1)
    environment = aws.oidc_environment()
    headers = {"Authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"}
    asked = [requests.get(environment["ACTIONS_ID_TOKEN_REQUEST_URL"], headers=headers, timeout=10) for _ in range(2)]
    assert [answer.status_code for answer in asked] == [503, 200]


def test_a_role_of_another_account_sees_that_account(aws: Aws, repository: str) -> None:
    chained = client_of(aws.environment(), "sts").assume_role(
        RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/deploy", RoleSessionName="run"
    )["Credentials"]
    environment = aws.environment() | {
        "AWS_ACCESS_KEY_ID": chained["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": chained["SecretAccessKey"],
        "AWS_SESSION_TOKEN": chained["SessionToken"],
    }
    ecr = client_of(environment, "ecr")
    code, text, _ = refusal(ecr.describe_repositories, repositoryNames=[repository])
    assert code == "RepositoryNotFoundException"
    assert text == (f"The repository with name '{repository}' does not exist in the registry with id '{OTHER_ACCOUNT}'")
    arn = ecr.create_repository(repositoryName=repository)["repository"]["repositoryArn"]
    assert arn == f"arn:aws:ecr:{aws.region}:{OTHER_ACCOUNT}:repository/{repository}"
