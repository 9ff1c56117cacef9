"""Retries of requests to AWS that failed for a reason that passes."""

import random
import re
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionError, HTTPClientError, SSLError  # noqa: A004 # botocore's own names

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

_PASSING_CODES = {"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"}  # with HTTP 400

PASSING_STATUSES = {429, 500, 502, 503, 504}
"""The HTTP statuses after which the same request may succeed."""


def retry_by_delay(client: "CloudWatchClient | ECRClient | LambdaClient | STSClient", clock: Clock) -> None:
    """Have a client send a request again that failed for a reason that passes.

    Args:
        client: without retries of botocore's.
        clock: waits; an error that its `sleep` raises ends the call.
    """

    def retry(**event: Any) -> float | None:  # noqa: ANN401 # as botocore gives it
        delay = _retry_delay(**event)
        if delay is None:
            return None
        clock.sleep(delay)  # and not botocore, whose sleep cancelling does not end
        return 0.0

    # botocore takes what the first listener returns; the type stubs know only listeners that return nothing.
    client.meta.events.register_first("needs-retry", retry)  # type: ignore[arg-type]


def _lasts(error: HTTPClientError | ConnectionError) -> bool:
    """Whether a request was never sent, and never will be: its address or a header is wrong, or a certificate."""
    if isinstance(error, SSLError):
        return not _CUT_OFF.search(str(error))
    return isinstance(error.kwargs.get("error"), ValueError)


def _retry_delay(
    *,
    attempts: int,
    response: tuple[AWSResponse, dict[str, Any]] | None,
    caught_exception: Exception | None,
    **_: object,
) -> float | None:
    """Return how many seconds to wait before a request is sent again; None if it is not.

    Args:
        attempts: how often it was sent.
        response: what AWS answered, if it did.
        caught_exception: why there is no answer.
    """
    is_passing = isinstance(caught_exception, HTTPClientError | ConnectionError) and not _lasts(caught_exception)
    if response is not None:
        answer, parsed = response
        code = parsed.get("Error", {}).get("Code")
        is_passing = answer.status_code in PASSING_STATUSES or code in THROTTLED | _PASSING_CODES
    if not is_passing or attempts > len(DELAYS):
        return None
    return DELAYS[attempts - 1] * (1 + random.random() / 4)  # noqa: S311 # parallel calls spread out, no secret
