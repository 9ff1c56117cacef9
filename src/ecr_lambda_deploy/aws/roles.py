"""Credentials of a role, taken with the job's OIDC token or from the environment's credentials."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ecr_lambda_deploy.aws.errors import RefusedError, translated
from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.hints import Hints, hint_for
from ecr_lambda_deploy.model.json_text import parse_json
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import RoleToAssume
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.permissions.policies import trust_statement
from ecr_lambda_deploy.ports.runner import Clock
from ecr_lambda_deploy.retry import DELAYS, TransientError, retried

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient
    from mypy_boto3_sts.type_defs import CredentialsTypeDef


AUDIENCE = "sts.amazonaws.com"
_GITHUB = "token.actions.githubusercontent.com"
_LONGEST_CLAIMS = 5000  # characters of a token's middle part: what is deeply nested needs more to do harm

# STS answers these with 400 although they pass [configure-aws-credentials#299, configure-aws-credentials#348].
_PASSING = re.compile(r"\bIDPCommunicationError\b|Couldn't retrieve verification key")
_PASSING_DELAYS = DELAYS[:4]  # with a new token each time

# What STS refuses a role for, and what to do.
_REASONS: Hints = (
    (
        re.compile(r"exceeds the MaxSessionDuration"),
        (
            "Lower the input 'role-duration-seconds', or leave it out for an hour, or let the role's sessions last "
            "longer:\n"
            "aws iam update-role --role-name {name} --max-session-duration {seconds}"
        ),
    ),
    (
        re.compile(r"1 hour session limit|role chaining"),
        (
            "A role that is taken by another role's session lasts an hour at most, whatever it allows: leave out the "
            "input 'role-duration-seconds', or give at most 3600."
        ),
    ),
    (
        re.compile(r"No OpenIDConnect provider found"),
        (
            "The account {account} has no OIDC provider for GitHub: create it, once for all roles:\n"
            "aws iam create-open-id-connect-provider --url https://{provider} --client-id-list {audience}"
        ),
    ),
    (
        re.compile(r"Incorrect token audience"),
        (
            "The account's OIDC provider does not know the audience of the job's token: add it:\n"
            "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {provider_arn} "
            "--client-id {audience}"
        ),
    ),
    (
        _PASSING,
        "AWS could not reach GitHub's OIDC provider, several times in a row: run this job again.",
    ),
    (
        re.compile(r"thumbprint"),
        (
            "The account's OIDC provider expects another certificate of GitHub's:\n"
            "aws iam update-open-id-connect-provider-thumbprint --help"
        ),
    ),
    (
        re.compile(r"RegionDisabledException|is not activated in this region"),
        "STS is switched off in this Region for the account {account}: switch it on in IAM's account settings.",
    ),
    (
        re.compile(r"ExpiredToken|[Tt]oken expired"),
        "The job's token is valid for some minutes and was just asked for: run this job again.",
    ),
)


class AssumedRole:
    """A role that gives credentials whenever it is asked.

    Args:
        role: the role.
        sts: returns a client for STS, whose requests are signed with the environment's credentials or not.
        id_token: returns the job's OIDC token for an audience.
        mask: keeps a secret out of the log.
        clock: waits between two attempts.
        run: whose credentials they are.
        permission_hint: what to do in a run that gets no token.
    """

    def __init__(
        self,
        role: RoleToAssume,
        *,
        sts: Callable[[bool], "STSClient"],
        id_token: Callable[[str], str],
        mask: Callable[[str], None],
        clock: Clock,
        run: WorkflowRun,
        permission_hint: str,
    ) -> None:
        self._role, self._sts, self._id_token = role, sts, id_token
        self._mask, self._clock, self._run = mask, clock, run
        self._permission_hint = permission_hint
        self._arguments: dict[str, Any] = {"RoleArn": role.arn, "RoleSessionName": role.session_name}
        if role.duration_seconds is not None:
            self._arguments["DurationSeconds"] = role.duration_seconds

    def credentials(self) -> dict[str, str]:
        """Take the role, and return its credentials in the form that botocore refreshes.

        Raises:
            DeployError: the role cannot be taken.
        """
        answer = self._chained() if self._role.is_chained else self._with_job_token()
        self._mask(answer["AccessKeyId"])
        self._mask(answer["SecretAccessKey"])
        self._mask(answer["SessionToken"])
        return {
            "access_key": answer["AccessKeyId"],
            "secret_key": answer["SecretAccessKey"],
            "token": answer["SessionToken"],
            "expiry_time": answer["Expiration"].isoformat(),
        }

    def _chained(self) -> "CredentialsTypeDef":
        client = self._sts(True)
        try:
            with translated("sts:AssumeRole", self._role.arn):
                return client.assume_role(**self._arguments)["Credentials"]
        except RefusedError as error:
            hint = self._reason(error.message)
            if not hint:
                raise
            raise DeployError(error.message, hint, topic="role-cannot-be-assumed") from error

    def _with_job_token(self) -> "CredentialsTypeDef":
        # The token is the proof: the request is not signed, so no other credentials are looked for.
        client = self._sts(False)

        def take() -> "CredentialsTypeDef":
            token = self._job_token()
            try:
                with translated("sts:AssumeRoleWithWebIdentity", self._role.arn):
                    answer = client.assume_role_with_web_identity(WebIdentityToken=token, **self._arguments)
            except RefusedError as error:
                if _PASSING.search(error.message):
                    raise TransientError(error.message) from error
                hint = self._reason(error.message) or self._trust_hint(_claims(token))
                raise DeployError(error.message, hint, topic="role-cannot-be-assumed") from error
            return answer["Credentials"]

        try:
            return retried(take, sleep=self._clock.sleep, delays=_PASSING_DELAYS)
        except TransientError as error:
            raise DeployError(str(error), self._reason(str(error)), topic="role-cannot-be-assumed") from error

    def _job_token(self) -> str:
        try:
            return self._id_token(AUDIENCE)
        except CancelledError:
            raise
        except DeployError as error:
            hint = error.hint or self._permission_hint
            message = f"GitHub gave this job no OIDC token: {error.message}"
            raise DeployError(message, hint, topic="no-oidc-token") from error

    def _reason(self, message: str) -> str:
        return hint_for(message, _REASONS).format(
            name=self._role.arn.rpartition("/")[2],
            seconds=self._role.duration_seconds or 3600,
            account=self._account,
            provider=_GITHUB,
            provider_arn=self._provider_arn(_GITHUB),
            audience=AUDIENCE,
        )

    @property
    def _account(self) -> str:
        return self._role.arn.split(":")[4]

    def _provider_arn(self, provider: str) -> str:
        partition = self._role.arn.split(":")[1]
        return f"arn:{partition}:iam::{self._account}:oidc-provider/{provider}"

    def _trust_hint(self, claims: Mapping[str, str]) -> str:
        """Return who the job is to AWS, and the statement of a trust policy that lets it take the role."""
        provider = claims.get("iss", "").partition("://")[2] or _GITHUB  # a GitHub Enterprise Server has its own
        subject = claims.get("sub") or f"repo:{self._run.repository or 'OWNER/REPOSITORY'}:ref:refs/heads/BRANCH"
        statement = trust_statement(
            provider_arn=self._provider_arn(provider), audience=claims.get("aud") or AUDIENCE, subject=subject
        )
        known = f"The job's token has the sub {subject} and the aud {claims.get('aud')}. " if "sub" in claims else ""
        return (
            f"{known}Look at the role's trust policy, and whether the role exists. If this job is to have it, this "
            f"statement lets it in:\n{json.dumps(statement)}"
        )


def _claims(token: str) -> dict[str, str]:
    """Return what a token says of the job, as far as it can be read; AWS checks it, and nothing here goes by it."""
    payload = token.split(".")[1] if token.count(".") == 2 else ""  # noqa: PLR2004 # header, claims, signature [RFC 7519]
    if len(payload) > _LONGEST_CLAIMS:
        return {}
    try:
        claims = parse_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}
    texts = claims if isinstance(claims, dict) else {}
    return {name: bounded(value, 1000) for name in ("iss", "sub", "aud") if isinstance(value := texts.get(name), str)}
