"""What calls a function, and the alarms that watch it."""

from typing import Any

import pytest
import requests

from sandbox.aws import Aws, Fault
from tests.sandbox.aws.aws_calls import ACCOUNT, ONCE, client_of, refusal, wait_until_updated

ALARM: dict[str, Any] = {
    "AlarmName": "errors",
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def live(aws: Aws, function: str) -> str:
    """A function with an alias `live`."""
    client = aws.client("lambda")
    client.publish_version(FunctionName=function)
    wait_until_updated(aws, function, "1")
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    aws.forget_calls()
    return function


def test_a_function_url_is_that_of_its_qualifier(aws: Aws, live: str) -> None:
    client = aws.client("lambda", config=ONCE)
    for qualified in ({}, {"Qualifier": "live"}):
        code, text, status = refusal(client.get_function_url_config, FunctionName=live, **qualified)
        assert (code, text, status) == (
            "ResourceNotFoundException",
            "The resource you requested does not exist.",
            404,
        )
    client.create_function_url_config(FunctionName=live, Qualifier="live", AuthType="AWS_IAM")
    found = client.get_function_url_config(FunctionName=live, Qualifier="live")
    arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{live}:live"
    assert (found["AuthType"], found["FunctionArn"]) == ("AWS_IAM", arn)
    assert refusal(client.get_function_url_config, FunctionName=live)[0] == "ResourceNotFoundException"
    assert refusal(client.get_function_url_config, FunctionName="missing")[0] == "ResourceNotFoundException"
    assert {call.action for call in aws.calls()} == {"GetFunctionUrlConfig", "CreateFunctionUrlConfig"}


def test_a_policy_is_that_of_its_qualifier(aws: Aws, live: str) -> None:
    client = aws.client("lambda", config=ONCE)
    for qualified in ({}, {"Qualifier": "live"}):
        code, text, status = refusal(client.get_policy, FunctionName=live, **qualified)
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert text == "The resource you requested does not exist."
    client.add_permission(
        FunctionName=live,
        Qualifier="live",
        StatementId="gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    assert '"gateway"' in client.get_policy(FunctionName=live, Qualifier="live")["Policy"]
    assert refusal(client.get_policy, FunctionName=live)[0] == "ResourceNotFoundException"
    assert aws.calls()[-1].action == "GetPolicy"


def test_event_source_mappings_are_listed_by_what_they_call(aws: Aws, live: str) -> None:
    client, queue = aws.client("lambda"), f"arn:aws:sqs:{aws.region}:{ACCOUNT}:orders"
    assert client.list_event_source_mappings(FunctionName=live)["EventSourceMappings"] == []
    made = client.create_event_source_mapping(FunctionName=f"{live}:live", EventSourceArn=queue, Enabled=False)
    listed = client.list_event_source_mappings(FunctionName=f"{live}:live")["EventSourceMappings"]
    assert [mapping["FunctionArn"].rpartition(":")[2] for mapping in listed] == ["live"]
    client.delete_event_source_mapping(UUID=made["UUID"])
    assert {call.action for call in aws.calls()} == {
        "ListEventSourceMappings",
        "CreateEventSourceMapping",
        "DeleteEventSourceMapping",
    }


def test_alarms_change_and_are_denied_and_throttled(aws: Aws) -> None:
    cloudwatch = client_of(aws.environment(), "cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM)
    for state in ("ALARM", "OK"):
        cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="a test")
        alarm = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]
        assert (alarm["StateValue"], alarm["StateReason"]) == (state, "a test")
    aws.deny("cloudwatch:DescribeAlarms")
    code, text, status = refusal(cloudwatch.describe_alarms)
    assert (code, status) == ("AccessDenied", 403)
    alarms = f"arn:aws:cloudwatch:{aws.region}:{ACCOUNT}:alarm:*"
    assert f"is not authorized to perform: cloudwatch:DescribeAlarms on resource: {alarms} because" in text
    aws.reset_rules()
    aws.inject(Fault(action="DescribeAlarms", status=429, times=9))
    code, text, _ = refusal(aws.client("cloudwatch", config=ONCE).describe_alarms)
    assert (code, text) == ("Throttling", "Rate exceeded")
    assert {call.action for call in aws.calls()} == {"PutMetricAlarm", "SetAlarmState", "DescribeAlarms"}


def test_a_log_alarm_is_shown_to_those_who_ask_for_that_kind(aws: Aws) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(**ALARM)
    aws.put_log_alarm("error lines", "ALARM")
    asked = {"AlarmNames": ["errors", "error lines"]}
    both = cloudwatch.describe_alarms(**asked, AlarmTypes=["MetricAlarm", "LogAlarm"])
    assert [alarm["AlarmName"] for alarm in both["MetricAlarms"]] == ["errors"]
    assert [(alarm["AlarmName"], alarm["StateValue"]) for alarm in both["LogAlarms"]] == [("error lines", "ALARM")]
    assert "LogAlarms" not in cloudwatch.describe_alarms(**asked, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert cloudwatch.describe_alarms(AlarmNames=["errors"], AlarmTypes=["LogAlarm"])["LogAlarms"] == []


def test_an_action_is_named_in_cbor_s_path_too(aws: Aws) -> None:
    environment = aws.environment()
    credential = f"{environment['AWS_ACCESS_KEY_ID']}/20260101/{aws.region}/monitoring/aws4_request"
    requests.post(
        f"{aws.endpoint}/service/GraniteServiceVersion20100801/operation/DescribeAlarms",
        headers={
            "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0",
            "X-Amz-Security-Token": environment["AWS_SESSION_TOKEN"],
            "smithy-protocol": "rpc-v2-cbor",
        },
        data=b"\xa0",
        timeout=10,
    )
    assert [(call.service, call.action) for call in aws.calls()] == [("monitoring", "DescribeAlarms")]
