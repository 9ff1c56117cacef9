"""The caller of a request: temporary credentials, registry passwords and the job's OIDC tokens."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from sandbox.aws.api_errors import ApiError

ADMINISTRATOR = "sandbox-administrator"
AUDIENCE = "sts.amazonaws.com"
REGISTRY_TOKEN_SECONDS = 12 * 3600  # Amazon ECR API Reference, GetAuthorizationToken

_CREDENTIAL = re.compile(r"Credential=([^/,]+)/\d{8}/([^/,]+)/([^/,]+)/aws4_request")
_ROLE_ARN = re.compile(r"arn:aws:iam::(\d{12}):role/([\w+=,.@/-]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The principal behind a request, and the Region that it is signed for."""

    account: str
    region: str
    arn: str
    access_key: str

    @property
    def role(self) -> str:
        """The name of the role whose session it is; empty for none."""
        return self.arn.partition(":assumed-role/")[2].partition("/")[0]


@dataclass(slots=True, kw_only=True)
class Credentials:
    """Temporary credentials of an assumed role; `expires` is in seconds since the epoch."""

    account: str
    arn: str
    access_key: str
    secret_key: str
    session_token: str
    expires: float


@dataclass(frozen=True, slots=True)
class SignedScope:
    """The credential scope of a Signature Version 4 header."""

    access_key: str
    region: str
    service: str


def signed_scope(headers: Mapping[str, str]) -> SignedScope | None:
    """Return the credential scope of a request, or None if it is not signed."""
    found = _CREDENTIAL.search(headers.get("Authorization", ""))
    return SignedScope(*found.groups()) if found else None


@dataclass(slots=True)
class Identities:
    """Every credential that was issued, and the endpoint that stands in for GitHub's OIDC provider."""

    oidc_request_token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    puller_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    busy_oidc_answers: int = 0
    _credentials: dict[str, Credentials] = field(default_factory=dict)
    _passwords: dict[str, tuple[Caller, float]] = field(default_factory=dict)
    _oidc_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def issue(self, role_arn: str, session_name: str, *, seconds: float = 3600) -> Credentials:
        """Return new credentials for a session of the role.

        Raises:
            ApiError: ValidationError, when `role_arn` is no role's ARN.
        """
        found = _ROLE_ARN.fullmatch(role_arn)
        if found is None:
            raise ApiError("ValidationError", f"{role_arn} is invalid")
        account, path = found.groups()
        credentials = Credentials(
            account=account,
            arn=f"arn:aws:sts::{account}:assumed-role/{path.rpartition('/')[2]}/{session_name}",
            access_key="ASIA" + secrets.token_hex(8).upper(),
            secret_key=secrets.token_urlsafe(30),
            session_token=secrets.token_urlsafe(60),
            expires=time.time() + seconds,
        )
        self._credentials[credentials.access_key] = credentials
        return credentials

    def expire(self, access_key: str) -> None:
        """Make credentials expire now, and the registry passwords that were issued to them."""
        self._credentials[access_key].expires = 0
        for password, (caller, _) in self._passwords.items():
            if caller.access_key == access_key:
                self._passwords[password] = (caller, 0)

    def secrets(self) -> set[str]:
        """Return every secret key, session token and registry password issued so far."""
        issued = self._credentials.values()
        return {one.secret_key for one in issued} | {one.session_token for one in issued} | set(self._passwords)

    def caller(self, scope: SignedScope | None, session_token: str | None) -> Caller:
        """Return the caller who signed a request. The session token is the proof; signatures are not verified.

        Raises:
            ApiError: as AWS words it for missing, unknown and expired credentials (AWS Security Token Service API
                Reference, Common Errors).
        """
        if scope is None:
            raise ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        sts = scope.service == "sts"
        known = self._credentials.get(scope.access_key)
        if known is None or not hmac.compare_digest(known.session_token, session_token or ""):
            code = "InvalidClientTokenId" if sts else "UnrecognizedClientException"
            raise ApiError(code, "The security token included in the request is invalid.", 403)
        if known.expires <= time.time():
            code = "ExpiredToken" if sts else "ExpiredTokenException"
            raise ApiError(code, "The security token included in the request is expired", 403)
        return Caller(account=known.account, region=scope.region, arn=known.arn, access_key=known.access_key)

    def issue_password(self, caller: Caller) -> tuple[str, float]:
        """Return a registry password for the caller, and its expiry in seconds since the epoch."""
        password, expires = secrets.token_urlsafe(48), time.time() + REGISTRY_TOKEN_SECONDS
        self._passwords[password] = (caller, expires)
        return password, expires

    def registry_caller(self, headers: Mapping[str, str], puller: Caller) -> Caller:
        """Return the caller whose password a registry request has.

        Args:
            headers: The request's headers.
            puller: The caller of requests with the password that ministack's engine pulls with.

        Raises:
            ApiError: 401 with a challenge, which makes a client send its password; 403 for an expired password
                (aws-cli#6580, serverless/serverless#13116).
        """
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            user, _, password = base64.b64decode(value).decode(errors="replace").partition(":")
            if user == "AWS" and hmac.compare_digest(password, self.puller_password):
                return puller
            known, expires = self._passwords.get(password, (None, 0.0))
            if user == "AWS" and known is not None:
                if expires > time.time():
                    return known
                raise ApiError("DENIED", "Your authorization token has expired. Reauthenticate and try again.", 403)
        raise ApiError("UNAUTHORIZED", "Not Authorized\n", 401)

    def oidc_token(self, request: web.Request) -> web.Response:
        """Answer as GitHub's token endpoint does; as often as `busy_oidc_answers` says, with 503.

        Source: GitHub Docs, OpenID Connect reference, "Methods for requesting the OIDC token".
        """
        if self.busy_oidc_answers > 0:
            self.busy_oidc_answers -= 1
            return web.Response(status=503, text="Service Unavailable")
        if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self.oidc_request_token}"):
            return web.json_response({"message": "Bad credentials"}, status=401)
        now = int(time.time())
        claims = {
            "iss": "https://token.actions.githubusercontent.com",
            "sub": "repo:example/orders:ref:refs/heads/main",
            "aud": request.query.get("audience", "https://github.com/example"),
            "iat": now,
            "exp": now + 300,
        }
        signed = f"{_encode({'alg': 'HS256', 'typ': 'JWT'})}.{_encode(claims)}"
        return web.json_response({"value": f"{signed}.{self._signature(signed)}"})

    def check_oidc_token(self, token: str) -> None:
        """Check a token from `oidc_token` as STS does.

        Raises:
            ApiError: InvalidIdentityToken or ExpiredTokenException (AWS STS API Reference, AssumeRoleWithWebIdentity;
                configure-aws-credentials#299, configure-aws-credentials#775).
        """
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(signed)):
            raise ApiError("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
        payload = signed.partition(".")[2]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        if claims["aud"] != AUDIENCE:
            raise ApiError("InvalidIdentityToken", "Incorrect token audience")
        if claims["exp"] <= time.time():
            raise ApiError("ExpiredTokenException", "Token expired")

    def _signature(self, signed: str) -> str:
        digest = hmac.new(self._oidc_key, signed.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _encode(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
