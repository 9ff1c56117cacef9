"""Composition root: the only reader of the environment, and the one place that ends the run."""

import gc
import os
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from threading import Lock, stack_size

from ecr_lambda_deploy import __version__
from ecr_lambda_deploy.conclusion import Conclusion
from ecr_lambda_deploy.github.actions import Console, shows_colours
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.github.event import read_event
from ecr_lambda_deploy.github.oidc import id_token
from ecr_lambda_deploy.inputs.docker_auth import secrets_of_docker_auth
from ecr_lambda_deploy.inputs.parse import Inputs, mode_of, parse_inputs
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, unexpected
from ecr_lambda_deploy.model.images import Authorization, ImageReference
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.run import ACTION, WorkflowRun
from ecr_lambda_deploy.model.secrets import secrets_of_addresses, secrets_of_entry
from ecr_lambda_deploy.model.targets import Build, BuilderSettings, Mode
from ecr_lambda_deploy.ports.images import Builder
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.private_folders import PrivateFolders

# Bytes that each thread has for its calls, as on Debian. Python for Alpine gives it 1 MB, which is little for what
# others wrote, such as regular expressions and JSON work on [docker-library/python, Dockerfile, THREAD_STACK_SIZE].
_STACK = 8 * 1024**2
_BUILDX_VERSION = Path(__file__).parents[1] / "buildx.version"  # what it says of itself, kept by the image's build


def main() -> int:
    """Run the action with the inputs in the environment, and return the exit code."""
    stack_size(_STACK)
    environment = dict(os.environ)
    console, cancelling = Console(has_colours=shows_colours(environment)), RunnerCancelling()
    journal = Journal(run=workflow_run(environment))
    folders = PrivateFolders(_workspace(environment))
    conclusion = Conclusion(journal, environment, console, folders)
    given = action_inputs(environment)
    return concluded(
        lambda: run(given, journal, environment, console, cancelling, folders), journal, conclusion, cancelling
    )


def own_environment() -> dict[str, str]:
    """Return a copy of the environment of the process, for the command line."""
    return dict(os.environ)


def concluded(act: Callable[[], None], journal: Journal, conclusion: Conclusion, cancelling: RunnerCancelling) -> int:
    """Do something and write its conclusion, also when it is cancelled; return the exit code."""
    cancelling.listen(conclusion.give_up)
    try:
        act()
        cancelling.finish()
    except KeyboardInterrupt:  # at most one is raised
        journal.error = CancelledError()
    exit_code = conclusion.write()
    if cancelling.is_cancelled:
        conclusion.leave(exit_code)
    return exit_code


Act = Callable[[Inputs, Ports, Journal], None]
"""What a mode does."""


def run(
    given: Mapping[str, str],
    journal: Journal,
    environment: Mapping[str, str],
    console: Console,
    cancelling: RunnerCancelling,
    folders: PrivateFolders,
    act: Act | None = None,
) -> None:
    """Run what the inputs ask for; errors go into the journal.

    Args:
        given: inputs by name.
        journal: keeps what is learnt and done.
        environment: the step's.
        console: the log.
        cancelling: whether the run is to end.
        folders: makes the folders for secrets.
        act: in place of what the mode does.
    """
    console.info(versions(journal.run, buildx_version()))
    try:
        for secret in secrets_of_step(given, environment):
            console.mask(secret)
        journal.mode = mode_of(given)  # a refusal says what was refused
        inputs = parse_inputs(given, environment)
        journal.manifest, journal.manifest_inputs = inputs.manifest, inputs.manifest_inputs
        for secret in secrets_of_inputs(inputs):
            console.mask(secret)
        for remark in inputs.remarks:
            console.warning(remark)
        environment = use(inputs.environment)
        ports = _ports(inputs, journal.run, environment, console, cancelling, folders)
        act = act or _act_of(inputs.mode)
        gc.freeze()  # what is imported, after entrypoint.py
        gc.enable()
        act(inputs, ports, journal)
    except DeployError as error:
        journal.error = error
    except Exception as error:  # noqa: BLE001 # outputs and summary are still written
        console.info(traceback.format_exc())
        journal.error = unexpected(error)


def _act_of(mode: Mode) -> Act:
    if mode is Mode.ROLLBACK:
        from ecr_lambda_deploy.rollback.rollback import roll_back

        return roll_back
    from ecr_lambda_deploy.deploy.deploy import deploy

    return deploy


def use(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Make this the environment of the process, which AWS's and Docker's SDK read by themselves."""
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)
    return environment


def action_inputs(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the inputs by name; the runner passes each as `INPUT_` and its name in upper case."""
    prefix = "INPUT_"
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in environment.items()
        if name.startswith(prefix) and value
    }


def workflow_run(environment: Mapping[str, str]) -> WorkflowRun:
    """Return the workflow run, from GitHub's default variables and the event that started it."""
    repository, ref = environment.get("GITHUB_ACTION_REPOSITORY"), environment.get("GITHUB_ACTION_REF")
    event = read_event(environment.get("GITHUB_EVENT_PATH", ""))
    return WorkflowRun(
        commit=environment.get("GITHUB_SHA", ""),
        repository=environment.get("GITHUB_REPOSITORY", ""),
        run_id=environment.get("GITHUB_RUN_ID", ""),
        attempt=environment.get("GITHUB_RUN_ATTEMPT", "1"),
        # Such as octo-org/orders/.github/workflows/deploy.yml@refs/heads/main [GitHub's documentation, variables].
        workflow=environment.get("GITHUB_WORKFLOW_REF", "").partition("@")[0].rpartition("/")[2],
        server_url=environment.get("GITHUB_SERVER_URL", ""),
        action=f"{repository}@{ref}" if repository and ref else ACTION,
        event=environment.get("GITHUB_EVENT_NAME", ""),
        ref=environment.get("GITHUB_REF", ""),
        default_branch=event.default_branch,
        head=event.head,
        actor=environment.get("GITHUB_TRIGGERING_ACTOR") or environment.get("GITHUB_ACTOR", ""),
    )


def buildx_version(file: Path = _BUILDX_VERSION) -> str:
    """Return the version of the image's buildx without starting it, such as `0.36.1`; empty outside the image."""
    try:
        _, version, *_ = file.read_text(encoding="utf-8").split()  # after the name of the program
    except (OSError, ValueError):
        return ""
    return version.removeprefix("v")


def versions(run: WorkflowRun, buildx: str) -> str:
    """Return the log's first line: what runs, as far as that is known without asking anything.

    Args:
        run: it names the action as the workflow does.
        buildx: its version; empty if it is not known.
    """
    with_buildx = f", with buildx {buildx}" if buildx else ""
    return f"ecr-lambda-deploy {__version__} ({run.action}){with_buildx}"


def _workspace(environment: Mapping[str, str]) -> Path:
    return Path(environment.get("GITHUB_WORKSPACE") or ".").absolute()


def _buildx(environment: Mapping[str, str]) -> str:
    from ecr_lambda_deploy.docker.machine import find_buildx

    return find_buildx(environment, _workspace(environment))


def _ports(
    inputs: Inputs,
    run: WorkflowRun,
    environment: Mapping[str, str],
    console: Console,
    cancelling: RunnerCancelling,
    folders: PrivateFolders,
) -> Ports:
    # Imported here, so that wrong inputs are reported without the import of botocore.
    from ecr_lambda_deploy.aws.alarms import CloudWatchAlarms
    from ecr_lambda_deploy.aws.aliases import LambdaAliases
    from ecr_lambda_deploy.aws.ecr import EcrRepositories
    from ecr_lambda_deploy.aws.functions import LambdaFunctions
    from ecr_lambda_deploy.aws.invocations import LambdaInvocations
    from ecr_lambda_deploy.aws.metrics import LambdaMetrics
    from ecr_lambda_deploy.aws.parameters import SystemsManagerParameters
    from ecr_lambda_deploy.aws.rates import RequestPriority
    from ecr_lambda_deploy.aws.session import Aws
    from ecr_lambda_deploy.aws.sources import EcrSources

    clock, priority = SystemClock(cancelling), RequestPriority()
    aws = Aws(
        region=inputs.region,
        role=inputs.role,
        id_token=partial(id_token, environment=environment, mask=console.mask, sleep=clock.sleep),
        mask=console.mask,
        clock=clock,
        priority=priority,
        run=run,
        environment=environment,
    )
    repositories = EcrRepositories(aws, console.mask, given=inputs.registry)

    # What works with Docker is imported while AWS is waited for, or not at all.
    def copy_image(image: ImageReference, destination: str, logins: Mapping[str, Authorization]) -> None:
        from ecr_lambda_deploy.docker.imagetools import ImageTools

        tools = ImageTools(environment=environment, folders=folders, program=_buildx(environment))
        tools.copy(image, destination, logins)

    def builder(settings: BuilderSettings) -> Builder:
        from ecr_lambda_deploy.docker.buildx import Buildx
        from ecr_lambda_deploy.docker.engine import reachable_engine

        return Buildx(
            workspace=_workspace(environment),
            environment=reachable_engine(environment),
            console=console,
            logins=repositories,
            settings=settings,
            clock=clock,
            folders=folders,
            program=_buildx(environment),
        )

    return Ports(
        functions=LambdaFunctions(aws),
        aliases=LambdaAliases(aws),
        invocations=LambdaInvocations(aws),
        alarms=CloudWatchAlarms(aws, clock),
        metrics=LambdaMetrics(aws, clock),
        parameters=SystemsManagerParameters(aws),
        repositories=repositories,
        sources=EcrSources(aws, target=repositories, copy_image=copy_image, mask=console.mask),
        builders=_one_for_each(builder),
        log=console,
        clock=clock,
        cancelling=cancelling,
        priority=priority,
    )


def _one_for_each(make: Callable[[BuilderSettings], Builder]) -> Callable[[BuilderSettings], Builder]:
    """Return what makes one builder for each settings: it keeps what it has read."""
    made, lock = list[tuple[BuilderSettings, Builder]](), Lock()

    def builder(settings: BuilderSettings) -> Builder:
        with lock:
            for known, one in made:
                if known == settings:
                    return one
            made.append((settings, make(settings)))
            return made[-1][1]

    return builder


_SECRET_VARIABLES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    *("ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    "BUILDER_NODE_0_AUTH_TLS_KEY",
)
_ADDRESSES = re.compile(r"(HTTPS?|ALL)_PROXY|AWS_ENDPOINT_URL(_.+)?|DOCKER_HOST", re.IGNORECASE)


def secrets_of_step(given: Mapping[str, str], environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the secrets that the step has before its inputs are checked: a mistake in one may quote it.

    Args:
        given: inputs by name.
        environment: the step's.
    """
    for name in _SECRET_VARIABLES:
        yield environment.get(name, "")
    named = [value for name, value in environment.items() if _ADDRESSES.fullmatch(name)]
    for text in (*named, *given.values()):
        yield from secrets_of_addresses(text)
    yield from secrets_of_docker_auth(given.get("docker-auth", ""))


def secrets_of_inputs(inputs: Inputs) -> Iterator[str]:
    """Yield the secrets that the inputs turn out to hold; what a run gets later is masked where it gets it."""
    for image in inputs.images:
        if isinstance(image.source, Build):
            yield from _secrets_of_build(image.source)


def _secrets_of_build(build: Build) -> Iterator[str]:
    yield from build.secrets.values()
    entries = (*build.cache.imports, *build.cache.exports)
    for entry in entries:
        yield from secrets_of_entry(entry)
    for text in (*entries, *build.build_args.values(), *build.build_contexts.values()):
        yield from secrets_of_addresses(text)
