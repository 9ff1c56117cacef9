"""AWS STS: the caller's identity, and credentials of roles."""

from datetime import UTC, datetime
from xml.sax.saxutils import escape

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.identity import Credentials

_LEAST, _MOST = 900, 12 * 3600  # seconds [AWS STS API Reference, AssumeRole, DurationSeconds]
_USUAL = 3600  # a role's MaxSessionDuration, unless it was created with another [AWS IAM API Reference, CreateRole]


async def _assume_role_with_web_identity(request: Request) -> web.Response:
    request.state.identities.check_oidc_token(request.operation.parameters["WebIdentityToken"])
    return _assumed(request)


async def _assume_role(request: Request) -> web.Response:
    # The caller is a role itself, as all callers are here: that is role chaining.
    if _seconds(request) > _USUAL:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
    return _assumed(request)


async def _get_caller_identity(request: Request) -> web.Response:
    caller = request.caller
    return _answer(
        "GetCallerIdentity",
        f"<Arn>{escape(caller.arn)}</Arn><UserId>{caller.access_key}</UserId><Account>{caller.account}</Account>",
    )


def _assumed(request: Request) -> web.Response:
    parameters, seconds = request.operation.parameters, _seconds(request)
    if not _LEAST <= seconds <= _MOST:
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900",
        )
    if seconds > _USUAL:
        raise ApiError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    issued = request.state.identities.issue(parameters["RoleArn"], parameters["RoleSessionName"], seconds=seconds)
    return _answer(request.operation.action, _credentials(issued))


def _seconds(request: Request) -> int:
    return int(request.operation.parameters.get("DurationSeconds", _USUAL))


def _credentials(issued: Credentials) -> str:
    expires = datetime.fromtimestamp(issued.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f"<Credentials><AccessKeyId>{issued.access_key}</AccessKeyId>"
        f"<SecretAccessKey>{issued.secret_key}</SecretAccessKey>"
        f"<SessionToken>{issued.session_token}</SessionToken><Expiration>{expires}</Expiration></Credentials>"
        f"<AssumedRoleUser><Arn>{escape(issued.arn)}</Arn><AssumedRoleId>AROA:{escape(issued.arn)}</AssumedRoleId>"
        "</AssumedRoleUser>"
    )


def _answer(action: str, result: str) -> web.Response:
    body = (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{result}</{action}Result>'
        f"<ResponseMetadata><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ResponseMetadata>"
        f"</{action}Response>"
    )
    return web.Response(text=body, content_type="text/xml")


RULES = (
    Rule(
        ("sts:AssumeRoleWithWebIdentity",),
        _assume_role_with_web_identity,
        "AWS STS API Reference, AssumeRoleWithWebIdentity; GitHub Docs, OpenID Connect in Amazon Web Services",
    ),
    Rule(
        ("sts:AssumeRole",), _assume_role, "AWS STS API Reference, AssumeRole; kreuzwerker/awsu#27, eks-anywhere#9485"
    ),
    Rule(("sts:GetCallerIdentity",), _get_caller_identity, "AWS STS API Reference, GetCallerIdentity"),
)
