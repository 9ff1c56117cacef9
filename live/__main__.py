"""Runs the scenarios and asks for the facts; see the package."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from live.facts import ask_all
from live.lab import PREFIX, Lab, session
from live.report import Seen, is_good, summary
from live.scenarios import run_scenarios
from sandbox.machine.engine import running_engine
from sandbox.runner import Runner, build_action

_EXAMPLE = Path(__file__).parent.parent / "examples/hello"
_OF_THE_JOB = ("AWS_", "ACTIONS_ID_TOKEN_REQUEST_")  # how the variables begin that a step is given


def main() -> int:
    """Do what the command says, and return the exit code."""
    return run(sys.argv[1:], dict(os.environ))


def run(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Ask the AWS that the environment names, or remove what an earlier command has left there.

    Args:
        arguments: of the command line.
        environment: of the job: GitHub's variables, `AWS_REGION`, `LIVE_EXECUTION_ROLE`, and `LIVE_ROLE` to take.
    """
    number = f"{environment.get('GITHUB_RUN_ID', '0')}-{environment.get('GITHUB_RUN_ATTEMPT', '1')}"
    credentials: Any = session(environment)
    lab = Lab(name=f"{PREFIX}-{number}", client=credentials.client, execution_role=environment["LIVE_EXECUTION_ROLE"])
    if arguments == ["remove"]:
        left = lab.remove()
        print("\n".join(left) or "Nothing is left.")
        return 1 if left else 0
    inputs = {"aws-region": environment["AWS_REGION"], "role-to-assume": environment.get("LIVE_ROLE", "")}
    with running_engine() as engine:
        build_action(engine)
        given = {name: value for name, value in environment.items() if name.startswith(_OF_THE_JOB)}
        text, is_as_assumed = observe(lab, Runner(engine=engine, environment=given), inputs)
    with Path(environment.get("GITHUB_STEP_SUMMARY") or os.devnull).open("a", encoding="utf-8") as file:
        file.write(text)
    return 0 if is_as_assumed else 1


def observe(
    lab: Lab, runner: Runner, inputs: Mapping[str, str], say: Callable[[str], object] = print
) -> tuple[str, bool]:
    """Run everything, and remove what was made, however it ends.

    Args:
        lab: the account to ask.
        runner: starts the action's container.
        inputs: of each of the action's steps.
        say: called with each line of the summary as it is known.

    Returns:
        the summary, and whether everything was as assumed.
    """
    seen: list[Seen] = []
    left: list[str] = []
    try:
        with TemporaryDirectory(prefix="live-") as folder:
            workspace = Path(folder, "workspace")
            shutil.copytree(_EXAMPLE, workspace)
            for scenario in run_scenarios(lab, runner, workspace, inputs):
                seen.append(scenario)
                say(f"{scenario.name}: {scenario.text}")
        for fact in ask_all(lab):
            seen.append(fact)
            say(f"{fact.name}: {fact.text} ({fact.verdict})")
    finally:
        left = lab.remove()
        say("\n".join(["Removed.", *left]))
    return summary(seen, left), is_good(seen, left)


if __name__ == "__main__":
    sys.exit(main())
