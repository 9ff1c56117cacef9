"""Lambda functions against moto; and, for answers that moto never gives, against botocore's own stubs.

moto is known to be wrong in this: it gives `ResolvedImageUri` as `…@sha256@sha256:…` where the function was given a
digest, ignores `RevisionId`, `CodeSha256` and `Architectures`, and has no update in progress.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from ecr_lambda_deploy.aws.functions import LambdaFunctions
from ecr_lambda_deploy.model.errors import (
    DeployError,
    InProgressError,
    MissingFunctionError,
    RevisionError,
    VersionLimitError,
)
from ecr_lambda_deploy.model.functions import PublishedVersion, Status
from ecr_lambda_deploy.model.images import ImageReference
from tests.integration.aws_in_memory import ACCOUNT, REGION, REGISTRY, Traffic, aws_of, client, recorded_aws

_NEW = ImageReference(registry=REGISTRY, repository="orders", digest=f"sha256:{64 * 'b'}")
_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders-api"


def _publish(functions: LambdaFunctions, description: str = "") -> str:
    """Publish `$LATEST` as it is, and return the number."""
    latest = functions.read("orders-api")
    published = functions.publish_version(
        "orders-api", code_sha256=latest.code_sha256, revision_id=latest.revision_id, description=description
    )
    assert (published.code_sha256, published.description) == (latest.code_sha256, description)
    return published.version


def _update(functions: LambdaFunctions, image: ImageReference = _NEW, revision_id: str = "seen") -> None:
    functions.update_code("orders-api", image, "arm64", revision_id=revision_id)


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    with recorded_aws(monkeypatch) as traffic:
        yield traffic


@pytest.fixture
def functions(traffic: Traffic) -> LambdaFunctions:
    return LambdaFunctions(aws_of(traffic))


@pytest.fixture
def lambda_client(traffic: Traffic) -> Any:  # noqa: ANN401 # boto3's clients are made at run time
    """An owner's client, after the function orders-api was created from a tag."""
    assert traffic.events == []
    role = client("iam").create_role(RoleName="execution", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    owner = client("lambda")
    owner.create_function(
        FunctionName="orders-api",
        Role=role,
        PackageType="Image",
        Code={"ImageUri": f"{REGISTRY}/orders:v1"},
        Architectures=["arm64"],
    )
    return owner


@pytest.fixture
def stubbed(traffic: Traffic) -> Iterator[tuple[LambdaFunctions, Stubber]]:
    aws = aws_of(traffic)
    with Stubber(aws.functions()) as stubber:
        yield LambdaFunctions(aws), stubber
        stubber.assert_no_pending_responses()


@pytest.mark.parametrize("name", ["orders-api", _ARN])
def test_a_function_is_read_by_name_or_arn(functions: LambdaFunctions, lambda_client: Any, name: str) -> None:  # noqa: ANN401
    configuration = lambda_client.get_function(FunctionName="orders-api")["Configuration"]
    state = functions.read(name)

    assert (state.name, state.arn, state.package_type, state.architecture) == ("orders-api", _ARN, "Image", "arm64")
    assert (state.state, state.update) == (Status(value="Active"), Status(value="Successful"))
    assert state.code_sha256 == configuration["CodeSha256"]
    assert not state.is_busy
    assert state.image is not None
    assert state.image.repository_uri == f"{REGISTRY}/orders"


@pytest.mark.usefixtures("lambda_client")
def test_a_version_is_read_by_its_qualifier(functions: LambdaFunctions) -> None:
    version = _publish(functions, "commit=c0ffee")
    state = functions.read("orders-api", version)

    assert (state.arn, state.version, state.description) == (_ARN, version, "commit=c0ffee")
    assert functions.read("orders-api").version == "$LATEST"


@pytest.mark.usefixtures("lambda_client")
def test_a_version_that_is_not_there_is_named(functions: LambdaFunctions) -> None:
    with pytest.raises(MissingFunctionError, match="There is no version 7 of the Lambda function orders-api"):
        functions.read("orders-api", "7")


@pytest.mark.usefixtures("traffic")
def test_a_function_that_is_not_there_is_named_with_the_region(functions: LambdaFunctions) -> None:
    with pytest.raises(MissingFunctionError, match=f"There is no Lambda function orders-api in {REGION}") as caught:
        functions.read("orders-api")

    assert "'function-name'" in caught.value.hint


@pytest.mark.usefixtures("lambda_client")
def test_versions_are_listed_with_their_code_and_description_the_newest_last(functions: LambdaFunctions) -> None:
    assert functions.versions("orders-api") == ()

    published = []
    for number in range(11):
        _update(functions, ImageReference(registry=REGISTRY, repository="orders", digest=f"sha256:{number:064x}"))
        version = _publish(functions, f"release {number}")
        sha256 = functions.read("orders-api").code_sha256
        published.append(PublishedVersion(number=version, code_sha256=sha256, description=f"release {number}"))

    assert [version.number for version in published] == [str(number) for number in range(1, 12)]
    listed = functions.versions("orders-api")
    assert all(version.modified for version in listed)
    assert tuple(replace(version, modified="") for version in listed) == tuple(published)


def test_a_function_that_is_not_there_has_no_versions(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    stubber.add_client_error("list_versions_by_function", "ResourceNotFoundException", f"Function not found: {_ARN}")

    with pytest.raises(MissingFunctionError, match="Function not found"):
        functions.versions("orders-api")


def test_versions_are_read_to_the_last_page(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    pages = [["$LATEST", "1", "9"], ["10", "2"]]
    for number, page in enumerate(pages):
        marker = {"NextMarker": "more"} if number == 0 else {}
        versions = [{"Version": version, "CodeSha256": f"of {version}"} for version in page]
        asked = {"FunctionName": "orders-api"} | ({"Marker": "more"} if number else {})
        stubber.add_response("list_versions_by_function", {"Versions": versions, **marker}, asked)

    assert functions.versions("orders-api") == tuple(
        PublishedVersion(number=number, code_sha256=f"of {number}") for number in ("1", "2", "9", "10")
    )


def test_code_is_updated_by_digest(functions: LambdaFunctions, lambda_client: Any) -> None:  # noqa: ANN401
    before = functions.read("orders-api").code_sha256
    _update(functions)

    assert lambda_client.get_function(FunctionName="orders-api")["Code"]["ImageUri"] == str(_NEW)
    assert functions.read("orders-api").code_sha256 != before


def test_code_is_updated_with_its_architecture_and_not_published(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    asked = {"FunctionName": "orders-api", "ImageUri": str(_NEW), "Architectures": ["arm64"], "RevisionId": "seen"}
    stubber.add_response("update_function_code", {}, asked)

    _update(functions)


def test_a_version_keeps_its_description(functions: LambdaFunctions, lambda_client: Any) -> None:  # noqa: ANN401
    number = _publish(functions, "commit=c0ffee")

    published = lambda_client.get_function(FunctionName="orders-api", Qualifier=number)["Configuration"]
    assert (number, published["Description"]) == ("1", "commit=c0ffee")


def test_a_version_is_of_the_code_that_was_seen(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    asked = {"FunctionName": "orders-api", "CodeSha256": "seen", "RevisionId": "r", "Description": "d"}
    answer = {"FunctionName": "orders-api", "FunctionArn": f"{_ARN}:7", "Version": "7", "State": "Pending"}
    stubber.add_response("publish_version", answer, asked)

    version = functions.publish_version("orders-api", code_sha256="seen", revision_id="r", description="d")
    assert (version.arn, version.version, version.is_busy, version.image) == (_ARN, "7", True, None)


def test_a_zip_function_is_read_as_such(functions: LambdaFunctions, lambda_client: Any) -> None:  # noqa: ANN401
    lambda_client.create_function(
        FunctionName="old",
        Role=f"arn:aws:iam::{ACCOUNT}:role/execution",
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": b"zip"},
    )
    state = functions.read("old")

    assert (state.package_type, state.architecture, state.image) == ("Zip", "x86_64", None)


def test_states_and_reasons_are_lambda_s_own(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    configuration = {
        "FunctionName": "orders-api",
        "FunctionArn": _ARN,
        "PackageType": "Image",
        "State": "Inactive",
        "StateReasonCode": "Idle",
        "StateReason": "The function is idle.",
        "LastUpdateStatus": "Failed",
        "LastUpdateStatusReasonCode": "ImageAccessDenied",
        "LastUpdateStatusReason": "Lambda does not have permission",
    }
    code = {"ImageUri": f"{REGISTRY}/orders:v1", "ResolvedImageUri": str(_NEW)}
    stubber.add_response("get_function", {"Configuration": configuration, "Code": code})
    state = functions.read("orders-api")

    assert str(state.state) == "Inactive (Idle: The function is idle.)"
    assert str(state.update) == "Failed (ImageAccessDenied: Lambda does not have permission)"
    assert state.image == _NEW


@pytest.mark.parametrize("code", ["PreconditionFailedException", "ResourceConflictException"])
def test_publishing_is_allowed_if_lambda_gets_as_far_as_the_revision(
    stubbed: tuple[LambdaFunctions, Stubber], code: str
) -> None:
    functions, stubber = stubbed
    asked = {"FunctionName": "orders-api", "RevisionId": ANY}
    stubber.add_client_error("publish_version", code, "The RevisionId provided does not match", expected_params=asked)

    functions.check_may_publish("orders-api")


def test_publishing_is_not_allowed_if_iam_says_so(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    message = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deploy/x is not authorized to perform: lambda:PublishVersion"
    stubber.add_client_error("publish_version", "AccessDeniedException", f"{message} on resource: {_ARN} because no")

    with pytest.raises(DeployError, match="not authorized to perform") as caught:
        functions.check_may_publish("orders-api")

    assert f'{{"Effect": "Allow", "Action": "lambda:PublishVersion", "Resource": "{_ARN}"}}' in caught.value.hint


_CONFLICT = "The operation cannot be performed at this time. An update is in progress for resource: orders-api"


def _publish_what_was_seen(functions: LambdaFunctions) -> None:
    functions.publish_version("orders-api", code_sha256="seen", revision_id="r", description="")


_CHANGES = [("update_function_code", _update), ("publish_version", _publish_what_was_seen)]


@pytest.mark.parametrize(("call", "change"), _CHANGES)
@pytest.mark.parametrize(
    ("code", "message", "is_in_progress"),
    [
        ("ResourceConflictException", _CONFLICT, True),
        ("ResourceConflictException", "The function could not be updated for another reason", False),
        ("InvalidParameterValueException", "something in progress", False),
    ],
)
def test_a_change_in_progress_differs_from_other_refusals(
    stubbed: tuple[LambdaFunctions, Stubber],
    call: str,
    change: Callable[[LambdaFunctions], None],
    code: str,
    message: str,
    is_in_progress: bool,
) -> None:
    functions, stubber = stubbed
    stubber.add_client_error(call, code, message)

    with pytest.raises(DeployError) as caught:
        change(functions)

    assert isinstance(caught.value, InProgressError) is is_in_progress
    assert message in caught.value.message


@pytest.mark.parametrize(("call", "change"), _CHANGES)
def test_another_revision_differs_from_other_refusals(
    stubbed: tuple[LambdaFunctions, Stubber], call: str, change: Callable[[LambdaFunctions], None]
) -> None:
    functions, stubber = stubbed
    message = "The RevisionId provided does not match the latest RevisionId"
    stubber.add_client_error(call, "PreconditionFailedException", message)

    with pytest.raises(RevisionError, match="does not match"):
        change(functions)


def test_other_code_than_was_seen_is_another_revision_too(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    message = "CodeSHA256 (seen) is different from current CodeSHA256 in $LATEST (other)."
    stubber.add_client_error("publish_version", "InvalidParameterValueException", message)

    with pytest.raises(RevisionError, match="is different from current"):
        _publish_what_was_seen(functions)


def test_lambda_without_permission_to_pull_is_shown_the_statement(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    message = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
    stubber.add_client_error("update_function_code", "AccessDeniedException", message)

    with pytest.raises(DeployError, match="ECR permissions") as caught:
        _update(functions)

    assert '"Service": "lambda.amazonaws.com"' in caught.value.hint
    assert "policy of the repository" in caught.value.hint


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException"])
def test_credentials_that_are_no_longer_valid_come_with_a_hint(
    stubbed: tuple[LambdaFunctions, Stubber], code: str
) -> None:
    functions, stubber = stubbed
    stubber.add_client_error("get_function", code, "The security token is not valid")

    with pytest.raises(DeployError) as caught:
        functions.read("orders-api")

    assert "credentials are not valid" in caught.value.hint


def test_members_that_are_absent_from_an_answer_are_not_missed(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    stubber.add_response("get_function", {"Configuration": {}})
    state = functions.read(_ARN)
    assert (state.name, state.arn, state.version, state.image) == ("orders-api", _ARN, "$LATEST", None)
    assert (state.timeout, state.is_managed, state.is_durable, state.isolates_tenants) == (1800, False, False, False)

    stubber.add_response("get_function", {})
    assert functions.read("orders-api").name == "orders-api"
    stubber.add_response("list_versions_by_function", {"Versions": [{}, {"Version": "3"}]})
    assert functions.versions("orders-api") == (PublishedVersion(number="3", code_sha256=""),)
    stubber.add_response("list_versions_by_function", {})
    assert functions.versions("orders-api") == ()


def test_kinds_of_functions_are_told_apart(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    provider = f"arn:aws:lambda:{REGION}:{ACCOUNT}:capacity-provider:fleet"
    configuration = {
        "FunctionName": "orders-api",
        "FunctionArn": f"{_ARN}:$LATEST.PUBLISHED",
        "Version": "$LATEST.PUBLISHED",
        "State": "ActiveNonInvocable",
        "Timeout": 5400,
        "CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": provider}},
        "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"},
    }
    stubber.add_response("get_function", {"Configuration": configuration})
    state = functions.read("orders-api", "$LATEST.PUBLISHED")
    assert (state.arn, state.version, state.capacity_provider) == (_ARN, "$LATEST.PUBLISHED", provider)
    assert (state.is_managed, state.isolates_tenants, state.is_busy, state.timeout) == (True, True, False, 5400)

    durable = {"FunctionArn": _ARN, "Timeout": 3, "DurableConfig": {"ExecutionTimeout": 31536000}}
    stubber.add_response("get_function", {"Configuration": durable})
    state = functions.read("orders-api")
    assert (state.is_durable, state.timeout) == (True, 1800)


def test_versions_without_a_number_are_passed_over(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    names = ["$LATEST", "$LATEST.PUBLISHED", "10", "9", "$SOMETHING.NEW", "v3", "²"]
    listed = [{"Version": name, "CodeSha256": name} for name in names]
    stubber.add_response("list_versions_by_function", {"Versions": listed})
    assert [version.number for version in functions.versions("orders-api")] == ["9", "10"]


def test_what_calls_run_on_managed_instances_has_no_number(stubbed: tuple[LambdaFunctions, Stubber]) -> None:
    functions, stubber = stubbed
    asked = {"FunctionName": "orders-api", "CodeSha256": "b", "RevisionId": "seen", "Description": "a"}
    given: Any = {"code_sha256": "b", "revision_id": "seen", "description": "a"}
    answer = {"Version": "$LATEST.PUBLISHED"}
    stubber.add_response("publish_version", answer, asked | {"PublishTo": "LATEST_PUBLISHED"})
    assert functions.publish_version("orders-api", **given, as_latest=True).version == "$LATEST.PUBLISHED"
    stubber.add_client_error("publish_version", "FunctionVersionsPerCapacityProviderLimitExceededException", "full")
    with pytest.raises(VersionLimitError, match=r"lambda:PublishVersion on orders-api failed: .*: full"):
        functions.publish_version("orders-api", **given)
