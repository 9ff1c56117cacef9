"""Starts engine, AWS and runner together."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sandbox.aws import Aws, running_aws
from sandbox.machine.base_images import provide_base_images
from sandbox.machine.engine import Engine, running_engine
from sandbox.runner import Runner, build_action


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox.

    Attributes:
        engine: the Docker engine.
        aws: an empty AWS account, whose functions the engine runs.
        runner: runs the action's container, with credentials of the account's deploy role in its environment.
    """

    engine: Engine
    aws: Aws
    runner: Runner


@contextmanager
def running_sandbox(*, say: Callable[[str], None] = print) -> Iterator[Sandbox]:
    """Run a sandbox until the block ends.

    Args:
        say: called with a line for each thing that it starts.

    Raises:
        SandboxError: something that it needs can neither be found nor installed; the message says what.
    """
    with running_engine() as engine:
        say(f"Docker engine {engine.version} at {engine.socket}")
        prepare(engine, say=say)
        with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
            say(f"AWS at {aws.endpoint}, account {aws.account}, Region {aws.region}")
            yield Sandbox(engine=engine, aws=aws, runner=Runner(engine=engine, environment=aws.environment()))


def prepare(engine: Engine, *, say: Callable[[str], None] = print) -> None:
    """Give an engine the base images and the action's image.

    Raises:
        SandboxError: one of them can neither be pulled nor made.
    """
    provide_base_images(engine, say=say)
    say("Building the action's image")
    build_action(engine)


def create_function(
    sandbox_aws: Aws,
    name: str,
    image_uri: str,
    architecture: str = "x86_64",
    *,
    settings: Mapping[str, object] | None = None,
    account: str | None = None,
) -> None:
    """Create an image function and wait until it is active, as infrastructure code does.

    Args:
        sandbox_aws: the AWS.
        name: function name.
        image_uri: its first image.
        architecture: x86_64 or arm64.
        settings: further parameters of CreateFunction.
        account: the account that has the function; by default the AWS's own.
    """
    client = sandbox_aws.client("lambda", account)
    client.create_function(
        FunctionName=name,
        PackageType="Image",
        Code={"ImageUri": image_uri},
        Role=f"arn:aws:iam::{account or sandbox_aws.account}:role/{name}",
        Timeout=30,
        Architectures=[architecture],
        **(settings or {}),
    )
    while client.get_function(FunctionName=name)["Configuration"]["State"] == "Pending":
        time.sleep(0.05)
