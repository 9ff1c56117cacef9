"""Denials and faults that a test asks for, the call log, and what goes to ministack unchanged."""

import time

import pytest
import requests
from botocore.exceptions import ConnectionClosedError

from sandbox.aws import Aws, Fault
from tests.sandbox.aws.aws_calls import ACCOUNT, ONCE, Registry, client_of, create_function, refusal, wait_until_updated


def test_what_no_rule_is_about_is_ministack_s(aws: Aws) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    alarm = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]
    assert alarm["StateValue"] == "ALARM"
    assert alarm["AlarmArn"] == f"arn:aws:cloudwatch:{aws.region}:{ACCOUNT}:alarm:errors"
    assert [(call.service, call.action, call.changing) for call in aws.calls()] == [
        ("monitoring", "PutMetricAlarm", True),
        ("monitoring", "SetAlarmState", True),
        ("monitoring", "DescribeAlarms", False),
    ]


def test_the_call_log_tells_who_called_what_in_order(aws: Aws, registry: Registry, repository: str) -> None:
    environment = aws.environment()
    registry.push(repository, "v1", "one")
    aws.forget_calls()
    functions = client_of(environment, "lambda")
    refusal(functions.get_function, FunctionName="missing", Qualifier="live")
    refusal(functions.update_function_code, FunctionName="missing", ImageUri="image")
    registry.http.get(registry.url(f"{repository}/manifests/v1"))
    registry.put(repository, "v2", "{}")
    calls = [(call.service, call.action, call.status, call.changing) for call in aws.calls()]
    assert calls == [
        ("lambda", "GetFunction", 404, False),
        ("lambda", "UpdateFunctionCode", 404, True),
        ("registry", "registry:GetManifest", 200, False),
        ("registry", "registry:PutManifest", 201, True),
    ]
    assert aws.calls()[0].parameters == {"FunctionName": "missing", "Qualifier": "live"}
    assert aws.calls()[0].access_key == environment["AWS_ACCESS_KEY_ID"] != aws.calls()[2].access_key


def test_denied_actions_are_refused_in_iam_s_words(aws: Aws, repository: str, function: str) -> None:
    environment, image_uri = aws.environment(), f"{aws.registry}/{repository}:v1"
    user = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ecr-lambda-deploy is not authorized to perform: "
    reason = " because no identity-based policy allows the {} action"
    function_arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{function}"
    repository_arn = f"arn:aws:ecr:{aws.region}:{ACCOUNT}:repository/{repository}"
    functions, ecr = client_of(environment, "lambda"), client_of(environment, "ecr")

    def denied(action: str, resource: str) -> str:
        return f"{user}{action} on resource: {resource}{reason.format(action)}"

    aws.deny("lambda:UpdateFunctionCode")
    refused = refusal(functions.update_function_code, FunctionName=function, ImageUri=image_uri)
    assert refused == ("AccessDeniedException", denied("lambda:UpdateFunctionCode", function_arn), 403)
    aws.deny("ecr:DescribeImages")
    refused = refusal(ecr.describe_images, repositoryName=repository)
    assert refused[:2] == ("AccessDeniedException", denied("ecr:DescribeImages", repository_arn))
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    aws.deny("ecr:InitiateLayerUpload")
    answer = requests.post(
        f"{aws.endpoint}/v2/{repository}/blobs/uploads/", headers={"Authorization": f"Basic {token}"}, timeout=10
    )
    assert answer.status_code == 403
    assert answer.json()["errors"][0] == {
        "code": "DENIED",
        "message": denied("ecr:InitiateLayerUpload", repository_arn),
    }
    aws.reset_rules()
    functions.update_function_code(FunctionName=function, ImageUri=image_uri)
    wait_until_updated(aws, function)


def test_faults_happen_to_the_next_calls_of_an_action(aws: Aws, registry: Registry, repository: str) -> None:
    ecr = aws.client("ecr", config=ONCE)
    aws.inject(Fault(action="ecr:ListImages", status=429, times=2))
    for _ in range(2):
        assert refusal(ecr.list_images, repositoryName=repository) == ("ThrottlingException", "Rate exceeded", 429)
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []
    aws.inject(Fault(action="ListImages", reset=True))
    with pytest.raises(ConnectionClosedError):
        ecr.list_images(repositoryName=repository)
    aws.inject(Fault(action="registry:PutManifest", status=500))
    assert registry.put(repository, "v1", "{}").status_code == 500
    aws.inject(Fault(action="registry:HeadManifest", delay=0.3))
    started = time.monotonic()
    assert registry.http.head(registry.url(f"{repository}/manifests/v1")).status_code == 404
    assert time.monotonic() - started >= 0.3
    assert [call.status for call in aws.calls() if call.action == "ListImages"][:3] == [429, 429, 200]


def test_a_fault_can_be_any_error(aws: Aws, registry: Registry, repository: str, name: str) -> None:
    registry.push(repository, "v1", "one")
    text = "The role defined for the function cannot be assumed by Lambda."
    aws.inject(Fault(action="lambda:CreateFunction", code="InvalidParameterValueException", text=text))
    image_uri = f"{aws.registry}/{repository}:v1"
    refused = refusal(create_function, aws=aws, name=name, image_uri=image_uri)
    assert refused == ("InvalidParameterValueException", text, 400)
    assert create_function(aws, name, image_uri)["State"] == "Pending"
    wait_until_updated(aws, name)
    aws.inject(Fault(action="GetFunction", code="ResourceNotFoundException", text="gone", status=404))
    refused = refusal(aws.client("lambda").get_function, FunctionName=name)
    assert refused == ("ResourceNotFoundException", "gone", 404)
