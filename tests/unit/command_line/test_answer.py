"""What is printed at the end of a run by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_lambda_deploy.command_line.answer import Answer, undo, what_serves
from ecr_lambda_deploy.command_line.terminal import Terminal
from ecr_lambda_deploy.model.errors import DeployError, InputError
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.private_folders import PrivateFolders
from tests.unit.fakes.examples import NEW, OLD, RUN, alias_state, function_state, observed_function, version_state

_BEFORE = observed_function(function_state(), version_state("7", OLD), alias=alias_state("7"))
_AFTER = observed_function(function_state(image=NEW), version_state("8", NEW), alias=alias_state("8"))


def _outcome(name: str = "orders-api", status: ReleaseStatus = ReleaseStatus.DEPLOYED) -> Outcome:
    return Outcome(before=replace(_BEFORE, name=name), after=replace(_AFTER, name=name), status=status)


def _journal(*outcomes: Outcome, mode: Mode = Mode.DEPLOY, error: DeployError | None = None) -> Journal:
    return Journal(run=RUN, mode=mode, outcomes=outcomes, error=error)


def _answer(journal: Journal, *, is_json: bool = False, secret: str = "") -> int:
    terminal = Terminal()
    terminal.mask(secret)
    return Answer(journal, {}, terminal, PrivateFolders(Path("/workspace")), is_json=is_json).write()


def test_the_result_is_short_and_ends_with_the_command_that_undoes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _answer(_journal(_outcome())) == 0

    out, err = capsys.readouterr()
    assert out.splitlines() == [
        f"  orders-api: deployed, serves version 8 {NEW.digest[:19]}, before version 7 {OLD.digest[:19]}",
        "Undo, with the same Region and credentials:",
        "  ecr-lambda-deploy rollback --function-name orders-api --alias live --rollback-to 7",
    ]
    assert err.startswith("orders-api serves ")


def test_several_functions_go_back_by_one_command_and_those_of_a_manifest_by_it() -> None:
    outcomes = tuple(map(_outcome, ("orders-api", "orders-worker")))
    of_manifest = replace(_journal(*outcomes), manifest="deploy all.yml")

    (_, command) = undo(_journal(*outcomes))
    assert command.startswith("  ecr-lambda-deploy rollback --function-name orders-api --function-name orders-worker")
    assert [*undo(of_manifest)][1:] == ["  ecr-lambda-deploy rollback --manifest 'deploy all.yml'"]


def test_a_plan_says_what_would_change_and_has_nothing_to_undo() -> None:
    planned = replace(
        Outcome.untouched(_BEFORE, ReleaseStatus.PLANNED), reason="another digest", follows=("update code", "publish")
    )
    journal = _journal(planned, mode=Mode.PLAN)

    assert [*what_serves(journal)] == ["  orders-api: would change, another digest: update code, publish"]
    assert [*undo(journal)] == []


def test_of_many_functions_the_most_important_are_shown() -> None:
    same = [_outcome(f"same-{number}", ReleaseStatus.UNCHANGED) for number in range(30)]
    lines = [*what_serves(_journal(*same, _outcome("changed")))]

    assert lines[0].startswith("  changed: deployed")
    assert lines[20:] == ["  and 11 more functions"]


@pytest.mark.parametrize(
    ("error", "expected"), [(None, 0), (DeployError("no", topic="no-credentials"), 1), (InputError(["no"]), 2)]
)
def test_exit_codes_tell_a_failure_from_wrong_usage(error: DeployError | None, expected: int) -> None:
    assert _answer(_journal(error=error)) == expected
    assert _answer(_journal(error=error), is_json=True) == expected


def test_json_is_one_document_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    error = DeployError('denied: "s3cr3t"', topic="no-credentials")

    _answer(_journal(_outcome(), error=error), is_json=True, secret='"s3cr3t"')

    out, err = capsys.readouterr()
    told = json.loads(out)
    assert set(told) == {"headline", "outputs", "results", "errors"}
    assert told["errors"] == ["denied: ***"]
    assert told["outputs"]["function-version"] == "8"
    assert told["results"][0]["function"] == "orders-api"
    assert "s3cr3t" not in out + err
