"""The job's OIDC token [GitHub's documentation, OpenID Connect, requesting the JWT using environment variables].

A run with a role begins with it, so it is asked for by Python's own library: the import of requests takes longer than
GitHub's answer.
"""

import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPException, InvalidURL
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.json_text import parse_json
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.retry import TransientError, retried

_URL, _TOKEN = "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
_TIMEOUT = 10  # seconds
_PASSING = {408, 429, 500, 502, 503, 504}  # statuses that another try may change
_REFUSING = {401, 403}  # those of a job without permission
_BUSY_HINT = (
    "GitHub's OIDC endpoint, or the way to it, kept failing: run this job again. https://www.githubstatus.com tells "
    "whether GitHub has trouble; a self-hosted runner has to reach it from its containers, too."
)
_REFUSED_HINT = "GitHub's OIDC endpoint does not answer as it should: look at what is between this runner and GitHub."
_MOST_QUOTED = 300  # characters of an answer that is an error


def id_token(
    audience: str, *, environment: Mapping[str, str], mask: Callable[[str], None], sleep: Callable[[float], None]
) -> str:
    """Ask GitHub for the job's token, again while what fails may pass, and mask it before anyone has it.

    Args:
        audience: whom the token is for.
        environment: of the step, where the runner names GitHub's address and the bearer token for it.
        mask: keeps a secret out of the log.
        sleep: waits for so many seconds.

    Raises:
        DeployError: GitHub gives none.
    """
    url, bearer = environment.get(_URL, ""), environment.get(_TOKEN, "")
    for name, value in ((_URL, url), (_TOKEN, bearer)):
        if not value:
            raise DeployError(f"the runner gave no {name}", topic="no-oidc-token")
    mask(bearer)
    try:
        token = retried(lambda: _request(url, bearer, audience, environment), sleep=sleep)
    except TransientError as error:
        raise DeployError(str(error), _BUSY_HINT, topic="no-oidc-token") from error
    mask(token)
    return token


def _request(url: str, bearer: str, audience: str, environment: Mapping[str, str]) -> str:
    try:
        status, reason, content = _get(url, bearer, audience, environment)
    except (OSError, HTTPException, ValueError) as error:
        failed = bounded(f"{type(error).__name__}: {error}", _MOST_QUOTED)
        if isinstance(error, ValueError | InvalidURL) or "certificate verify failed" in str(error):  # a wrong address
            raise DeployError(failed, _REFUSED_HINT, topic="no-oidc-token") from error
        raise TransientError(failed) from error
    if status != HTTPStatus.OK:
        quoted = bounded(" ".join(content.decode(errors="replace").split()), _MOST_QUOTED)
        failed = f"HTTP {status} {reason}: {quoted}"
        if status in _PASSING:
            raise TransientError(failed)
        # Why GitHub refuses the job is the caller's to say.
        raise DeployError(failed, "" if status in _REFUSING else _REFUSED_HINT, topic="no-oidc-token")
    try:
        body = parse_json(content)
    except ValueError:
        body = None
    token = body.get("value") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token or not token.isascii():
        raise DeployError("GitHub's answer holds no token", _REFUSED_HINT, topic="no-oidc-token")
    return token


def _get(url: str, bearer: str, audience: str, environment: Mapping[str, str]) -> tuple[int, str, bytes]:
    """Send the request, and return status, reason and content of the answer; a redirect is not followed.

    Raises:
        OSError: there is no answer.
        HTTPException: what comes is none.
        ValueError: the address is none of HTTP.
    """
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ValueError(f"{url!r} is not an address of HTTP")
    query = f"{'&' if address.query else '?'}{urlencode({'audience': audience})}"
    request = Request(url + query, headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310 # its scheme is checked
    opener = OpenerDirector()
    for handler in (ProxyHandler(), HTTPHandler(), HTTPSHandler(context=_trust(environment))):
        opener.add_handler(handler)
    with opener.open(request, timeout=_TIMEOUT) as answer:
        return answer.status, answer.reason, answer.read()


def _trust(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Return whose certificates are believed: those of the variables that requests reads, else certifi's."""
    from certifi import where

    named = environment.get("REQUESTS_CA_BUNDLE") or environment.get("CURL_CA_BUNDLE") or where()
    is_folder = Path(named).is_dir()
    return ssl.create_default_context(cafile=None if is_folder else named, capath=named if is_folder else None)
