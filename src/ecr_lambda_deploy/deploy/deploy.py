"""The verb: images are got, and their functions run them; or it is shown what that would do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.deploy.checks import check_release, tell_of_creation, tell_of_traffic, warn_of_bypasses
from ecr_lambda_deploy.deploy.reason import release_reason
from ecr_lambda_deploy.functions.reads import read_history
from ecr_lambda_deploy.images.batch import make_images, plan_images
from ecr_lambda_deploy.images.job import ImageJob
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import ARCHITECTURE_OF, FunctionTarget, Mode
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.plan import ReleasePlan, plan_release
from ecr_lambda_deploy.releases.release import Release, release_all, skip_stale
from ecr_lambda_deploy.report.outputs import check_matrix
from ecr_lambda_deploy.report.phases import phase

# Functions whose permissions and triggers are looked at. Policies mostly allow to all what they allow to one, and these
# calls share the 15 a second that the releases themselves need.
_MOST_PROBED = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A function that has something to be done to it.

    Attributes:
        target: the function.
        observed: as it is.
        job: gets its image.
        reason: why.
    """

    target: FunctionTarget
    observed: ObservedFunction
    job: ImageJob
    reason: str


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
        if not journal.errors:
            candidates = _prepared(candidates, ports, journal)
    if journal.mode is Mode.PLAN and not journal.errors:
        _record_plan(jobs, candidates, journal)
        return
    wanted = [job for job in jobs if _is_wanted(job, journal)]
    if not journal.errors and any(job.is_unfinished for job in wanted):
        with phase(_title(wanted), ports, journal):
            make_images(wanted, ports)
    if journal.errors:
        journal.mark_unreached_as_skipped()
    elif candidates:
        with phase("Deploy", ports, journal, is_folded=False), ports.clock.polled():
            _release(candidates, ports, journal)


def _candidates(jobs: Sequence[ImageJob], ports: Ports, journal: Journal) -> Iterator[Candidate]:
    """Yield the functions that have something to be done to them, and record that the others have not."""
    for job in jobs:
        if job.has_failed or journal.mode is Mode.BUILD:
            continue
        for target, observed in zip(job.observed.target.functions, job.observed.functions, strict=True):
            tell_of_creation(target, observed, ports)
            architecture = ARCHITECTURE_OF[job.observed.destination.platform]
            if reason := release_reason(target, observed, image=job.image, architecture=architecture):
                yield Candidate(target=target, observed=observed, job=job, reason=reason)
            else:
                journal.record(Outcome.untouched(observed, ReleaseStatus.UNCHANGED))


def _prepared(candidates: Sequence[Candidate], ports: Ports, journal: Journal) -> list[Candidate]:
    """Return those that may be released to, with their history, when everything else that a release needs is there.

    Raises:
        DeployError: with everything that is not as it must be.
    """

    def prepare(candidate: Candidate) -> Candidate | None:
        target = candidate.target
        with journal.recording_failure(candidate.observed.name):
            observed = read_history(target, candidate.observed, ports.functions, ports.aliases)
            journal.record(Outcome.untouched(observed))
            if skip_stale(target, observed, ports, journal):
                return None
            if journal.mode is not Mode.PLAN:
                check_release(target, ports)
            tell_of_traffic(target, observed, ports)
            return replace(candidate, observed=observed)

    return [candidate for candidate in for_each(candidates, prepare) if candidate is not None]


def _is_wanted(job: ImageJob, journal: Journal) -> bool:
    """Whether an image is wanted although some functions were skipped."""
    functions = job.observed.functions
    return not functions or any(journal.status_of(function.name) is not ReleaseStatus.SKIPPED for function in functions)


def _title(jobs: Sequence[ImageJob]) -> str:
    if any(job.is_build for job in jobs):
        return "Build"
    return "Copy" if any(job.is_missing for job in jobs) else "Tag"


def _record_plan(jobs: Sequence[ImageJob], candidates: Sequence[Candidate], journal: Journal) -> None:
    for job in jobs:
        if job.is_missing and _is_wanted(job, journal):
            job.record(status=ImageStatus.PLANNED)
    for candidate in candidates:
        planned = Outcome.untouched(candidate.observed, ReleaseStatus.PLANNED)
        journal.record(replace(planned, reason=candidate.reason))
    check_matrix(journal)


def _release(candidates: Sequence[Candidate], ports: Ports, journal: Journal) -> None:
    release_all(
        [
            Release(
                target=candidate.target,
                observed=candidate.observed,
                decide=partial(_decide, candidate=candidate, journal=journal),
                reason=candidate.reason,
                is_probed=number < _MOST_PROBED,
                ports=ports,
                journal=journal,
            )
            for number, candidate in enumerate(candidates)
        ]
    )
    for candidate in candidates[:_MOST_PROBED]:
        if journal.status_of(candidate.observed.name) in {ReleaseStatus.DEPLOYED, ReleaseStatus.CREATED}:
            warn_of_bypasses(candidate.target, candidate.observed, ports)


def _decide(observed: ObservedFunction, *, candidate: Candidate, journal: Journal) -> ReleasePlan:
    job = candidate.job
    if job.image is None:
        raise AssertionError("all images are there before the first release")
    architecture = ARCHITECTURE_OF[job.observed.destination.platform]
    return plan_release(candidate.target, observed, image=job.image, architecture=architecture, run=journal.run)
