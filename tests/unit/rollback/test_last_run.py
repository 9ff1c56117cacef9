"""Which functions of a manifest go back together."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import AliasState, ObservedFunction
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.rollback.last_run import is_first_release, released_together
from tests.unit.fakes.examples import (
    NEW,
    OLD,
    RUN,
    alias_state,
    function_state,
    image,
    observed_function,
    version_state,
)

_FIRST, _LAST, _BACK, _AGAIN = (replace(RUN, run_id=run_id) for run_id in ("100", "200", "300", "400"))


def _function(
    name: str, run: WorkflowRun, *, weights: Mapping[str, float] | None = None, canary: WorkflowRun = RUN, **facts: str
) -> ObservedFunction:
    """Return a function whose alias a run moved last, perhaps with a share of the traffic for what another released."""
    alias = alias_state("7", description=str(Record.of(run, **facts)), weights=weights or {})
    versions = version_state("7"), version_state("8", NEW, str(Record.of(canary)))
    return replace(observed_function(None, *versions, alias=alias), name=name, latest=function_state(name=name))


def _back(name: str, *, undone: str = "200", repeats: str = "100", run: WorkflowRun = _BACK) -> ObservedFunction:
    return _function(name, run, mode="rollback", undone=undone, repeats=repeats)


def _names(*observed: ObservedFunction, run: WorkflowRun = _BACK) -> tuple[str, ...]:
    return released_together(observed, run).names


def test_what_the_last_run_released_goes_back_and_nothing_else() -> None:
    functions = _function("orders", _LAST), _function("stock", _FIRST), _function("mail", _LAST)

    assert _names(*functions) == ("orders", "mail")
    assert released_together(functions, _BACK).reason == "run 200 was the last that released to them"


def test_the_next_rollback_takes_back_all_that_the_run_before_had_released() -> None:
    assert _names(_back("orders"), _back("stock"), _function("mail", _FIRST), run=_AGAIN) == ("orders", "stock", "mail")


def test_what_a_rollback_that_was_cut_short_has_left_is_taken_back_by_the_next() -> None:
    assert _names(_back("orders"), _function("stock", _FIRST), _function("mail", _LAST), run=_AGAIN) == ("mail",)


def test_one_after_that_goes_further_back_with_all() -> None:
    gone_on = _back("mail", run=_AGAIN)
    functions = _back("orders"), _function("stock", _FIRST), gone_on

    assert _names(*functions, run=replace(RUN, run_id="500")) == ("orders", "stock", "mail")


@pytest.mark.parametrize("undone", ["200", "", "x"])
def test_a_rollback_that_is_run_again_takes_back_no_more_than_it_was_to(undone: str) -> None:
    functions = _back("orders", undone=undone), _function("stock", _FIRST), _function("mail", _LAST)
    again = replace(_BACK, attempt="2")

    assert _names(*functions, run=again) == (("orders", "mail") if undone == "200" else ("orders",))
    assert _names(_back("orders"), _back("mail"), _function("stock", _FIRST), run=again) == ("orders", "mail")


def test_what_no_run_had_released_is_not_taken_back_once_more() -> None:
    functions = _back("orders", repeats="0"), _function("mail", _FIRST)

    assert _names(*functions, run=_AGAIN) == ("mail",)


def test_a_release_that_has_not_ended_is_taken_back_and_none_before_it() -> None:
    shared = _function("orders", _LAST, weights={"8": 0.1}, canary=replace(RUN, run_id="250"))

    assert _names(shared, _function("mail", _LAST)) == ("orders",)


def test_what_such_a_run_has_released_already_goes_back_with_it() -> None:
    died = replace(RUN, run_id="250")
    # Its version is one that a run before had published for the same code.
    shared = _function("orders", _FIRST, weights={"8": 0.1}, canary=replace(RUN, run_id="240"))

    assert _names(shared, _function("mail", died), _function("stock", _LAST)) == ("orders", "mail")


def _unaliased(name: str, latest: str, run: WorkflowRun = _LAST) -> ObservedFunction:
    """Return a function without an alias that runs an image: `a` and `b` are versions 7 and 8."""
    versions = (
        version_state("7", image("a"), str(Record.of(_FIRST))),
        version_state("8", image("b"), str(Record.of(run, previous="7"))),
    )
    return replace(observed_function(function_state(name=name, image=image(latest)), *versions), name=name)


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        ("b", ("orders", "mail")),
        ("a", ("orders", "mail")),  # a rollback was cut short before it published
        ("c", ("orders",)),  # a release was, and which run's is not recorded
    ],
)
def test_without_an_alias_the_newest_version_tells(latest: str, expected: tuple[str, ...]) -> None:
    functions = _unaliased("orders", latest), _unaliased("mail", "b"), _unaliased("stock", "b", _FIRST)

    assert _names(*functions) == expected


def test_runs_of_other_repositories_do_not_count() -> None:
    theirs = replace(_LAST, repository="acme/other")
    shared = _function("stock", _FIRST, weights={"8": 0.1}, canary=theirs)

    assert _names(_function("orders", _FIRST), _function("mail", theirs)) == ("orders",)
    assert _names(_function("orders", _FIRST), shared) == ("orders", "stock")
    assert _names(_function("orders", _FIRST), _function("mail", theirs), run=replace(_BACK, repository="")) == (
        "mail",
    )


@pytest.mark.parametrize("alias", [alias_state("7"), None])
def test_where_no_run_has_released_anything_there_is_nothing_to_take_back(alias: AliasState | None) -> None:
    functions = [observed_function(function_state(image=NEW), version_state("7", OLD), alias=alias)]

    with pytest.raises(DeployError, match="was released by a run of this repository") as caught:
        released_together(functions, _BACK)
    assert "'rollback-to'" in caught.value.hint


@pytest.mark.parametrize("facts", [{"previous": "6"}, {}], ids=["an update", "a first release"])
def test_what_a_rollback_had_to_leave_as_it_was_keeps_none_from_going_further_back(facts: dict[str, str]) -> None:
    left = _published_by(_LAST, "mail", **facts)
    done = _back("orders"), _back("stock")

    # What was not taken back, but could have been, is what comes next.
    assert _names(*done, left, run=_AGAIN) == (("mail",) if facts else ("orders", "stock"))
    assert _names(*(_back(name, undone="100", repeats="50", run=_AGAIN) for name in ("orders", "stock")), left) == (
        ("mail",) if facts else ("orders", "stock")
    )
    assert _names(_function("orders", _FIRST), left) == ("mail",)  # no rollback has come past it yet
    # A later step of the run that released it may have been the rollback.
    own = _back("orders", undone="200", run=_LAST)
    assert _names(own, left, run=_AGAIN) == (("mail",) if facts else ("orders",))


def _published_by(run: WorkflowRun, name: str, **facts: str) -> ObservedFunction:
    version = version_state("7", description=str(Record.of(run, **facts)))
    alias = alias_state("7", description=str(Record.of(run)))
    return replace(observed_function(None, version, alias=alias), name=name, latest=function_state(name=name))


def test_a_canary_that_was_not_taken_back_yet_goes_with_the_rollback_that_is_run_again() -> None:
    shared = _function("orders", _FIRST, weights={"8": 0.1}, canary=replace(RUN, run_id="240"))
    done = _back("mail", undone="250", repeats="100")

    assert _names(shared, done, _function("stock", _LAST), run=replace(_BACK, attempt="2")) == ("orders", "mail")


def test_code_that_was_not_taken_back_yet_goes_with_the_rollback_that_is_run_again() -> None:
    again = replace(_BACK, attempt="2")
    done = _unaliased("stock", "b", replace(RUN, run_id=_BACK.run_id))
    record = str(Record.of(_BACK, mode="rollback", previous="7", repeats="200"))
    versions = (*done.versions[:1], replace(done.versions[1], description=record))

    assert _names(_unaliased("orders", "c"), replace(done, versions=versions), _unaliased("mail", "b"), run=again) == (
        "orders",
        "stock",
    )


_RELEASED = str(Record.of(_LAST))


@pytest.mark.parametrize(
    ("observed", "is_first"),
    [
        (_published_by(_LAST, "orders"), True),
        (_published_by(_LAST, "orders", previous="6"), False),
        (_function("orders", _LAST), False),  # nobody's release: version 7 records nothing
        (observed_function(None, version_state("7", description=_RELEASED)), True),
        (observed_function(None, version_state("7", description=f"{_RELEASED} previous=6")), False),
        (observed_function(function_state(image=NEW), version_state("7", description=_RELEASED)), False),  # unpublished
        (observed_function(), False),
        (observed_function(None, version_state("7", description=f"{_RELEASED} mode=rollback")), False),  # by this run
        (
            observed_function(
                None, version_state("7", description=_RELEASED), alias=alias_state("7", weights={"8": 0.1})
            ),
            False,  # what has a share is taken back
        ),
    ],
)
def test_a_first_release_has_nothing_before_it(observed: ObservedFunction, *, is_first: bool) -> None:
    assert is_first_release(observed, _LAST) is is_first


_BY_HAND = replace(_LAST, run_id="200.1764430000", workflow="")


@pytest.mark.parametrize("repository", [RUN.repository, ""])  # the checkout may not tell
def test_what_was_released_by_hand_goes_back_alone_though_a_run_with_its_number_released_others(
    repository: str,
) -> None:
    by_hand = replace(_BY_HAND, repository=repository)
    functions = _function("orders", by_hand), _function("stock", _LAST), _function("mail", _FIRST)

    assert _names(*functions) == ("orders",)
    assert released_together(functions, _BACK).reason == (
        "run by hand at 2025-11-29 15:26 UTC was the last that released to them"
    )
    assert _names(*functions, _function("later", _BACK), run=_AGAIN) == ("later",)


@pytest.mark.parametrize("repository", [RUN.repository, ""])
def test_a_rollback_by_hand_takes_back_what_a_run_released_and_the_next_goes_further(repository: str) -> None:
    run, later = (replace(_BY_HAND, run_id=f"0.{moment}", repository=repository) for moment in (1764430000, 1764430060))
    functions = _function("orders", _LAST), _function("stock", _LAST), _function("mail", _FIRST)
    back = run.after(200)
    gone_back = _back("orders", run=back), _function("stock", _LAST), _function("mail", _FIRST)
    all_back = _back("orders", run=back), _back("stock", run=back), _function("mail", _FIRST)

    assert _names(*functions, run=run) == ("orders", "stock")
    assert _names(*gone_back, run=later) == ("stock",)
    assert _names(*all_back, run=later) == ("orders", "stock", "mail")
