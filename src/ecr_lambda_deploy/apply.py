"""Carries out a plan, and records what became of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar, assert_never

from ecr_lambda_deploy.errors import DeployError, InProgressError
from ecr_lambda_deploy.function_model import FunctionState
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.model import Outcome, ReleaseStatus
from ecr_lambda_deploy.plan import PublishVersion, ReleasePlan, UpdateCode
from ecr_lambda_deploy.ports import Clock, Functions, Log
from ecr_lambda_deploy.settle import wait_until_settled

Result = TypeVar("Result")

_CONFLICT_DELAY = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Releaser:
    """Applies release plans.

    Attributes:
        functions: where they are applied.
        log: told each step.
        clock: time.
        wait_timeout: seconds to wait for Lambda to finish one update.
        record: told what has become of a function, as soon as something has.
    """

    functions: Functions
    log: Log
    clock: Clock
    wait_timeout: float
    record: Callable[[Outcome], None]

    def apply(self, plan: ReleasePlan) -> None:
        """Carry out a plan step by step; a failure ends it and is part of the outcome."""
        started = self.clock.now()
        latest = plan.observed.latest
        outcome = Outcome(
            function=latest.name,
            before=plan.observed,
            image=latest.image,
            version=plan.observed.version,
            status=ReleaseStatus.FAILED,
        )
        try:
            if any(isinstance(step, PublishVersion) for step in plan.steps):
                self.functions.check_may_publish(plan.function)
            for step in plan.steps:
                match step:
                    case UpdateCode():
                        self._start_update(step, plan.function)
                        # Should the run end here, Lambda goes on by itself.
                        self.record(replace(outcome, image=step.image, version="", is_changed=True))
                        latest = self._finish_update(plan.function)
                        outcome = replace(outcome, image=latest.image, version="", is_changed=True)
                        self.record(outcome)
                        _check_runs(step.image, latest)
                    case PublishVersion():
                        version = self._publish_version(step, plan.function, latest)
                        outcome = replace(outcome, version=version, is_changed=True)
                    case _:
                        assert_never(step)
            status = ReleaseStatus.DEPLOYED if plan.steps else ReleaseStatus.UNCHANGED
            outcome = replace(outcome, status=status)
        except DeployError as error:
            outcome = replace(outcome, error=error)
        self.record(replace(outcome, seconds=self.clock.now() - started))

    def _start_update(self, step: UpdateCode, name: str) -> None:
        self.log.info(f"Updating {name} to {step.image} ({step.architecture})")
        self._when_settled(name, lambda: self.functions.update_code(name, step.image, step.architecture))

    def _finish_update(self, name: str) -> FunctionState:
        started = self.clock.now()
        state = self.settle(name)
        if "Failed" in {state.update.value, state.state.value}:
            raise _failed_update(state)
        self.log.info(f"Lambda runs {state.image} after {self.clock.now() - started:.1f} s")
        return state

    def _publish_version(self, step: PublishVersion, name: str, latest: FunctionState) -> str:
        # Publishing within the update, or before it has settled, races the image's optimisation
        # [terraform-provider-aws#17153]; the checksum makes sure that it is this code that is published.
        version = self._when_settled(
            name, lambda: self.functions.publish_version(name, latest.code_sha256, step.description)
        )
        state = self.settle(name, version)
        if state.state.value == "Failed":
            raise DeployError(f"Version {version} of {name} did not become active: State {state.state}.")
        self.log.info(f"Published version {version}: {step.description}")
        return version

    def _when_settled(self, name: str, change: Callable[[], Result]) -> Result:
        """Make a change, as often as Lambda puts it off because of another one."""
        deadline = self.clock.now() + self.wait_timeout
        while True:
            try:
                return change()
            except InProgressError:
                if self.clock.now() >= deadline:
                    raise
                self.log.info(f"{name} is being changed by somebody else; waiting")
                self.clock.sleep(_CONFLICT_DELAY)
                self.settle(name)

    def settle(self, name: str, qualifier: str = "") -> FunctionState:
        """Wait until a function, or a version of it, has settled.

        Raises:
            DeployError: it has not in time.
        """
        return wait_until_settled(
            lambda: self.functions.read(name, qualifier), clock=self.clock, log=self.log, timeout=self.wait_timeout
        )


def _check_runs(image: ImageReference, latest: FunctionState) -> None:
    if not image.is_same_image(latest.image):
        raise DeployError(
            f"{latest.name} runs {latest.image}, not the image of this run: somebody else updated it meanwhile.",
            "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
        )


def _failed_update(state: FunctionState) -> DeployError:
    status = state.update if state.update.value == "Failed" else state.state
    label = "LastUpdateStatus" if status is state.update else "State"
    return DeployError(
        f"Lambda could not update {state.name}: {label} {status}.",
        _HINTS.get(
            status.reason_code,
            "The code that served before goes on serving; run this job again once the cause is mended.",
        ),
    )


# By LastUpdateStatusReasonCode [FunctionConfiguration in the Lambda API reference].
_HINTS = {
    "ImageAccessDenied": (
        "Let Lambda pull from the repository: its policy must allow lambda.amazonaws.com the actions ecr:BatchGetImage "
        "and ecr:GetDownloadUrlForLayer."
    ),
    "ImageDeleted": "The image was removed from the repository: look for a lifecycle rule that expires it.",
    "InvalidImage": "Look at the image's entry point, its media types and the size of its layers.",
    "FunctionError.InvalidEntryPoint": "The image's ENTRYPOINT or CMD names nothing that this architecture can run.",
    "FunctionError.InitTimeout": "The function takes longer to load than Lambda allows: move work out of the import.",
    "FunctionError.RuntimeInitError": "The function fails while it is loaded: look at its logs in CloudWatch.",
    "FunctionError.PermissionDenied": "Lambda's user cannot read a file of the image: look at its mode.",
    "InsufficientRolePermissions": "The function's execution role lacks a permission that AWS names above.",
}
