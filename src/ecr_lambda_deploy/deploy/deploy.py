"""The verb: gets images and has their functions run them, or shows what that would do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.deploy.checks import (
    check_release,
    check_traffic,
    notice_ignored_creation,
    notice_other_commits,
    notice_rollbacks,
    notice_short_steps,
    notice_skipped_traffic,
    warn_of_bypasses,
)
from ecr_lambda_deploy.functions.history import doubt, numbered
from ecr_lambda_deploy.functions.reads import read_history, read_url
from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.images.make import exporting_builders, make_images, tag_images
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.images.plan import plan_images, warn_of_repeated_builds
from ecr_lambda_deploy.images.stages import PlannedImage, PlannedOrReady, ReadyImage
from ecr_lambda_deploy.images.steps import BuildImage, CopyImage, KeepImage
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import Failures
from ecr_lambda_deploy.model.functions import ObservedFunction, ServingFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import ARCHITECTURE_OF, Architecture, FunctionTarget, Mode
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.execute import checks_of
from ecr_lambda_deploy.releases.in_words import in_few_words
from ecr_lambda_deploy.releases.kinds import check_tenants, warn_of_replay
from ecr_lambda_deploy.releases.parameters import plan_parameters, read_parameters, write_parameters
from ecr_lambda_deploy.releases.plan import ReleasePlan, may_need_release, plan_release
from ecr_lambda_deploy.releases.release import Release, release_all, skip_stale
from ecr_lambda_deploy.report.outputs import check_matrix
from ecr_lambda_deploy.report.phases import phase

# Functions whose permissions and triggers are read: a policy mostly allows for all functions what it allows for one,
# and these calls share the 15 a second that the releases need.
_MOST_PROBED = 15
_MOST_TOLD = 10  # functions

_RELEASED = {ReleaseStatus.DEPLOYED, ReleaseStatus.CREATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A function that may need a release.

    Attributes:
        target: the function.
        serving: what serves.
        image: the image that it will run, planned or ready.
    """

    target: FunctionTarget
    serving: ServingFunction
    image: PlannedOrReady

    @property
    def reference(self) -> ImageReference:
        """The image that the function is to run; without a digest as long as it is still to be built."""
        return self.image.image or self.image.observed.reference("")

    @property
    def architecture(self) -> Architecture:
        """The architecture that the image is for."""
        return ARCHITECTURE_OF[self.image.observed.destination.platform]

    def plan(self, observed: ObservedFunction, *, run: WorkflowRun) -> ReleasePlan:
        """Plan the release, as far as it is known before the image is built."""
        return plan_release(
            self.target,
            observed,
            image=self.reference,
            architecture=self.architecture,
            commit=self.image.commit,
            run=run,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A function that needs a release, and can have one: what it is, and what is to be done as far as that is known."""

    candidate: Candidate
    plan: ReleasePlan


def deploy(inputs: Inputs, ports: Ports, journal: Journal) -> None:
    """Observe, plan, build and release; whatever happens, the journal keeps what is learnt on the way.

    Raises:
        DeployError: before any function was touched. Failures after that, and those of images, are in the journal.
    """
    mode = inputs.mode
    notice_other_commits(inputs.images, ports, journal.run)
    with phase("Check", ports, journal):
        observed, held = _observe(inputs, ports, journal)
    with phase("Image", ports, journal):
        planned = plan_images(observed, ports, journal)
        if mode is Mode.PLAN:
            warn_of_repeated_builds(planned.images, ports)
        candidates = list(_candidates(planned.images, ports, journal)) if mode is not Mode.BUILD else []
        if planned.failed:
            journal.mark_unreached_as_skipped()
            return
        prepared, left = _prepare(candidates, ports, journal, mode=mode)
        plans = [one.plan for one in prepared]
        notice_short_steps(plans, ports)
        notice_rollbacks(plans, ports, journal.run)
        _tell_reasons(prepared, ports)
    wanted = _without_skipped(planned.images, left)
    if mode is Mode.PLAN:
        _record_plan(wanted, prepared, journal)
        plan_parameters(inputs.images, {image.name: image.image for image in planned.images}, held, ports, journal)
        return
    with _caches_exported(wanted, ports, journal):
        _carry_out(inputs, wanted, prepared, held, ports, journal)


def _carry_out(
    inputs: Inputs,
    images: Sequence[PlannedOrReady],
    prepared: Sequence[Prepared],
    held: Mapping[str, str],
    ports: Ports,
    journal: Journal,
) -> None:
    """Make the images and, if none has failed, release them.

    Raises:
        DeployError: before any function was touched, or for what comes after the releases.
    """
    with (
        _phase_of(images, ports, journal, is_released=bool(prepared)),
        beside(lambda: _check(prepared, ports, journal)) as checking,
    ):
        made = make_images(images, ports, journal, checking)
        if not made.failed and not prepared:
            made = tag_images(made.images, ports, journal)
    if made.failed:
        journal.mark_unreached_as_skipped()
    checking.result()
    if made.failed:
        return
    if not prepared:
        write_parameters(inputs.images, held, ports, journal)
        return
    failures = Failures()
    with (
        phase("Deploy", ports, journal, is_folded=False),
        ports.cancelling.polled(),
        beside(lambda: tag_images(made.images, ports, journal)) as tagging,
    ):
        _release(prepared, made.images, ports, journal)
        with failures.collected():
            write_parameters(inputs.images, held, ports, journal)
    with failures.collected():
        tagging.result()
    failures.raise_if_any()


def _observe(inputs: Inputs, ports: Ports, journal: Journal) -> tuple[tuple[ObservedImage, ...], Mapping[str, str]]:
    """Read, all at once, what the run depends on, and what only outputs and parameters show.

    Returns:
        the images, and the values of the parameters that they name.

    Raises:
        DeployError: with everything that is not as it must be.
    """
    images = () if inputs.mode is Mode.BUILD else inputs.images
    functions = [function for image in images for function in image.functions]
    failures, observed = Failures(), tuple[ObservedImage, ...]()
    with (
        beside(lambda: read_url(functions, ports.aliases, journal)) as url,
        beside(lambda: read_parameters(images, ports.parameters)) as parameters,
        failures.collected(),
    ):
        observed = observe(inputs.images, ports, journal, mode=inputs.mode)
    for reading in (url, parameters):
        with failures.collected():
            reading.result()
    failures.raise_if_any()
    return observed, parameters.result()


@contextmanager
def _caches_exported(images: Sequence[PlannedOrReady], ports: Ports, journal: Journal) -> Iterator[None]:
    """Have caches exported beside the block, and wait for that at its end, however it ends."""
    try:
        yield
    finally:
        if exporting := exporting_builders(images, ports):
            with phase("Cache", ports, journal), ports.cancelling.polled():
                for builder in exporting:
                    builder.finish()


def _candidates(images: Sequence[PlannedOrReady], ports: Ports, journal: Journal) -> Iterator[Candidate]:
    """Yield the functions that may need a release, and record that the others do not."""
    for image in images:
        for target, serving in zip(image.observed.target.functions, image.observed.functions, strict=True):
            notice_ignored_creation(target, serving, ports)
            candidate = Candidate(target=target, serving=serving, image=image)
            if may_need_release(target, serving, candidate.reference, candidate.architecture):
                yield candidate
            else:
                journal.record(Outcome.untouched(serving, ReleaseStatus.UNCHANGED))


def _prepare(
    candidates: Sequence[Candidate], ports: Ports, journal: Journal, *, mode: Mode
) -> tuple[list[Prepared], list[Outcome]]:
    """Plan the releases.

    Returns:
        what is to be released, and what became of the functions that are left alone.

    Raises:
        DeployError: with everything that is not as it must be.
    """

    def prepare(candidate: Candidate) -> Prepared | Outcome:
        target = candidate.target
        with journal.recording_failure(candidate.serving.name):
            observed = read_history(target, candidate.serving, ports.functions, ports.aliases)
            journal.record(Outcome.untouched(observed))
            if warning := doubt(observed, journal.run):
                ports.log.warning(warning)
            if stale := skip_stale(target, observed, ports, journal):
                return stale
            plan = candidate.plan(observed, run=journal.run)
            if not plan.steps:
                unchanged = Outcome.untouched(observed, ReleaseStatus.UNCHANGED)
                journal.record(unchanged)
                return unchanged
            check_tenants(target, observed)
            if mode is not Mode.PLAN:
                check_traffic(target, observed)
            warn_of_replay(target, observed, ports.log)
            notice_skipped_traffic(target, observed, ports)
            return Prepared(candidate=candidate, plan=plan)

    results = for_each(candidates, prepare)
    return (
        [result for result in results if isinstance(result, Prepared)],
        [result for result in results if isinstance(result, Outcome)],
    )


def _check(prepared: Sequence[Prepared], ports: Ports, journal: Journal) -> None:
    """Make sure, beside the build, of everything else that the releases need.

    Raises:
        DeployError: with everything that is not as it must be.
    """

    def check(numbered: tuple[int, Prepared]) -> None:
        number, plan = numbered[0], numbered[1].plan
        checks: list[Callable[[], object]] = [
            partial(check_release, plan.target, ports),
            *checks_of(plan, ports, run=journal.run, is_probed=number < _MOST_PROBED),
        ]
        with journal.recording_failure(plan.observed.name):
            for_each(checks, lambda make: make())

    for_each(enumerate(prepared), check)


def _without_skipped(images: Sequence[PlannedOrReady], left: Sequence[Outcome]) -> list[PlannedOrReady]:
    """Return the images without those whose functions are all left to a newer run."""
    skipped = {outcome.function for outcome in left if outcome.status is ReleaseStatus.SKIPPED}
    return [
        image
        for image in images
        if not image.observed.functions or any(function.name not in skipped for function in image.observed.functions)
    ]


def _tell_reasons(prepared: Sequence[Prepared], ports: Ports) -> None:
    """Log why functions need a release; of many, a few: the summary has all."""
    for one in prepared[:_MOST_TOLD]:
        ports.log.info(f"{one.plan.observed.name} needs a release: {one.plan.reason}")
    if len(prepared) > _MOST_TOLD:
        ports.log.info(f"{len(prepared) - _MOST_TOLD} more functions need a release")


def _record_plan(images: Sequence[PlannedOrReady], prepared: Sequence[Prepared], journal: Journal) -> None:
    for image in images:
        if isinstance(image, PlannedImage):
            journal.update_image(image.name, status=ImageStatus.PLANNED)
    for one in prepared:
        planned = Outcome.untouched(one.plan.observed, ReleaseStatus.PLANNED)
        journal.record(replace(planned, reason=one.plan.reason, follows=in_few_words(one.plan)))
    check_matrix(journal)


def _phase_of(
    images: Sequence[PlannedOrReady], ports: Ports, journal: Journal, *, is_released: bool
) -> AbstractContextManager[None]:
    """Return the phase that is named after the longest that is to be done for an image; none if nothing is.

    Args:
        images: all of them.
        ports: the clock and the log.
        journal: keeps the phase.
        is_released: whether a function gets an image: tags are added meanwhile.
    """
    if any(isinstance(image.step, BuildImage) for image in images):
        return phase("Build", ports, journal)
    if any(isinstance(image.step, CopyImage) for image in images):
        return phase("Copy", ports, journal)
    if not is_released and any(not isinstance(image.step, KeepImage) for image in images):
        return phase("Tag", ports, journal)
    return nullcontext()


def _release(prepared: Sequence[Prepared], images: Sequence[ReadyImage], ports: Ports, journal: Journal) -> None:
    """Plan once more, now that all images are there, and release."""
    ready = {image.name: image for image in images}
    journal.run = numbered(journal.run, (outcome.before for outcome in journal.outcomes))
    releases = []
    for one in prepared:
        plan = partial(replace(one.candidate, image=ready[one.candidate.image.name]).plan, run=journal.run)
        releases.append(
            Release(
                plan=plan(one.plan.observed),
                plan_again=plan,
                reason=one.plan.reason,
                is_checked=True,
            )
        )
    outcomes = release_all(releases, ports, journal)
    released = {outcome.function for outcome in outcomes if outcome.status in _RELEASED}
    for one in prepared[:_MOST_PROBED]:
        if one.plan.observed.name in released:
            warn_of_bypasses(one.candidate.target, one.plan.observed, ports)
