"""Versions stay what they were when they were published, whatever happens to the function."""

import time
from typing import Any

from sandbox.aws import Aws
from tests.integration.strict.strict_aws import ONCE, Registry, refusal, settle


def update(aws: Aws, function: str, image_uri: str, **settings: Any) -> None:  # noqa: ANN401 -- boto3's parameters
    aws.client("lambda").update_function_code(FunctionName=function, ImageUri=image_uri, **settings)
    settle(aws, function)


def publish(aws: Aws, function: str, description: str = "") -> str:
    version = aws.client("lambda").publish_version(FunctionName=function, Description=description)["Version"]
    settle(aws, function, version)
    return str(version)


def test_a_version_keeps_image_architecture_configuration_and_state(
    aws: Aws, registry: Registry, repository: str, function: str
) -> None:
    client, base = aws.client("lambda"), f"{aws.registry}/{repository}"
    assert publish(aws, function, "first") == "1"
    before = client.get_function(FunctionName=function, Qualifier="1")
    update(aws, function, f"{base}@{registry.push(repository, 'v2', 'two')}", Architectures=["arm64"])
    client.update_function_configuration(FunctionName=function, MemorySize=512)
    settle(aws, function)
    aws.set_state(function, "Inactive", ("Idle", "The function has been idle."))
    after = client.get_function(FunctionName=function, Qualifier="1")
    assert (after["Configuration"], after["Code"]) == (before["Configuration"], before["Code"])
    assert (after["Configuration"]["Architectures"], after["Configuration"]["State"]) == (["x86_64"], "Active")
    update(aws, function, f"{base}:v1")
    assert publish(aws, function, "second") == "2"
    versions = aws.snapshot().versions[function]
    assert [versions[number]["Description"] for number in ("1", "2")] == ["first", "second"]
    assert [versions[number]["MemorySize"] for number in ("1", "2")] == [128, 512]


def test_an_update_that_failed_is_no_change_and_a_configuration_is(aws: Aws, repository: str, function: str) -> None:
    publish(aws, function, "first")
    aws.fail_update(function, "InvalidImage", "a test")
    update(aws, function, f"{aws.registry}/{repository}:v1")
    assert publish(aws, function, "again") == "1"
    aws.client("lambda").update_function_configuration(FunctionName=function, Timeout=7)
    settle(aws, function)
    assert publish(aws, function, "second") == "2"
    aws.client("lambda").create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    assert publish(aws, function, "again") == "2"


def test_an_alias_to_an_inactive_version_fails_until_it_is_active_again(aws: Aws, function: str) -> None:
    client = aws.client("lambda", config=ONCE)
    publish(aws, function)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    aws.set_state(function, "Inactive", ("Idle", "The function has been idle."), version="1")
    assert client.get_function_configuration(FunctionName=function)["State"] == "Active"
    assert client.get_function_configuration(FunctionName=function, Qualifier="live")["State"] == "Inactive"
    code, text, status = refusal(client.invoke, FunctionName=function, Qualifier="live")
    assert (code, text.rpartition(" ")[2], status) == ("ResourceConflictException", "Inactive", 409)
    assert settle(aws, function, "live")["State"] == "Active"


def test_an_update_can_be_made_to_take_long(aws: Aws, repository: str, function: str) -> None:
    begun = time.monotonic()
    with aws.settle_within(1.5):
        aws.client("lambda").update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1")
    settle(aws, function)
    assert time.monotonic() - begun > 1.5
    publish(aws, function)
    assert time.monotonic() - begun < 3


def test_an_inactive_function_takes_an_update_and_is_active_then(aws: Aws, repository: str, function: str) -> None:
    aws.set_state(function, "Inactive", ("ImageDeleted", "The image was deleted."))
    updated = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1"
    )
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Inactive", "InProgress")
    settled = settle(aws, function)
    assert (settled["State"], settled["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReasonCode" not in settled
