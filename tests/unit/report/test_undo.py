"""How to undo a release with a workflow of the repository, where it undoes just that."""

import pytest

from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import RollbackWorkflow, WorkflowRun
from ecr_lambda_deploy.report.undo import undo
from tests.unit.fakes.examples import NEW, RUN, alias_state, function_state, observed_function, version_state

_PAGE = "https://github.com/acme/shop/actions/workflows/rollback.yml"
_RUN = "gh workflow run rollback.yml --repo acme/shop"


def _outcome(name: str = "orders-api", status: ReleaseStatus = ReleaseStatus.DEPLOYED) -> Outcome:
    seven, eight = version_state("7"), version_state("8", NEW)
    before = observed_function(function_state(name=name), seven, alias=alias_state("7"))
    after = observed_function(function_state(name=name, image=NEW), seven, eight, alias=alias_state("8"))
    return Outcome(before=before, after=after, status=status)


def _shown(
    given: dict[str, str], *outcomes: Outcome, manifest: str = "", run: WorkflowRun = RUN, **known: tuple[str, ...]
) -> str:
    """Return what is shown on how to undo, in a repository with one workflow."""
    inputs = known.get("inputs", ("function", "to", "stage"))
    workflow = RollbackWorkflow(
        file="rollback.yml", given=given, inputs=inputs, required=known.get("required", ("function",))
    )
    journal = Journal(run=run, manifest=manifest, outcomes=outcomes or (_outcome(),), rollback_workflows=(workflow,))
    return undo(journal)[0][0]


_FUNCTION, _TO = "${{ inputs.function }}", "${{github.event.inputs.to}}"


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ({"function-name": _FUNCTION, "alias": "live", "rollback-to": _TO}, f"{_RUN} -f function=orders-api -f to=7"),
        ({"function-name": "orders-api", "rollback-to": _TO}, f"{_RUN} -f to=7 -f function=FUNCTION"),
        ({"function-name": "orders-api"}, f"{_RUN} -f function=FUNCTION"),
        ({"function-name": _FUNCTION, "rollback-to": "previous"}, f"{_RUN} -f function=orders-api"),
    ],
)
def test_the_workflow_is_named_with_the_inputs_that_can_be_told(given: dict[str, str], command: str) -> None:
    assert _shown(given) == f"**Undo:** [Run `rollback.yml`]({_PAGE}) or `{command}`"


@pytest.mark.parametrize(
    "given",
    [
        {"function-name": "another"},
        {"function-name": _FUNCTION, "alias": "staging"},
        {"function-name": _FUNCTION, "rollback-to": "3"},
        {"manifest": "deploy.yaml"},
        {},
    ],
)
def test_a_workflow_for_something_else_is_not_named(given: dict[str, str]) -> None:
    assert _shown(given).startswith("**Undo:** in a workflow that is started by hand, add a step")


def test_a_manifest_is_undone_by_its_own_workflow_alone() -> None:
    several = (_outcome("orders-api"), _outcome("mail-api"))

    assert "`gh workflow run rollback.yml --repo acme/shop`" in _shown(
        {"manifest": "./deploy.yaml"}, *several, manifest="deploy.yaml", required=()
    )
    assert _shown({"manifest": "other.yaml"}, *several, manifest="deploy.yaml").startswith("**Undo** the releases of")
    assert "rollback.yml" not in _shown({"function-name": _FUNCTION}, *several)
    named = {"function-name": "mail-api\norders-api"}
    assert "`gh workflow run rollback.yml --repo acme/shop`" in _shown(named, *several, required=())


def test_outside_github_there_is_no_page() -> None:
    run = WorkflowRun()

    assert _shown({"function-name": "orders-api"}, run=run, required=()) == (
        "**Undo:** Run `rollback.yml` or `gh workflow run rollback.yml`"
    )


def test_what_a_workflow_says_is_text_of_others() -> None:
    odd = "x`y@octo <b>"
    shown = _shown({"function-name": _FUNCTION}, required=(odd,), inputs=(odd, "function"))

    assert "&#8203;octo" in shown
    assert "<b>" not in shown.replace(r"\<b", "")
    assert "-f 'x" in shown
