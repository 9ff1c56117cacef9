"""Deployments by the action's own container, each as a workflow's step would start it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from live.lab import Lab
from live.report import Seen, Verdict
from sandbox.runner import Runner, StepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    name: str
    status: str
    version: str


def run_scenarios(lab: Lab, runner: Runner, workspace: Path, inputs: Mapping[str, str]) -> Iterator[Seen]:
    """Create a function, find nothing to do, deploy a change, and roll it back.

    Args:
        lab: gets the digest of the first image.
        runner: starts the action's container.
        workspace: holds examples/hello; its code is changed.
        inputs: of each step: Region and role.
    """
    release = {
        **inputs,
        "function-name": lab.name,
        "repository": lab.name,
        "alias": "live",
        "smoke-event": '{"name": "AWS"}',
    }
    parameters = {"Role": lab.execution_role, "Timeout": 30, "MemorySize": 256}
    creation = {"create-repository": "true", "create-function": json.dumps(parameters), "platform": "linux/amd64"}

    first = runner.run(workspace, {**release, **creation}, commit="1" * 40, run_id="1")
    lab.digest = first.outputs.get("image-digest", "")
    yield _seen(first, _Expected(name="A function is created with repository and alias", status="created", version="1"))

    again = runner.run(workspace, release, commit="1" * 40, run_id="2")
    yield _seen(again, _Expected(name="The same again: nothing to do", status="unchanged", version="1"))

    app = workspace / "app.py"
    app.write_text(app.read_text().replace('"hello"', '"good morning"'))
    second = runner.run(workspace, release, commit="2" * 40, run_id="3")
    yield _seen(second, _Expected(name="A change is deployed by alias", status="deployed", version="2"))

    back = {**inputs, "function-name": lab.name, "alias": "live", "mode": "rollback"}
    rolled_back = runner.run(workspace, back, commit="2" * 40, run_id="4")
    yield _seen(rolled_back, _Expected(name="It is rolled back", status="rolled-back", version="1"))


def _seen(result: StepResult, expected: _Expected) -> Seen:
    (outcome,) = json.loads(result.outputs.get("results") or "[]") or [{}]
    status, version = outcome.get("status", "no result"), outcome.get("version", "")
    errors = " ".join(annotation.message for annotation in result.annotations if annotation.level == "error")
    is_as_expected = (result.exit_code, status, version) == (0, expected.status, expected.version)
    return Seen(
        name=expected.name,
        assumed=f"{expected.status}, version {expected.version}",
        text=f"{status}, version {version}, {result.seconds:.0f} s {errors}".strip(),
        verdict=Verdict.AS_ASSUMED if is_as_expected else Verdict.OTHERWISE,
    )
