import pytest

from ecr_lambda_deploy.model.errors import CancelledError, DeployError, InputError, SeveralError, SourceLocation
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.run import ACTION, WorkflowRun
from ecr_lambda_deploy.report.help import help_addresses
from ecr_lambda_deploy.report.summary import summary

_RUN = WorkflowRun(action="acme/ecr-lambda-deploy@release/2")
_PAGE = "https://github.com/acme/ecr-lambda-deploy/blob/release/2/docs/help/troubleshooting.md"
_ALARM = DeployError("The alarm rings.", "Look at it.", topic="alarm")


@pytest.mark.parametrize(
    ("error", "topics"),
    [
        (_ALARM, ["alarm"]),
        (CancelledError(), ["cancelled"]),
        (InputError(["'mode' is wrong."]), ["wrong-inputs"]),
        (InputError(["a.yaml:1:1: wrong"], location=SourceLocation(file="a.yaml", line=1)), ["wrong-manifest"]),
        (SeveralError([_ALARM, CancelledError(), _ALARM]), ["alarm", "cancelled"]),
        (DeployError("what nobody has explained"), []),
    ],
)
def test_each_topic_of_an_error_has_an_address_on_the_page(error: DeployError, topics: list[str]) -> None:
    assert help_addresses(error, _RUN) == [f"{_PAGE}#{topic}" for topic in topics]


def test_a_ref_cannot_change_what_the_address_is() -> None:
    (address,) = help_addresses(_ALARM, WorkflowRun(action="acme/deploy@a b#c?d>e"))

    assert address == "https://github.com/acme/deploy/blob/a%20b%23c%3Fd%3Ee/docs/help/troubleshooting.md#alarm"


def test_a_workflow_that_uses_the_action_by_path_gets_the_page_of_the_release() -> None:
    repository, ref = ACTION.split("@")

    assert help_addresses(_ALARM, WorkflowRun())[0].startswith(f"https://github.com/{repository}/blob/{ref}/docs/")


def test_the_summary_has_the_address_once_for_each_error_outside_its_words() -> None:
    text = summary(Journal(run=_RUN, error=SeveralError([_ALARM, CancelledError()])))

    assert f"> [Help]({_PAGE}#alarm)\n>\n> ```text\n> The alarm rings.\n" in text
    assert f"> [Help]({_PAGE}#cancelled)\n>\n> **What to do:** Nothing" in text
    assert text.count(_PAGE) == 2
