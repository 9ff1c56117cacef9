"""Retries of requests to AWS that failed for a reason that passes."""

import random
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectionError,  # noqa: A004 # botocore's own name
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    SSLError,  # botocore's own name
)

from ecr_lambda_deploy.ports.runner import Clock
from ecr_lambda_deploy.retry import DELAYS

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sts import STSClient

_CUT_OFF = re.compile(r"EOF|timed out|reset by peer", re.IGNORECASE)  # of a handshake

THROTTLED = {
    *("Throttling", "ThrottlingException", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded"),
    *("RequestThrottled", "RequestThrottledException", "BandwidthLimitExceeded", "SlowDown"),
}
"""The codes with which AWS answers a call above a limit."""

# With HTTP 400. The last is Systems Manager's, of two writes of one parameter at once [PutParameter, Errors].
_PASSING_CODES = {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "TooManyUpdates"}
NOT_RUN = {
    "CodeArtifactUserPendingException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "ENINotReadyException",
    "ResourceNotReadyException",
    "SnapStartNotReadyException",
    "TooManyRequestsException",
}
"""The codes with which Invoke says that it has not run the function, and may do so in a moment.

Waiting does not change what other such codes name, such as a limit of network interfaces [API reference, Invoke].
"""

PASSING_STATUSES = {429, 500, 502, 503, 504}
"""The HTTP statuses after which the same request may succeed."""


# An invocation wakes a version that is Inactive, and it is Pending then [Lambda developer guide, function states].
_WAKING = re.compile(r"state: '?(?:Pending|Inactive)")
_Answered = tuple[AWSResponse, dict[str, Any]]
_Client: TypeAlias = "CloudWatchClient | ECRClient | LambdaClient | STSClient"


def retry_by_delay(client: _Client, clock: Clock, *, only_once: bool = False) -> None:
    """Have a client send a request again that failed for a reason that passes.

    Args:
        client: without retries of botocore's.
        clock: waits; an error that its `sleep` raises ends the call.
        only_once: whether a request must not be carried out twice: it is sent again only if it certainly was not.
    """
    is_passing = _was_not_run if only_once else _may_pass

    def retry(
        *,
        attempts: int,
        response: _Answered | None,
        caught_exception: Exception | None,
        **_: object,
    ) -> float | None:
        if attempts > len(DELAYS) or not is_passing(response, caught_exception):
            return None
        # and not botocore, whose sleep cancelling does not end; parallel calls spread out
        clock.sleep(DELAYS[attempts - 1] * (1 + random.random() / 4))  # noqa: S311 # no secret
        return 0.0

    _refuse_parts(client)
    # botocore takes what the first listener returns; the type stubs know only listeners that return nothing.
    client.meta.events.register_first("needs-retry", retry)  # type: ignore[arg-type]


def _refuse_parts(client: _Client) -> None:
    """Have an answer that is cut off count as a connection that ended, and a web page as no answer.

    Botocore takes both for an answer in which nothing is: no functions, no versions, no images. It does not compare an
    answer's length with what its header says [botocore, URLLib3Session.send, enforce_content_length; BaseJSONParser].
    """
    session: Any = client._endpoint.http_session  # type: ignore[union-attr] # noqa: SLF001 # it has no public way to what sends
    send = session.send

    def send_and_check(request: AWSPreparedRequest) -> AWSResponse:
        answer: AWSResponse = send(request)
        if request.stream_output:  # a function's answer, whose length botocore checks when it is read
            return answer
        length = answer.headers.get("Content-Length", "")
        if length.isdecimal() and len(answer.content) < int(length):
            raise ConnectionClosedError(endpoint_url=request.url)
        if answer.status_code == HTTPStatus.OK and answer.headers.get("Content-Type", "").startswith("text/html"):
            raise HTTPClientError(error=ValueError(f"{request.url} answers with a web page, as AWS never does"))
        return answer

    session.send = send_and_check


def _lasts(error: HTTPClientError | ConnectionError) -> bool:
    """Whether a request was never sent, and never will be: its address or a header is wrong, or a certificate."""
    if isinstance(error, SSLError):
        return not _CUT_OFF.search(str(error))
    return isinstance(error.kwargs.get("error"), ValueError)


def _may_pass(response: _Answered | None, error: Exception | None) -> bool:
    """Whether the same request may succeed in a moment.

    Args:
        response: what AWS answered, if it did.
        error: why there is no answer.
    """
    if response is None:
        return isinstance(error, HTTPClientError | ConnectionError) and not _lasts(error)
    return response[0].status_code in PASSING_STATUSES or _code(response) in THROTTLED | _PASSING_CODES


def _was_not_run(response: _Answered | None, error: Exception | None) -> bool:
    """Whether an invocation has certainly not begun, and may in a moment; the arguments are those of `_may_pass`."""
    if response is None:  # these two come before the request is sent
        return isinstance(error, EndpointConnectionError | ConnectTimeoutError) and not _lasts(error)
    words = str(response[1].get("Error", {}).get("Message", ""))
    is_waking = _code(response) == "ResourceConflictException" and _WAKING.search(words) is not None
    return is_waking or _code(response) in NOT_RUN


def _code(response: _Answered) -> str:
    return str(response[1].get("Error", {}).get("Code", ""))
