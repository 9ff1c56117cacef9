"""Answers of AWS that are not whole, or not AWS's: botocore would take them for answers in which nothing is."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, NamedTuple

import pytest

from ecr_lambda_deploy.aws.functions import LambdaFunctions
from ecr_lambda_deploy.aws.rates import RequestPriority
from ecr_lambda_deploy.aws.session import Aws
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.run import WorkflowRun
from tests.unit.fakes.clock import FakeClock

_VERSIONS = b'{"Versions": [{"Version": "$LATEST"}, {"Version": "1", "CodeSha256": "0"}]}'
_PAGE = b"<html>This address is blocked.</html>"


class _Answer(NamedTuple):
    """What the server sends, of which its header may announce more."""

    content: bytes
    length: int
    kind: str = "application/json"


_WHOLE = _Answer(_VERSIONS, len(_VERSIONS))


@contextmanager
def _aws(monkeypatch: pytest.MonkeyPatch, clock: FakeClock, *answers: _Answer) -> Iterator[tuple[Aws, list[_Answer]]]:
    """Yield an AWS that gives these answers, and those that it has not given yet; the last one is repeated."""
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content, length, kind = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        settings: dict[str, Any] = {"role": None, "id_token": str, "mask": str, "environment": {}}
        try:
            run, priority = WorkflowRun(), RequestPriority()
            yield Aws(region="eu-west-1", clock=clock, priority=priority, run=run, **settings), left
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("sent", [0, 12, len(_VERSIONS) - 1])
def test_an_answer_that_is_cut_off_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, sent: int) -> None:
    part = _Answer(_VERSIONS[:sent], len(_VERSIONS))
    with _aws(monkeypatch, FakeClock(), part, part, _WHOLE) as (aws, left):
        versions = LambdaFunctions(aws).versions("orders-api")

        assert [version.number for version in versions] == ["1"]
        assert left == [_WHOLE]


def test_one_that_is_cut_off_each_time_is_told_as_a_connection_that_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock()
    with _aws(monkeypatch, clock, _Answer(b"{", 100)) as (aws, _), pytest.raises(DeployError) as caught:
        LambdaFunctions(aws).versions("orders-api")

    assert "Connection was closed before we received a valid response" in caught.value.message
    assert sum(clock.naps) >= 60  # it was tried for as long as other faults are


def test_a_web_page_is_no_answer_and_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, page = FakeClock(), _Answer(_PAGE, len(_PAGE), "text/html; charset=utf-8")
    with _aws(monkeypatch, clock, page) as (aws, _), pytest.raises(DeployError) as caught:
        LambdaFunctions(aws).versions("orders-api")

    assert "answers with a web page, as AWS never does" in caught.value.message
    assert clock.naps == []
