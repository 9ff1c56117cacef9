"""What functions on Lambda Managed Instances need besides: `$LATEST.PUBLISHED`, and room for one more version."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice

from ecr_lambda_deploy.functions.history import line_of_releases
from ecr_lambda_deploy.functions.waits import CONFLICT_DELAY, taken_over
from ecr_lambda_deploy.functions.writes import FunctionWriter
from ecr_lambda_deploy.model.errors import DeployError, InProgressError, RevisionError, VersionLimitError
from ecr_lambda_deploy.model.functions import LATEST_PUBLISHED, ObservedFunction

_MOST_NAMED = 5  # versions that may be deleted


def publish_latest(writer: FunctionWriter, description: str) -> None:
    """Have calls without a qualifier run the code of `$LATEST`, and wait until instances for it are there.

    Args:
        writer: of a function on managed instances. If it has published a version, that is what calls are to run.
        description: of `$LATEST.PUBLISHED`.

    Raises:
        DeployError: somebody else has changed the code, or Lambda refuses.
    """
    deadline = writer.clock.now() + writer.target.wait_timeout
    latest = writer.wait_until_updated()  # a version that was published has changed its revision
    wanted = writer.published.code_sha256 if writer.published else latest.code_sha256
    while True:
        if latest.code_sha256 != wanted:
            raise taken_over(latest)
        try:
            with writer.assuming_written(replace(writer.written, latest_published=True)):
                writer.ports.functions.publish_version(
                    writer.name,
                    code_sha256=wanted,
                    revision_id=latest.revision_id,
                    description=description,
                    as_latest=True,
                )
            break
        except (InProgressError, RevisionError):
            if writer.clock.now() >= deadline:
                raise
        writer.clock.sleep(CONFLICT_DELAY)
        latest = writer.wait_until_updated()
    version = writer.wait_until_settled(LATEST_PUBLISHED, is_new=True)
    writer.remember(replace(writer.now, latest_published=version))
    if version.state.value != "Active" or version.is_broken:
        raise DeployError(
            f"{LATEST_PUBLISHED} of {writer.name} did not become active: State {version.state}, "
            f"LastUpdateStatus {version.update}.",
            f"Look at its capacity provider: {version.capacity_provider}",
            topic="version-not-active",
        )
    if version.code_sha256 != wanted:
        raise taken_over(version)
    writer.ports.log.info(f"{LATEST_PUBLISHED} runs {version.image.short if version.image else 'its code'}")


@contextmanager
def naming_superfluous_versions(writer: FunctionWriter) -> Iterator[None]:
    """If the capacity provider takes no more versions within the block, say which the function does not need.

    Raises:
        DeployError: with the commands that delete some.
    """
    try:
        yield
    except VersionLimitError as error:
        start = writer.start
        versions = start.versions or writer.ports.functions.versions(writer.name)
        raise VersionLimitError(error.message, _hint(replace(start, versions=versions))) from error


def _hint(function: ObservedFunction) -> str:
    latest = function.latest
    if latest is None:
        return ""
    region, provider = latest.arn.split(":")[3], latest.capacity_provider.rpartition(":")[2]
    needed = {function.version, *function.weights, *(line.number for line in islice(line_of_releases(function), 2))}
    superfluous = [version.number for version in function.versions if version.number not in needed]
    which = f"--region {region} --capacity-provider-name {provider}"
    listing = f"aws lambda list-function-versions-by-capacity-provider {which}"
    delete = f"aws lambda delete-function --region {region} --function-name {function.name} --qualifier"
    lines = [
        "Delete versions that nothing needs, and run this job again; Lambda keeps one that an alias names.",
        f"Of all functions of the capacity provider: {listing}",
    ]
    if superfluous:
        lines.append(f"Of {function.name}, the oldest that neither serve nor served right before:")
    return "\n".join([*lines, *(f"{delete} {number}" for number in superfluous[:_MOST_NAMED])])
