"""Pure: a build that is planned, decided to the last detail."""

from ecr_lambda_deploy.image_model import BuildOrder
from ecr_lambda_deploy.image_plan import BuildImage
from ecr_lambda_deploy.model import WorkflowRun
from ecr_lambda_deploy.observe import ObservedImage


def build_order(
    step: BuildImage, observed: ObservedImage, *, run: WorkflowRun, may_overwrite_cache: bool | None
) -> BuildOrder:
    """Return the order for a build.

    Args:
        step: that plans it.
        observed: what is there, and where the image goes.
        run: that the image's labels name.
        may_overwrite_cache: whether the repository lets the cache's tag be overwritten; None where unknown.
    """
    return BuildOrder(
        name=observed.target.name,
        build=step.build,
        platform=observed.destination.platform,
        labels={**_labels(run), **step.build.labels},
        repository_uri=observed.destination.repository_uri,
        tag=step.own,
        may_overwrite_cache=may_overwrite_cache,
        present_image=next((function.latest.image for function in observed.functions if function.latest), None),
    )


def _labels(run: WorkflowRun) -> dict[str, str]:
    """Return the labels that lead from an image to its source [OCI image specification, annotations]."""
    labels = {
        "org.opencontainers.image.revision": run.commit,
        "org.opencontainers.image.source": f"{run.server_url}/{run.repository}" if run.repository else "",
    }
    return {name: value for name, value in labels.items() if value}
