"""Pure: which release a function goes back to, chosen from its history."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ecr_lambda_deploy.functions.history import Record, brought_back, last_release, line_of_releases
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import ObservedFunction, PublishedVersion
from ecr_lambda_deploy.model.run import WorkflowRun

_COMMIT = re.compile(r"[0-9a-f]{7,40}|[0-9a-f]{64}")
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackTarget:
    """What a rollback goes back to: a version, or an image that the repository may still have.

    Attributes:
        version: None if no version has the commit or digest.
        digest: of the image, where `rollback-to` gives one, or the commit has a tag.
        commit: full SHA where a version records it, else as `rollback-to` gives it.
    """

    version: PublishedVersion | None = None
    digest: str = ""
    commit: str = ""


def choose(to: str, observed: ObservedFunction, run: WorkflowRun, *, tagged: str = "") -> RollbackTarget:
    """Choose what to go back to.

    A version whose image has the commit's tag comes before one that only records the commit: a description is written
    by anyone who may publish a version, a tag only by those who may push.

    Args:
        to: `previous`, a version's number, a commit's SHA of 7 digits or more, or an image's digest.
        observed: the function.
        run: the run that rolls back; another attempt of it does not go back further.
        tagged: digest of the image that has the commit's tag; empty if there is none, or none is known.

    Raises:
        DeployError: there is no such version or commit, or none is recorded.
    """
    if to == "previous":
        return RollbackTarget(version=_previous(observed, run))
    if to.startswith("sha256:"):
        return RollbackTarget(version=_best(_with_image(to, observed), observed), digest=to)
    if version := observed.version_numbered(to):
        return RollbackTarget(version=version)
    if not _COMMIT.fullmatch(to):
        raise DeployError(f"{observed.name} has no version {to}.", history(observed), topic="nothing-to-roll-back-to")
    commits = {Record.parse(version.description).commit for version in observed.versions}
    # What a description has beyond a commit's digits is no commit, and must not hide one.
    meant = sorted(commit for commit in commits if commit.startswith(to) and _COMMIT.fullmatch(commit))
    _check_one(to, {*meant})
    recorded = [version for version in observed.versions if Record.parse(version.description).commit in meant]
    proven = _with_image(tagged, observed)
    both = [version for version in recorded if version in proven]
    return RollbackTarget(
        version=_best(both or proven or recorded, observed), commit=meant[0] if meant else to, digest=tagged
    )


def run_of_commit(to: str, functions: Sequence[ObservedFunction], run: WorkflowRun) -> Decimal:
    """Return the number of the last run that released a commit to any of some functions; 0 if none is recorded.

    Args:
        to: a commit's SHA, of 7 digits or more; for anything else there is none.
        functions: with their versions.
        run: the run that rolls back; runs of its repository count.

    Raises:
        DeployError: it is the beginning of several commits.
    """
    if not _COMMIT.fullmatch(to):
        return Decimal()
    records = [
        record
        for function in functions
        for record in (Record.parse(version.description).believed_by(run) for version in function.versions)
        if record.commit.startswith(to) and _COMMIT.fullmatch(record.commit) and record.is_of(run)
    ]
    _check_one(to, {record.commit for record in records})
    return max((record.released_id for record in records), default=Decimal())


def served_after(run_id: Decimal, observed: ObservedFunction, run: WorkflowRun) -> PublishedVersion | None:
    """Return the version that served a function when a run had ended; None if nothing had been released by then.

    Each run releases to a function what it is to run and does not run yet: what an earlier run has released stays.

    Args:
        run_id: number of the run; numbers rise with time.
        observed: the function, with its versions.
        run: the run that rolls back; runs of its repository count.
    """
    records = {version: Record.parse(version.description).believed_by(run) for version in observed.versions}
    earlier = [version for version, record in records.items() if 0 < record.run_id <= run_id and record.is_of(run)]
    return _best(earlier, observed)


def _check_one(to: str, commits: set[str]) -> None:
    if len(commits) > 1:
        raise DeployError(
            f"{to} is the beginning of {len(commits)} commits: {', '.join(sorted(commits))}.",
            "Give more digits.",
            topic="ambiguous-commit",
        )


def _with_image(digest: str, observed: ObservedFunction) -> list[PublishedVersion]:
    return [version for version in observed.versions if f"sha256:{version.code_sha256}" == digest]


def _best(versions: Sequence[PublishedVersion], observed: ObservedFunction) -> PublishedVersion | None:
    """Return the newest of some versions, but one that is known to have served before all others."""
    line = {version.number for version in line_of_releases(observed)}
    return max(versions, key=lambda version: (version.number in line, int(version.number)), default=None)


def _serving(observed: ObservedFunction) -> PublishedVersion | None:
    """Return the version that serves; None for code that was not published."""
    return observed.version_numbered(observed.version) if observed.alias else observed.published


def _previous(observed: ObservedFunction, run: WorkflowRun) -> PublishedVersion:
    alias, serving = observed.alias, _serving(observed)
    if serving is not None and last_release(observed, run).is_rollback_of(run):
        return serving  # an earlier attempt of this run has gone back to it
    if alias is not None and alias.weights and serving is not None:
        return serving  # the release that has not ended is taken back
    if serving is None and alias is None and observed.versions:
        return brought_back(observed) or observed.versions[-1]
    number = Record.parse(serving.description).previous if serving else ""
    if not number:
        what = f"Version {serving.number} of {observed.name}" if serving else observed.name
        raise DeployError(
            f"{what} does not record which version served before it.",
            f"Name one: 'rollback-to' takes a version's number, a commit's SHA or a digest.\n{history(observed)}",
            topic="nothing-to-roll-back-to",
        )
    version = observed.version_numbered(number)
    if version is None:
        raise DeployError(
            f"Version {number} of {observed.name}, which served before, has been deleted.",
            f"Name another: 'rollback-to' takes a version's number, a commit's SHA or a digest.\n{history(observed)}",
            topic="nothing-to-roll-back-to",
        )
    return version


def history(observed: ObservedFunction, chosen: PublishedVersion | None = None) -> str:
    """Return the versions of a function, newest first, as a table for the log.

    The version that serves, those that served before it by their records, and the chosen one are marked.
    """
    if not observed.versions:
        return f"{observed.name} has no published versions."
    line = [version.number for version in line_of_releases(observed)]
    newest = list(reversed(observed.versions))
    shown = [version for index, version in enumerate(newest) if index < _MOST_SHOWN or version is chosen]
    rows = [f"Versions of {observed.name}, newest first:"]
    for version in shown:
        record = Record.parse(version.description)
        facts = [
            "chosen" if version is chosen else "",
            "serves" if version.number == observed.version else "served before" if version.number in line else "",
            f"commit {record.commit[:12]}" if record.commit else "",
            record.by,
            f"after version {record.previous}" if record.previous else "",
            "not published by this action" if not (record.run or record.commit) else "",
        ]
        rows.append(f"  {version.number}: {', '.join(fact for fact in facts if fact)}")
    if len(shown) < len(newest):
        rows.append(f"  and {len(newest) - len(shown)} older ones")
    return "\n".join(rows)
