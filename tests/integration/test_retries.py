"""Requests that fail in passing are sent again, for as long as the run is not cancelled."""

import socket
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
from urllib3.connection import HTTPConnection
from urllib3.exceptions import LocationParseError

from ecr_lambda_deploy.aws.invocations import LambdaInvocations
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, UnsentError
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


def _answered(status: int, code: str, body: bytes = b"{}") -> Callable[[str], AWSResponse]:
    def answer(url: str) -> AWSResponse:
        headers = HTTPHeaders()
        if code:
            headers["x-amzn-errortype"] = code
        return AWSResponse(url, status, headers, HTTPResponse(BytesIO(body), preload_content=False))

    return answer


def _closed(url: str) -> AWSResponse:
    raise ConnectionClosedError(endpoint_url=url)


def _silent(url: str) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url=url)


def _unreachable(url: str) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=url)


_STATE = (
    b'{"message": "The operation cannot be performed at this time. The function is currently in the following state: '
)


def _invoke(traffic: Traffic, clock: _Clock, *answers: Callable[[str], AWSResponse]) -> int:
    """Invoke with answers, of which the last one is repeated; return how often Lambda was asked."""
    aws, asked = aws_of(traffic, clock=clock), list[int]()
    client: Any = aws.invoking_functions(3)

    def answer(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        asked.append(1)
        return answers[min(len(asked), len(answers)) - 1](str(request.url))

    client.meta.events.register_first("before-send", answer)
    try:
        LambdaInvocations(aws).invoke("orders-api", "7", "{}", timeout=3)
    except DeployError:
        if len(answers) == 1 or answers[-1] is not _RAN:
            raise
    return len(asked)


_RAN = _answered(200, "")


@pytest.mark.parametrize(
    "passing",
    [
        pytest.param(_answered(429, "TooManyRequestsException"), id="throttled"),
        pytest.param(_answered(502, "ResourceNotReadyException"), id="not ready"),
        pytest.param(_answered(502, "EC2ThrottledException"), id="EC2"),
        pytest.param(_answered(502, "ENINotReadyException"), id="ENI"),
        pytest.param(_answered(409, "SnapStartNotReadyException"), id="SnapStart"),
        pytest.param(_answered(409, "ResourceConflictException", _STATE + b'Pending"}'), id="Pending"),
        pytest.param(_answered(409, "ResourceConflictException", _STATE + b'Inactive"}'), id="Inactive"),
        pytest.param(_timed_out, id="no connection in time"),
        pytest.param(_unreachable, id="no connection"),
    ],
)
def test_an_invocation_that_was_not_run_is_sent_again(traffic: Traffic, passing: Callable[[str], AWSResponse]) -> None:
    clock = _Clock()
    assert _invoke(traffic, clock, passing, passing, _RAN) == 3
    assert sum(clock.naps) == pytest.approx(1.5, rel=0.3)


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(_answered(500, "ServiceException"), id="an error of Lambda"),
        pytest.param(_answered(503, ""), id="a gateway"),
        pytest.param(_answered(502, "ENILimitReachedException"), id="a limit"),
        pytest.param(_answered(409, "ResourceConflictException", _STATE + b'Failed"}'), id="Failed"),
        pytest.param(_answered(408, "SnapStartTimeoutException"), id="its own code"),
        pytest.param(_closed, id="a connection that ends"),
        pytest.param(_silent, id="no answer in time"),
    ],
)
def test_one_that_may_have_run_is_not(traffic: Traffic, failing: Callable[[str], AWSResponse]) -> None:
    clock = _Clock()
    with pytest.raises(DeployError):
        _invoke(traffic, clock, failing, _answered(409, "Twice"))
    assert clock.naps == []


def test_a_limit_that_lasts_is_named_after_a_minute(traffic: Traffic) -> None:
    clock = _Clock()
    reason = b'{"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "message": "Rate Exceeded."}'
    with pytest.raises(DeployError) as caught:
        _invoke(traffic, clock, _answered(429, "TooManyRequestsException", reason))

    assert 60 <= sum(clock.naps) < 80
    assert "Rate Exceeded. (ReservedFunctionConcurrentInvocationLimitExceeded)" in caught.value.message
    assert "reserved concurrency" in caught.value.hint
    assert "aws lambda get-function-concurrency --function-name orders-api;" in caught.value.hint


def test_the_answer_is_waited_for_as_long_as_the_function_may_run(traffic: Traffic) -> None:
    aws = aws_of(traffic)
    clients: list[Any] = [aws.invoking_functions(1800), aws.invoking_functions(3), aws.functions()]
    assert [client.meta.config.read_timeout for client in clients] == [1860, 63, 60]
    assert aws.invoking_functions(3) is clients[1]


def test_a_connection_on_which_nothing_is_sent_is_kept_alive(traffic: Traffic) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = list[socket.socket]()
        connect = HTTPConnection.connect

        class Seeing(HTTPConnection):
            def connect(self) -> None:
                connect(self)
                seen.append(self.sock)

        client: Any = aws_of(traffic).invoking_functions(3)
        session = client._endpoint.http_session  # noqa: SLF001 # as it is used for requests
        pool = session._manager.connection_from_url(f"http://127.0.0.1:{server.getsockname()[1]}")  # noqa: SLF001
        pool.ConnectionCls = Seeing
        pool._get_conn().connect()  # noqa: SLF001
        option = seen[0].getsockopt
        assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
        seen[0].close()
