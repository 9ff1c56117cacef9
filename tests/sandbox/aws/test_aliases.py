"""Aliases: what an update changes, what it leaves, and what is refused."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, ONCE, Registry, refusal, wait_until_updated


@pytest.fixture
def versions(aws: Aws, registry: Registry, repository: str, function: str) -> tuple[str, str]:
    """The digests of versions 1 and 2 of the function, which has an alias `live` to version 1."""
    client = aws.client("lambda")
    digests = []
    for number in ("1", "2"):
        digests.append(registry.push(repository, f"v{number}", number))
        client.update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}@{digests[-1]}")
        wait_until_updated(aws, function)
        client.publish_version(FunctionName=function, Description=f"version {number}")
        wait_until_updated(aws, function, number)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1", Description="release")
    return digests[0], digests[1]


def arn(aws: Aws, function: str, qualifier: str = "live") -> str:
    return f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{function}:{qualifier}"


@pytest.mark.usefixtures("versions")
def test_an_update_keeps_what_it_does_not_name(aws: Aws, function: str) -> None:
    client, weights = aws.client("lambda"), {"AdditionalVersionWeights": {"2": 0.1}}

    def update(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 -- boto3's parameters
        before = client.get_alias(FunctionName=function, Name="live")["RevisionId"]
        after = client.update_alias(FunctionName=function, Name="live", **changes)
        assert after["RevisionId"] != before
        return aws.snapshot().aliases[function]["live"]

    canary = {"FunctionVersion": "1", "Description": "release", "RoutingConfig": weights}
    assert update(RoutingConfig=weights) == canary
    assert update(Description="canary") == canary | {"Description": "canary"}
    assert update(RoutingConfig={"AdditionalVersionWeights": {}}) == {"FunctionVersion": "1", "Description": "canary"}
    assert update(RoutingConfig=weights) == canary | {"Description": "canary"}
    assert update(FunctionVersion="2", RoutingConfig={}) == {"FunctionVersion": "2", "Description": "canary"}


@pytest.mark.usefixtures("versions")
def test_an_alias_that_exists_or_does_not_is_told_by_its_arn(aws: Aws, function: str) -> None:
    client = aws.client("lambda", config=ONCE)
    refused = refusal(client.create_alias, FunctionName=function, Name="live", FunctionVersion="2")
    assert refused == ("ResourceConflictException", f"Alias already exists: {arn(aws, function)}", 409)
    for call in (client.get_alias, client.update_alias):
        code, text, status = refusal(call, FunctionName=function, Name="missing")
        assert (code, status) == ("ResourceNotFoundException", 404)
        assert arn(aws, function, "missing") in text
    code, text, _ = refusal(client.invoke, FunctionName=function, Qualifier="missing")
    assert (code, text) == ("ResourceNotFoundException", f"Function not found: {arn(aws, function, 'missing')}")


@pytest.mark.usefixtures("versions")
def test_of_two_updates_from_one_revision_one_is_refused(aws: Aws, function: str) -> None:
    revision = aws.client("lambda").get_alias(FunctionName=function, Name="live")["RevisionId"]

    def update(client: Any) -> int:  # noqa: ANN401 -- boto3's client
        try:
            client.update_alias(FunctionName=function, Name="live", FunctionVersion="2", RevisionId=revision)
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    clients = [aws.client("lambda", config=ONCE) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(update, clients)) == [200, 412, 412, 412]


@pytest.mark.usefixtures("versions")
def test_weights_are_shares(aws: Aws, function: str) -> None:
    client, before = aws.client("lambda"), aws.snapshot()
    weights = {"AdditionalVersionWeights": {"2": 1.5}}
    for call, alias in (
        (client.update_alias, {"Name": "live"}),
        (client.create_alias, {"Name": "n", "FunctionVersion": "1"}),
    ):
        code, text, status = refusal(call, FunctionName=function, RoutingConfig=weights, **alias)
        assert (code, status) == ("ValidationException", 400)
        assert "'{2=1.5}' at 'routingConfig.additionalVersionWeights'" in text
    assert aws.snapshot() == before


@pytest.mark.usefixtures("versions")
def test_traffic_is_split_between_versions_of_one_role_and_dead_letter_queue(aws: Aws, function: str) -> None:
    client, weights = aws.client("lambda"), {"AdditionalVersionWeights": {"3": 0.1}}
    queue = f"arn:aws:sqs:{aws.region}:{ACCOUNT}:dead"
    client.update_function_configuration(FunctionName=function, DeadLetterConfig={"TargetArn": queue})
    wait_until_updated(aws, function)
    client.publish_version(FunctionName=function)
    before = aws.snapshot()
    for call, alias in (
        (client.update_alias, {"Name": "live"}),
        (client.create_alias, {"Name": "n", "FunctionVersion": "1"}),
    ):
        code, _, status = refusal(call, FunctionName=function, RoutingConfig=weights, **alias)
        assert (code, status) == ("InvalidParameterValueException", 400)
    assert aws.snapshot() == before
    client.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})


def test_a_function_is_shown_through_an_alias_as_the_version_is(
    aws: Aws, function: str, versions: tuple[str, str]
) -> None:
    client = aws.client("lambda")
    client.update_alias(FunctionName=function, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    shown = client.get_function(FunctionName=function, Qualifier="live")
    config = shown["Configuration"]
    assert (config["Version"], config["Description"], config["State"]) == ("1", "version 1", "Active")
    assert config["CodeSha256"] == versions[0][7:]
    assert shown["Code"]["ResolvedImageUri"].endswith(versions[0])
    assert client.get_function_configuration(FunctionName=function, Qualifier="live") | {
        "ResponseMetadata": 0
    } == config | {"ResponseMetadata": 0}
    assert refusal(client.get_function, FunctionName=function, Qualifier="missing")[0] == "ResourceNotFoundException"


@pytest.mark.usefixtures("versions")
def test_provisioned_concurrency_follows_an_alias_in_its_own_time(aws: Aws, function: str) -> None:
    client, live = aws.client("lambda"), {"FunctionName": function, "Qualifier": "live"}
    client.put_provisioned_concurrency_config(**live, ProvisionedConcurrentExecutions=2)
    with aws.updates_taking(1):
        updated = client.update_alias(FunctionName=function, Name="live", FunctionVersion="2")
    transition = {"AdditionalVersionWeights": {"1": 1.0}}
    assert "RoutingConfig" not in updated
    for shown in (
        client.get_alias(FunctionName=function, Name="live"),
        client.list_aliases(FunctionName=function)["Aliases"][0],
    ):
        assert (shown["FunctionVersion"], shown["RoutingConfig"]) == ("2", transition)
    config = client.get_provisioned_concurrency_config(**live)
    assert (config["Status"], config["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 0)
    _, text, _ = refusal(client.put_provisioned_concurrency_config, **live, ProvisionedConcurrentExecutions=3)
    assert text == "Alias with weights can not be used with Provisioned Concurrency"
    time.sleep(1.2)
    config = client.get_provisioned_concurrency_config(**live)
    assert (config["Status"], config["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    assert "RoutingConfig" not in client.get_alias(FunctionName=function, Name="live")
    assert client.get_alias(FunctionName=function, Name="live")["RevisionId"] != updated["RevisionId"]
    without = client.create_alias(FunctionName=function, Name="next", FunctionVersion="1")
    moved = client.update_alias(FunctionName=function, Name="next", FunctionVersion="2")
    assert (without.get("RoutingConfig"), moved.get("RoutingConfig")) == (None, None)


@pytest.mark.usefixtures("versions")
def test_provisioned_concurrency_may_fail_to_follow(aws: Aws, function: str) -> None:
    client, live = aws.client("lambda"), {"FunctionName": function, "Qualifier": "live"}
    client.put_provisioned_concurrency_config(**live, ProvisionedConcurrentExecutions=2)
    aws.fail_provisioned_concurrency(function, "FUNCTION_ERROR_INIT_FAILURE")
    client.update_alias(FunctionName=function, Name="live", FunctionVersion="2")
    time.sleep(0.4)
    config = client.get_provisioned_concurrency_config(**live)
    assert (config["Status"], config["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    shown = client.get_alias(FunctionName=function, Name="live")
    assert (shown["FunctionVersion"], shown["RoutingConfig"]) == ("2", {"AdditionalVersionWeights": {"1": 1.0}})
    client.update_alias(FunctionName=function, Name="live", FunctionVersion="1")
    assert client.get_provisioned_concurrency_config(**live)["Status"] == "READY"  # version 1 has had it all the time
    assert "RoutingConfig" not in client.get_alias(FunctionName=function, Name="live")


def test_an_alias_points_to_versions_that_exist(aws: Aws, function: str) -> None:
    client = aws.client("lambda")
    arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{function}"
    missing = ("ResourceNotFoundException", f"Function not found: {arn}:7", 404)
    assert refusal(client.create_alias, FunctionName=function, Name="live", FunctionVersion="7") == missing
    client.publish_version(FunctionName=function)
    created = client.create_alias(FunctionName=function, Name="live", FunctionVersion="1", Description="release")
    assert aws.snapshot().aliases[function] == {"live": {"FunctionVersion": "1", "Description": "release"}}
    weights = {"AdditionalVersionWeights": {"7": 0.1}}
    assert refusal(client.update_alias, FunctionName=function, Name="live", RoutingConfig=weights) == missing
    stale = refusal(client.update_alias, FunctionName=function, Name="live", FunctionVersion="1", RevisionId="stale")
    assert stale[::2] == ("PreconditionFailedException", 412)
    assert stale[1].startswith("The Revision Id provided does not match the latest Revision Id. Call the GetFunction")
    assert client.get_alias(FunctionName=function, Name="live")["RevisionId"] == created["RevisionId"]
