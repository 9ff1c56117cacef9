"""Creations and updates take their time, may fail late, and resolve a tag once."""

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ONCE, Registry, create_function, refusal, wait_until_updated


def test_a_new_function_is_pending_and_then_active(aws: Aws, registry: Registry, repository: str, name: str) -> None:
    digest = registry.push(repository, "v1", "one")
    image_uri = f"{aws.registry}/{repository}:v1"
    created = create_function(aws, name, image_uri)
    assert (created["State"], created["CodeSha256"], created["Architectures"]) == ("Pending", digest[7:], ["x86_64"])
    assert (created["StateReasonCode"], created["StateReason"]) == ("Creating", "The function is being created.")
    conflict = "The operation cannot be performed at this time. The function is currently in the following state: "
    invoke = aws.client("lambda", config=ONCE).invoke
    assert refusal(invoke, FunctionName=name) == ("ResourceConflictException", conflict + "Pending", 409)
    after = wait_until_updated(aws, name)
    assert after["State"] == "Active"
    assert "StateReasonCode" not in after
    assert after["RevisionId"] != created["RevisionId"]
    code = aws.client("lambda").get_function(FunctionName=name)["Code"]
    assert code["ImageUri"] == image_uri
    assert code["ResolvedImageUri"] == f"{aws.registry}/{repository}@{digest}"


def test_a_tag_is_resolved_once(aws: Aws, registry: Registry, repository: str, function: str) -> None:
    before = aws.snapshot()
    new = registry.push(repository, "v1", "pushed again")
    assert aws.snapshot() == before
    updated = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1", Architectures=["arm64"]
    )
    assert (updated["LastUpdateStatus"], updated["State"]) == ("InProgress", "Active")
    assert updated["CodeSha256"] == new[7:]
    reason = (updated["LastUpdateStatusReasonCode"], updated["LastUpdateStatusReason"])
    assert reason == ("Creating", "The function is being created.")
    after = wait_until_updated(aws, function)
    assert (after["LastUpdateStatus"], after["Architectures"]) == ("Successful", ["arm64"])
    assert "LastUpdateStatusReasonCode" not in after
    assert after["RevisionId"] != updated["RevisionId"]
    assert aws.snapshot() != before
    omitted = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}@{new}"
    )
    assert omitted["Architectures"] == ["x86_64"]
    wait_until_updated(aws, function)


def test_an_update_can_be_made_to_fail_once(aws: Aws, registry: Registry, repository: str, function: str) -> None:
    image_uri, before = f"{aws.registry}/{repository}@{registry.push(repository, 'v2', 'two')}", aws.snapshot()
    aws.fail_update(function, "ImageAccessDenied", "Lambda may not pull it")
    aws.client("lambda").update_function_code(FunctionName=function, ImageUri=image_uri)
    after = wait_until_updated(aws, function)
    reason = (after["LastUpdateStatusReasonCode"], after["LastUpdateStatusReason"])
    assert (after["LastUpdateStatus"], reason) == ("Failed", ("ImageAccessDenied", "Lambda may not pull it"))
    assert aws.snapshot() == before
    aws.client("lambda").update_function_code(FunctionName=function, ImageUri=image_uri)
    assert wait_until_updated(aws, function)["LastUpdateStatus"] == "Successful"


def test_a_deleted_function_is_gone(aws: Aws, repository: str, function: str) -> None:
    aws.client("lambda").publish_version(FunctionName=function)
    aws.client("lambda").delete_function(FunctionName=function)
    assert function not in aws.snapshot().functions
    assert refusal(aws.client("lambda").get_function, FunctionName=function)[0] == "ResourceNotFoundException"
    create_function(aws, function, f"{aws.registry}/{repository}:v1")
    wait_until_updated(aws, function)
    assert aws.client("lambda").publish_version(FunctionName=function)["Version"] == "1"


def test_a_function_whose_creation_failed_can_only_be_deleted(
    aws: Aws, registry: Registry, repository: str, name: str
) -> None:
    registry.push(repository, "v1", "one")
    client, image_uri = aws.client("lambda", config=ONCE), f"{aws.registry}/{repository}:v1"
    aws.fail_update(name, "InvalidImage", "a test")
    create_function(aws, name, image_uri)
    assert wait_until_updated(aws, name)["State"] == "Failed"
    conflict = (
        "The operation cannot be performed at this time. The function is currently in the following state: Failed"
    )
    for call, parameters in ((client.update_function_code, {"ImageUri": image_uri}), (client.publish_version, {})):
        assert refusal(call, FunctionName=name, **parameters) == ("ResourceConflictException", conflict, 409)
    client.delete_function(FunctionName=name)
    create_function(aws, name, image_uri)
    assert wait_until_updated(aws, name)["State"] == "Active"


def test_a_dry_run_changes_nothing(aws: Aws, registry: Registry, repository: str, function: str) -> None:
    digest, before = registry.push(repository, "v2", "two"), aws.snapshot()
    client = aws.client("lambda")
    revision = client.get_function_configuration(FunctionName=function)["RevisionId"]
    answer = client.update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v2", DryRun=True)
    assert answer["CodeSha256"] == digest[7:]
    config = client.get_function_configuration(FunctionName=function)
    assert (config["RevisionId"], config["LastUpdateStatus"]) == (revision, "Successful")
    assert aws.snapshot() == before


def test_an_inactive_function_takes_an_update_and_is_active_then(aws: Aws, repository: str, function: str) -> None:
    aws.set_state(function, "Inactive", ("ImageDeleted", "The image was deleted."))
    updated = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1"
    )
    assert (updated["State"], updated["LastUpdateStatus"]) == ("Inactive", "InProgress")
    after = wait_until_updated(aws, function)
    assert (after["State"], after["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReasonCode" not in after
