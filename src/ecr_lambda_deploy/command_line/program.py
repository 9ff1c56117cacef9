"""The entry point `ecr-lambda-deploy`: the action's modes, and two commands more, by hand.

The environment is `main`'s to read: it is asked there, and given on.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ecr_lambda_deploy.command_line.answer import WRONG_USAGE, Answer
from ecr_lambda_deploy.command_line.history import read_histories
from ecr_lambda_deploy.command_line.options import Request, parse
from ecr_lambda_deploy.command_line.terminal import Terminal, shows_colours
from ecr_lambda_deploy.docker.machine import engine_of_context
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.inputs.checkout import checked_out, remote_repository
from ecr_lambda_deploy.inputs.environment import cleaned
from ecr_lambda_deploy.inputs.parse import Inputs, parse_inputs
from ecr_lambda_deploy.main import concluded, own_environment, run, use, workflow_run
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.permissions.least import policy
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.private_folders import PrivateFolders

_ACCOUNT = 12  # digits


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for, and return the exit code.

    Args:
        arguments: without the program's name; those of the process by default.

    Raises:
        SystemExit: they are wrong, or ask for help.
    """
    request = parse(sys.argv[1:] if arguments is None else arguments)
    environment: Mapping[str, str] = cleaned(own_environment())
    terminal = Terminal(has_colours=shows_colours(environment))
    if request.command == "policy":
        return _print_policy(request, environment, terminal)
    journal = Journal(run=_run_of(environment))
    folders = PrivateFolders(Path.cwd())
    is_history = request.command == "history"
    answer = Answer(journal, environment, terminal, folders, is_json=request.is_json, is_history=is_history)
    cancelling = RunnerCancelling()

    def show_history(inputs: Inputs, ports: Ports, _: Journal) -> None:
        answer.histories = read_histories(inputs, ports)

    def act() -> None:
        try:
            known = _with_machine(environment, request)
        except DeployError as error:
            journal.error = error
            return
        own = show_history if is_history else None
        run(request.inputs, journal, known, terminal, cancelling, folders, own)

    return concluded(act, journal, answer, cancelling)


def _run_of(environment: Mapping[str, str]) -> WorkflowRun:
    """Return the workflow run, where there is one, or else a run by hand, as far as the checkout tells of it."""
    known, here = workflow_run(environment), Path.cwd()
    if known.run_id:
        return known
    return replace(
        known, run_id=f"0.{int(time.time())}", repository=remote_repository(here), commit=checked_out(here, here, {})
    )


def _with_machine(environment: Mapping[str, str], request: Request) -> dict[str, str]:
    """Return the environment with the engine of docker's context, and the Region of the profile.

    Raises:
        DeployError: there is no such profile.
    """
    known = dict(environment)
    if "DOCKER_HOST" not in known and (engine := engine_of_context(known)):
        known["DOCKER_HOST"] = engine
    if not (request.inputs.get("aws-region") or known.get("AWS_REGION") or known.get("AWS_DEFAULT_REGION")):
        from ecr_lambda_deploy.aws.session import region_of_profile  # botocore, which usage does not wait for

        use(known)
        if region := region_of_profile(known):
            known["AWS_REGION"] = region
    return known


def _print_policy(request: Request, environment: Mapping[str, str], terminal: Terminal) -> int:
    try:
        inputs = parse_inputs(request.inputs, _with_machine(environment, request))
    except DeployError as error:
        terminal.error(str(error))
        return WRONG_USAGE
    account = request.account or _account_of(inputs)
    if len(account) != _ACCOUNT or not account.isdecimal():
        terminal.error("--account is required, 12 digits, where no ARN among the inputs has it.")
        return WRONG_USAGE
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(inputs.region.rpartition("-")[0].rpartition("-")[0], "aws")
    made = policy(inputs.mode, inputs.images, region=inputs.region, account=account, partition=partition)
    terminal.answer(json.dumps(made, indent=2))
    return 0


def _account_of(inputs: Inputs) -> str:
    """Return the account of the first ARN among functions and role; empty without one."""
    names = [function.name for image in inputs.images for function in image.functions]
    arns = [name for name in (*names, inputs.role.arn if inputs.role else "") if name.startswith("arn:")]
    return arns[0].split(":")[4] if arns else ""
