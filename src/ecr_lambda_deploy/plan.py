"""Pure: what is wanted and what is observed make a plan, a tuple of steps."""

from dataclasses import dataclass

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.model import WorkflowRun
from ecr_lambda_deploy.wanted import Architecture, FunctionTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCode:
    """Give `$LATEST` an image and wait until it runs."""

    image: ImageReference
    architecture: Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishVersion:
    """Publish `$LATEST` as a version and wait until it is active."""

    description: str


Step = UpdateCode | PublishVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What will be done to one function; no steps mean that nothing needs to be.

    Attributes:
        function: its name or ARN, as it was given.
        observed: what it was planned from.
        steps: in order.
    """

    function: str
    observed: ObservedFunction
    steps: tuple[Step, ...]


def plan_release(
    target: FunctionTarget,
    observed: ObservedFunction,
    *,
    image: ImageReference,
    architecture: Architecture,
    run: WorkflowRun,
) -> ReleasePlan:
    """Plan the release of an image to a function.

    An update that failed is done again even for the same image: what then runs is not what Lambda shows.
    """
    latest = observed.latest
    runs_it = image.is_same_image(latest.image) and latest.architecture == architecture
    is_broken = "Failed" in {latest.update.value, latest.state.value}
    steps: tuple[Step, ...] = ()
    if not runs_it or is_broken:
        steps += (UpdateCode(image=image, architecture=architecture),)
    if target.publish and (steps or not observed.version):
        steps += (PublishVersion(description=describe_version(run, previous=observed.version)),)
    return ReleasePlan(function=target.name, observed=observed, steps=steps)


def check_updatable(observed: ObservedFunction) -> None:
    """Make sure that a function can be given an image.

    Raises:
        DeployError: it is a .zip function, or on its way out.
    """
    latest = observed.latest
    if latest.package_type != "Image":
        raise DeployError(
            f"The function {latest.name} has the package type {latest.package_type}: it cannot run a container image.",
            "Lambda cannot change a function's package type: create the function anew with --package-type Image.",
        )
    if latest.state.value == "Deleting":
        raise DeployError(f"The function {latest.name} is being deleted.")


def describe_version(run: WorkflowRun, *, previous: str) -> str:
    """Return a version's description: what was released, by which run, and which version served before.

    With GitHub's longest names it stays under the 256 characters that PublishVersion takes.
    """
    facts = {
        "commit": run.commit,
        "repository": run.repository,
        "run": f"{run.run_id}/{run.attempt}" if run.run_id else "",
        "previous": previous,
    }
    return " ".join(f"{key}={value}" for key, value in facts.items() if value)
