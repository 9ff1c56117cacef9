"""The mode rollback: functions go back to what an earlier release served, without a build and without an engine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from shlex import quote

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.functions.history import Record, numbered, run_named
from ecr_lambda_deploy.functions.reads import check_updatable, observe_with_versions, read_url
from ecr_lambda_deploy.images.checks import check_image
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import DeployError, Failures
from ecr_lambda_deploy.model.functions import FunctionState, ObservedFunction, PublishedVersion, name_of
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import Journal, Outcome
from ecr_lambda_deploy.model.run import is_commit
from ecr_lambda_deploy.model.targets import PLATFORM_OF, EarlierRelease, FunctionTarget, ImageTarget
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.kinds import check_tenants, warn_of_replay
from ecr_lambda_deploy.releases.parameters import read_if_possible, write_parameters
from ecr_lambda_deploy.releases.plan import ReleasePlan
from ecr_lambda_deploy.releases.release import Release, release_all, skip_stale
from ecr_lambda_deploy.report.phases import phase
from ecr_lambda_deploy.rollback.choice import RollbackTarget, choose, history, run_of_commit, served_after
from ecr_lambda_deploy.rollback.plan import RollbackGoal, plan_rollback
from ecr_lambda_deploy.rollback.targets import read_all, released_last, warn_of_records


def roll_back(inputs: Inputs, ports: Ports, journal: Journal) -> None:
    """Observe, choose from the history, plan and execute; whatever happens, the journal keeps what is learnt.

    Raises:
        DeployError: before any function was touched. Failures after that are in the journal.
    """
    images = {function.name: image for image in inputs.images for function in image.functions}
    # A rollback creates no function.
    targets = [replace(function, creation=None) for image in inputs.images for function in image.functions]
    journal.start_with(name_of(target.name) for target in targets)
    with phase("Check", ports, journal), beside(lambda: read_url(targets, ports.aliases, journal)) as url:
        if inputs.manifest and all(image.source == EarlierRelease() for image in inputs.images):
            functions, undone = released_last(targets, ports, journal)
        else:
            functions, undone = read_all(targets, observe_with_versions, ports, journal), ""
            warn_of_records((observed for _, observed in functions), ports, journal)
        # All images of a manifest go back to the same.
        to = _wanted(inputs.images[0]) if inputs.manifest else ""
        last = run_of_commit(to, [observed for _, observed in functions], journal.run)
        prepared = _prepare(functions, images, ports, journal, undone=undone, last=last)
        releases = [release for release in prepared if isinstance(release, Release)]
        failures = Failures(error for error in prepared if isinstance(error, DeployError))
        if inputs.manifest and failures and releases:
            ports.log.notice("Nothing was taken back. 'only' names the images of those functions that can be.")
        failures.raise_if_any()
        url.result()
        if any(target.traffic for target in targets):
            ports.log.notice("'traffic' is skipped: a rollback moves the alias at once.")
    with phase("Roll back", ports, journal, is_folded=False), ports.cancelling.polled():
        release_all(releases, ports, journal, together=False)
        # Only now: no function waits for a parameter to go back.
        write_parameters(inputs.images, read_if_possible(inputs.images, ports.parameters), ports, journal)


def _prepare(
    functions: Sequence[tuple[FunctionTarget, ObservedFunction]],
    images: Mapping[str, ImageTarget],
    ports: Ports,
    journal: Journal,
    *,
    undone: str,
    last: Decimal,
) -> tuple[Release | Outcome | DeployError, ...]:
    """Plan, side by side, what each function goes back to.

    Args:
        functions: with what is known of them.
        images: of each, by its name.
        ports: what is asked.
        journal: keeps what is found.
        undone: number of the run that is taken back; empty for none.
        last: number of the run that a manifest's functions go back to, with whatever served then; 0 for none.

    Returns:
        for each function its release, why it cannot go back, or what became of it where it is left to a newer run.
    """
    journal.run = numbered(journal.run, (observed for _, observed in functions))

    def prepare(function: tuple[FunctionTarget, ObservedFunction]) -> Release | Outcome | DeployError:
        target, observed = function
        image = images[target.name]
        plan = partial(_plan, target=target, image=image, undone=undone, last=last, ports=ports, journal=journal)
        try:
            with journal.recording_failure(observed.name):
                check_updatable(observed)
                _check_alias(target, observed)
                check_tenants(target, observed)
                if stale := skip_stale(target, observed, ports, journal):
                    return stale
                planned = plan(observed)
                if planned.steps:
                    warn_of_replay(target, observed, ports.log)
                return Release(plan=planned, plan_again=plan, observe=observe_with_versions)
        except DeployError as error:
            return error

    return for_each(functions, prepare)


def _check_alias(target: FunctionTarget, observed: ObservedFunction) -> None:
    """Make sure that there is an alias to move: one that a rollback made would be moved by no deployment.

    Raises:
        DeployError: there is none.
    """
    if target.alias and observed.alias is None:
        raise DeployError(
            f"{observed.name} has no alias {target.alias} that could go back.",
            "Name the alias that the deployments move, or leave out 'alias' if they move none. "
            f"`aws lambda list-aliases --function-name {quote(observed.name)}` shows those that there are.",
            topic="no-alias-to-roll-back",
        )


def _plan(
    observed: ObservedFunction,
    *,
    target: FunctionTarget,
    image: ImageTarget,
    undone: str,
    last: Decimal,
    ports: Ports,
    journal: Journal,
) -> ReleasePlan:
    """Choose what to go back to, make sure that its image is still there, and plan the way.

    Raises:
        DeployError: there is no such release, or its image is gone.
    """
    chosen = _choose(observed, image=image, last=last, ports=ports, journal=journal)
    if chosen is None:
        return ReleasePlan(target=target, observed=observed, steps=(), is_rollback=True)
    ports.log.info(history(observed, chosen.version))
    if chosen.version is not None:
        goal = _goal_of_version(target.name, chosen.version, ports)
    else:
        goal = _goal_of_image(observed, chosen, image.repository, ports)
    version = f", version {goal.version.version}" if goal.version else ""
    ports.log.info(f"{observed.name} is to serve {goal.image}{version}")
    if target.alias and goal.version is not None:
        _notice_configuration(observed, goal.version, ports)
    return plan_rollback(target, observed, goal, run=journal.run, undone=undone)


def _notice_configuration(observed: ObservedFunction, version: FunctionState, ports: Ports) -> None:
    """Log which settings `$LATEST` keeps although the alias goes back to others: the next deployment publishes them."""
    if observed.latest is not None and (different := observed.latest.settings_unlike(version)):
        ports.log.notice(
            f"$LATEST of {observed.name} keeps its configuration, which differs from that of version "
            f"{version.version} in {', '.join(different)}. The next deployment brings it to the alias: set back what "
            "belongs to the code that had to go."
        )


def _choose(
    observed: ObservedFunction, *, image: ImageTarget, last: Decimal, ports: Ports, journal: Journal
) -> RollbackTarget | None:
    """Choose what to go back to; None for a function that is newer than the run which the others go back to."""
    to, run = _wanted(image), journal.run
    chosen = choose(to, observed, run)
    if not chosen.commit:
        return chosen
    tagged = _tagged_image(chosen, observed, image.repository, ports, is_needed=last == 0)
    chosen = choose(to, observed, run, tagged=tagged)
    if last and chosen.version is None:
        version = served_after(last, observed, run)
        if version is not None:
            ports.log.info(
                f"The {run_named(last)}, of the commit {to}, left {observed.name} at version {version.number}"
            )
            return RollbackTarget(version=version)
        if not chosen.digest:
            ports.log.warning(
                f"{observed.name} stays as it is: nothing had been released to it when {run_named(last)}, of the "
                f"commit {to}, had ended."
            )
            return None
    if chosen.version is not None and f"sha256:{chosen.version.code_sha256}" != tagged:
        ports.log.notice(
            f"That version {chosen.version.number} of {observed.name} is of the commit {chosen.commit} is known "
            "from its description alone, which anybody writes who may publish a version: its image is not known "
            "to have a tag of that commit."
        )
    return chosen


def _wanted(image: ImageTarget) -> str:
    return image.source.to if isinstance(image.source, EarlierRelease) else "previous"


def _goal_of_version(name: str, version: PublishedVersion, ports: Ports) -> RollbackGoal:
    state = ports.functions.read(name, version.number)
    if state.image is None:
        raise DeployError(
            f"Lambda does not say which image version {version.number} of {state.name} runs.",
            topic="unknown-image-of-a-function",
        )
    if not ports.repositories.check_available(state.image):
        ports.log.warning(
            f"Whether ECR still has {state.image} is not known: these credentials may not call ecr:DescribeImages on "
            f"the repository {state.image.repository}."
        )
    return RollbackGoal(
        image=state.image,
        architecture=state.architecture,
        version=state,
        record=Record.parse(version.description),
    )


def _tagged_image(
    chosen: RollbackTarget, observed: ObservedFunction, repository: str, ports: Ports, *, is_needed: bool
) -> str:
    """Return the digest of the image that has the commit's tag in a repository; empty if there is none.

    Raises:
        DeployError: it may not be read, no version records the commit, and it is needed.
    """
    serving, image = observed.serving, observed.image
    if serving is None or image is None:
        return ""
    image = replace(image, repository=repository or image.repository)
    try:
        digest = _digest_of_commit(chosen.commit, image, ports)
        if not digest or any(digest == f"sha256:{version.code_sha256}" for version in observed.versions):
            return digest
        # Lambda knows the image inside an index.
        found = ports.sources.resolve(f"{image.repository_uri}@{digest}", PLATFORM_OF[serving.architecture])
    except DeployError as error:
        if is_needed and chosen.version is None:
            raise
        ports.log.info(f"Which image has a tag of the commit {chosen.commit} is not known: {error.message}")
        return ""
    return found.reference.digest


def _goal_of_image(observed: ObservedFunction, chosen: RollbackTarget, repository: str, ports: Ports) -> RollbackGoal:
    """Look for an image that no version has in a repository, by default the one that the function uses now."""
    serving, image = observed.serving, observed.image
    if serving is None or image is None:
        raise DeployError(
            f"Lambda does not say which image {observed.name} runs, and so which repository it uses.",
            topic="unknown-image-of-a-function",
        )
    image = replace(image, repository=repository or image.repository)
    if not chosen.digest:
        raise DeployError(
            f"No version of {observed.name} and no tag of the repository {image.repository} is of the commit "
            f"{chosen.commit}.",
            history(observed),
            topic="nothing-to-roll-back-to",
        )
    found = ports.sources.resolve(f"{image.repository_uri}@{chosen.digest}", PLATFORM_OF[serving.architecture])
    check_image(found, platform=PLATFORM_OF[serving.architecture], function=serving)
    return RollbackGoal(
        image=replace(image, digest=found.reference.digest),
        architecture=serving.architecture,
        record=Record(commit=chosen.commit or found.revision),
    )


def _digest_of_commit(commit: str, image: ImageReference, ports: Ports) -> str:
    """Return the digest of the image or index that has a tag for a commit; empty if there is none."""
    repositories = ports.repositories
    if is_commit(commit):
        tags = repositories.find_tags(image.repository, [commit]) or {}
    else:
        tags = {tag: digest for tag, digest in repositories.tags(image.repository).items() if tag.startswith(commit)}
    digests = sorted({*tags.values()})
    if len(digests) > 1:
        raise DeployError(
            f"{commit} is the beginning of several tags: {', '.join(sorted(tags))}.",
            "Give more digits.",
            topic="ambiguous-commit",
        )
    return digests[0] if digests else ""
