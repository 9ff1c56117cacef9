"""How the summary tells to release without what failed, and that nobody was served it."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import CancelledError, ConsequenceError, DeployError, SeveralError
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import RUN, alias_state, function_state, observed_function, version_state

_FAILED = DeployError("The smoke test did not pass", "Mend it.")


def _outcome(
    name: str, error: DeployError | None, status: ReleaseStatus = ReleaseStatus.REVERTED, *, alias: str = "live"
) -> Outcome:
    function = observed_function(
        function_state(name=name), version_state("7"), alias=replace(alias_state("7"), name=alias) if alias else None
    )
    return replace(Outcome.untouched(function, status), error=error)


def _summary(*outcomes: Outcome, manifest: str = "deploy.yaml", mode: Mode = Mode.DEPLOY, error: bool = False) -> str:
    failed = SeveralError([one.error for one in outcomes if one.error]) if error else None
    return summary(Journal(run=RUN, mode=mode, manifest=manifest, outcomes=outcomes, error=failed))


_MAIL, _STOCK = (_outcome(name, ConsequenceError("orders")) for name in ("mail", "stock"))
_IN_MANIFEST = "put `on-failure: keep` into `defaults` of `deploy.yaml` until it is fixed"


@pytest.mark.parametrize(
    ("culprit", "manifest", "words"),
    [
        (
            _outcome("orders", _FAILED),
            "deploy.yaml",
            f"{_IN_MANIFEST}: `$LATEST` of `orders` then keeps the failed code.",
        ),
        (
            _outcome("orders", _FAILED, alias=""),
            "deploy.yaml",
            f"{_IN_MANIFEST}: `$LATEST` of `orders` then keeps the failed code and serves it.",
        ),
        (
            _outcome("orders", _FAILED),
            "",
            "set `on-failure: keep` until it is fixed: `$LATEST` of `orders` then keeps the failed code.",
        ),
        (_outcome("orders", _FAILED, ReleaseStatus.FAILED), "deploy.yaml", f"{_IN_MANIFEST}."),
    ],
    ids=["with an alias", "without one", "without a manifest", "before anything was written"],
)
def test_the_others_can_be_released_without_what_failed(culprit: Outcome, manifest: str, words: str) -> None:
    text = _summary(culprit, _MAIL, _STOCK, manifest=manifest)

    assert f"Mend it. To release the other 2 functions without it, {words}\n" in text


def test_what_hits_several_is_left_out_together() -> None:
    text = _summary(_outcome("orders", _FAILED), _outcome("users", _FAILED), _MAIL)

    assert f"the other function without them, {_IN_MANIFEST}: `$LATEST` of each then keeps the failed code.\n" in text


def test_what_ends_the_whole_run_ends_it_whatever_on_failure_is() -> None:
    wrong = _outcome("orders", DeployError("Memory is not a parameter", "Mend it."), ReleaseStatus.FAILED)
    skipped = _outcome("mail", None, ReleaseStatus.SKIPPED)

    assert "on-failure" not in _summary(wrong, replace(skipped, reason="orders failed"), error=True)
    assert "on-failure" in _summary(wrong, replace(skipped, reason="orders failed"))


def test_a_rollback_and_a_cancelled_run_have_no_others_to_release() -> None:
    cancelled = _outcome("orders", CancelledError())

    assert "on-failure" not in _summary(_outcome("orders", _FAILED), _MAIL, mode=Mode.ROLLBACK)
    assert "on-failure" not in _summary(cancelled, replace(cancelled, before=_MAIL.before))


_BACK, _SERVED = "Everything was put back.", "served the new code."


def test_where_no_alias_has_moved_nobody_was_served_it() -> None:
    orders, next_one = _outcome("orders", _FAILED), _outcome("mail", ConsequenceError("orders"), alias="next")

    assert f"{_BACK} `live` never {_SERVED}\n" in _summary(orders)
    assert f"{_BACK} `live` never {_SERVED}\n" in _summary(orders, _MAIL)
    assert f"{_BACK} No alias {_SERVED}\n" in _summary(orders, next_one)


@pytest.mark.parametrize(
    "other",
    [
        replace(_MAIL, has_moved_alias=True),
        _outcome("mail", ConsequenceError("orders"), alias=""),
    ],
    ids=["an alias has moved", "without an alias"],
)
def test_where_somebody_may_have_been_served_it_that_is_not_said(other: Outcome) -> None:
    assert _SERVED not in _summary(_outcome("orders", _FAILED), other)
    assert _SERVED not in _summary(replace(other, error=_FAILED))
