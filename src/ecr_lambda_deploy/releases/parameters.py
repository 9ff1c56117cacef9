"""Parameters of Systems Manager that hold the URI of what serves, for infrastructure code to read.

A parameter follows what serves, and nothing follows it: no release waits for it, and one that cannot be written takes
nothing back. It is left alone until all functions of its image serve the same one.
"""

from collections.abc import Mapping, Sequence

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.functions import name_of
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import ImageTarget
from ecr_lambda_deploy.ports.functions import Parameters
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.aws_cli import put_parameter

_SERVES = {ReleaseStatus.DEPLOYED, ReleaseStatus.CREATED, ReleaseStatus.UNCHANGED, ReleaseStatus.ROLLED_BACK}
_MOST_NAMED = 3  # functions, in an error


def read_parameters(images: Sequence[ImageTarget], parameters: Parameters) -> Mapping[str, str]:
    """Read the parameters that images name, side by side.

    Returns:
        values by name; empty for a parameter that does not exist.

    Raises:
        DeployError: with each that may not be read, or could not be written.
    """
    names = [image.parameter for image in images if image.parameter]
    return dict(zip(names, for_each(names, parameters.read), strict=True))


def read_if_possible(images: Sequence[ImageTarget], parameters: Parameters) -> Mapping[str, str]:
    """Do as `read_parameters`, but count a parameter that may not be read as one that does not exist: writing it tells.

    Raises:
        CancelledError: the run is cancelled.
    """

    def read(name: str) -> str:
        try:
            return parameters.read(name)
        except CancelledError:
            raise
        except DeployError:
            return ""

    names = [image.parameter for image in images if image.parameter]
    return dict(zip(names, for_each(names, read), strict=True))


def plan_parameters(
    images: Sequence[ImageTarget],
    wanted: Mapping[str, ImageReference | None],
    held: Mapping[str, str],
    ports: Ports,
    journal: Journal,
) -> None:
    """Tell which parameters a deployment would write.

    Args:
        images: with the parameters that they name.
        wanted: what each image's functions are to run, by the image's name; None for one that is still to be built.
        held: values of the parameters, by their names.
        ports: the log.
        journal: keeps it.
    """
    for image in images:
        outcomes = _outcomes(image, journal)
        statuses = {outcome.status for outcome in outcomes}
        if not image.parameter or not statuses or not statuses <= {*_SERVES, ReleaseStatus.PLANNED}:
            continue
        uri = str((wanted[image.name] if ReleaseStatus.PLANNED in statuses else _served(outcomes)) or "")
        if not uri or held.get(image.parameter) != uri:
            ports.log.info(f"The parameter {image.parameter} would be given {uri or 'the image, once it is built'}")
            journal.parameters.append(image.parameter)


def write_parameters(images: Sequence[ImageTarget], held: Mapping[str, str], ports: Ports, journal: Journal) -> None:
    """Give each image's parameter the URI that all the image's functions serve now, unless it holds that already.

    Args:
        images: with the parameters that they name.
        held: values of the parameters, by their names.
        ports: what is asked.
        journal: has what serves, and keeps what was written.

    Raises:
        DeployError: with each parameter that could not be written; it says what serves, and how to write it by hand.
    """
    due = list[tuple[str, str, Sequence[Outcome]]]()
    for image in images:
        outcomes = _outcomes(image, journal)
        uri = str(_served(outcomes) or "")
        if image.parameter and uri and held.get(image.parameter) != uri:
            due.append((image.parameter, uri, outcomes))
        elif image.parameter and outcomes and not uri:
            ports.log.info(
                f"The parameter {image.parameter} is left as it is: not all functions serve a release's image"
            )

    def write(one: tuple[str, str, Sequence[Outcome]]) -> None:
        name, uri, outcomes = one
        try:
            ports.parameters.put(name, uri)
        except CancelledError:
            raise
        except DeployError as error:
            raise _unwritten(name, uri, outcomes, error) from error
        ports.log.info(f"The parameter {name} holds {uri}")
        journal.parameters.append(name)

    for_each(due, write)


def _outcomes(image: ImageTarget, journal: Journal) -> list[Outcome]:
    """Return what is known of an image's functions."""
    names = {name_of(function.name) for function in image.functions}
    return [outcome for outcome in journal.outcomes if outcome.function in names]


def _served(outcomes: Sequence[Outcome]) -> ImageReference | None:
    """Return the image that functions serve; None if one of them has no release, or they serve several images."""
    served = {outcome.after.image if outcome.status in _SERVES else None for outcome in outcomes}
    return served.pop() if len(served) == 1 else None


def _unwritten(name: str, uri: str, outcomes: Sequence[Outcome], error: DeployError) -> DeployError:
    functions = [outcome.function for outcome in outcomes]
    more = " and others" if len(functions) > _MOST_NAMED else ""
    arns = [outcome.after.latest.arn for outcome in outcomes if outcome.after.latest]
    command = put_parameter(name, uri, region=arns[0].split(":")[3] if arns else "")
    return DeployError(
        f"{uri} serves in {', '.join(functions[:_MOST_NAMED])}{more}, and the parameter {name} does not hold it: "
        f"{error.message}",
        "\n".join(filter(None, [error.hint, "Run this job again then, or write it in a terminal:", command])),
        topic="parameter-not-written",
    )
