"""What infrastructure code and environments are told: a parameter of Systems Manager, and the function's URL."""

import json
from uuid import uuid4

import pytest

from ecr_lambda_deploy.permissions.policies import Names, grants, policy_of
from ecr_lambda_deploy.permissions.roles import DEPLOY_BY_ALIAS
from sandbox.aws import Aws, Fault
from sandbox.aws.calls import calls_in_series
from sandbox.runner import StepResult
from tests.e2e.releases import ALIAS, Releases, error, status


@pytest.fixture
def name() -> str:
    """The name of a parameter that does not exist."""
    return f"/shop/{uuid4().hex[:8]}/image"


def _held(aws: Aws, name: str) -> str:
    return str(aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"])


def _calls(aws: Aws) -> list[str]:
    """Return the calls about parameters since the last look."""
    calls = [call.action for call in aws.calls() if call.service == "ssm"]
    aws.forget_calls()
    return calls


def test_the_parameter_holds_what_serves_and_nothing_else(releases: Releases, name: str) -> None:
    aws, images, given = releases.aws, releases.images, {"ssm-parameter": name}
    aws.inject(Fault(action="PutParameter", code="TooManyUpdates"))
    names = Names(
        region=aws.region,
        account=aws.account,
        functions=(releases.job.name,),
        repositories=("*",),
        parameters=(name.removeprefix("/"),),
    )
    aws.put_role_policy("deploy", policy_of(grants(DEPLOY_BY_ALIAS.features, names), has_optional=False))
    deployed = releases.deploy(1, given)
    assert (deployed.exit_code, _calls(aws)) == (0, ["GetParameter", "PutParameter", "PutParameter"]), deployed.log
    assert _held(aws, name) == images[1] == deployed.outputs["image-uri"]
    aws.forget_calls()

    with aws.calls_taking(0.5):
        assert status(releases.deploy(1)) == "unchanged"
        without = len(calls_in_series(aws.calls()))
        aws.forget_calls()
        again = releases.deploy(1, given)
    assert len(calls_in_series(aws.calls())) == without  # it is read beside the others
    assert (status(again), _calls(aws)) == ("unchanged", ["GetParameter"])

    planned = releases.deploy(2, {**given, "mode": "plan"})
    assert (status(planned), _calls(aws)) == ("planned", ["GetParameter"])
    assert f"The parameter {name} would be given {images[2]}" in planned.log
    assert f"`{name}`" in planned.outputs["summary"]

    aws.deny("lambda:UpdateAlias")
    reverted = releases.deploy(2, given)
    aws.reset_rules()
    assert (reverted.exit_code, _calls(aws)) == (1, ["GetParameter"])
    assert _held(aws, name) == images[1]

    assert releases.deploy(2, given).exit_code == 0
    assert _held(aws, name) == images[2]
    back = releases.roll_back(run=2000, inputs=given)
    assert (status(back), _held(aws, name)) == ("rolled-back", images[1]), back.log


def _assert_written_by_hand(result: StepResult, aws: Aws, name: str, uri: str) -> None:
    said = error(result)
    arn = f"arn:aws:ssm:{aws.region}:{aws.account}:parameter{name}"
    assert f"{uri} serves in " in said
    assert json.dumps({"Effect": "Allow", "Action": "ssm:PutParameter", "Resource": arn}) in said
    command = f"aws ssm put-parameter --region {aws.region} --name {name} --type String --overwrite --value {uri}"
    assert command in said.splitlines()
    assert command in result.summary.replace(" \\\n>   ", " ")


def test_a_parameter_that_is_denied_fails_the_step_and_takes_nothing_back(releases: Releases, name: str) -> None:
    aws, images, given = releases.aws, releases.images, {"ssm-parameter": name}
    aws.client("ssm").put_parameter(Name=name, Value="of infrastructure code", Type="String")
    aws.deny("ssm:PutParameter")
    denied = releases.deploy(1, given)
    assert (denied.exit_code, status(denied), releases.served()) == (1, "deployed", images[1])
    assert denied.outputs["image-uri"] == images[1]
    _assert_written_by_hand(denied, aws, name, images[1])
    aws.reset_rules()

    aws.forget_calls()
    next_run = releases.deploy(1, given)  # nothing else is to be done
    assert (status(next_run), next_run.outputs["changed"], _held(aws, name)) == ("unchanged", "false", images[1])
    assert releases.job.changing_calls() == []

    secret = f"{name}-secret"
    aws.client("ssm").put_parameter(Name=secret, Value="x", Type="SecureString")
    refused = releases.deploy(2, {"ssm-parameter": secret})
    assert f"The parameter {secret} has the type SecureString" in error(refused)
    aws.deny("ssm:GetParameter")
    unread = releases.deploy(2, given)
    assert "ssm:GetParameter on " in error(unread)
    assert (refused.exit_code, unread.exit_code, releases.served()) == (1, 1, images[1])
    assert releases.job.changing_calls() == []


def test_the_url_is_that_of_the_alias_and_without_an_alias_that_of_the_function(releases: Releases) -> None:
    client, function = releases.aws.client("lambda"), releases.job.name
    first = releases.deploy(1)
    assert first.outputs["function-url"] == ""
    urls = {
        alias: client.create_function_url_config(FunctionName=function, AuthType="AWS_IAM", **qualifier)["FunctionUrl"]
        for alias, qualifier in (("", {}), (ALIAS, {"Qualifier": ALIAS}))
    }
    assert releases.deploy(1).outputs["function-url"] == urls[ALIAS]  # nothing to do
    assert releases.roll_back("1", run=2000).outputs["function-url"] == urls[ALIAS]
    assert releases.deploy(2, {"alias": ""}).outputs["function-url"] == urls[""]

    releases.aws.deny("lambda:GetFunctionUrlConfig")
    denied = releases.deploy(3)
    assert (denied.exit_code, denied.outputs["function-url"], urls[ALIAS] != urls[""]) == (0, "", True)
    assert "GetFunctionUrlConfig" not in denied.log
