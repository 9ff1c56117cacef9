"""Requests that fail in passing are sent again, for as long as the run is not cancelled."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from urllib3 import HTTPResponse
from urllib3.exceptions import LocationParseError

from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import CancelledError, UnsentError
from tests.integration.aws_in_memory import Traffic, aws_of, recorded_aws


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    with recorded_aws(monkeypatch) as traffic:
        yield traffic


class _Clock(SystemClock):
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        super().__init__(RunnerCancelling())
        self.naps: list[float] = []
        self.during_the_first: Callable[[], object] = lambda: None

    def now(self) -> float:
        return sum(self.naps)

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        if len(self.naps) == 1:
            self.during_the_first()


def _fail_once(client: Any, fail: Callable[[str], AWSResponse]) -> None:  # noqa: ANN401 # boto3's are made at run time
    """Have the first request of a client fail."""
    failures = [fail]

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        return failures.pop()(str(request.url)) if failures else None

    client.meta.events.register_first("before-send", answer)


def _throttled(url: str) -> AWSResponse:
    headers = HTTPHeaders()
    headers["x-amzn-errortype"] = "TooManyRequestsException"
    return AWSResponse(url, 429, headers, HTTPResponse(BytesIO(b"{}"), preload_content=False))


def _timed_out(url: str) -> AWSResponse:
    raise ConnectTimeoutError(endpoint_url=url)


def test_a_request_that_waits_to_be_sent_again_is_given_up_when_the_run_is_cancelled(traffic: Traffic) -> None:
    cancelling = RunnerCancelling()
    cancelling._cancelled.set()  # noqa: SLF001 # as the signal's thread does
    client = aws_of(traffic, clock=SystemClock(cancelling)).ecr()
    _fail_once(client, _timed_out)
    with cancelling.polled(), pytest.raises(CancelledError):
        client.describe_repositories()

    assert traffic.requests() == []


def test_a_request_whose_turn_does_not_come_is_known_to_have_changed_nothing(traffic: Traffic) -> None:
    cancelling = RunnerCancelling()
    cancelling._cancelled.set()  # noqa: SLF001
    client = aws_of(traffic, clock=SystemClock(cancelling)).functions()
    for _ in range(15):  # as many as Lambda answers in a second
        client.list_functions()
    with cancelling.polled(), pytest.raises(UnsentError):
        client.list_functions()

    assert len(traffic.requests()) == 15


def test_of_one_that_was_sent_and_waits_to_be_sent_again_that_is_not_known(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecr_lambda_deploy.aws.rates._BACK_OFF", 1.0)  # longer than it waits to be sent again
    clock = _Clock()

    def cancel(_: float) -> None:
        raise CancelledError

    clock.during_the_first = lambda: setattr(clock, "sleep", cancel)
    client = aws_of(traffic, clock=clock).functions()
    _fail_once(client, _throttled)
    with pytest.raises(CancelledError) as caught:
        client.list_functions()

    assert clock.naps == [pytest.approx(0.5, abs=0.2)]  # it waited to be sent again, and then for its turn
    assert not isinstance(caught.value, UnsentError)


def test_what_takes_something_back_is_sent_again_all_the_same(traffic: Traffic) -> None:
    cancelling = RunnerCancelling()
    cancelling._cancelled.set()  # noqa: SLF001
    client = aws_of(traffic, clock=SystemClock(cancelling)).ecr()
    _fail_once(client, _timed_out)
    with cancelling.polled(), cancelling.shield():
        client.describe_repositories()

    assert len(traffic.requests()) == 1


def _tls(reason: str) -> SSLError:
    return SSLError(endpoint_url="https://x", error=OSError(reason))


@pytest.mark.parametrize(
    ("error", "is_sent_again"),
    [
        (HTTPClientError(error=ValueError("Invalid header value")), False),
        (HTTPClientError(error=LocationParseError("http://a:port")), False),
        (_tls("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed"), False),
        (_tls("[X509] no certificate or crl found"), False),
        (_tls("[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred"), True),
        (EndpointConnectionError(endpoint_url="https://x", error="Temporary failure in name resolution"), True),
        (ConnectionClosedError(endpoint_url="https://x"), True),
        (ReadTimeoutError(endpoint_url="https://x"), True),
        (HTTPClientError(error=OSError("broken pipe")), True),
    ],
)
def test_what_another_try_cannot_change_is_not_sent_again(
    traffic: Traffic, error: Exception, *, is_sent_again: bool
) -> None:
    clock = _Clock()
    client = aws_of(traffic, clock=clock).ecr()

    def fail(_: str) -> AWSResponse:
        raise error

    _fail_once(client, fail)
    if is_sent_again:
        client.describe_repositories()
    else:
        with pytest.raises(type(error)):
            client.describe_repositories()

    assert bool(clock.naps) is is_sent_again


@pytest.mark.parametrize("code", ["Throttling", "RequestThrottledException", "RequestTimeout"])
def test_what_passes_with_http_400_is_sent_again(traffic: Traffic, code: str) -> None:
    def refuse(url: str) -> AWSResponse:
        headers = HTTPHeaders()
        headers["x-amzn-errortype"] = code
        return AWSResponse(url, 400, headers, HTTPResponse(BytesIO(b"{}"), preload_content=False))

    clock = _Clock()
    client = aws_of(traffic, clock=clock).functions()
    _fail_once(client, refuse)
    client.list_functions()

    assert clock.naps


def test_other_requests_back_off_while_one_that_was_refused_waits(
    traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecr_lambda_deploy.aws.rates._BACK_OFF", 1.0)
    clock = _Clock()
    client = aws_of(traffic, clock=clock).functions()
    _fail_once(client, _throttled)
    clock.during_the_first = client.list_functions
    client.list_functions()

    refused, other = clock.naps[:2]
    assert other == pytest.approx(1.0 - refused)
