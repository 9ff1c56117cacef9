"""The request for the job's OIDC token, to a server on loopback that answers as GitHub does, or not."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ecr_lambda_deploy.github.oidc import id_token
from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.retry import DELAYS

_GOOD = (200, json.dumps({"count": 1, "value": "the.job.token"}))


@dataclass(kw_only=True)
class GitHub:
    """Answers requests for a token.

    Attributes:
        answers: status and body of each answer to come; the last one again and again. Status 0 closes the connection.
        asked: path and Authorization header of each request.
        hangs: how many requests are left without an answer.
        masked: what was masked, in order, and when it was waited.
    """

    answers: list[tuple[int, str]] = field(default_factory=lambda: [_GOOD])
    asked: list[tuple[str, str]] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    hangs: int = 0
    url: str = ""

    def environment(self, **environment: str) -> dict[str, str]:
        return {"ACTIONS_ID_TOKEN_REQUEST_URL": self.url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer"} | environment

    def token(self, **environment: str) -> str:
        given = self.environment(**environment)
        return id_token("sts.amazonaws.com", environment=given, mask=self.masked.append, sleep=self.waits.append)


@pytest.fixture
def github() -> Iterator[GitHub]:
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers["Authorization"]))
            if state.hangs:
                state.hangs -= 1
                time.sleep(0.5)
                return
            status, body = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            if status:
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/token?api-version=2.0"
        Thread(target=server.serve_forever, daemon=True).start()
        yield state
        server.shutdown()


def test_rule_5_the_token_is_masked_and_nothing_is_printed(github: GitHub, capfd: pytest.CaptureFixture[str]) -> None:
    assert github.token() == "the.job.token"
    assert github.masked == ["bearer", "the.job.token"]
    assert github.asked == [("/token?api-version=2.0&audience=sts.amazonaws.com", "Bearer bearer")]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("status", [0, 429, 500, 503])
def test_what_passes_is_tried_again(github: GitHub, status: int) -> None:
    github.answers = [(status, "busy"), (status, "busy"), _GOOD]

    assert github.token() == "the.job.token"
    assert github.waits == [*DELAYS[:2]]


def test_what_does_not_pass_is_given_up_with_github_s_words(github: GitHub) -> None:
    github.answers = [(503, "busy\nas ever")]

    with pytest.raises(DeployError, match="HTTP 503 Service Unavailable: busy as ever") as caught:
        github.token()
    assert len(github.asked) == len(DELAYS) + 1
    assert "githubstatus.com" in caught.value.hint


def test_an_endpoint_that_hangs_is_given_up_after_a_while(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecr_lambda_deploy.github.oidc._TIMEOUT", 0.1)
    github.hangs = 2  # requests

    assert github.token() == "the.job.token"
    assert github.waits == [*DELAYS[:2]]


def test_cancelling_ends_the_attempts(github: GitHub) -> None:
    github.answers = [(503, "busy")]

    def cancel(_: float) -> None:
        raise CancelledError

    with pytest.raises(CancelledError):
        id_token("sts.amazonaws.com", environment=github.environment(), mask=github.masked.append, sleep=cancel)
    assert len(github.asked) == 1


@pytest.mark.parametrize("url", ["token", "http://", "http://[bad/token", "ftp://localhost/token"])
def test_an_address_that_cannot_be_one_is_not_tried_again(github: GitHub, url: str) -> None:
    with pytest.raises(DeployError):
        github.token(ACTIONS_ID_TOKEN_REQUEST_URL=url)
    assert github.waits == []


@pytest.mark.parametrize(("status", "hint"), [(401, ""), (403, ""), (404, "between this runner and GitHub")])
def test_only_a_refusal_is_left_to_the_caller_to_explain(github: GitHub, status: int, hint: str) -> None:
    github.answers = [(status, "")]
    with pytest.raises(DeployError) as caught:
        github.token()

    assert hint in caught.value.hint
    assert bool(hint) is bool(caught.value.hint)


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (403, "not allowed", "HTTP 403 Forbidden: not allowed"),
        (302, "", "HTTP 302"),
        (200, "{}", "holds no token"),
        (200, '{"value": ""}', "holds no token"),
        (200, '{"value": 1}', "holds no token"),
        (200, '{"value": "\\ud800"}', "holds no token"),
        (200, "[]", "holds no token"),
        (200, "no JSON", "holds no token"),
        (200, 200_000 * "[", "holds no token"),
    ],
)
def test_what_would_not_change_is_not_tried_again(github: GitHub, status: int, body: str, message: str) -> None:
    github.answers = [(status, body)]

    with pytest.raises(DeployError, match=message):
        github.token()
    assert len(github.asked) == 1


@pytest.mark.parametrize("name", ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
def test_a_job_without_permission_is_told_which_variable_is_missing(github: GitHub, name: str) -> None:
    with pytest.raises(DeployError, match=name):
        github.token(**{name: ""})
    assert github.asked == []


def test_a_netrc_does_not_replace_the_bearer_token(
    github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    github.token()

    assert github.asked[0][1] == "Bearer bearer"
