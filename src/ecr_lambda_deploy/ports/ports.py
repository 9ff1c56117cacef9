"""All ports of a run together."""

from collections.abc import Callable
from dataclasses import dataclass

from ecr_lambda_deploy.model.targets import BuilderSettings
from ecr_lambda_deploy.ports.functions import Alarms, Aliases, Functions, Invocations, Metrics, Parameters
from ecr_lambda_deploy.ports.images import Builder, Repositories, Sources
from ecr_lambda_deploy.ports.runner import Cancelling, Clock, Log, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What `main.py` connects, and a mode uses."""

    functions: Functions
    aliases: Aliases
    invocations: Invocations
    alarms: Alarms
    metrics: Metrics
    parameters: Parameters
    repositories: Repositories
    sources: Sources
    builders: Callable[[BuilderSettings], Builder]
    log: Log
    clock: Clock
    cancelling: Cancelling
    priority: Priority
