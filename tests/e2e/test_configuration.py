"""What infrastructure code has set reaches those whom an alias serves, although the image is the same."""

from typing import Any

from tests.e2e.releases import ALIAS, Releases, error, status, until


def _configure(releases: Releases, **settings: Any) -> None:  # noqa: ANN401 # boto3's parameters
    """Change `$LATEST`, as infrastructure code does, and wait until Lambda has done so."""
    client = releases.aws.client("lambda")
    client.update_function_configuration(FunctionName=releases.job.name, **settings)
    client.get_waiter("function_updated_v2").wait(FunctionName=releases.job.name)
    releases.aws.forget_calls()


def _changing(releases: Releases) -> list[str]:
    return [call.action for call in releases.job.changing_calls()]


def test_a_configuration_that_changed_is_released_without_its_values_and_nothing_else(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    _configure(releases, Description="sends orders")
    same = releases.deploy(1)
    assert (status(same), _changing(releases)) == ("unchanged", [])

    _configure(releases, MemorySize=256, Environment={"Variables": {"TOKEN_OF_SHOP": "hunter2-hunter2"}})
    names = "its configuration is not that of version 1: Environment.Variables.TOKEN_OF_SHOP, MemorySize"
    planned = releases.deploy(1, {"mode": "plan"})
    assert (planned.outputs["changed"], _changing(releases)) == ("true", [])
    assert names in planned.log

    failed = releases.deploy(1, {"smoke-event": '{"fail": "on purpose"}'})
    assert (failed.exit_code, status(failed)) == (1, "failed")
    assert "on purpose" in error(failed)
    assert (releases.alias()["FunctionVersion"], [*releases.versions()]) == ("1", ["1"])

    releases.aws.forget_calls()
    with releases.deploying(1, {"traffic": "10% 2s", "max-error-rate": "1%"}) as step:
        until(lambda: "2" in releases.weights())
        name = releases.job.name
        releases.aws.set_metrics(name, qualifier=ALIAS, executed_version="2", invocations=40, errors=40)
        reverted = step.wait()
    assert (reverted.exit_code, status(reverted), releases.alias()["FunctionVersion"]) == (1, "reverted", "1")
    assert _changing(releases) == ["PublishVersion", "UpdateAlias", "UpdateAlias"]

    releases.aws.forget_calls()
    released = releases.deploy(1, {"smoke-event": "{}"})
    assert (released.exit_code, status(released)) == (0, "deployed"), released.log
    assert "UpdateFunctionCode" not in _changing(releases)
    version = releases.versions()["2"]
    assert (releases.alias()["FunctionVersion"], version["MemorySize"]) == ("2", 256)
    assert "previous=1 " in version["Description"]
    assert releases.versions()["1"]["MemorySize"] != version["MemorySize"]
    assert not any("hunter2-hunter2" in text for text in (planned.log, planned.summary, released.log, released.summary))

    releases.aws.forget_calls()
    again = releases.deploy(1)
    assert (status(again), again.outputs["changed"], _changing(releases)) == ("unchanged", "false", [])
    read = [call for call in releases.aws.calls() if call.service == "lambda"]
    assert {call.action for call in read} <= {"GetFunction", "GetAlias", "GetFunctionUrlConfig"}, read

    back = releases.roll_back(run=5001)
    assert (back.exit_code, status(back)) == (0, "rolled-back")
    assert (
        releases.aws.client("lambda").get_function_configuration(FunctionName=releases.job.name, Qualifier=ALIAS)[
            "MemorySize"
        ]
        != 256
    )
