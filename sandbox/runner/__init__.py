"""What imitates GitHub's runner: the action's container as a step, its output as the runner reads it, and workflows."""

from sandbox.runner.action_container import ACTION_IMAGE, Runner, build_action, github_variables, input_defaults
from sandbox.runner.step import RunningStep, StepResult

__all__ = ["ACTION_IMAGE", "Runner", "RunningStep", "StepResult", "build_action", "github_variables", "input_defaults"]
