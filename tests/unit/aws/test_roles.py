"""Taking a role: what STS refuses, what passes, and what the error says. Nothing is sent."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecr_lambda_deploy.aws.roles import AssumedRole
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import RoleToAssume
from tests.unit.fakes.clock import FakeClock

_ROLE = RoleToAssume(
    arn="arn:aws:iam::123456789012:role/ci/deploy", is_chained=False, session_name="run", duration_seconds=7200
)
_CHAINED = replace(_ROLE, is_chained=True)
_IDP = ("IDPCommunicationError", "The identity provider could not be reached")
_KEY = ("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider, please reference ...")
_GIVEN = {
    "AccessKeyId": "ASIA",
    "SecretAccessKey": "s",
    "SessionToken": "t",
    "Expiration": datetime(2026, 1, 1, tzinfo=UTC),
}
_SUBJECT = "repo:octo-org/orders:ref:refs/heads/main"


@dataclass
class _Sts:
    """Refuses with each of these codes and messages in turn, and then gives credentials."""

    refusals: list[tuple[str, str]]
    tokens: list[str] = field(default_factory=list)

    def assume_role_with_web_identity(self, *, WebIdentityToken: str, **_: object) -> Any:  # noqa: N803, ANN401 # boto3's
        self.tokens.append(WebIdentityToken)
        return self.assume_role()

    def assume_role(self, **_: object) -> Any:  # noqa: ANN401 # as boto3 gives it
        if self.refusals:
            code, message = self.refusals.pop(0)
            raise ClientError({"Error": {"Code": code, "Message": message}}, "AssumeRole")
        return {"Credentials": _GIVEN}


def _token(claims: Mapping[str, object] | str) -> str:
    payload = claims if isinstance(claims, str) else json.dumps(claims)
    return f"e30.{urlsafe_b64encode(payload.encode()).decode().rstrip('=')}.c2ln"


def _claims(**other: object) -> dict[str, object]:
    return {"iss": "https://token.actions.githubusercontent.com", "sub": _SUBJECT, "aud": "sts.amazonaws.com", **other}


def _assumed(sts: _Sts, role: RoleToAssume = _ROLE, token: str = "", clock: FakeClock | None = None) -> dict[str, str]:
    tokens = (f"token {number}" for number in range(100))
    return AssumedRole(
        role,
        sts=lambda _: sts,  # type: ignore[arg-type,return-value] # boto3's clients are made at run time
        id_token=lambda _: token or next(tokens),
        mask=lambda _: None,
        clock=clock or FakeClock(),
        run=WorkflowRun(repository="octo-org/orders"),
        permission_hint="permissions",
    ).credentials()


def _refused(code: str, message: str, role: RoleToAssume = _ROLE, token: str = "") -> DeployError:
    with pytest.raises(DeployError) as caught:
        _assumed(_Sts([(code, message)] * 10), role, token)
    return caught.value


@pytest.mark.parametrize("refusal", [_IDP, _KEY])
def test_what_passes_at_sts_is_tried_again_with_a_new_token(refusal: tuple[str, str]) -> None:
    sts, clock = _Sts([refusal, refusal]), FakeClock()
    before = clock.now()

    assert _assumed(sts, clock=clock)["access_key"] == "ASIA"
    assert sts.tokens == ["token 0", "token 1", "token 2"]
    assert 1 <= clock.now() - before <= 2


@pytest.mark.parametrize("refusal", [_IDP, _KEY])
def test_what_does_not_pass_soon_is_told_as_a_trouble_between_aws_and_github(refusal: tuple[str, str]) -> None:
    error = _refused(*refusal)

    assert f"{refusal[0]}: {refusal[1]}" in error.message
    assert error.hint == "AWS could not reach GitHub's OIDC provider, several times in a row: run this job again."


def test_what_would_not_change_is_asked_once() -> None:
    sts = _Sts([("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity"), _IDP])
    with pytest.raises(DeployError):
        _assumed(sts)

    assert len(sts.tokens) == 1


def test_a_refused_job_is_told_who_it_is_and_the_statement_that_lets_it_in() -> None:
    error = _refused("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", token=_token(_claims()))
    advice, _, statement = error.hint.partition("\n")

    assert f"The job's token has the sub {_SUBJECT} and the aud sts.amazonaws.com." in advice
    assert json.loads(statement) == {
        "Effect": "Allow",
        "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": _SUBJECT,
            }
        },
    }


def test_a_server_s_own_provider_and_another_partition_are_in_the_statement() -> None:
    token = _token(_claims(iss="https://github.example/_services/token"))
    role = replace(_ROLE, arn="arn:aws-cn:iam::123456789012:role/deploy")
    hint = _refused("AccessDenied", "Not authorized", role, token).hint

    assert '"arn:aws-cn:iam::123456789012:oidc-provider/github.example/_services/token"' in hint
    assert '"github.example/_services/token:sub"' in hint


@pytest.mark.parametrize(
    "token",
    [
        "no token",
        "a.b.c",
        "..",
        _token("[]"),
        _token("{"),
        _token({"sub": 1}),
        _token("[" * 3000),
        _token("x" * 9000),
        "a.é.c",
    ],
)
def test_a_token_that_cannot_be_read_leaves_the_statement_to_fill_in(token: str) -> None:
    hint = _refused("AccessDenied", "Not authorized", token=token).hint

    assert "The job's token has" not in hint
    assert '"token.actions.githubusercontent.com:sub": "repo:octo-org/orders:ref:refs/heads/BRANCH"' in hint


def test_claims_have_a_bound_and_can_be_written() -> None:
    hint = _refused("AccessDenied", "Not authorized", token=_token(_claims(sub="\ud800" + 1500 * "x"))).hint

    hint.encode()
    assert len(hint) < 3000


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            "aws iam update-role --role-name deploy --max-session-duration 7200",
        ),
        (
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            "lasts an hour at most",
        ),
        (
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com",
            "aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com",
        ),
        (
            "InvalidIdentityToken",
            "Incorrect token audience",
            "-provider-arn arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com --client-id sts",
        ),
        (
            "InvalidIdentityToken",
            "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            "update-open-id-connect-provider-thumbprint",
        ),
        ("RegionDisabledException", "STS is not activated in this region for account:1", "STS is switched off"),
        ("ExpiredTokenException", "Token expired: current date/time must be before", "run this job again"),
    ],
)
@pytest.mark.parametrize("role", [_ROLE, _CHAINED])
def test_the_hint_follows_the_reason(role: RoleToAssume, code: str, message: str, hint: str) -> None:
    error = _refused(code, message, role)

    assert f"{code}: {message}" in error.message
    assert hint in error.hint
    assert "Principal" not in error.hint


def test_a_chained_role_that_a_policy_denies_names_that_policy() -> None:
    who = "User: arn:aws:sts::123456789012:assumed-role/hub/run"
    what = f"is not authorized to perform: sts:AssumeRole on resource: {_ROLE.arn}"
    error = _refused("AccessDenied", f"{who} {what} with an explicit deny in a service control policy", _CHAINED)

    assert error.hint.startswith("A service control policy denies the role hub the action sts:AssumeRole")


def test_why_github_gave_no_token_decides_on_the_hint() -> None:
    def refuse(_: str) -> str:
        raise DeployError("HTTP 503 Service Unavailable", "GitHub has trouble")

    role = AssumedRole(
        _ROLE,
        sts=lambda _: _Sts([]),  # type: ignore[arg-type,return-value] # as above
        id_token=refuse,
        mask=lambda _: None,
        clock=FakeClock(),
        run=WorkflowRun(),
        permission_hint="permissions",
    )
    with pytest.raises(DeployError) as caught:
        role.credentials()

    assert str(caught.value) == "GitHub gave this job no OIDC token: HTTP 503 Service Unavailable\nGitHub has trouble"
