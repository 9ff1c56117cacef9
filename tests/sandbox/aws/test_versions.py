"""A version is published only of something new, and stays what it was then."""

import time
from typing import Any

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ONCE, Registry, refusal, wait_until_updated


def update(aws: Aws, function: str, image_uri: str, **settings: Any) -> None:  # noqa: ANN401 -- boto3's parameters
    aws.client("lambda").update_function_code(FunctionName=function, ImageUri=image_uri, **settings)
    wait_until_updated(aws, function)


def publish(aws: Aws, function: str, description: str = "") -> str:
    version = aws.client("lambda").publish_version(FunctionName=function, Description=description)["Version"]
    wait_until_updated(aws, function, version)
    return str(version)


def test_a_version_keeps_image_architecture_configuration_and_state(
    aws: Aws, registry: Registry, repository: str, function: str
) -> None:
    client, base = aws.client("lambda"), f"{aws.registry}/{repository}"
    assert publish(aws, function, "first") == "1"
    before = client.get_function(FunctionName=function, Qualifier="1")
    update(aws, function, f"{base}@{registry.push(repository, 'v2', 'two')}", Architectures=["arm64"])
    client.update_function_configuration(FunctionName=function, MemorySize=512)
    wait_until_updated(aws, function)
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
    wait_until_updated(aws, function)
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
    assert wait_until_updated(aws, function, "live")["State"] == "Active"


def test_an_update_can_be_made_to_take_long(aws: Aws, repository: str, function: str) -> None:
    begun = time.monotonic()
    with aws.updates_taking(1.5):
        aws.client("lambda").update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1")
    wait_until_updated(aws, function)
    assert time.monotonic() - begun > 1.5
    publish(aws, function)
    assert time.monotonic() - begun < 3


def test_a_version_is_published_only_of_something_new(aws: Aws, repository: str, function: str) -> None:
    client = aws.client("lambda")
    first = client.publish_version(FunctionName=function, Description="first")
    assert (first["Version"], first["State"]) == ("1", "Active")
    revision = client.get_function_configuration(FunctionName=function)["RevisionId"]
    again = client.publish_version(FunctionName=function, Description="again")
    assert (again["Version"], again["Description"]) == ("1", "first")
    assert client.get_function_configuration(FunctionName=function)["RevisionId"] == revision
    client.update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1")
    wait_until_updated(aws, function)
    second = client.publish_version(FunctionName=function, Description="second")
    assert (second["Version"], second["CodeSha256"]) == ("2", first["CodeSha256"])
    versions = client.list_versions_by_function(FunctionName=function)["Versions"]
    assert [(version["Version"], version["Description"]) for version in versions[1:]] == [
        ("1", "first"),
        ("2", "second"),
    ]


def test_a_new_version_changes_the_revision_of_the_latest_code(aws: Aws, function: str) -> None:
    client = aws.client("lambda")
    revision = client.get_function_configuration(FunctionName=function)["RevisionId"]
    client.publish_version(FunctionName=function, RevisionId=revision)
    assert client.get_function_configuration(FunctionName=function)["RevisionId"] != revision
    refused = refusal(client.publish_version, FunctionName=function, RevisionId=revision)
    assert refused[0] == "PreconditionFailedException"


def test_a_version_that_is_pending_at_first_keeps_its_revision(aws: Aws, repository: str, function: str) -> None:
    client, uri = aws.client("lambda"), f"{aws.registry}/{repository}:v1"
    client.update_function_code(FunctionName=function, ImageUri=uri, Publish=True)
    for number in ("1", "2"):
        pending = client.get_function_configuration(FunctionName=function, Qualifier=number)
        assert (pending["State"], pending["StateReasonCode"]) == ("Pending", "Creating")
        active = wait_until_updated(aws, function, number)
        assert (active["State"], active["RevisionId"]) == ("Active", pending["RevisionId"])
        assert "StateReasonCode" not in active
        if number == "1":
            wait_until_updated(aws, function)
            client.update_function_configuration(FunctionName=function, SnapStart={"ApplyOn": "PublishedVersions"})
            wait_until_updated(aws, function)
            assert client.publish_version(FunctionName=function)["State"] == "Pending"


def test_publishing_checks_the_code_and_the_description(aws: Aws, function: str) -> None:
    client = aws.client("lambda")
    current = client.get_function_configuration(FunctionName=function)["CodeSha256"]
    assert refusal(client.publish_version, FunctionName=function, CodeSha256="0" * 64)[:2] == (
        "InvalidParameterValueException",
        (
            f"CodeSHA256 ({'0' * 64}) is different from current CodeSHA256 in $LATEST ({current}). Please try again "
            "with the CodeSHA256 in $LATEST."
        ),
    )
    code, text, _ = refusal(client.publish_version, FunctionName=function, Description="d" * 257)
    assert code == "ValidationException"
    assert text.endswith("Member must have length less than or equal to 256")
    published = client.publish_version(FunctionName=function, CodeSha256=current, Description="d" * 256)
    assert published["Version"] == "1"
