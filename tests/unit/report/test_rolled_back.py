"""What the summary of a rollback says: which way it went, what to revert, and the step that leads back."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import RollbackWorkflow, WorkflowRun
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.summary import summary
from ecr_lambda_deploy.report.undo import undo
from tests.unit.fakes.examples import NEW, OLD, RUN, alias_state, function_state, observed_function, version_state

_OLDEST, _OLD, _NEW = 40 * "a", 40 * "b", 40 * "c"
_COMMITS = {"6": _OLDEST, "7": _OLD, "8": _NEW}


def _description(number: str, commit: str, **facts: str) -> str:
    return str(Record.of(replace(RUN, run_id=f"{number}00"), commit=commit, **facts))


def _serving(name: str, number: str, *, alias: str = "live", **descriptions: str) -> ObservedFunction:
    """Return a function that has versions 6 to 8, each of a run and a commit of its own, and serves one of them."""
    known = {**{one: _description(one, commit) for one, commit in _COMMITS.items()}, **descriptions}
    versions = [
        replace(version_state(one, NEW if one == number else OLD, text), name=name) for one, text in known.items()
    ]
    latest = function_state(name=name, image=NEW)
    return observed_function(latest, *versions, alias=alias_state(number) if alias else None)


def _rolled_back(name: str = "orders", before: str = "8", after: str = "7", **descriptions: str) -> Outcome:
    was, now = (_serving(name, number, **descriptions) for number in (before, after))
    return Outcome(before=was, after=now, status=ReleaseStatus.ROLLED_BACK)


def _journal(*outcomes: Outcome, manifest: str = "deploy.yaml", given: frozenset[str] = frozenset()) -> Journal:
    return Journal(run=RUN, mode=Mode.ROLLBACK, manifest=manifest, manifest_inputs=given, outcomes=outcomes)


def test_going_forward_is_no_going_back() -> None:
    one, other = _rolled_back("orders", "7", "8"), _rolled_back("mail", "7", "8")

    assert headline(_journal(one)) == "Released orders again: it serves ccccccc, version 8, by the alias live"
    assert headline(_journal(one, other)) == "Released ccccccc again to 2 functions"
    text = summary(_journal(one, other))
    assert text.startswith("### ✅ ")
    assert "| ✅ | [orders]" in text
    assert "**Undo:** in a workflow" in text
    assert "rolled back" not in text
    assert "next deployment" not in text


def test_some_going_back_is_a_rollback() -> None:
    text = summary(_journal(_rolled_back("orders", "7", "8"), _rolled_back("mail")))

    assert text.startswith("### ⏪ Rolled back 2 functions\n")
    assert "**Undo:** " in text


def test_of_many_those_that_go_forward_are_counted_apart() -> None:
    forward = [_rolled_back(f"orders-{number}", "7", "8") for number in range(11)]
    text = summary(_journal(*forward, *(_rolled_back(f"mail-{number}") for number in range(11))))

    assert "<summary>✅ 11 released again</summary>" in text
    assert "<summary>⏪ 11 rolled back</summary>" in text


@pytest.mark.parametrize(("repeated", "is_back"), [("600", True), ("800", False)])
@pytest.mark.parametrize("alias", ["live", ""])
def test_a_version_that_repeats_another_counts_as_what_it_repeats(repeated: str, alias: str, *, is_back: bool) -> None:
    nine = _description("9", _OLDEST, mode="rollback", repeats=repeated)
    before = _serving("orders", "7", alias=alias)
    before = before if alias else replace(before, versions=before.versions[:2])
    after = _serving("orders", "9", alias=alias, **{"9": nine})
    outcome = Outcome(before=before, after=after, status=ReleaseStatus.ROLLED_BACK)

    assert headline(_journal(outcome)).startswith("Rolled back" if is_back else "Released")


def test_what_came_after_the_commit_that_serves_now_is_to_be_reverted() -> None:
    page = "https://github.com/acme/shop"
    told = f"revert what came after [`aaaaaaa`]({page}/commit/{_OLDEST}) there first"

    assert f"{told} ([compare]({page}/compare/{_OLDEST}...{_NEW}))." in summary(_journal(_rolled_back(after="6")))
    several = _journal(_rolled_back("orders", "8", "6"), _rolled_back("mail", "7", "6"))
    assert f"{told}.\n" in summary(several)


@pytest.mark.parametrize(
    "outcomes",
    [
        (_rolled_back("orders", "8", "6"), _rolled_back("mail", "8", "7")),
        (_rolled_back("orders", "8", "7", **{"7": "by hand"}),),
        (_rolled_back("orders", "8", "7", **{"7": _description("7", _NEW)}),),
    ],
    ids=["two commits serve", "no commit is known", "another image of the same commit"],
)
def test_without_one_earlier_commit_what_was_rolled_back_is_to_be_reverted(outcomes: tuple[Outcome, ...]) -> None:
    assert "revert what was rolled back there first.\n" in summary(_journal(*outcomes))


def _steps(journal: Journal) -> str:
    shown, folded = undo(journal)
    return "\n\n".join([*shown, *folded]).partition("\n\nWith the AWS CLI")[0]


def test_all_functions_of_a_manifest_are_released_again_by_their_commit() -> None:
    outcomes = (_rolled_back("orders"), _rolled_back("mail", "8", "6"))

    assert _steps(_journal(*outcomes, given=frozenset({"vars"}))) == (
        "**To release again what was rolled back:** in a workflow that is started by hand, add a step after "
        "`actions/checkout`, with the same Region, role and `vars`\n\n```yaml\n- uses: org/ecr-lambda-deploy@v1\n"
        f'  with: {{ mode: rollback, manifest: deploy.yaml, rollback-to: "{_NEW}" }}\n```'
    )
    assert "with the same Region and role\n" in _steps(_journal(*outcomes))


_ELSEWHERE = {
    "there is no manifest": _journal(_rolled_back("orders"), _rolled_back("mail"), manifest=""),
    "others were left out": _journal(_rolled_back("orders"), given=frozenset({"only"})),
    "others stayed": _journal(
        _rolled_back("orders"), Outcome.untouched(_serving("mail", "7"), ReleaseStatus.UNCHANGED)
    ),
    "others were not there": _journal(
        _rolled_back("orders"), Outcome.untouched(ObservedFunction(name="mail", latest=None), ReleaseStatus.SKIPPED)
    ),
    "two commits served": _journal(_rolled_back("orders", "8", "6"), _rolled_back("mail", "7", "6")),
    "no commit is known": _journal(_rolled_back("orders", **{"8": "by hand"})),
    "another version has the commit": _journal(_rolled_back("orders", **{"6": _description("6", _NEW)})),
    "the commit serves still": _journal(_rolled_back("orders", **{"7": _description("7", _NEW)})),
}


@pytest.mark.parametrize("why", _ELSEWHERE)
def test_where_a_commit_may_lead_elsewhere_each_function_has_its_own_step(why: str) -> None:
    steps = _steps(_ELSEWHERE[why])

    assert "manifest:" not in steps
    assert "orders" in steps


def _by_workflow(given: dict[str, str], *outcomes: Outcome) -> str:
    workflow = RollbackWorkflow(file="rollback.yml", given=given, inputs=("function", "to"), required=())
    return undo(replace(_journal(*outcomes), rollback_workflows=(workflow,)))[0][0]


_TO = "${{ inputs.to }}"


def test_a_rollback_is_undone_by_a_workflow_that_is_told_where_to_go() -> None:
    several = (_rolled_back("orders"), _rolled_back("mail"))

    assert f"-f to={_NEW}`" in _by_workflow({"manifest": "deploy.yaml", "rollback-to": _TO}, *several)
    by_name = {"function-name": "${{ inputs.function }}", "rollback-to": _TO}
    assert "-f function=orders -f to=8`" in _by_workflow(by_name, several[0])


@pytest.mark.parametrize("given", [{}, {"rollback-to": "previous"}], ids=["by default", "as it says"])
@pytest.mark.parametrize("names", [{"function-name": "orders"}, {"manifest": "deploy.yaml"}])
def test_a_workflow_that_goes_to_what_was_previous_undoes_no_rollback(
    names: dict[str, str], given: dict[str, str]
) -> None:
    """It would go further back."""
    assert "rollback.yml" not in _by_workflow({**names, **given}, _rolled_back("orders"))


def test_outside_github_a_commit_has_no_page() -> None:
    journal = replace(_journal(_rolled_back(after="6")), run=WorkflowRun())

    assert "revert what came after `aaaaaaa` there first.\n" in summary(journal)
