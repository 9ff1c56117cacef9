"""Outputs and summary of releases with an alias, of rollbacks, and of failed and reverted releases."""

import json
from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.functions import LATEST, ObservedFunction
from ecr_lambda_deploy.model.outcomes import ImageOutcome, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.outputs import outputs
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import (
    ARN,
    FAILED_UPDATE,
    NEW,
    OLD,
    REGISTRY,
    RUN,
    alias_state,
    function_state,
    observed_function,
    version_state,
)

_RUNS_NEW = function_state(image=NEW)
_VERSIONS = (version_state("7"), version_state("8", NEW))
_AT_7 = observed_function(None, *_VERSIONS[:1], alias=alias_state("7"))
_AT_8 = observed_function(_RUNS_NEW, *_VERSIONS, alias=alias_state("8"))
_CANARY = observed_function(_RUNS_NEW, *_VERSIONS, alias=alias_state("7", weights={"8": 0.1}))
_WITHOUT = observed_function(None, version_state("7"))
_NEW_WITHOUT = observed_function(_RUNS_NEW, *_VERSIONS)
_NOT_THERE = ObservedFunction(name="orders-api", latest=None)
_ERROR = DeployError("The smoke test did not pass", "Mend it")
_VERSION_8 = "sha256:bbbbbbbbbbbb, version 8, by the alias live"


def _outcome(
    status: ReleaseStatus, before: ObservedFunction, after: ObservedFunction, error: DeployError | None = None
) -> Outcome:
    return Outcome(before=before, after=after, status=status, error=error)


_IMAGE = ImageOutcome(name="", functions=("orders-api",), repository_uri=f"{REGISTRY}/orders", reference=NEW)


def _journal(*outcomes: Outcome, run: WorkflowRun = RUN) -> Journal:
    return Journal(
        run=run,
        images=(ImageOutcome(name="", functions=("orders-api",), repository_uri=f"{REGISTRY}/orders", reference=NEW),),
        outcomes=outcomes,
    )


_OUTCOMES = {
    "deployed": _outcome(ReleaseStatus.DEPLOYED, _AT_7, _AT_8),
    "created": _outcome(ReleaseStatus.CREATED, _NOT_THERE, _AT_8),
    "created without alias": _outcome(ReleaseStatus.CREATED, _NOT_THERE, _NEW_WITHOUT),
    "rolled back": _outcome(ReleaseStatus.ROLLED_BACK, _AT_8, replace(_AT_7, versions=_AT_8.versions)),
    "unchanged": _outcome(ReleaseStatus.UNCHANGED, _AT_8, _AT_8),
    "skipped": _outcome(ReleaseStatus.SKIPPED, _AT_8, _AT_8),
    "reverted": _outcome(ReleaseStatus.REVERTED, _AT_7, _AT_7, _ERROR),
    "cancelled": _outcome(ReleaseStatus.REVERTED, _AT_7, _AT_7, CancelledError().extended(["It is back."])),
    "cancelled before": _outcome(ReleaseStatus.FAILED, _AT_7, _AT_7, CancelledError()),
    "cancelled and not back": _outcome(ReleaseStatus.FAILED, _AT_7, _CANARY, CancelledError()),
    "kept": _outcome(ReleaseStatus.FAILED, _AT_7, replace(_AT_7, latest=_RUNS_NEW), _ERROR),
    "half done": _outcome(ReleaseStatus.FAILED, _AT_7, _CANARY, _ERROR),
    "not reverted": _outcome(ReleaseStatus.FAILED, _WITHOUT, _NEW_WITHOUT, _ERROR),
    "alias at $LATEST": _outcome(ReleaseStatus.DEPLOYED, observed_function(None, alias=alias_state(LATEST)), _AT_8),
    "new alias": _outcome(ReleaseStatus.DEPLOYED, _WITHOUT, _AT_8),
}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("deployed", f"orders-api serves {_VERSION_8}"),
        ("created", f"Created orders-api: it serves {_VERSION_8}"),
        ("created without alias", "Created orders-api: it serves sha256:bbbbbbbbbbbb, version 8"),
        (
            "rolled back",
            "Rolled back orders-api to sha256:aaaaaaaaaaaa, version 7, by the alias live",
        ),
        ("unchanged", "Nothing to do: orders-api serves sha256:bbbbbbbbbbbb already, version 8, by the alias live"),
        (
            "skipped",
            "Skipped: orders-api serves sha256:bbbbbbbbbbbb, version 8, of a newer run",
        ),
        (
            "reverted",
            "Release reverted: orders-api: The smoke test did not pass",
        ),
        ("cancelled", "Cancelled: what it had changed is put back"),
        ("cancelled before", "Cancelled: nothing was changed"),
        ("cancelled and not back", "Cancelled: part of what it changed is still there"),
        (
            "kept",
            "Release failed: orders-api: The smoke test did not pass",
        ),
        ("not reverted", "Release failed: orders-api: The smoke test did not pass"),
    ],
)
def test_the_headline_of_each_status(name: str, expected: str) -> None:
    assert headline(_journal(_OUTCOMES[name])) == expected


_SERVES_OLD = {"image-uri": str(OLD), "function-version": "7", "function-arn": f"{ARN}:7", "alias-arn": f"{ARN}:live"}
_SERVES_NEW = {"image-uri": str(NEW), "function-version": "8", "function-arn": f"{ARN}:8", "alias-arn": f"{ARN}:live"}


@pytest.mark.parametrize(
    ("name", "serves", "previous_image", "previous_version", "changed"),
    [
        ("deployed", _SERVES_NEW, str(OLD), "7", "true"),
        ("created", _SERVES_NEW, "", "", "true"),
        ("created without alias", {**_SERVES_NEW, "alias-arn": ""}, "", "", "true"),
        ("rolled back", _SERVES_OLD, str(NEW), "8", "true"),
        ("unchanged", _SERVES_NEW, str(NEW), "8", "false"),
        ("skipped", _SERVES_NEW, str(NEW), "8", "false"),
        ("reverted", _SERVES_OLD, str(OLD), "7", "false"),
        ("kept", _SERVES_OLD, str(OLD), "7", "false"),
        ("half done", _SERVES_OLD, str(OLD), "7", "true"),
        ("not reverted", {**_SERVES_NEW, "alias-arn": ""}, str(OLD), "7", "true"),
        ("alias at $LATEST", _SERVES_NEW, str(OLD), "", "true"),
        ("new alias", _SERVES_NEW, str(OLD), "7", "true"),
    ],
)
def test_the_outputs_show_what_serves_and_what_served_before(
    name: str, serves: dict[str, str], previous_image: str, previous_version: str, changed: str
) -> None:
    written = outputs(_journal(_OUTCOMES[name]))

    assert {output: written[output] for output in serves} == serves
    assert written["image-digest"] == serves["image-uri"].partition("@")[2]
    assert written["repository-uri"] == f"{REGISTRY}/orders"
    assert (written["previous-image-uri"], written["previous-version"]) == (previous_image, previous_version)
    assert written["changed"] == changed
    (result,) = json.loads(written["results"])
    assert (result["version"], result["previous_version"]) == (serves["function-version"], previous_version)


@pytest.mark.parametrize("name", _OUTCOMES)
def test_a_result_has_its_status_and_error(name: str) -> None:
    outcome = _OUTCOMES[name]
    (result,) = json.loads(outputs(_journal(outcome))["results"])

    assert result["status"] == str(outcome.status)
    assert result["error"] == str(outcome.error or "")


def test_a_skipped_function_has_no_error_even_if_the_run_has_one() -> None:
    journal = _journal(_OUTCOMES["skipped"])
    journal.error = DeployError("the other one failed")
    (result,) = json.loads(outputs(journal)["results"])

    assert (result["status"], result["error"]) == ("skipped", "")


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("deployed", ["| Version | 7 | **8** |", "| Image | `sha256:aaaaaaaaaaaa` | `sha256:bbbbbbbbbbbb` |"]),
        ("created", ["| Version | none | **8** |", "| Image |  | `sha256:bbbbbbbbbbbb` |"]),
        ("reverted", ["|  | Serves | Tried |", "| Image | `sha256:aaaaaaaaaaaa` | `sha256:bbbbbbbbbbbb` |"]),
        ("unchanged", []),
    ],
)
def test_the_summary_has_a_row_for_each_fact(name: str, rows: list[str]) -> None:
    lines = summary(_journal(_OUTCOMES[name])).partition("<details>")[0].splitlines()

    assert [row for row in rows if row not in lines] == []
    assert (rows == []) is not any(line.startswith("|") for line in lines)


@pytest.mark.parametrize(
    ("name", "column"), [("unchanged", "This run"), ("skipped", "This run"), ("reverted", "Tried")]
)
def test_what_was_left_alone_was_not_tried(name: str, column: str) -> None:
    """Another commit's image is the same as the one that serves."""
    image = replace(_IMAGE, commit=40 * "d", reference=OLD if name == "reverted" else NEW)
    text = summary(replace(_journal(_OUTCOMES[name]), images=(image,)))

    assert f"|  | Serves | {column} |\n| --- | --- | --- |\n| Commit |  | [`ddddddd`](" in text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("deployed", ""),
        (
            "reverted",
            "`orders-api` serves version&nbsp;7&nbsp;·&nbsp;`sha256:aaaaaaaaaaaa`, as before. Everything was put back.",
        ),
        ("cancelled before", "`orders-api` serves version&nbsp;7&nbsp;·&nbsp;`sha256:aaaaaaaaaaaa`, as before.\n"),
        (
            "half done",
            "**`orders-api` serves version&nbsp;7&nbsp;·&nbsp;`sha256:aaaaaaaaaaaa`&nbsp;·&nbsp;10 % to version 8**, ",
        ),
        (
            "not reverted",
            "**`orders-api` serves version&nbsp;8&nbsp;·&nbsp;`sha256:bbbbbbbbbbbb`**, where it served version",
        ),
        ("kept", "as before, but **`$LATEST` has the new image.**"),
    ],
)
def test_a_sentence_says_what_serves_now(name: str, sentence: str) -> None:
    second = summary(_journal(_OUTCOMES[name])).split("\n\n")[1] + "\n"

    assert sentence in second if sentence else " serves " not in second


_TO_VERSION_7 = (
    "aws lambda update-alias --region eu-west-1 --function-name orders-api --name live --function-version 7 "
    "--routing-config AdditionalVersionWeights={}"
)
_TO_OLD = (
    "aws lambda update-function-code --region eu-west-1 --function-name orders-api --architectures x86_64 "
    f"--image-uri {OLD}"
)


@pytest.mark.parametrize(
    ("name", "inputs", "command"),
    [
        (
            "deployed",
            '{ mode: rollback, function-name: orders-api, alias: live, rollback-to: "7" }',
            _TO_VERSION_7,
        ),
        (
            "rolled back",  # forward again
            '{ mode: rollback, function-name: orders-api, alias: live, rollback-to: "8" }',
            _TO_VERSION_7.replace("-version 7", "-version 8"),
        ),
        ("not reverted", '{ mode: rollback, function-name: orders-api, rollback-to: "7" }', _TO_OLD),
        (
            "alias at $LATEST",
            f"{{ mode: rollback, function-name: orders-api, alias: live, rollback-to: {OLD.digest} }}",
            _TO_OLD + "\n" + _TO_VERSION_7.replace("-version 7", "-version '$LATEST'"),
        ),
    ],
)
def test_the_summary_ends_with_a_step_and_commands_to_undo_the_release(name: str, inputs: str, command: str) -> None:
    text = summary(_journal(_OUTCOMES[name]))

    title = "To release again what was rolled back" if name == "rolled back" else "Undo"
    assert (
        f"**{title}:** in a workflow that is started by hand, add a step with the same Region and role\n\n```yaml\n"
        f"- uses: org/ecr-lambda-deploy@v1\n  with: {inputs}\n```\n\n<details>"
    ) in text
    assert text.endswith(f"With the AWS CLI:\n\n```sh\n{command}\n```\n\n</details>\n")


def test_the_command_to_undo_a_release_brings_the_record_back_that_the_alias_had() -> None:
    before = replace(_AT_7, alias=alias_state("7", description="run=5/1 repository=acme/shop"))
    text = summary(_journal(_outcome(ReleaseStatus.DEPLOYED, before, _AT_8)))

    assert f"{_TO_VERSION_7} --description 'run=5/1 repository=acme/shop'\n" in text
    assert "--description ''" not in text


def test_the_step_to_undo_a_release_names_the_action_as_the_workflow_does() -> None:
    text = summary(_journal(_OUTCOMES["deployed"], run=replace(RUN, action="acme/ship@v1.2")))

    assert "- uses: acme/ship@v1.2\n" in text


@pytest.mark.parametrize(
    "name", ["created", "created without alias", "unchanged", "skipped", "reverted", "kept", "half done"]
)
def test_without_another_image_or_an_earlier_one_there_is_nothing_to_undo(name: str) -> None:
    assert "ndo" not in summary(_journal(_OUTCOMES[name]))


def test_a_rollback_says_that_the_next_deployment_does_not_know_of_it() -> None:
    back = _OUTCOMES["rolled back"]
    forward = replace(back, before=back.after, after=back.before)
    told = "**The next deployment** releases what its branch has, whatever serves now: revert what was rolled back"

    assert told in summary(_journal(back))
    assert "next deployment" not in summary(_journal(forward))
    assert "next deployment" not in summary(_journal(_OUTCOMES["deployed"]))


def test_the_summary_shows_recovery_commands() -> None:
    outcome = replace(_OUTCOMES["half done"], recovery=("aws lambda one", "aws lambda two"))
    text = summary(_journal(outcome))

    block = "```sh\naws lambda one\naws lambda two\n```\n"
    assert f"**What to do first:** put back by hand what could not be reverted.\n\n{block}" in text
    assert "by hand" not in summary(_journal(_OUTCOMES["half done"]))


def test_the_error_of_an_outcome_stands_at_the_top() -> None:
    text = summary(_journal(_OUTCOMES["reverted"]))

    assert text.index("> The smoke test did not pass\n> ```\n>\n> **What to do:** Mend it\n") < text.index("| Tried |")


def test_a_failed_update_is_not_a_change_of_the_image() -> None:
    broken = observed_function(function_state(update=FAILED_UPDATE), version_state("7"))
    written = outputs(_journal(_outcome(ReleaseStatus.FAILED, _WITHOUT, broken, _ERROR)))

    assert (written["image-uri"], written["changed"]) == (str(OLD), "false")
