"""The verb: images are got, and their functions run them; or it is shown what that would do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.deploy.checks import check_release, tell_of_creation, tell_of_traffic, warn_of_bypasses
from ecr_lambda_deploy.functions.reads import read_history
from ecr_lambda_deploy.images.batch import make_images, plan_images
from ecr_lambda_deploy.images.job import ImageJob
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.functions import ObservedFunction, ServingFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import ARCHITECTURE_OF, Architecture, FunctionTarget, Mode
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.plan import ReleasePlan, may_need_release, plan_release
from ecr_lambda_deploy.releases.release import Release, release_all, skip_stale
from ecr_lambda_deploy.report.outputs import check_matrix
from ecr_lambda_deploy.report.phases import phase

# Functions whose permissions and triggers are looked at. Policies mostly allow to all what they allow to one, and these
# calls share the 15 a second that the releases themselves need.
_MOST_PROBED = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A function that may need a release.

    Attributes:
        target: the function.
        serving: what serves.
        job: gets its image.
    """

    target: FunctionTarget
    serving: ServingFunction
    job: ImageJob

    def plan(self, observed: ObservedFunction, *, run: WorkflowRun) -> ReleasePlan:
        """Plan its release, of an image that may still have to be built."""
        return plan_release(self.target, observed, image=self.image, architecture=self.architecture, run=run)

    @property
    def image(self) -> ImageReference:
        """The image that it is to run; without a digest as long as it is still to be built."""
        return self.job.image or self.job.observed.reference("")

    @property
    def architecture(self) -> Architecture:
        """The architecture that the image is for."""
        return ARCHITECTURE_OF[self.job.observed.destination.platform]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A function that needs a release, and can have one.

    Attributes:
        candidate: the function, and where its image comes from.
        plan: what is to be done, as far as it is known before the image is built.
    """

    candidate: Candidate
    plan: ReleasePlan


def deploy(inputs: Inputs, ports: Ports, journal: Journal) -> None:
    """Observe, plan, build and apply; what is learnt on the way is in the journal, whatever happens.

    Raises:
        DeployError: before any function was touched. Failures after that, and those of images, are in the journal.
    """
    with phase("Check", ports, journal):
        observed = observe(inputs.images, ports, journal)
    with phase("Image", ports, journal):
        jobs = plan_images(observed, ports, journal)
        candidates = list(_candidates(jobs, ports, journal))
        prepared = [] if journal.errors else _prepared(candidates, ports, journal)
    if journal.mode is Mode.PLAN and not journal.errors:
        _record_plan(jobs, prepared, journal)
        return
    wanted = [job for job in jobs if _is_wanted(job, journal)]
    if not journal.errors and any(job.is_unfinished for job in wanted):
        with phase(_title(wanted), ports, journal):
            make_images(wanted, ports)
    if journal.errors:
        journal.mark_unreached_as_skipped()
    elif prepared:
        with phase("Deploy", ports, journal, is_folded=False), ports.cancelling.polled():
            _release(prepared, ports, journal)


def _candidates(jobs: Sequence[ImageJob], ports: Ports, journal: Journal) -> Iterator[Candidate]:
    """Yield the functions that may need a release, and record that the others do not."""
    for job in jobs:
        if job.has_failed or journal.mode is Mode.BUILD:
            continue
        for target, serving in zip(job.observed.target.functions, job.observed.functions, strict=True):
            tell_of_creation(target, serving, ports)
            candidate = Candidate(target=target, serving=serving, job=job)
            if may_need_release(target, serving, candidate.image, candidate.architecture):
                yield candidate
            else:
                journal.record(Outcome.untouched(serving, ReleaseStatus.UNCHANGED))


def _prepared(candidates: Sequence[Candidate], ports: Ports, journal: Journal) -> list[Prepared]:
    """Plan the releases that are needed and allowed, when everything else that they need is there.

    Raises:
        DeployError: with everything that is not as it must be.
    """

    def prepare(candidate: Candidate) -> Prepared | None:
        target = candidate.target
        with journal.recording_failure(candidate.serving.name):
            observed = read_history(target, candidate.serving, ports.functions, ports.aliases)
            journal.record(Outcome.untouched(observed))
            if skip_stale(target, observed, ports, journal):
                return None
            plan = candidate.plan(observed, run=journal.run)
            if not plan.steps:
                journal.record(Outcome.untouched(observed, ReleaseStatus.UNCHANGED))
                return None
            if journal.mode is not Mode.PLAN:
                check_release(target, ports)
            tell_of_traffic(target, observed, ports)
            return Prepared(candidate=candidate, plan=plan)

    return [prepared for prepared in for_each(candidates, prepare) if prepared is not None]


def _is_wanted(job: ImageJob, journal: Journal) -> bool:
    """Whether an image is wanted although some functions were skipped."""
    functions = job.observed.functions
    return not functions or any(journal.status_of(function.name) is not ReleaseStatus.SKIPPED for function in functions)


def _title(jobs: Sequence[ImageJob]) -> str:
    if any(job.is_build for job in jobs):
        return "Build"
    return "Copy" if any(job.is_missing for job in jobs) else "Tag"


def _record_plan(jobs: Sequence[ImageJob], prepared: Sequence[Prepared], journal: Journal) -> None:
    for job in jobs:
        if job.is_missing and _is_wanted(job, journal):
            job.record(status=ImageStatus.PLANNED)
    for one in prepared:
        planned = Outcome.untouched(one.plan.observed, ReleaseStatus.PLANNED)
        journal.record(replace(planned, reason=one.plan.reason))
    check_matrix(journal)


def _release(prepared: Sequence[Prepared], ports: Ports, journal: Journal) -> None:
    """Plan once more, now that all images are there, and release."""
    releases = []
    for number, one in enumerate(prepared):
        plan_again = partial(one.candidate.plan, run=journal.run)
        releases.append(
            Release(
                plan=plan_again(one.plan.observed),
                plan_again=plan_again,
                reason=one.plan.reason,
                is_probed=number < _MOST_PROBED,
            )
        )
    release_all(releases, ports, journal)
    for one in prepared[:_MOST_PROBED]:
        if journal.status_of(one.plan.observed.name) in {ReleaseStatus.DEPLOYED, ReleaseStatus.CREATED}:
            warn_of_bypasses(one.candidate.target, one.plan.observed, ports)
