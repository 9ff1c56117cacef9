"""Invocations run the image of a version and answer as Lambda's do: results, errors, timeouts, the end of the log."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, ONCE, client_of, create_function, refusal, wait_until_updated

HANDLER = """
import time

def handler(event, context):
    print("handling", event)
    print("." * event.get("dots", 0))
    time.sleep(event.get("seconds", 0))
    if "error" in event:
        raise ValueError(event["error"])
    return event
"""
NAME = "invoked"


@pytest.fixture(scope="module")
def invoked(running: Aws, build_app: Callable[[Aws, str, str, str], str]) -> Iterator[str]:
    """A function with a version 1 and an alias `live` to it."""
    client, repository = running.client("lambda"), "tests/invocations"
    running.client("ecr").create_repository(repositoryName=repository)
    digest = build_app(running, repository, "v1", HANDLER)
    create_function(running, NAME, f"{running.registry}/{repository}@{digest}", Timeout=3)
    wait_until_updated(running, NAME)
    client.publish_version(FunctionName=NAME)
    wait_until_updated(running, NAME, "1")
    client.create_alias(FunctionName=NAME, Name="live", FunctionVersion="1")
    yield NAME
    client.delete_function(FunctionName=NAME)


def invoke(aws: Aws, event: dict[str, object], **settings: Any) -> tuple[dict[str, Any], Any, str]:  # noqa: ANN401 -- boto3's
    """Return the answer, its payload and the end of its log."""
    answer = aws.client("lambda", config=ONCE).invoke(
        FunctionName=NAME, Payload=json.dumps(event).encode(), LogType="Tail", **settings
    )
    payload = answer["Payload"].read()
    return answer, json.loads(payload or b"null"), base64.b64decode(answer.get("LogResult", "")).decode()


def test_what_is_run_is_counted_by_version_where_the_alias_has_weights(aws: Aws, invoked: str) -> None:
    client, cloudwatch = aws.client("lambda"), aws.client("cloudwatch")
    client.create_alias(FunctionName=invoked, Name="counted", FunctionVersion="1")
    invoke(aws, {}, Qualifier="counted")
    client.update_function_configuration(FunctionName=invoked, MemorySize=256)
    wait_until_updated(aws, invoked)
    number = client.publish_version(FunctionName=invoked)["Version"]
    weights = {"AdditionalVersionWeights": {number: 1.0}}
    client.update_alias(FunctionName=invoked, Name="counted", RoutingConfig=weights)
    assert invoke(aws, {"error": "on purpose"}, Qualifier="counted")[0]["ExecutedVersion"] == number

    by_alias = [{"Name": "FunctionName", "Value": invoked}, {"Name": "Resource", "Value": f"{invoked}:counted"}]
    by_version = [*by_alias, {"Name": "ExecutedVersion", "Value": number}]
    queries = [
        {
            "Id": f"{metric}{index}".lower(),
            "MetricStat": {
                "Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": dimensions},
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for index, dimensions in enumerate((by_alias, by_version))
        for metric in ("Invocations", "Errors")
    ]
    answer = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=time.time() - 120, EndTime=time.time())
    assert {result["Id"]: sum(result["Values"]) for result in answer["MetricDataResults"]} == {
        "invocations0": 2,
        "errors0": 1,
        "invocations1": 1,
        "errors1": 1,
    }


@pytest.mark.usefixtures("invoked")
def test_the_end_of_the_log_comes_with_the_answer(aws: Aws) -> None:
    for n in range(30):
        answer, payload, log = invoke(aws, {"n": n}, Qualifier="live")
        assert (answer["StatusCode"], answer["ExecutedVersion"], payload) == (200, "1", {"n": n})
        lines = log.splitlines()
        assert lines[0].startswith("START RequestId: ")
        assert f"handling {{'n': {n}}}" in lines
        assert [line.partition(" ")[0] for line in lines[-2:]] == ["END", "REPORT"]
    _, _, log = invoke(aws, {"dots": 5000})
    assert len(log.encode()) <= 4096
    assert log.splitlines()[-1].startswith("REPORT")
    calls = [call for call in aws.calls() if call.service == "lambda"]
    assert {(call.action, call.changing) for call in calls} == {("Invoke", False)}
    assert calls[0].parameters == {"FunctionName": NAME, "Qualifier": "live", "LogType": "Tail"}


@pytest.mark.usefixtures("invoked")
def test_an_error_of_the_function_is_its_own(aws: Aws) -> None:
    answer, payload, log = invoke(aws, {"error": "no such order"})
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (payload["errorType"], payload["errorMessage"]) == ("ValueError", "no such order")
    assert 'raise ValueError(event["error"])' in payload["stackTrace"][0]
    assert "[ERROR] ValueError: no such order" in log


@pytest.mark.usefixtures("invoked")
def test_a_function_that_takes_too_long_times_out(aws: Aws) -> None:
    begun = time.monotonic()
    answer, payload, log = invoke(aws, {"seconds": 20})
    assert 3 <= time.monotonic() - begun < 10
    assert answer["FunctionError"] == "Unhandled"
    assert "Task timed out after 3.00 seconds" in payload["errorMessage"]
    assert [line.partition(" ")[0] for line in log.splitlines()[-2:]] == ["END", "REPORT"]
    assert "Task timed out after 3.00 seconds" in log


@pytest.mark.usefixtures("invoked")
def test_a_dry_run_runs_nothing_and_needs_the_permission(aws: Aws) -> None:
    client, event = client_of(aws.environment(), "lambda"), b'{"seconds": 20}'
    dry: dict[str, Any] = {"FunctionName": NAME, "InvocationType": "DryRun", "Payload": event}
    begun = time.monotonic()
    answer = client.invoke(**dry, Qualifier="live")
    assert (answer["StatusCode"], answer["Payload"].read()) == (204, b"")
    aws.set_state(NAME, "Inactive", version="1")
    assert client.invoke(**dry, Qualifier="1")["StatusCode"] == 204
    aws.set_state(NAME, "Active", version="1")
    assert time.monotonic() - begun < 2
    assert refusal(client.invoke, **dry, Qualifier="missing")[0] == "ResourceNotFoundException"
    aws.deny("lambda:InvokeFunction")
    code, text, status = refusal(client.invoke, **dry, Qualifier="live")
    arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{NAME}:live"
    assert (code, status) == ("AccessDeniedException", 403)
    assert f"is not authorized to perform: lambda:InvokeFunction on resource: {arn} because" in text


def test_a_function_runs_the_image_of_its_digest(
    aws: Aws, repository: str, name: str, build: Callable[[Aws, str, str, str], str]
) -> None:
    client, base = aws.client("lambda", config=ONCE), f"{aws.registry}/{repository}"

    def invoke(qualifier: str = "$LATEST") -> Any:  # noqa: ANN401 -- what boto3 gives
        answer = client.invoke(FunctionName=name, Qualifier=qualifier, Payload=b'{"n": 1}')
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    create_function(aws, name, f"{base}@{build(aws, repository, 'v1', 'one')}", Timeout=20)
    wait_until_updated(aws, name)
    assert invoke() == {"text": "one", "event": {"n": 1}}
    assert "" in {call.access_key for call in aws.calls() if call.action == "registry:GetManifest"}
    client.publish_version(FunctionName=name)
    wait_until_updated(aws, name, "1")
    client.update_function_code(FunctionName=name, ImageUri=f"{base}@{build(aws, repository, 'v2', 'two')}")
    assert invoke()["text"] == "one"
    wait_until_updated(aws, name)
    assert (invoke()["text"], invoke("1")["text"]) == ("two", "one")
    client.publish_version(FunctionName=name)
    wait_until_updated(aws, name, "2")
    client.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    assert {invoke("live")["text"] for _ in range(20)} == {"one", "two"}


def test_an_inactive_version_cannot_be_invoked_at_once(aws: Aws, function: str) -> None:
    aws.set_state(function, "Inactive", ("Idle", "The function has been idle."))
    client = aws.client("lambda", config=ONCE)
    shown = client.get_function_configuration(FunctionName=function)
    assert (shown["State"], shown["StateReasonCode"]) == ("Inactive", "Idle")
    code, text, _ = refusal(client.invoke, FunctionName=function)
    assert (code, text.rpartition(" ")[2]) == ("ResourceConflictException", "Inactive")
    assert wait_until_updated(aws, function)["State"] == "Active"
