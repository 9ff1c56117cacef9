"""Gets all images that are wanted into their repositories: each is found, built in one session, or copied."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.images.job import ImageJob
from ecr_lambda_deploy.model.errors import BuildError, DeployError
from ecr_lambda_deploy.model.images import CACHE_TAG_PREFIX, BuildOrder, Fingerprint
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.targets import Build, BuilderChoice, Mode
from ecr_lambda_deploy.ports.ports import Ports

_AT_ONCE = 16  # images; each may copy with a program of its own


def plan_images(images: Sequence[ObservedImage], ports: Ports, journal: Journal) -> tuple[ImageJob, ...]:
    """Find out which images are there already, and how the others get there; nothing is changed.

    Args:
        images: what is wanted, and where it goes.
        ports: what is asked.
        journal: told what becomes of each, failures included.
    """
    jobs = tuple(ImageJob(observed=image, ports=ports, journal=journal) for image in images)
    fingerprints = dict(_fingerprints(jobs, ports))
    _each(jobs, lambda job: job.identify(fingerprints.get(job.name)))
    unplanned = [job for job in _unfailed(jobs) if job.step is None]
    for_each(_by_repository(unplanned), lambda several: _plan_together(several, ports))
    again = [job.name for job in jobs if job.name and job.is_built_each_time]
    if again and journal.mode is Mode.PLAN:
        ports.log.warning(
            f"Every run builds these images anew: {', '.join(again)}. What a job of the matrix builds by 'mode: build' "
            "the deployment does not find: it builds them once more."
        )
    return jobs


def make_images(jobs: Sequence[ImageJob], ports: Ports) -> None:
    """Build and copy what is missing, and give every image its tags; what fails is in the journal.

    Args:
        jobs: planned, without a failure.
        ports: what is asked.
    """
    builds = [job for job in jobs if job.is_build]
    for builder, group in _by_builder(builds):
        for platform in sorted({job.observed.destination.platform for job in group}):
            ports.builders(builder).check_engine(platform)
    for repository in sorted({job.observed.destination.repository for job in jobs if not job.has_repository}):
        ports.log.info(f"Creating the repository {repository}")
        ports.repositories.create(repository)
    # A repository that this run has created lets Lambda pull, and keeps what has a tag.
    warned = [job for job in jobs if job.has_repository and job.is_new]
    with beside(lambda: for_each(_by_repository(warned), lambda several: _warn(several, ports))) as warnings:
        for builder, group in _by_builder(builds):
            _build(group, builder, ports)
        _each(_unfailed(jobs), ImageJob.copy)
        warnings.result()
    if any(job.has_failed for job in jobs):
        return
    _each(jobs, ImageJob.receive)
    if not any(job.has_failed for job in jobs):
        _each(jobs, ImageJob.tag)


def _fingerprints(jobs: Sequence[ImageJob], ports: Ports) -> Iterator[tuple[str, Fingerprint]]:
    for builder, group in _by_builder(jobs):
        wanted = {
            job.name: (job.observed.target.source, job.observed.destination.platform)
            for job in group
            if isinstance(job.observed.target.source, Build)
        }
        if wanted:
            yield from zip(wanted, ports.builders(builder).fingerprints(tuple(wanted.values())), strict=True)


def _plan_together(jobs: Sequence[ImageJob], ports: Ports) -> None:
    """Plan images of one repository, whose tags are looked up together."""
    tags = [tag for job in jobs for tag in job.lookups]
    try:
        found = ports.repositories.find_tags(jobs[0].observed.destination.repository, tags)
    except DeployError as error:
        for job in jobs:
            job.fail(error)
        return
    for job in jobs:
        with job.attempt():
            job.plan(found)


def _build(jobs: Sequence[ImageJob], builder: BuilderChoice, ports: Ports) -> None:
    """Build images in one session; those that another run pushes meanwhile from the same inputs are taken as they are.

    If one fails, its session ends, and the others are not to be had either.
    """
    groups = _by_repository(jobs)
    may_overwrite = for_each(groups, lambda several: _may_overwrite_cache(several[0], ports))
    answers = {several[0].observed.repository_uri: may for several, may in zip(groups, may_overwrite, strict=True)}
    ordered = [(job, job.order(may_overwrite_cache=answers[job.observed.repository_uri])) for job in jobs]
    waiting = {order.uri: (job, order) for job, order in ordered}
    while waiting:
        try:
            ports.builders(builder).build_and_push(tuple(order for _, order in waiting.values()))
        except BuildError as error:
            there = _pushed(waiting.values(), ports)
            # Under the tag of a build that is not to be reused nobody else pushes: its failure is its own.
            if error.uri not in there or not waiting[error.uri][1].build.reuse:
                _fail(waiting, error)
                return
            ports.log.info(f"Another run has pushed {error.uri} meanwhile, from the same inputs")
            waiting = {uri: one for uri, one in waiting.items() if uri not in there}
        else:
            return


def _may_overwrite_cache(job: ImageJob, ports: Ports) -> bool | None:
    if not job.has_repository:
        return True  # as it was just created
    try:
        return ports.repositories.may_overwrite(job.observed.destination.repository, CACHE_TAG_PREFIX)
    except DeployError as error:
        uri = job.observed.repository_uri
        ports.log.info(f"Whether a cache can be kept in {uri} is not known: {error.message}")
        return None


def _fail(waiting: dict[str, tuple[ImageJob, BuildOrder]], error: BuildError) -> None:
    for uri, (job, _) in waiting.items():
        if uri == error.uri or len(waiting) == 1:
            job.fail(error)
    if not any(job.has_failed for job, _ in waiting.values()):
        raise error


def _pushed(waiting: Iterable[tuple[ImageJob, BuildOrder]], ports: Ports) -> set[str]:
    """Return the URIs of builds that are in their repositories now, each of which is asked once."""
    groups: dict[str, list[BuildOrder]] = {}
    for job, order in waiting:
        groups.setdefault(job.observed.destination.repository, []).append(order)

    def find(repository: str) -> set[str]:
        orders = groups[repository]
        try:
            found = ports.repositories.find_tags(repository, [order.tag for order in orders]) or {}
        except DeployError:
            return set()  # what is to be told is why the build failed
        return {order.uri for order in orders if order.tag in found}

    return set().union(*for_each(groups, find))


def _warn(jobs: Sequence[ImageJob], ports: Ports) -> None:
    """Say what will bite later in a repository, and is no reason to stop now."""
    name, log = jobs[0].observed.destination.repository, ports.log
    tags = tuple(dict.fromkeys(tag for job in jobs if job.step for tag in job.step.all_tags))
    try:
        if not all(job.observed.is_proven for job in jobs) and ports.repositories.may_lambda_pull(name) is False:
            log.warning(
                f"The policy of the repository {name} does not let Lambda pull from it. Lambda adds what it needs "
                "if these credentials may call ecr:SetRepositoryPolicy."
            )
        if rule := ports.repositories.expiring_rule(name, tags):
            log.warning(f"An image that a function runs could be removed from {name}: {rule}")
    except DeployError as error:
        log.warning(f"The policies of the repository {name} could not be read: {error.message}")


def _each(jobs: Iterable[ImageJob], act: Callable[[ImageJob], None]) -> None:
    """Do something for every image that has not failed, side by side; a failure is the image's own."""

    def attempt(job: ImageJob) -> None:
        with job.attempt():
            act(job)

    for_each(_unfailed(jobs), attempt, at_once=_AT_ONCE)


def _unfailed(jobs: Iterable[ImageJob]) -> list[ImageJob]:
    return [job for job in jobs if not job.has_failed]


def _by_repository(jobs: Iterable[ImageJob]) -> list[list[ImageJob]]:
    groups: dict[str, list[ImageJob]] = {}
    for job in jobs:
        groups.setdefault(job.observed.repository_uri, []).append(job)
    return list(groups.values())


def _by_builder(jobs: Iterable[ImageJob]) -> list[tuple[BuilderChoice, list[ImageJob]]]:
    groups: list[tuple[BuilderChoice, list[ImageJob]]] = []
    for job in jobs:
        for builder, group in groups:
            if builder == job.observed.target.builder:
                group.append(job)
                break
        else:
            groups.append((job.observed.target.builder, [job]))
    return groups
