"""Functions on Lambda Managed Instances are invoked by a published version alone; tenants must be named."""

from collections.abc import Callable, Iterator

import pytest

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, ONCE, Registry, create_function, refusal, wait_until_updated

PROVIDER = f"arn:aws:lambda:ap-northeast-2:{ACCOUNT}:capacity-provider:fleet"
CAPACITY = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}}
PUBLISHED = "$LATEST.PUBLISHED"


@pytest.fixture
def managed(aws: Aws, repository: str, build: Callable[[Aws, str, str, str], str], name: str) -> Iterator[str]:
    """A function on managed instances that answers `one`, without any version."""
    image = f"{aws.registry}/{repository}@{build(aws, repository, 'v1', 'one')}"
    create_function(aws, name, image, CapacityProviderConfig=CAPACITY, Timeout=20)
    wait_until_updated(aws, name)
    yield name
    aws.client("lambda").delete_function(FunctionName=name)


def test_an_unqualified_call_runs_what_was_published_last(
    aws: Aws, managed: str, repository: str, build: Callable[[Aws, str, str, str], str]
) -> None:
    client = aws.client("lambda", config=ONCE)
    assert client.get_function_configuration(FunctionName=managed)["State"] == "ActiveNonInvocable"
    assert refusal(client.invoke, FunctionName=managed)[0] == "NoPublishedVersionException"
    code, text, _ = refusal(client.invoke, FunctionName=managed, Qualifier="$LATEST")
    assert (code, text.rpartition(" ")[2]) == ("ResourceConflictException", "ActiveNonInvocable")
    assert refusal(client.get_function, FunctionName=managed, Qualifier=PUBLISHED)[0] == "ResourceNotFoundException"

    first = client.publish_version(FunctionName=managed, PublishTo="LATEST_PUBLISHED")
    assert (first["Version"], first["State"]) == (PUBLISHED, "Pending")
    assert first["FunctionArn"].endswith(f":{managed}:{PUBLISHED}")
    assert wait_until_updated(aws, managed, PUBLISHED)["State"] == "Active"
    assert b"one" in client.invoke(FunctionName=managed, Payload=b"{}")["Payload"].read()
    assert client.publish_version(FunctionName=managed, Description="a")["Version"] == "1"

    second = build(aws, repository, "v2", "two")
    client.update_function_code(FunctionName=managed, ImageUri=f"{aws.registry}/{repository}@{second}")
    assert wait_until_updated(aws, managed)["State"] == "ActiveNonInvocable"
    assert b"one" in client.invoke(FunctionName=managed, Payload=b"{}")["Payload"].read()
    client.publish_version(FunctionName=managed, PublishTo="LATEST_PUBLISHED")
    wait_until_updated(aws, managed, PUBLISHED)
    assert b"two" in client.invoke(FunctionName=managed, Payload=b"{}")["Payload"].read()
    assert client.get_function(FunctionName=managed, Qualifier=PUBLISHED)["Code"]["ResolvedImageUri"].endswith(second)

    versions = client.list_versions_by_function(FunctionName=managed)["Versions"]
    assert [version["Version"] for version in versions] == ["$LATEST", "1", PUBLISHED]
    assert list(aws.snapshot().versions[managed]) == ["1", PUBLISHED]


def test_a_capacity_provider_has_so_many_versions(aws: Aws, managed: str) -> None:
    client = aws.client("lambda", config=ONCE)
    client.publish_version(FunctionName=managed)
    with aws.versions_limited_to(1):
        code, text, status = refusal(client.publish_version, FunctionName=managed, PublishTo="LATEST_PUBLISHED")
    assert (code, status) == ("FunctionVersionsPerCapacityProviderLimitExceededException", 400)
    assert PROVIDER in text
    assert client.publish_version(FunctionName=managed, PublishTo="LATEST_PUBLISHED")["Version"] == PUBLISHED


def test_only_a_function_with_a_capacity_provider_has_that_version(aws: Aws, function: str) -> None:
    code, _, _ = refusal(aws.client("lambda").publish_version, FunctionName=function, PublishTo="LATEST_PUBLISHED")
    assert code == "InvalidParameterValueException"


def test_a_function_that_isolates_tenants_wants_to_know_which(
    aws: Aws, registry: Registry, repository: str, name: str
) -> None:
    client = aws.client("lambda", config=ONCE)
    registry.push(repository, "v1", name)
    tenancy = {"TenantIsolationMode": "PER_TENANT"}
    create_function(aws, name, f"{aws.registry}/{repository}:v1", TenancyConfig=tenancy)
    assert wait_until_updated(aws, name)["TenancyConfig"] == tenancy
    code, text, _ = refusal(client.invoke, FunctionName=name)
    assert (code, "tenant ID" in text) == ("InvalidParameterValueException", True)
    assert client.invoke(FunctionName=name, InvocationType="DryRun", TenantId="blue")["StatusCode"] == 204
