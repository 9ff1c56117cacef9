"""Annotations: the causes come first, each once; what followed from them is one, and there are never many."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import BuildError, CancelledError, ConsequenceError, DeployError, SourceLocation
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.report.annotations import Annotation, annotations
from tests.unit.fakes.examples import RUN, function_state, observed_function

_HELP = "https://github.com/org/ecr-lambda-deploy/blob/v1/docs/help/troubleshooting.md"


def _outcome(name: str, status: ReleaseStatus, error: DeployError | None = None) -> Outcome:
    return replace(Outcome.untouched(observed_function(function_state(name=name)), status), error=error)


def _annotated(*outcomes: Outcome, error: DeployError | None = None, image: ImageOutcome | None = None) -> Journal:
    return Journal(run=RUN, outcomes=outcomes, error=error, images=(image,) if image else ())


def test_the_cause_comes_first_and_what_followed_is_one_with_the_numbers() -> None:
    failed = DeployError("The smoke test did not pass: KeyError: 'TABLE'", "Set TABLE.", topic="smoke-test-failed")
    others = [_outcome(f"orders-{number}", ReleaseStatus.REVERTED, ConsequenceError("stock")) for number in range(48)]
    skipped = [_outcome(f"mail-{number}", ReleaseStatus.SKIPPED) for number in range(11)]
    skipped = [replace(outcome, reason="the release to stock failed") for outcome in skipped]
    shown, left = annotations(_annotated(*others, _outcome("stock", ReleaseStatus.REVERTED, failed), *skipped))

    cause, followed = shown
    assert cause == Annotation(
        title="stock: smoke test failed",
        text=f"The smoke test did not pass: KeyError: 'TABLE'\nSet TABLE.\nHelp: {_HELP}#smoke-test-failed",
    )
    assert followed.title == "59 more functions, because of this: 48 reverted, 11 skipped"
    assert followed.text.endswith(": " + ", ".join(f"orders-{number}" for number in range(10)) + " and 49 more.")
    assert left == ()


def test_without_a_function_among_the_causes_there_are_no_more_functions() -> None:
    skipped = [replace(_outcome(f"mail-{number}", ReleaseStatus.SKIPPED), reason="…") for number in range(6)]
    _, followed = annotations(_annotated(*skipped, error=DeployError("There is nothing to go back to")))[0]

    assert followed.title == "6 functions, because of this: 6 skipped"


def test_a_cause_that_hits_many_functions_is_one_annotation() -> None:
    def denied(name: str) -> DeployError:
        return DeployError(f"lambda:GetFunction on {name} is denied", topic="access-denied")

    names = [f"orders-{number}" for number in range(3)]
    (shown,), left = annotations(_annotated(*(_outcome(name, ReleaseStatus.FAILED, denied(name)) for name in names)))

    assert shown.title == "orders-0 and 2 more: access denied"
    assert shown.text.splitlines()[1] == "It is the same for orders-1, orders-2."
    assert left == ()


def test_a_failed_build_has_its_line_and_what_it_printed_last() -> None:
    place = SourceLocation(file="orders/Dockerfile", line=3)
    error = BuildError("npm ci: exit code: 1", "Look at it.", location=place, log="npm error\nnpm error 404")
    image = ImageOutcome(name="orders", functions=("orders-api",), status=ImageStatus.FAILED, error=error)
    (shown,), _ = annotations(_annotated(_outcome("orders-api", ReleaseStatus.FAILED), image=image))

    assert (shown.title, shown.location) == ("orders: build failed", place)
    assert shown.text.splitlines()[:5] == [
        "npm ci: exit code: 1",
        "Look at it.",
        "What was printed last:",
        "npm error",
        "npm error 404",
    ]


@pytest.mark.parametrize(("count", "left"), [(5, 0), (6, 2), (40, 36)])
def test_of_many_causes_the_last_annotation_says_how_many_more_the_log_has(count: int, left: int) -> None:
    each = [_outcome(f"orders-{n}", ReleaseStatus.FAILED, DeployError(f"error {n}", "mend it")) for n in range(count)]
    shown, lines = annotations(_annotated(*each))

    assert len(shown) == 5
    assert [one.title for one in shown[:4]] == [f"orders-{n}" for n in range(4)]
    assert lines == [line for n in range(4, count) for line in (f"error {n}", "mend it")][: 2 * left] or left == 0
    assert (shown[4].title == f"{left} more causes") is (left > 0)


def test_followers_keep_their_annotation_beside_many_causes() -> None:
    each = [_outcome(f"orders-{n}", ReleaseStatus.FAILED, DeployError(f"error {n}")) for n in range(9)]
    shown, _ = annotations(_annotated(*each, _outcome("mail", ReleaseStatus.REVERTED, ConsequenceError("orders-0"))))

    assert [one.title for one in shown] == [
        *(f"orders-{n}" for n in range(3)),
        "6 more causes",
        "1 more function, because of this: 1 reverted",
    ]


@pytest.mark.parametrize(
    ("error", "title"),
    [
        (CancelledError(), "Cancelled"),
        (DeployError("no", topic="no-oidc-token"), "No OIDC token"),
        (DeployError("no", topic="lambda-cannot-run-the-image"), "Lambda cannot run the image"),
        (DeployError("no"), ""),
    ],
)
def test_an_error_of_the_whole_run_has_its_topic_as_title(error: DeployError, title: str) -> None:
    assert [one.title for one in annotations(_annotated(error=error))[0]] == [title]
