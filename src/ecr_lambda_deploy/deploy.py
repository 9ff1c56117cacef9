"""The verb: an image is got, and its functions run it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ecr_lambda_deploy.apply import Releaser
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.images import ImageJob
from ecr_lambda_deploy.inputs import Inputs
from ecr_lambda_deploy.model import Journal, WorkflowRun
from ecr_lambda_deploy.observe import Destination, observe
from ecr_lambda_deploy.plan import plan_release
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.wanted import ARCHITECTURE_OF, FunctionTarget


def deploy(inputs: Inputs, outside: Outside, journal: Journal) -> None:
    """Observe, build, plan and apply; what is learnt on the way is in the journal, whatever happens.

    Raises:
        DeployError: before any function was touched. Failures after that are part of the outcomes.
    """
    target = inputs.image
    with _phase("Check", outside, journal):
        observed, destination = observe(target, outside, journal)
    with _phase("Image", outside, journal):
        job = ImageJob(target=target, destination=destination, observed=observed, outside=outside, journal=journal)
        image = job.run()
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
