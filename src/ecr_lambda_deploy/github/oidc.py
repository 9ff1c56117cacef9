"""The job's OIDC token [GitHub's documentation, OpenID Connect, requesting the JWT using environment variables]."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.json_text import parse_json
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.retry import TransientError, retried

if TYPE_CHECKING:
    from requests import PreparedRequest

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
        token = retried(lambda: _request(url, bearer, audience), sleep=sleep)
    except TransientError as error:
        raise DeployError(str(error), _BUSY_HINT, topic="no-oidc-token") from error
    mask(token)
    return token


def _request(url: str, bearer: str, audience: str) -> str:
    import requests  # most runs do not need it

    def authorize(request: "PreparedRequest") -> "PreparedRequest":
        request.headers["Authorization"] = f"Bearer {bearer}"  # as a header of its own, a .netrc would replace it
        return request

    try:
        answer = requests.get(
            url, params={"audience": audience}, auth=authorize, timeout=_TIMEOUT, allow_redirects=False
        )
    except requests.RequestException as error:
        failed = bounded(f"{type(error).__name__}: {error}", _MOST_QUOTED)
        if isinstance(error, ValueError) or "certificate verify failed" in str(error):  # ValueError: a wrong address
            raise DeployError(failed, _REFUSED_HINT, topic="no-oidc-token") from error
        raise TransientError(failed) from error
    if answer.status_code != requests.codes.ok:
        quoted = bounded(" ".join(answer.text.split()), _MOST_QUOTED)
        failed = f"HTTP {answer.status_code} {answer.reason}: {quoted}"
        if answer.status_code in _PASSING:
            raise TransientError(failed)
        # Why GitHub refuses the job is the caller's to say.
        raise DeployError(failed, "" if answer.status_code in _REFUSING else _REFUSED_HINT, topic="no-oidc-token")
    try:
        body = parse_json(answer.content)
    except ValueError:
        body = None
    token = body.get("value") if isinstance(body, dict) else None
    if not isinstance(token, str) or not token or not token.isascii():
        raise DeployError("GitHub's answer holds no token", _REFUSED_HINT, topic="no-oidc-token")
    return token
