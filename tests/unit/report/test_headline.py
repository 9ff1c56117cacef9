"""The headline names whose fault it is and why, each cause once; `causes` is what it and the summary are made from."""

import time
from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import BuildError, CancelledError, ConsequenceError, DeployError, SeveralError
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, Phase, ReleaseStatus
from ecr_lambda_deploy.report.causes import causes, followers, left_behind
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.results import Style, in_words
from tests.unit.fakes.examples import NEW, RUN, alias_state, function_state, observed_function, version_state

_BRACKETS = Style(code=lambda text: f"[{text}]", text=str.upper)


def _outcome(name: str, status: ReleaseStatus, error: DeployError | None = None, reason: str = "") -> Outcome:
    seven = version_state("7")
    before = observed_function(function_state(name=name), seven, alias=alias_state("7"))
    return Outcome(before=before, after=before, status=status, error=error, reason=reason)


def _denied(name: str) -> DeployError:
    message = f"lambda:UpdateFunctionCode on {name} failed: AccessDenied: on arn:aws:lambda:eu-west-1:1:function:{name}"
    return DeployError(message, f"Allow it on {name}", cause=f"lambda:UpdateFunctionCode on {name} is denied")


def _journal(*outcomes: Outcome, images: tuple[ImageOutcome, ...] = (), error: DeployError | None = None) -> Journal:
    return Journal(run=RUN, images=images, outcomes=outcomes, error=error)


_NAMES = tuple(f"team-{number}-api" for number in range(60))
_SMOKE = DeployError("The smoke test did not pass: …", cause="the smoke test of team-3-api failed: KeyError: 'TABLE'")
_ONE_OF_SIXTY = _journal(
    *(_outcome(name, ReleaseStatus.REVERTED, ConsequenceError("team-3-api")) for name in _NAMES[:3]),
    _outcome("team-3-api", ReleaseStatus.REVERTED, _SMOKE),
    *(_outcome(name, ReleaseStatus.SKIPPED, reason="the release to team-3-api failed") for name in _NAMES[4:]),
)
_ALL_DENIED = _journal(*(_outcome(name, ReleaseStatus.FAILED, _denied(name)) for name in _NAMES))


def test_the_culprit_and_its_cause_are_named() -> None:
    assert headline(_ONE_OF_SIXTY) == "Release reverted: the smoke test of team-3-api failed: KeyError: 'TABLE'"
    (cause,) = causes(_ONE_OF_SIXTY)
    assert cause.functions == ("team-3-api",)
    assert len(list(followers(_ONE_OF_SIXTY))) == 59


def test_names_stand_out_and_the_words_of_others_are_written_as_such() -> None:
    assert headline(_ONE_OF_SIXTY, _BRACKETS) == (
        "Release reverted: THE SMOKE TEST OF [team-3-api] FAILED: KEYERROR: 'TABLE'"
    )


@pytest.mark.parametrize("is_reported_by_the_run", [False, True])
def test_a_denial_that_hits_sixty_functions_is_one_cause(is_reported_by_the_run: bool) -> None:
    error = SeveralError([_denied(name) for name in _NAMES]) if is_reported_by_the_run else None
    journal = replace(_ALL_DENIED, error=error)
    (cause,) = causes(journal)

    assert cause.functions == _NAMES
    assert headline(journal) == "Not released: lambda:UpdateFunctionCode on team-0-api is denied (and 59 more)"


def test_a_name_within_another_name_is_not_that_name() -> None:
    errors = {"api": DeployError("api-worker is broken"), "worker": DeployError("api-api is broken")}
    journal = _journal(*(_outcome(name, ReleaseStatus.FAILED, error) for name, error in errors.items()))

    assert len(causes(journal)) == 2


def test_the_build_of_an_image_is_a_cause_of_its_own() -> None:
    error = BuildError("The image could not be built: …", cause="npm ci: exit code: 1")
    image = ImageOutcome(name="orders", functions=("orders-api",), status=ImageStatus.FAILED, error=error)
    journal = _journal(_outcome("orders-api", ReleaseStatus.FAILED), images=(image,))

    assert headline(journal) == "Not released: the build of orders failed: npm ci: exit code: 1"
    assert headline(replace(journal, images=(replace(image, name=""),))).startswith("Not released: the build failed: ")


def test_what_several_requests_failed_for_is_one_cause_where_one_remedy_helps() -> None:
    failed = "on orders-api failed: ExpiredTokenException: expired"
    expired = [DeployError(f"{action} {failed}", "Log in again.") for action in ("lambda:GetFunction", "lambda:Invoke")]
    denied = [DeployError(error.message, f"Allow it: {number}") for number, error in enumerate(expired)]

    assert len(causes(_journal(error=SeveralError(expired)))) == 1
    assert len(causes(_journal(error=SeveralError(denied)))) == 2


def test_the_only_function_of_a_run_follows_nothing() -> None:
    error = BuildError("The image could not be built: …", cause="npm ci: exit code: 1")
    image = ImageOutcome(name="", functions=("orders-api",), status=ImageStatus.FAILED, error=error)
    alone = _journal(_outcome("orders-api", ReleaseStatus.FAILED), images=(image,))

    assert list(followers(alone)) == []
    assert len(list(followers(replace(alone, outcomes=(*alone.outcomes, *alone.outcomes))))) == 2


def test_several_causes_are_counted() -> None:
    journal = _journal(_outcome("a", ReleaseStatus.FAILED, _SMOKE), _outcome("b", ReleaseStatus.FAILED, _denied("b")))

    assert headline(journal).endswith("KeyError: 'TABLE', and 1 more cause")


def test_what_has_failed_counts_more_than_that_the_run_was_cancelled() -> None:
    journal = _journal(_outcome("team-3-api", ReleaseStatus.REVERTED, _SMOKE), error=CancelledError())

    assert [cause.error for cause in causes(journal)] == [_SMOKE]
    assert headline(journal).startswith("Release reverted: the smoke test of team-3-api failed")


def test_code_that_nobody_is_served_by_is_left_behind_too() -> None:
    outcome = _outcome("orders-api", ReleaseStatus.FAILED, _SMOKE)
    kept = replace(outcome, after=replace(outcome.after, latest=function_state(image=NEW)))

    assert left_behind(_journal(outcome)) == []
    assert left_behind(_journal(kept)) == [kept]
    assert headline(_journal(kept)).startswith("Release failed: ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0 s"),
        (2.5, "2.5 s"),
        (9.0, "9 s"),
        (43.4, "43 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3725, "1 h 2 min"),
    ],
)
def test_a_time_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_the_time_of_a_run_is_from_its_first_phase_to_its_last() -> None:
    journal = _journal(_outcome("orders-api", ReleaseStatus.DEPLOYED))
    journal.phases = [Phase(title="Check", started=10, seconds=5), Phase(title="Deploy", started=20, seconds=115)]

    assert headline(journal).endswith(", in 2 min 5 s")


def test_long_errors_of_many_functions_are_sorted_out_in_time() -> None:
    """A run that was given up has a second for its conclusion."""
    errors = [DeployError(f"{number} failed " + 5_000 * "word ", "mend it") for number in range(300)]
    journal = _journal(*(_outcome(f"a-{at}", ReleaseStatus.FAILED, error) for at, error in enumerate(errors)))
    began = time.process_time()

    assert len(causes(journal)) == 300
    assert time.process_time() - began < 0.5
