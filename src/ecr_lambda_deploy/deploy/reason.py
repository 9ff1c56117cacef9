"""Pure: why something is to be done to a function, if it is."""

from collections.abc import Iterator

from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture, FunctionTarget
from ecr_lambda_deploy.releases.plan import is_served


def release_reason(
    target: FunctionTarget,
    observed: ObservedFunction,
    *,
    image: ImageReference | None,
    architecture: Architecture,
) -> str:
    """Return why something is to be done to a function; empty if nothing is.

    Args:
        target: the function.
        observed: as it is.
        image: that it is to run; None if that is still to be built.
        architecture: that the image is for.
    """
    return next(_reasons(target, observed, image, architecture), "")


def _reasons(
    target: FunctionTarget, observed: ObservedFunction, image: ImageReference | None, architecture: Architecture
) -> Iterator[str]:
    latest, alias = observed.latest, observed.alias
    if latest is None:
        yield "new function"
        return
    if latest.architecture != architecture:
        yield f"architecture {architecture} instead of {latest.architecture}"
    if image is None:
        yield "its image is built anew"
        return
    if not image.is_same_image(latest.image):
        yield "another digest"
    if latest.is_broken:
        yield f"its last update failed: {latest.update.reason_code or latest.state.reason_code}"
    if not latest.is_settled:
        yield "another change of it is in progress"
    if target.alias and alias is None:
        yield f"the alias {target.alias} is new"
    if alias and alias.weights:
        yield f"the alias {target.alias} still has routing weights"
    if not is_served(target, observed, image, architecture):
        yield f"the alias {target.alias} serves something else" if target.alias else "its code is not published"
