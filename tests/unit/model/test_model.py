from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import DeployError, unexpected
from ecr_lambda_deploy.model.functions import LATEST, AliasState, FunctionState, ObservedFunction, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import ARCHITECTURE_OF, PLATFORM_OF, Architecture
from tests.unit.fakes.examples import (
    ARN,
    FAILED_UPDATE,
    NEW,
    OLD,
    REGISTRY,
    SOMEBODY_ELSES,
    alias_state,
    function_state,
    image,
    observed_function,
    published,
    version_state,
)

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
        f"{REGISTRY}/Orders@{_DIGEST}",
        f"{REGISTRY}/orders,ref=x@{_DIGEST}",
        f"--help/orders@{_DIGEST}",
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
def test_a_status_shows_its_reason(status: Status, text: str) -> None:
    assert str(status) == text


@pytest.mark.parametrize(
    ("state", "update", "expected"),
    [
        ("Active", "Successful", False),
        ("Active", "Failed", False),
        ("Failed", "Successful", False),
        ("Inactive", "Successful", False),  # only a change ends this state
        ("SomethingNew", "SomethingNew", False),
        ("Active", "InProgress", True),
        ("Pending", "Successful", True),
        ("Pending", "InProgress", True),
    ],
)
def test_when_lambda_is_busy_with_a_function(state: str, update: str, expected: bool) -> None:
    assert function_state(state=Status(value=state), update=Status(value=update)).is_busy is expected


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((), ""),
        ((version_state("7"),), "7"),
        ((version_state("7", NEW),), ""),
        ((version_state("7"), version_state("8", NEW)), "7"),  # what was published later is not what runs
        ((version_state("7", NEW), version_state("8")), "8"),
        ((version_state("9"), version_state("10")), "10"),
    ],
)
def test_without_an_alias_the_version_is_the_newest_that_holds_the_code(
    versions: tuple[FunctionState, ...], expected: str
) -> None:
    assert observed_function(None, *versions).version == expected


@pytest.mark.parametrize(
    ("alias", "image", "version"),
    [
        (alias_state("7"), OLD, "7"),
        (alias_state("8"), NEW, "8"),
        (alias_state("7", weights={"8": 0.1}), OLD, "7"),
        (alias_state("$LATEST"), SOMEBODY_ELSES, ""),
    ],
)
def test_with_an_alias_its_version_serves(alias: AliasState, image: ImageReference, version: str) -> None:
    latest = function_state(image=SOMEBODY_ELSES)
    observed = observed_function(latest, version_state("7"), version_state("8", NEW), alias=alias)

    assert (observed.image, observed.version) == (image, version)


def test_an_alias_at_latest_serves_the_version_that_has_its_code() -> None:
    assert observed_function(None, version_state("7"), alias=alias_state(LATEST)).version == "7"


def test_a_version_is_found_by_its_number() -> None:
    observed = observed_function(None, version_state("7"), version_state("8", NEW))

    assert observed.version_numbered("7") == published("7")
    assert observed.version_numbered("9") is None
    assert ObservedFunction(name="orders-api", latest=None).serving is None


@pytest.mark.parametrize(
    ("state", "wanted", "architecture", "expected"),
    [
        (function_state(), OLD, "x86_64", True),
        (function_state(), OLD, "arm64", False),
        (function_state(), NEW, "x86_64", False),
        (function_state(), None, "x86_64", False),
        (function_state(image=None), None, "x86_64", False),
        (function_state(update=FAILED_UPDATE), OLD, "x86_64", True),
    ],
)
def test_what_a_function_runs(
    state: FunctionState, wanted: ImageReference | None, architecture: Architecture, expected: bool
) -> None:
    assert state.runs(wanted, architecture) is expected


@pytest.mark.parametrize(
    ("state", "update", "expected"),
    [("Active", "Successful", False), ("Failed", "Successful", True), ("Active", "Failed", True)],
)
def test_when_a_function_is_broken(state: str, update: str, expected: bool) -> None:
    assert function_state(state=Status(value=state), update=Status(value=update)).is_broken is expected


_NOT_THERE = ObservedFunction(name="orders-api", latest=None)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (_NOT_THERE, ""),
        (observed_function(), ARN),
        (observed_function(None, version_state("3")), f"{ARN}:3"),
        (observed_function(None, version_state("3"), version_state("4"), alias=alias_state("3")), f"{ARN}:3"),
    ],
)
def test_the_arn_of_an_outcome(after: ObservedFunction, expected: str) -> None:
    outcome = Outcome(before=observed_function(), after=after, status=ReleaseStatus.FAILED)

    assert outcome.arn == expected


_VERSIONS = (version_state("7"), version_state("8", NEW))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (observed_function(), observed_function(), False),
        (observed_function(), observed_function(function_state(image=NEW)), True),
        (observed_function(), observed_function(function_state(architecture="arm64")), True),
        (observed_function(), observed_function(None, version_state("7")), True),
        (observed_function(), observed_function(function_state(update=FAILED_UPDATE)), False),
        (_NOT_THERE, _NOT_THERE, False),
        (_NOT_THERE, observed_function(), True),
        # What is behind an alias serves nobody.
        (
            observed_function(None, *_VERSIONS, alias=alias_state("7")),
            observed_function(function_state(image=NEW), *_VERSIONS, alias=alias_state("7")),
            False,
        ),
        (
            observed_function(None, *_VERSIONS, alias=alias_state("7")),
            observed_function(None, *_VERSIONS, alias=alias_state("8")),
            True,
        ),
    ],
)
def test_an_outcome_is_changed_if_another_image_architecture_or_version_serves(
    before: ObservedFunction, after: ObservedFunction, expected: bool
) -> None:
    assert Outcome(before=before, after=after, status=ReleaseStatus.DEPLOYED).is_changed is expected


def _outcome(name: str, error: DeployError | None = None) -> Outcome:
    return replace(Outcome.untouched(ObservedFunction(name=name, latest=None)), error=error)


def test_a_journal_has_its_own_error_and_those_of_its_outcomes() -> None:
    first, second = DeployError("first"), DeployError("second")
    journal = Journal(run=WorkflowRun(), error=first, outcomes=(_outcome("f", second),))

    assert journal.errors == (first, second)
    assert Journal(run=WorkflowRun()).errors == ()


def test_a_bug_in_the_release_to_a_function_is_reported_once() -> None:
    bug = ZeroDivisionError("somewhere")
    journal = Journal(run=WorkflowRun(), error=unexpected(bug), outcomes=(_outcome("f", unexpected(bug)),))

    assert list(map(str, journal.errors)) == [
        "This is a bug in ecr-lambda-deploy: ZeroDivisionError('somewhere')\nReport it with the traceback in the log."
    ]


def test_a_journal_keeps_the_latest_outcome_of_each_function() -> None:
    journal = Journal(run=WorkflowRun(), outcomes=(_outcome("f"), _outcome("g")))
    journal.record(replace(_outcome("g"), status=ReleaseStatus.DEPLOYED))

    assert [outcome.function for outcome in journal.outcomes] == ["f", "g"]
    assert [outcome.status for outcome in journal.outcomes] == [ReleaseStatus.FAILED, ReleaseStatus.DEPLOYED]


def test_a_journal_adds_to_the_outcome_of_an_image() -> None:
    journal = Journal(run=WorkflowRun(), images=(ImageOutcome(name="orders"), ImageOutcome(name="stock")))
    journal.update_image("stock", repository_uri="registry/stock", reason="never built")
    journal.update_image("stock", status=ImageStatus.BUILT)
    for started, ended in ((900.0, 901.0), (1000.0, 1030.0), (1050.0, 1054.0)):  # others are waited for between
        journal.time_image("stock", started, ended)

    built = ImageOutcome(
        name="stock",
        repository_uri="registry/stock",
        reason="never built",
        status=ImageStatus.BUILT,
        started=1000.0,
        seconds=35.0,
    )
    assert journal.images == (ImageOutcome(name="orders"), built)
