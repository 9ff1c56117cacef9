"""Pure: which release a function goes back to, chosen from its history."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import ObservedFunction, PublishedVersion
from ecr_lambda_deploy.history import Record, last_release, line_of_releases
from ecr_lambda_deploy.model import WorkflowRun

_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_MOST_SHOWN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a rollback goes back to: a version, or else an image that the repository may still have.

    Attributes:
        version: None if there is none.
        digest: of the image, where it is given.
        commit: as it is given, where it is.
    """

    version: PublishedVersion | None = None
    digest: str = ""
    commit: str = ""


def choose(to: str, observed: ObservedFunction, run: WorkflowRun) -> Choice:
    """Choose what to go back to.

    Args:
        to: `previous`, a version's number, a commit's SHA of 7 digits or more, or an image's digest.
        observed: the function.
        run: that asks; what it has brought back already it does not take back again.

    Raises:
        DeployError: there is no such thing.
    """
    if to == "previous":
        return Choice(version=_previous(observed, run))
    if to.startswith("sha256:"):
        same = [version for version in observed.versions if version.code_sha256 == to.removeprefix("sha256:")]
        return Choice(version=_best(same, observed), digest=to)
    if version := observed.version_numbered(to):
        return Choice(version=version)
    if not _COMMIT.fullmatch(to):
        raise DeployError(f"{observed.name} has no version {to}.", history(observed))
    commits = {Record.parse(version.description).commit for version in observed.versions}
    meant = sorted(commit for commit in commits if commit.startswith(to))
    if len(meant) > 1:
        raise DeployError(f"{to} is the beginning of {len(meant)} commits: {', '.join(meant)}.", "Give more digits.")
    same = [version for version in observed.versions if Record.parse(version.description).commit in meant]
    return Choice(version=_best(same, observed), commit=meant[0] if meant else to)


def _best(versions: Sequence[PublishedVersion], observed: ObservedFunction) -> PublishedVersion | None:
    """Return the newest of some versions, before all one that is known to have served."""
    line = {version.number for version in line_of_releases(observed)}
    return max(versions, key=lambda version: (version.number in line, int(version.number)), default=None)


def _previous(observed: ObservedFunction, run: WorkflowRun) -> PublishedVersion:
    alias, newest = observed.alias, observed.versions[-1] if observed.versions else None
    serving = observed.version_numbered(observed.version) if alias else observed.published
    if serving is not None and _is_of(run, alias.description if alias else serving.description):
        return serving  # this run has gone back already
    if alias is not None and alias.weights and serving is not None:
        return serving  # the release that has not ended is taken back
    if serving is None and alias is None and newest is not None:
        # What `$LATEST` runs was never released, or a rollback was cut short before it published what it brought back.
        before = observed.version_numbered(Record.parse(newest.description).previous)
        is_there = before and observed.latest and before.code_sha256 == observed.latest.code_sha256
        return before if before and is_there else newest
    number = Record.parse(serving.description).previous if serving else ""
    if not number:
        what = f"Version {serving.number} of {observed.name}" if serving else observed.name
        raise DeployError(
            f"{what} does not record which version served before it.",
            f"Name one: 'rollback-to' takes a version's number, a commit's SHA or a digest.\n{history(observed)}",
        )
    version = observed.version_numbered(number)
    if version is None:
        raise DeployError(
            f"Version {number} of {observed.name}, which served before, has been deleted.",
            f"Name another: 'rollback-to' takes a version's number, a commit's SHA or a digest.\n{history(observed)}",
        )
    return version


def released_together(observed: Sequence[ObservedFunction], run: WorkflowRun) -> tuple[str, ...]:
    """Return the names of the functions that the last run released, of all that it could have.

    A rollback that was cut short is gone on with: what it has not taken back yet is taken back.

    Args:
        observed: the functions.
        run: that asks.

    Raises:
        DeployError: no run has released any of them.
    """
    records = {function.name: last_release(function) for function in observed}
    ours = {
        name: record
        for name, record in records.items()
        if record.run_id and (not run.repository or record.repository == run.repository)
    }
    if not ours:
        raise DeployError(
            "None of these functions was released by a run of this repository, so there is none to take back.",
            "Name what to go back to in the input 'rollback-to'.",
        )
    last = max(ours.values(), key=lambda record: record.run_id)
    own = str(last.run_id) == run.run_id
    wanted = {last.run_id}
    if last.mode == "rollback" and last.undone:
        left = {record.run_id for record in ours.values()} & {int(last.undone)}
        wanted = left | ({last.run_id} if own else set()) if left or own else wanted
    return tuple(name for name, record in ours.items() if record.run_id in wanted)


def is_first_release(observed: ObservedFunction) -> bool:
    """Whether what serves is all that was ever released to a function."""
    serving = observed.version_numbered(observed.version)
    return serving is not None and len(observed.versions) == 1 and not Record.parse(serving.description).previous


def _is_of(run: WorkflowRun, description: str) -> bool:
    record = Record.parse(description)
    return record.mode == "rollback" and bool(record.run_id) and str(record.run_id) == run.run_id


def history(observed: ObservedFunction, chosen: PublishedVersion | None = None) -> str:
    """Return the versions of a function, newest first, as a table for the log.

    What serves is marked, what served before it as its descriptions record it, and what was chosen.
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
            f"run {record.run}" if record.run else "",
            f"after version {record.previous}" if record.previous else "",
            "not published by this action" if not (record.run or record.commit) else "",
        ]
        rows.append(f"  {version.number}: {', '.join(fact for fact in facts if fact)}")
    if len(shown) < len(newest):
        rows.append(f"  and {len(newest) - len(shown)} older ones")
    return "\n".join(rows)
