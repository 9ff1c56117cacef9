"""The command line: a laptop with a profile and no runner, and the action's image with arguments."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.runner import ACTION_IMAGE
from tests.e2e.jobs import ROOT
from tests.e2e.releases import ALIAS, Releases, commit

_LATER = r"\d{4}\.\d{10}"


@dataclass(frozen=True, kw_only=True)
class _Laptop:
    """A checkout of `octocat/orders` on a machine with a profile of AWS, and neither a runner nor its packages."""

    releases: Releases
    home: Path
    checkout: Path

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the program as its entry point in a virtual environment does, on a function."""
        entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["ecr-lambda-deploy"]
        module, _, function = entry.partition(":")
        starts = (
            f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); sys.modules['actions_toolkit'] = None; "
            f"from {module} import {function}; sys.exit({function}())"
        )
        command = [sys.executable, "-I", "-c", starts, *arguments]
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "AWS_PROFILE": "orders", **variables}
        return subprocess.run(command, cwd=self.checkout, env=environment, capture_output=True, text=True, check=False)

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 # any JSON
        result = self.run(*arguments, "--json")
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    @property
    def of_function(self) -> tuple[str, ...]:
        return ("--function-name", self.releases.job.name, "--alias", ALIAS)


def _write_profile(folder: Path, credentials: Mapping[str, str]) -> None:
    (folder / ".aws").mkdir(parents=True)
    keys = [f"{name.lower()} = {value}" for name, value in credentials.items() if re.search("KEY|TOKEN", name)]
    endpoint, region = credentials["AWS_ENDPOINT_URL"], credentials["AWS_REGION"]
    (folder / ".aws/config").write_text(f"[profile orders]\nregion = {region}\nendpoint_url = {endpoint}\n")
    (folder / ".aws/credentials").write_text("\n".join(["[orders]", *keys]))


@pytest.fixture
def laptop(releases: Releases, tmp_path: Path) -> _Laptop:
    """A function has had two releases, by the runs 1001 and 1002 of a workflow."""
    checkout = tmp_path / "checkout"
    (checkout / ".git/refs/heads").mkdir(parents=True)
    (checkout / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (checkout / ".git/refs/heads/main").write_text(commit(3))
    (checkout / ".git/config").write_text('[remote "origin"]\n\turl = git@github.com:octocat/orders.git\n')
    _write_profile(tmp_path / "home", releases.aws.environment())
    for number in (1, 2):
        assert releases.deploy(number).exit_code == 0
    releases.aws.forget_calls()
    return _Laptop(releases=releases, home=tmp_path / "home", checkout=checkout)


def test_a_release_is_taken_back_and_made_by_hand_and_workflows_go_on_from_there(laptop: _Laptop) -> None:
    releases, name = laptop.releases, laptop.releases.job.name

    back = laptop.run("rollback", *laptop.of_function)

    assert back.returncode == 0, back.stderr
    assert releases.served() == releases.images[1]
    assert back.stdout == (
        f"  {name}: rolled-back, serves version 1 commit 1111111, before version 2 commit 2222222\n"
        "Undo, with the same Region and credentials:\n"
        f"  ecr-lambda-deploy rollback --function-name {name} --alias live --rollback-to 2\n"
    )
    assert f"Rolled back {name} to 1111111" in back.stderr
    assert "::" not in back.stderr
    assert re.search(rf"run={_LATER}/1 .*repository=octocat/orders", releases.alias()["Description"])

    made = laptop.json("deploy", *laptop.of_function, "--image-uri", releases.images[3])

    assert releases.served() == releases.images[3] == made["outputs"]["image-uri"]
    assert (made["results"][0]["status"], made["outputs"]["previous-version"], made["errors"]) == ("deployed", "1", [])
    assert releases.deploy(2, run_id="1000").outputs["changed"] == "false"  # of before, so it is stale
    assert releases.served() == releases.images[3]
    assert releases.deploy(4).exit_code == 0
    assert releases.served() == releases.images[4]

    (history,) = laptop.json("history", *laptop.of_function)["functions"]

    told = [(one["version"], one["commit"][:1], one["by"][:7], one["serves"]) for one in history["releases"]]
    assert told == [
        ("4", "4", "run 100", True),
        ("3", "3", "by hand", False),
        ("2", "2", "run 100", False),
        ("1", "1", "run 100", False),
    ]
    assert history["releases"][1]["previous"] == "1"

    assert laptop.run("rollback", *laptop.of_function, "--rollback-to", "2").returncode == 0
    assert releases.served() == releases.images[2]


def test_policy_asks_nobody_and_suffices_for_what_it_is_of(laptop: _Laptop) -> None:
    releases = laptop.releases

    printed = laptop.run("policy", "--mode", "rollback", *laptop.of_function, "--account", releases.aws.account)

    assert printed.returncode == 0, printed.stderr
    assert releases.aws.calls() == []
    releases.aws.put_role_policy("deploy", json.loads(printed.stdout))
    assert laptop.run("rollback", *laptop.of_function).returncode == 0
    assert releases.served() == releases.images[1]


def test_what_cannot_be_ends_with_its_exit_code_and_says_what_to_do(laptop: _Laptop) -> None:
    wrong = laptop.run("deploy", "--function", "orders")
    unnamed = laptop.run("rollback", "--rollback-to", "1")
    absent = laptop.run("history", "--function-name", "no-such-function")
    nobody = laptop.run("history", *laptop.of_function, AWS_PROFILE="nobody")

    assert [one.returncode for one in (wrong, unnamed, absent, nobody)] == [2, 2, 1, 1]
    assert "unrecognized arguments: --function" in wrong.stderr
    assert "'function-name' is required" in unnamed.stderr
    assert "There is no Lambda function no-such-function" in absent.stderr
    assert "nobody" in nobody.stderr
    assert "aws sso login" in nobody.stderr
    assert "Traceback" not in nobody.stderr


def test_the_action_s_image_takes_the_same_arguments(laptop: _Laptop) -> None:
    credentials = laptop.releases.aws.environment()
    options = ["--rm", "--network=host", f"--volume={laptop.home}/.aws:/aws:ro"]
    options += ["--env=AWS_PROFILE=orders", "--env=AWS_CONFIG_FILE=/aws/config"]
    options += ["--env=AWS_SHARED_CREDENTIALS_FILE=/aws/credentials"]

    shown = laptop.releases.job.engine.docker("run", *options, ACTION_IMAGE, "history", *laptop.of_function)

    lines = shown.splitlines()
    assert re.search(
        r"^-> +2 +\d{4}-\d\d-\d\d \d\d:\d\d +222222222222 +run 1002/1 of deploy.yml +serves", shown, re.MULTILINE
    )
    assert len([line for line in lines if "run 1001/1 of deploy.yml" in line]) == 1
    assert credentials["AWS_SECRET_ACCESS_KEY"] not in shown
