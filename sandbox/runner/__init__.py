"""The runner: it starts the action as GitHub's runner does, and reads what a step leaves.

`action_container.py` builds the action and starts its container with the inputs, mounts and file commands of GitHub's
runner. `step.py` is the running step and its result. `workflow_commands.py` reads log, masks and annotations.
`workflow.py` runs a whole workflow with act. `action_process.py` runs the action in a process of the machine.
"""

from sandbox.runner.action_container import (
    ACTION_IMAGE,
    Runner,
    build_action,
    github_variables,
    input_defaults,
    process_variables,
)
from sandbox.runner.step import RunningStep, StepResult

__all__ = [
    "ACTION_IMAGE",
    "Runner",
    "RunningStep",
    "StepResult",
    "build_action",
    "github_variables",
    "input_defaults",
    "process_variables",
]
