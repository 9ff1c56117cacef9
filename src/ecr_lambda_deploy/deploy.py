"""The verb: an image is built and pushed, and its functions run it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from uuid import uuid4

from ecr_lambda_deploy.apply import Releaser
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.inputs import Inputs
from ecr_lambda_deploy.model import (
    ARCHITECTURE_OF,
    FunctionTarget,
    ImageReference,
    ImageTarget,
    Journal,
    ObservedFunction,
    PushedImage,
    WorkflowRun,
)
from ecr_lambda_deploy.observe import Destination, observe
from ecr_lambda_deploy.plan import plan_release
from ecr_lambda_deploy.ports import Outside


def deploy(inputs: Inputs, outside: Outside, journal: Journal) -> None:
    """Observe, build, plan and apply; what is learnt on the way is in the journal, whatever happens.

    Raises:
        DeployError: before any function was touched. Failures after that are part of the outcomes.
    """
    target = inputs.image
    with _phase("Check", outside, journal):
        observed, destination = observe(target, outside, journal)
    with _phase("Build and push", outside, journal):
        image = _build(target, destination, outside, journal)
    if not observed:
        return
    releaser = Releaser(
        functions=outside.functions,
        log=outside.log,
        clock=outside.clock,
        wait_timeout=inputs.wait_timeout,
        record=journal.record,
    )
    with _phase("Deploy", outside, journal):
        for function, state in zip(target.functions, observed, strict=True):
            _release(function, state, image, destination, releaser, journal.run)


@contextmanager
def _phase(title: str, outside: Outside, journal: Journal) -> Iterator[None]:
    started = outside.clock.now()
    try:
        with outside.log.group(title):
            yield
    finally:
        journal.phases.append((title, outside.clock.now() - started))


def _build(target: ImageTarget, destination: Destination, outside: Outside, journal: Journal) -> ImageReference:
    """Build and push under a tag of this build alone, and read back by digest what the registry then holds."""
    tag = f"src-{uuid4().hex}"
    digest = outside.builder.build_and_push(
        target.build,
        platform=destination.platform,
        labels={**_labels(journal.run), **target.build.labels},
        destination=f"{destination.repository_uri}:{tag}",
    )
    reference = ImageReference(registry=destination.registry, repository=destination.repository, digest=digest)
    pushed = outside.repositories.read_image(reference)
    if pushed.platform != destination.platform:
        raise DeployError(
            f"The image {reference} is for {pushed.platform}, not for {destination.platform}.",
            "Look for a --platform in the Dockerfile's FROM lines, or give the input 'platform'.",
        )
    journal.image = reference
    journal.image_tags = (*_add_tags(pushed, target.tags, outside), tag)
    outside.log.info(f"Pushed {reference} ({', '.join(journal.image_tags)})")
    return reference


def _labels(run: WorkflowRun) -> dict[str, str]:
    """Return the labels that lead from an image to its source [OCI image specification, annotations]."""
    labels = {
        "org.opencontainers.image.revision": run.commit,
        "org.opencontainers.image.source": f"{run.server_url}/{run.repository}" if run.repository else "",
    }
    return {name: value for name, value in labels.items() if value}


def _add_tags(image: PushedImage, tags: Sequence[str], outside: Outside) -> list[str]:
    added = []
    for tag in tags:
        if outside.repositories.add_tag(image, tag):
            added.append(tag)
        else:
            outside.log.notice(
                f"The tag {tag} stays on the image that has it, since tags of {image.reference.repository} are "
                f"immutable. What is deployed is {image.reference}."
            )
    return added


def _release(
    target: FunctionTarget,
    observed: ObservedFunction,
    image: ImageReference,
    destination: Destination,
    releaser: Releaser,
    run: WorkflowRun,
) -> None:
    if not observed.latest.is_settled:
        observed = replace(observed, latest=releaser.settle(target.name))
    plan = plan_release(target, observed, image=image, architecture=ARCHITECTURE_OF[destination.platform], run=run)
    releaser.apply(plan)
