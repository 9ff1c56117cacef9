"""Which functions of a manifest go back together."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.history import Record
from ecr_lambda_deploy.model import WorkflowRun
from ecr_lambda_deploy.rollback_choice import is_first_release, released_together
from tests.unit.examples import RUN, alias_state, function_state, observed_function, version_state

_FIRST, _LAST, _BACK = (replace(RUN, run_id=run_id) for run_id in ("100", "200", "300"))


def _function(name: str, run: WorkflowRun, **record: str) -> ObservedFunction:
    """Return a function whose alias a run moved last."""
    description = str(Record.of(run, **record))
    observed = observed_function(None, version_state("7"), alias=alias_state("7", description=description))
    return replace(observed, name=name, latest=function_state(name=name))


def test_what_the_last_run_released_goes_back_and_nothing_else() -> None:
    functions = [_function("orders", _LAST), _function("stock", _FIRST), _function("mail", _LAST)]

    assert released_together(functions, _BACK) == ("orders", "mail")


def test_a_rollback_that_was_cut_short_is_gone_on_with() -> None:
    done = _function("orders", replace(RUN, run_id="250"), mode="rollback", undone="200")
    functions = [done, _function("stock", _FIRST), _function("mail", _LAST)]

    assert released_together(functions, _BACK) == ("mail",)


def test_a_rollback_that_is_run_again_takes_back_no_more_than_it_has() -> None:
    done = [_function(name, _BACK, mode="rollback", undone="200") for name in ("orders", "mail")]

    assert released_together([*done, _function("stock", _FIRST)], replace(_BACK, attempt="2")) == ("orders", "mail")


def test_a_second_rollback_goes_further_back_with_the_same_functions() -> None:
    done = [_function(name, replace(RUN, run_id="250"), mode="rollback", undone="200") for name in ("orders", "mail")]

    assert released_together([*done, _function("stock", _FIRST)], _BACK) == ("orders", "mail")


def test_runs_of_other_repositories_do_not_count() -> None:
    theirs = replace(_LAST, repository="acme/other")

    assert released_together([_function("orders", _FIRST), _function("mail", theirs)], _BACK) == ("orders",)


def test_where_no_run_has_released_anything_there_is_nothing_to_take_back() -> None:
    functions = [observed_function(None, version_state("7"), alias=alias_state("7"))]

    with pytest.raises(DeployError, match="was released by a run of this repository") as caught:
        released_together(functions, _BACK)
    assert "'rollback-to'" in caught.value.hint


@pytest.mark.parametrize(
    ("observed", "is_first"),
    [
        (observed_function(None, version_state("1"), alias=alias_state("1")), True),
        (observed_function(None, version_state("1"), version_state("2"), alias=alias_state("2")), False),
        (observed_function(None, version_state("7", description="previous=6"), alias=alias_state("7")), False),
        (observed_function(None), False),
    ],
)
def test_a_first_release_has_nothing_before_it(observed: ObservedFunction, *, is_first: bool) -> None:
    assert is_first_release(observed) is is_first
