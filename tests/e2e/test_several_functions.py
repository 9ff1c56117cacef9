"""One image for several functions: built once, and released to all of them or to none."""

import json
from typing import Any

import pytest

from sandbox.runner import StepResult
from sandbox.sandbox import create_function
from tests.e2e.releases import Releases, error, notices

_INPUTS = {"smoke-event": "{}", "alias": "live"}


@pytest.fixture
def names(releases: Releases) -> list[str]:
    """Three functions that run the first image, released to by an alias."""
    names = [releases.job.name, f"{releases.job.name}-worker", f"{releases.job.name}-cron"]
    for name in names[1:]:
        create_function(releases.aws, name, releases.images[0])
    assert _deploy(releases, names, 1).exit_code == 0
    return names


def _deploy(releases: Releases, names: list[str], number: int, **inputs: str) -> StepResult:
    return releases.deploy(number, {**_INPUTS, "function-name": "\n".join(names), **inputs})


def _results(result: StepResult) -> dict[str, dict[str, Any]]:
    return {one["function"]: one for one in json.loads(result.outputs["results"])}


def _served(releases: Releases, name: str) -> tuple[str, str]:
    """Return the images of the alias's version and of `$LATEST`."""
    taken = releases.aws.snapshot()
    version = taken.aliases[name]["live"]["FunctionVersion"]
    return taken.versions[name][version]["ResolvedImageUri"], taken.functions[name]["ResolvedImageUri"]


def test_all_get_the_image_and_the_outputs_are_those_of_the_first(releases: Releases, names: list[str]) -> None:
    result = _deploy(releases, names, 2)
    assert result.exit_code == 0, result.log
    for name in names:
        assert _served(releases, name) == (releases.images[2], releases.images[2])
    assert {one["status"] for one in _results(result).values()} == {"deployed"}
    assert result.outputs["function-arn"].endswith(f":{names[0]}:2")

    releases.aws.forget_calls()
    again = _deploy(releases, names, 2)
    assert {one["status"] for one in _results(again).values()} == {"unchanged"}
    assert releases.job.changing_calls() == []


def test_if_one_fails_all_are_as_before_and_the_job_is_red(releases: Releases, names: list[str]) -> None:
    before = releases.aws.snapshot()
    releases.aws.fail_update(names[1], "ImageAccessDenied", "Lambda may not pull.")

    result = _deploy(releases, names, 2)

    assert result.exit_code == 1
    after = releases.aws.snapshot()
    assert after.functions == before.functions
    assert after.aliases == before.aliases
    results = _results(result)
    assert "ImageAccessDenied: Lambda may not pull." in results[names[1]]["error"]
    for name in (names[0], names[2]):
        assert f"The release to {names[1]} failed, so this one is reverted." in results[name]["error"]
        assert results[name]["image_uri"] == releases.images[1]
    assert result.outputs["changed"] == "false"
    # Whoever looks finds the cause first, once, and at the moment when it happened.
    assert result.summary.splitlines()[0].startswith("### ❌ Release reverted: ")
    assert names[1] in result.summary.splitlines()[0]
    assert "ImageAccessDenied" in result.summary.splitlines()[0]
    cause, followed = [annotation for annotation in result.annotations if annotation.level == "error"]
    assert cause.title == f"{names[1]}: update failed"
    assert "ImageAccessDenied: Lambda may not pull." in cause.message
    assert followed.title.startswith("2 more functions, because of this: ")
    assert result.summary.count("[!CAUTION]") == 1
    assert f"\x1b[31m{names[1]} failed: " in result.output
    told = next(line for line in result.log.splitlines() if line.startswith(f"{names[1]} failed: "))
    assert told.endswith("; reverting all 3 functions")


def test_with_on_failure_keep_the_others_are_released(releases: Releases, names: list[str]) -> None:
    releases.aws.fail_update(names[1], "ImageAccessDenied", "Lambda may not pull.")
    result = _deploy(releases, names, 2, **{"on-failure": "keep"})
    assert result.exit_code == 1
    assert [one["status"] for one in _results(result).values()] == ["deployed", "failed", "deployed"]
    assert _served(releases, names[0])[0] == _served(releases, names[2])[0] == releases.images[2]
    assert _served(releases, names[1])[0] == releases.images[1]


def test_all_are_rolled_back_together(releases: Releases, names: list[str]) -> None:
    assert _deploy(releases, names, 2).exit_code == 0
    result = releases.roll_back(run=5001, inputs={"function-name": "\n".join(names)})
    assert result.exit_code == 0, result.log
    for name in names:
        assert _served(releases, name) == (releases.images[1], releases.images[1])


def test_functions_of_different_architectures_are_told_before_anything_is_built(
    releases: Releases, names: list[str]
) -> None:
    other = f"{names[0]}-arm"
    create_function(releases.aws, other, releases.images[0], "arm64")
    result = _deploy(releases, [*names, other], 2)
    assert result.exit_code == 1
    assert f"{other} on arm64" in error(result)
    assert notices(result) == ""
