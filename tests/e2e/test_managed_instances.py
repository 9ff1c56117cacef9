"""A function on Lambda Managed Instances is tested by a version; without an alias, calls run `$LATEST.PUBLISHED`."""

import json
from pathlib import Path

import pytest

from tests.e2e.jobs import Job
from tests.e2e.releases import Releases, error, notices, releases_of, status

_PROVIDER = "arn:aws:lambda:ap-northeast-2:123456789012:capacity-provider:fleet"
_CAPACITY = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": _PROVIDER}}
_PUBLISHED = "$LATEST.PUBLISHED"
_PASSES = {"alias": "", "smoke-event": "{}", "smoke-expect": '{"state": {"is_ready": true}}'}


@pytest.fixture
def managed(bare_job: Job, release_images: tuple[str, ...], tmp_path: Path) -> Releases:
    """A function on managed instances that runs the first image, and of which nothing is published."""
    return releases_of(bare_job, release_images, tmp_path / "empty", {"CapacityProviderConfig": _CAPACITY})


def _answer(managed: Releases) -> str:
    """Return the answer to a call without a qualifier."""
    answer = managed.aws.client("lambda").invoke(FunctionName=managed.job.name, Payload=b"{}")
    return str(json.loads(answer["Payload"].read())["message"])


def test_calls_run_what_passed_its_test_and_go_back(managed: Releases) -> None:
    first = managed.deploy(1, _PASSES)
    assert (first.exit_code, status(first), first.outputs["function-version"]) == (0, "deployed", "1"), first.log
    assert "serves already" not in first.log
    assert _answer(managed) == "greeting 1, world"
    again = managed.deploy(1, _PASSES)
    assert (status(again), again.outputs["changed"], managed.job.name in again.log) == ("unchanged", "false", True)

    client = managed.aws.client("lambda")
    client.update_function_configuration(FunctionName=managed.job.name, MemorySize=256)
    client.get_waiter("function_updated_v2").wait(FunctionName=managed.job.name)
    configured = managed.deploy(1, _PASSES)
    assert (status(configured), configured.outputs["changed"]) == ("deployed", "true")
    served = client.get_function_configuration(FunctionName=managed.job.name, Qualifier=_PUBLISHED)
    assert served["MemorySize"] == 256

    failed = managed.deploy(2, _PASSES | {"smoke-event": '{"fail": "on purpose"}'})
    assert (failed.exit_code, status(failed)) == (1, "reverted")
    assert failed.outputs["image-uri"] == managed.latest() == managed.images[1]
    assert _answer(managed) == "greeting 1, world"

    second = managed.deploy(3, _PASSES)
    assert (second.exit_code, second.outputs["previous-version"]) == (0, "2")
    assert _answer(managed) == "greeting 3, world"
    back = managed.roll_back(run=2000, inputs={"alias": ""})
    assert (back.exit_code, status(back)) == (0, "rolled-back"), back.log
    assert back.outputs["image-uri"] == managed.images[1]
    assert _answer(managed) == "greeting 1, world"


def test_an_alias_moves_to_the_tested_version_if_there_is_room_for_it(managed: Releases) -> None:
    result = managed.deploy(1, _PASSES | {"alias": "live"})
    assert (result.exit_code, managed.served()) == (0, managed.images[1]), result.log
    assert "greeting 1" in managed.answer()
    assert list(managed.versions()) == ["1"]

    assert managed.deploy(2).exit_code == 0
    assert managed.deploy(3).exit_code == 0
    before = managed.aws.snapshot()
    with managed.aws.versions_limited_to(3):
        full = managed.deploy(4)
    assert (full.exit_code, status(full)) == (1, "reverted")
    assert "FunctionVersionsPerCapacityProviderLimitExceededException" in error(full)
    delete = f"aws lambda delete-function --region {managed.aws.region} --function-name {managed.job.name} --qualifier"
    assert f"{delete} 1" in error(full)
    assert f"{delete} 2" not in error(full)
    assert managed.aws.snapshot() == before


def test_tenants_and_durable_executions_are_thought_of_first(
    bare_job: Job, release_images: tuple[str, ...], tmp_path: Path
) -> None:
    settings = {
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
        "DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 1},
    }
    releases = releases_of(bare_job, release_images, tmp_path / "empty", settings)
    refused = releases.deploy(1, {"alias": "", "smoke-event": "{}"})
    assert refused.exit_code == 1
    assert "isolates tenants (TenancyConfig PER_TENANT)" in error(refused)
    assert releases.job.changing_calls() == []

    result = releases.deploy(1, {"alias": ""})
    assert (result.exit_code, status(result)) == (0, "deployed")
    assert "is a durable function" in notices(result, "warning")
