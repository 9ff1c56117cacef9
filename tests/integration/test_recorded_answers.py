"""What the adapters read in answers of the real AWS, from the bytes on: botocore's parsing is part of it.

Each file in `recorded/` is a list of answers. An answer has a `name`, the `source` where it was recorded or quoted, the
`call` that it answers, its `status` (200 unless given), `headers` and `body`, for an error of Lambda the `code` that
AWS sends in a header, and what it `means`: attributes of what the adapter returns, its `value` as a whole, or the class
of the `error` with `topic` and part of the `message`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore import handlers
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from urllib3 import HTTPResponse

from ecr_lambda_deploy.aws.alarms import CloudWatchAlarms
from ecr_lambda_deploy.aws.aliases import LambdaAliases
from ecr_lambda_deploy.aws.ecr_images import EcrImages
from ecr_lambda_deploy.aws.functions import LambdaFunctions
from ecr_lambda_deploy.aws.invocations import LambdaInvocations
from ecr_lambda_deploy.aws.parameters import SystemsManagerParameters
from ecr_lambda_deploy.aws.session import Aws
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import AliasState
from ecr_lambda_deploy.model.images import ImageReference, RegistryImage
from tests.integration.aws_in_memory import REGISTRY, ROLE, Traffic, aws_of

_FOLDER = Path(__file__).parent / "recorded"
_ANSWERS: list[Any] = [
    pytest.param(answer, id=f"{path.stem}: {answer['name']}")
    for path in sorted(_FOLDER.glob("*.yaml"))
    for answer in yaml.safe_load(path.read_text(encoding="utf-8"))
]
_OTHERS: Mapping[str, Mapping[str, Any]] = {
    # What the tag is on that PutImage is refused for.
    "BatchGetImage": {"body": {"images": [{"imageId": {"imageTag": "v1", "imageDigest": "sha256:b"}}], "failures": []}},
    "ListEventSourceMappings": {"call": "ListEventSourceMappings", "body": {"EventSourceMappings": []}},
    "GetFunctionUrlConfig": {"call": "GetFunctionUrlConfig", "status": 404, "code": "ResourceNotFoundException"},
    "GetPolicy": {"call": "GetPolicy", "status": 404, "code": "ResourceNotFoundException"},
}
"""What AWS answers to the other calls of an adapter, of which one is replayed."""

_IMAGE = ImageReference(registry=REGISTRY, repository="orders", digest=f"sha256:{64 * 'a'}")
_ALIAS = AliasState(name="live", arn="arn", version="1", revision_id="seen")


class _Impatient(SystemClock):
    """Time in which a request that is sent again and again needs no wait."""

    def sleep(self, seconds: float) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class _Adapters:
    aws: Aws
    role: Aws

    @property
    def images(self) -> EcrImages:
        return EcrImages(self.aws, lambda: REGISTRY, "")


_CALLS: Mapping[str, Callable[[_Adapters], object]] = {
    "GetFunction": lambda it: LambdaFunctions(it.aws).read("orders-api"),
    "ListVersionsByFunction": lambda it: LambdaFunctions(it.aws).versions("orders-api"),
    "PublishVersion": lambda it: LambdaFunctions(it.aws).publish_version(
        "orders-api", code_sha256="aaaa", revision_id="seen", description=""
    ),
    "UpdateFunctionCode": lambda it: LambdaFunctions(it.aws).update_code(
        "orders-api", _IMAGE, "x86_64", revision_id="seen"
    ),
    "CreateFunction": lambda it: LambdaFunctions(it.aws).create("orders-api", _IMAGE, "x86_64", {"Role": "r"}),
    "GetAlias": lambda it: LambdaAliases(it.aws).read("orders-api", "live"),
    "CreateAlias": lambda it: LambdaAliases(it.aws).create("orders-api", "live", version="8", description=""),
    "UpdateAlias": lambda it: LambdaAliases(it.aws).point(
        "orders-api", _ALIAS, version="8", weights={}, description=""
    ),
    "GetProvisionedConcurrencyConfig": lambda it: LambdaAliases(it.aws).concurrency("orders-api", "live"),
    "GetPolicy": lambda it: list(LambdaAliases(it.aws).bypasses("orders-api")),
    "GetFunctionUrlConfig": lambda it: list(LambdaAliases(it.aws).bypasses("orders-api")),
    "Invoke": lambda it: LambdaInvocations(it.aws).invoke("orders-api", "$LATEST", "{}", timeout=3),
    "DescribeAlarms": lambda it: CloudWatchAlarms(it.aws, SystemClock(RunnerCancelling())).states(["a", "b"]),
    "GetParameter": lambda it: SystemsManagerParameters(it.aws).read("/shop/image"),
    "PutParameter": lambda it: SystemsManagerParameters(it.aws).put("/shop/image", str(_IMAGE)),
    "AssumeRole": lambda it: _access_key(it.aws),
    "AssumeRoleWithWebIdentity": lambda it: _access_key(it.role),
    "BatchGetImage": lambda it: it.images.read_image("orders", "v1", "linux/amd64"),
    "PutImage": lambda it: it.images.add_tag(
        RegistryImage(
            reference=_IMAGE, manifest="{}", media_type="m", platform="linux/amd64", layers=(), has_entry_point=True
        ),
        "v1",
    ),
}


def _access_key(aws: Aws) -> str:
    credentials = aws.functions()._request_signer._credentials  # type: ignore[attr-defined] # noqa: SLF001 # no call of another service is to be answered
    return str(credentials.get_frozen_credentials().access_key)


def _response(request: AWSPreparedRequest, answer: Mapping[str, Any]) -> AWSResponse:
    body = answer.get("body", {"Message": "", "Type": "User"})
    headers = HTTPHeaders()
    for name, value in {**answer.get("headers", {}), "x-amzn-ErrorType": answer.get("code")}.items():
        if value:
            headers[name] = value
    text = body if isinstance(body, str) else json.dumps(body)
    raw = HTTPResponse(BytesIO(text.encode()), preload_content=False)
    return AWSResponse(request.url, answer.get("status", 200), headers, raw)


@pytest.fixture
def replay(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, Any]], _Adapters]:
    """Return the adapters, to which AWS answers what is replayed; any other call fails."""
    answers = dict(_OTHERS)

    def respond(request: AWSPreparedRequest, event_name: str, **_: object) -> AWSResponse:
        return _response(request, answers[event_name.rpartition(".")[2]])

    def start(answer: Mapping[str, Any]) -> _Adapters:
        answers[answer["call"]] = dict(answer)
        chained = replace(ROLE, is_chained=True) if answer["call"] == "AssumeRole" else None
        clock = _Impatient(RunnerCancelling())
        return _Adapters(aws=aws_of(Traffic(), chained, clock=clock), role=aws_of(Traffic(), ROLE, clock=clock))

    listeners: list[Any] = [("before-send", respond)]
    monkeypatch.setattr(handlers, "BUILTIN_HANDLERS", [*listeners, *handlers.BUILTIN_HANDLERS])
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIAENVIRONMENT00000",
        "AWS_SECRET_ACCESS_KEY": "environment-secret",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    return start


def _shown(value: object) -> object:
    """Return a value as the data can say it."""
    match value:
        case None | str() | bool() | int() | float() | list():
            return value
        case Mapping():
            return {name: _shown(one) for name, one in value.items()}
        case tuple():
            return [[one.number, one.code_sha256, one.description] for one in value]
        case _:
            return str(value)


@pytest.mark.parametrize("answer", _ANSWERS)
def test_what_an_answer_of_aws_means(
    replay: Callable[[Mapping[str, Any]], _Adapters], answer: Mapping[str, Any]
) -> None:
    adapters, means = replay(answer), dict(answer["means"])
    call = _CALLS[answer["call"]]
    if "topic" in means or "message" in means:
        with pytest.raises(DeployError, match=re.escape(means["message"])) as caught:
            call(adapters)
        assert type(caught.value).__name__ == means["error"]
        assert caught.value.topic == means.get("topic", caught.value.topic) != ""
        return
    result = call(adapters)
    for name, expected in means.items():
        read = result if name in {"value", "versions"} else getattr(result, name)
        assert (name, _shown(read)) == (name, expected)


def test_each_answer_has_a_source_and_a_name_of_its_own() -> None:
    answers = [parameter.values[0] for parameter in _ANSWERS]

    assert [answer["name"] for answer in answers if not answer["source"] or not answer["means"]] == []
    assert len({answer["name"] for answer in answers}) == len(answers) > 50
    assert {answer["call"] for answer in answers} == _CALLS.keys()
