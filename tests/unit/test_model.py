import pytest

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import ObservedFunction, PublishedVersion, Status
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.model import Journal, Outcome, ReleaseStatus, WorkflowRun
from ecr_lambda_deploy.wanted import ARCHITECTURE_OF, PLATFORM_OF
from tests.unit.ports_in_memory import OLD, REGISTRY, function_state, image

_DIGEST = f"sha256:{64 * 'a'}"


def test_platforms_and_architectures_are_each_other_s_inverse() -> None:
    assert {architecture: ARCHITECTURE_OF[platform] for architecture, platform in PLATFORM_OF.items()} == {
        "x86_64": "x86_64",
        "arm64": "arm64",
    }


@pytest.mark.parametrize(
    ("registry", "repository"), [(REGISTRY, "orders"), (REGISTRY, "shop/orders"), ("localhost:4566", "a/b/c")]
)
def test_an_image_reference_is_read_as_it_is_written(registry: str, repository: str) -> None:
    reference = ImageReference(registry=registry, repository=repository, digest=_DIGEST)

    assert str(reference) == f"{registry}/{repository}@{_DIGEST}"
    assert ImageReference.parse(str(reference)) == reference


@pytest.mark.parametrize(
    "uri",
    [
        "",
        f"{REGISTRY}/orders:v1",
        f"orders@{_DIGEST}",
        f"{REGISTRY}/orders@md5:{64 * 'a'}",
        f"{REGISTRY}/orders@sha256:{63 * 'a'}",
        f"{REGISTRY}/orders@sha256:{64 * 'x'}",
        f"{REGISTRY}/orders:v1@{_DIGEST}",  # Lambda refuses this form
        f"/orders@{_DIGEST}",
        f"{REGISTRY}/@{_DIGEST}",
    ],
)
def test_anything_else_is_no_image_reference(uri: str) -> None:
    assert ImageReference.parse(uri) is None


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (image("a"), True),
        (image("a", registry="123456789012.dkr-ecr.eu-west-1.on.aws"), True),
        (image("a", registry="210987654321.dkr.ecr.eu-west-1.amazonaws.com"), False),
        (image("a", repository="other"), False),
        (image("b"), False),
        (None, False),
    ],
)
def test_the_same_image_has_one_digest_repository_and_account(other: ImageReference | None, expected: bool) -> None:
    assert OLD.is_same_image(other) is expected


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (Status(value="Active"), "Active"),
        (Status(value="Failed", reason_code="InvalidImage"), "Failed (InvalidImage)"),
        (Status(value="Failed", reason="why"), "Failed (why)"),
        (Status(value="Failed", reason_code="InvalidImage", reason="why"), "Failed (InvalidImage: why)"),
    ],
)
def test_a_status_tells_its_reason(status: Status, text: str) -> None:
    assert str(status) == text


@pytest.mark.parametrize(
    ("state", "update", "expected"),
    [
        ("Active", "Successful", True),
        ("Active", "Failed", True),
        ("Failed", "Successful", True),
        ("Inactive", "Successful", True),  # it settles by nothing but an update
        ("SomethingNew", "SomethingNew", True),
        ("Active", "InProgress", False),
        ("Pending", "Successful", False),
        ("Pending", "InProgress", False),
    ],
)
def test_when_a_function_is_settled(state: str, update: str, expected: bool) -> None:
    assert function_state(state=Status(value=state), update=Status(value=update)).is_settled is expected


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        (None, ""),
        (PublishedVersion(number="7", code_sha256=64 * "a"), "7"),
        (PublishedVersion(number="7", code_sha256=64 * "b"), ""),
    ],
)
def test_the_version_is_the_newest_if_it_holds_the_code(newest: PublishedVersion | None, expected: str) -> None:
    assert ObservedFunction(latest=function_state(), newest=newest).version == expected


@pytest.mark.parametrize(
    ("before", "version", "expected"),
    [
        (None, "3", ""),
        (ObservedFunction(latest=function_state(), newest=None), "", function_state().arn),
        (ObservedFunction(latest=function_state(), newest=None), "3", f"{function_state().arn}:3"),
    ],
)
def test_the_arn_of_an_outcome(before: ObservedFunction | None, version: str, expected: str) -> None:
    outcome = Outcome(function="f", before=before, image=None, version=version, status=ReleaseStatus.FAILED)

    assert outcome.arn == expected


def test_a_journal_has_its_own_error_and_those_of_its_outcomes() -> None:
    first, second = DeployError("first"), DeployError("second")
    journal = Journal(run=WorkflowRun(), error=first)
    failed = Outcome(function="f", before=None, image=None, version="", status=ReleaseStatus.FAILED, error=second)
    journal.outcomes = (failed,)

    assert journal.errors == (first, second)
    assert Journal(run=WorkflowRun()).errors == ()
