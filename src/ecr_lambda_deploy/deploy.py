"""The verb: an image is got, and its functions run it."""

from functools import partial

from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.images import ImageJob
from ecr_lambda_deploy.inputs import Inputs
from ecr_lambda_deploy.model import Journal, ReleaseStatus
from ecr_lambda_deploy.observe import observe
from ecr_lambda_deploy.phases import phase
from ecr_lambda_deploy.plan import ReleasePlan, plan_release
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.release import Release, release_all, skip_stale
from ecr_lambda_deploy.release_checks import tell_what_is_ignored, warn_of_bypasses
from ecr_lambda_deploy.wanted import ARCHITECTURE_OF, Architecture, FunctionTarget


def deploy(inputs: Inputs, outside: Outside, journal: Journal) -> None:
    """Observe, build, plan and apply; what is learnt on the way is in the journal, whatever happens.

    Raises:
        DeployError: before any function was touched. Failures after that are part of the outcomes.
    """
    target = inputs.image
    with phase("Check", outside, journal):
        observed, destination = observe(target, outside, journal)
        wanted = [
            (function, state)
            for function, state in zip(target.functions, observed, strict=True)
            if not skip_stale(function, state, outside, journal)
        ]
        for function, state in wanted:
            tell_what_is_ignored(function, state, outside)
    if observed and not wanted:
        return
    with phase("Image", outside, journal):
        job = ImageJob(target=target, destination=destination, observed=observed, outside=outside, journal=journal)
        image = job.run()
    if not wanted:
        return
    architecture = ARCHITECTURE_OF[destination.platform]
    decide = partial(_decide, image=image, architecture=architecture, journal=journal)
    with phase("Deploy", outside, journal), outside.clock.polled():
        release_all(
            [
                Release(
                    target=function,
                    observed=state,
                    decide=partial(decide, target=function),
                    outside=outside,
                    journal=journal,
                    wait_timeout=inputs.wait_timeout,
                )
                for function, state in wanted
            ]
        )
        for function, state in wanted:
            if journal.status_of(state.name) in {ReleaseStatus.DEPLOYED, ReleaseStatus.CREATED}:
                warn_of_bypasses(function, state, outside)


def _decide(
    observed: ObservedFunction,
    *,
    target: FunctionTarget,
    image: ImageReference,
    architecture: Architecture,
    journal: Journal,
) -> ReleasePlan:
    return plan_release(target, observed, image=image, architecture=architecture, run=journal.run)
