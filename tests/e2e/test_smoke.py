"""A version exists only for what passed its smoke test, and no traffic reaches anything else."""

import json

import pytest

from tests.e2e.releases import Releases, error, status


def test_what_passes_is_published_and_served_by_the_alias(releases: Releases) -> None:
    (releases.job.workspace / "event.json").write_text('{"name": "a file"}')
    expect = '{"message": "greeting 1, world", "state": {"is_ready": true}}'
    result = releases.deploy(1, {"smoke-event": "event.json", "smoke-expect": expect})

    assert result.exit_code == 0, result.log
    assert "asked for" not in error(result)
    assert releases.alias()["FunctionVersion"] == result.outputs["function-version"] == "1"
    assert result.outputs["alias-arn"].endswith(f":{releases.job.name}:live")
    assert result.outputs["function-arn"].endswith(f":{releases.job.name}:1")
    assert result.outputs["image-uri"] == releases.served() == releases.latest() == releases.images[1]
    assert "greeting 1" in releases.answer()

    again = releases.deploy(1, {"smoke-event": "event.json", "smoke-expect": expect})
    assert (status(again), again.outputs["changed"]) == ("unchanged", "false")
    assert again.outputs["function-version"] == "1"


_FAILURES = {
    "an error": ({"fail": "on purpose"}, {}, "ValueError: on purpose"),
    "another answer": ({}, {"state": {"is_ready": False}}, "$.state.is_ready is true; expected false"),
    "an answer that lacks something": ({}, {"state": {"age": 1}}, "$.state.age is missing; expected 1"),
    "a timeout": ({"seconds": 5}, {}, "Task timed out after 1.00 seconds"),
}


@pytest.mark.parametrize("with_alias", [True, False])
@pytest.mark.parametrize(("event", "expect", "reason"), _FAILURES.values(), ids=_FAILURES)
def test_what_fails_is_taken_back(
    releases: Releases, event: dict[str, object], expect: dict[str, object], reason: str, with_alias: bool
) -> None:
    if "timed out" in reason:
        client = releases.aws.client("lambda")
        client.update_function_configuration(FunctionName=releases.job.name, Timeout=1)
        client.get_waiter("function_updated_v2").wait(FunctionName=releases.job.name, WaiterConfig={"Delay": 0.05})
    if with_alias:
        assert releases.deploy(1).exit_code == 0
    before = releases.aws.snapshot()

    inputs = {"smoke-event": json.dumps(event), "smoke-expect": json.dumps(expect)}
    result = releases.deploy(2, inputs if with_alias else {**inputs, "alias": ""})

    assert (result.exit_code, status(result)) == (1, "reverted")
    for text in (error(result), result.summary):
        assert reason in text
        assert "asked for" in text  # the function's own log
    assert ("`live` never served the new code." in result.summary) is with_alias
    assert releases.aws.snapshot() == before
    assert result.outputs["changed"] == "false"
    assert result.outputs["image-uri"] == releases.images[1 if with_alias else 0]


def test_without_an_alias_the_log_says_that_the_new_code_serves_already(releases: Releases) -> None:
    result = releases.deploy(1, {"alias": "", "smoke-event": "{}"})
    assert result.exit_code == 0
    assert "serves already" in result.log


def test_what_may_not_be_invoked_is_found_before_anything_changes(releases: Releases) -> None:
    before = releases.aws.snapshot()
    releases.aws.deny("lambda:InvokeFunction")
    result = releases.deploy(1, {"smoke-event": "{}"})
    assert result.exit_code == 1
    assert "not authorized to perform: lambda:InvokeFunction" in error(result)
    assert releases.aws.snapshot() == before
    assert releases.job.changing_calls() == []


def test_with_on_failure_keep_the_code_stays_and_no_version_is_published(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    result = releases.deploy(2, {"smoke-event": '{"fail": "on purpose"}', "on-failure": "keep"})
    assert (result.exit_code, status(result)) == (1, "failed")
    assert releases.latest() == releases.images[2]
    assert releases.served() == releases.images[1] == result.outputs["image-uri"]
    assert list(releases.versions()) == ["1"]


_REASONS = {
    "ImageAccessDenied": "Lambda does not have permission to access the ECR image.",
    "InvalidImage": "UnsupportedImageLayerDetected - Layer Digest sha256:0",
    "FunctionError.InitTimeout": "The function timed out while it was loaded.",
}


@pytest.mark.parametrize(("code", "text"), _REASONS.items())
def test_an_update_that_lambda_gives_up_is_told_and_taken_back(releases: Releases, code: str, text: str) -> None:
    assert releases.deploy(1).exit_code == 0
    before = releases.aws.snapshot()
    releases.aws.fail_update(releases.job.name, code, text)

    result = releases.deploy(2)

    assert (result.exit_code, status(result)) == (1, "reverted")
    assert f"LastUpdateStatus Failed ({code}: {text})" in error(result)
    assert releases.aws.snapshot() == before
    configuration = releases.aws.client("lambda").get_function(FunctionName=releases.job.name)["Configuration"]
    assert configuration["LastUpdateStatus"] == "Successful"
