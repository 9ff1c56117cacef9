"""An AWS in this process, by moto, and a record of the requests that reach it.

moto is a second opinion beside the sandbox's AWS: it was written by others, from other sources. What it is known to get
wrong is said where a test would need it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws
from urllib3 import HTTPResponse

from ecr_lambda_deploy.aws.rates import RequestPriority
from ecr_lambda_deploy.aws.session import Aws
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import RoleToAssume

REGION = "eu-west-1"
ACCOUNT = "123456789012"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
ENVIRONMENT_KEY = "AKIAENVIRONMENT00000"
ROLE = RoleToAssume(
    arn=f"arn:aws:iam::{ACCOUNT}:role/deploy", is_chained=False, session_name="deploy", duration_seconds=None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to AWS.

    Attributes:
        service: such as `sts`.
        action: for STS, what it asks for.
        parameters: for STS, what it says besides.
        signature: the Authorization header; empty if it is not signed.
        session_token: of the credentials that signed it.
    """

    service: str
    action: str
    parameters: dict[str, str]
    signature: str
    session_token: str


@dataclass(slots=True, kw_only=True)
class Traffic:
    """What happened, in order.

    Attributes:
        events: requests, and the secrets that were masked.
        answers: called with each parsed answer of STS, which it may change.
        refusals: by action of STS, the code and message that it is refused with.
    """

    events: list[Request | str] = field(default_factory=list)
    answers: Callable[[dict[str, Any]], None] = lambda _: None
    refusals: dict[str, tuple[str, str]] = field(default_factory=dict)

    def requests(self, action: str = "") -> list[Request]:
        """Return the requests so far, all or those for one action of STS."""
        requests = [event for event in self.events if isinstance(event, Request)]
        return [request for request in requests if not action or request.action == action]

    def mask(self, secret: str) -> None:
        """Note a secret, as the log would."""
        self.events.append(secret)


@contextmanager
def recorded_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    """Run everything in the block against moto, with the environment's credentials, and record the requests."""
    traffic = Traffic()

    def record(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        body = _text(request.body) if isinstance(request.body, str | bytes) else ""
        parameters = dict(parse_qsl(body)) if body.startswith("Action=") else {}
        action = parameters.pop("Action", "")
        headers = {name: _text(value) for name, value in request.headers.items()}
        traffic.events.append(
            Request(
                service=request.url.partition("://")[2].partition(".")[0],
                action=action,
                parameters=parameters,
                signature=headers.get("Authorization", ""),
                session_token=headers.get("X-Amz-Security-Token", ""),
            )
        )

        refusal = traffic.refusals.get(action)
        return _refused(request.url, *refusal) if refusal else None

    def answer(parsed: dict[str, Any], **_: object) -> None:
        traffic.answers(parsed)

    # moto too listens here, and answers; whoever comes first is heard first [botocore, handlers.BUILTIN_HANDLERS].
    listeners: list[Any] = [("before-send", record), ("after-call.sts", answer)]
    monkeypatch.setattr(handlers, "BUILTIN_HANDLERS", [*listeners, *handlers.BUILTIN_HANDLERS])
    with mock_aws(config={"core": {"mock_credentials": False}}):
        for name, value in {
            "AWS_ACCESS_KEY_ID": ENVIRONMENT_KEY,
            "AWS_SECRET_ACCESS_KEY": "environment-secret",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
            monkeypatch.delenv(name, raising=False)
        yield traffic


def _refused(url: str, code: str, message: str) -> AWSResponse:
    body = f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    return AWSResponse(url, 403, HTTPHeaders(), HTTPResponse(BytesIO(body.encode()), preload_content=False))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def aws_of(
    traffic: Traffic,
    role: RoleToAssume | None = None,
    *,
    id_token: Callable[[str], str] | None = None,
    clock: SystemClock | None = None,
    priority: RequestPriority | None = None,
) -> Aws:
    """Return what the action would use, its secrets masked into the record."""
    return Aws(
        region=REGION,
        role=role,
        id_token=id_token or (lambda audience: f"token for {audience}"),
        mask=traffic.mask,
        clock=clock or SystemClock(RunnerCancelling()),
        priority=priority or RequestPriority(),
        run=WorkflowRun(),
        environment={},
    )


def client(service: str) -> Any:  # noqa: ANN401 # boto3's clients are made at run time
    """Return a client of the account's owner, who prepares what a test needs."""
    return boto3.Session(region_name=REGION).client(service)  # type: ignore[call-overload]
