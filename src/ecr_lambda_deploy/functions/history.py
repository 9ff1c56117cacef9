"""Pure: what descriptions of versions and aliases record of the runs that made them, and what follows from it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self
from urllib.parse import quote

from ecr_lambda_deploy.model.functions import LATEST, ObservedFunction, PublishedVersion
from ecr_lambda_deploy.model.run import WorkflowRun

_LONGEST = 256  # characters of a description [Lambda API reference, PublishVersion and CreateAlias]
_FACT = re.compile(r"(?:^|(?<= ))(?P<key>[a-z-]+)=(?P<value>\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a description says; what it does not say is empty.

    Attributes:
        run: number and attempt of the run, `ID/ATTEMPT`.
        previous: version that served before.
        mode: `rollback` for what a rollback did.
        undone: number of the run whose release that rollback took back.
        repeats: number of the run whose release serves again; 0 if no run had released that.
        repository: `owner/name` of the run.
        commit: full SHA of what was released.
        workflow: file name of the run's workflow, percent-encoded; it comes last, since it may be cut.
    """

    run: str = ""
    previous: str = ""
    mode: str = ""
    undone: str = ""
    repeats: str = ""
    repository: str = ""
    commit: str = ""
    workflow: str = ""

    @classmethod
    def of(cls, run: WorkflowRun, **facts: str) -> Self:
        """Return what a run records of itself, and other facts."""
        return cls(
            run=f"{run.run_id}/{run.attempt}" if run.run_id else "",
            repository=run.repository,
            workflow=quote(run.workflow),
            **facts,
        )

    @classmethod
    def parse(cls, description: str) -> Self:
        """Read a description; one that this action did not write records nothing."""
        known = {field.name for field in fields(cls)}
        return cls(**{found["key"]: found["value"] for found in _FACT.finditer(description) if found["key"] in known})

    @property
    def run_id(self) -> int:
        """GitHub's number of the run; 0 if none is recorded."""
        return _number(self.run.partition("/")[0])

    @property
    def undone_id(self) -> int:
        """GitHub's number of the run whose release was taken back; 0 if none is recorded."""
        return _number(self.undone)

    @property
    def released_id(self) -> int:
        """GitHub's number of the run that released this first; 0 if none is recorded."""
        return _number(self.repeats) if self.repeats else self.run_id

    def is_rollback_of(self, run: WorkflowRun) -> bool:
        """Whether a rollback of this run, in any attempt, has recorded it."""
        return self.mode == "rollback" and self.run_id != 0 and str(self.run_id) == run.run_id

    def __str__(self) -> str:
        """Return the description."""
        facts = ((field.name, getattr(self, field.name)) for field in fields(self))
        return " ".join(f"{key}={value}" for key, value in facts if value)[:_LONGEST]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


def last_release(observed: ObservedFunction) -> Record:
    """Return the record of what was released or rolled back last; shares of an alias's traffic leave it as it was."""
    if observed.alias is None:
        return Record.parse(observed.versions[-1].description if observed.versions else "")
    record, version = Record.parse(observed.alias.description), observed.aliased
    return record if record.run or version is None else Record.parse(version.description)


def serving_record(observed: ObservedFunction) -> Record:
    """Return the record of the version that serves; what was not published records nothing."""
    version = observed.aliased if observed.alias is not None else observed.published
    return Record.parse(version.description if version is not None else "")


def last_begun(observed: ObservedFunction, repository: str) -> int:
    """Return the number of the run whose release serves, or has a share of the traffic and has not ended.

    Args:
        observed: the function, with its versions where the alias has weights.
        repository: whose runs count; empty for those of any.
    """
    weights = observed.alias.weights if observed.alias else {}
    shared = [Record.parse(version.description) for version in observed.versions if version.number in weights]
    records = [record for record in (last_release(observed), *shared) if repository in {"", record.repository}]
    return max((record.released_id for record in records), default=0)


def brought_back(observed: ObservedFunction) -> PublishedVersion | None:
    """Return the version whose code a rollback without an alias has brought back, but did not come to publish."""
    newest = observed.versions[-1] if observed.versions else None
    if observed.alias is not None or newest is None or observed.published is not None:
        return None
    before = observed.version_numbered(Record.parse(newest.description).previous)
    return before if before and observed.latest and before.code_sha256 == observed.latest.code_sha256 else None


def is_unrecorded(observed: ObservedFunction) -> bool:
    """Whether code serves without an alias that was given after the last release, and that no run has published."""
    is_published = observed.published is not None or brought_back(observed) is not None
    return observed.alias is None and bool(observed.versions) and not is_published


def newer_run(run: WorkflowRun, record: Record) -> str:
    """Return the id of the newer run that a first attempt of this one may not undo; empty if there is none.

    GitHub's run ids rise with time. A run of the same workflow counts, and a rollback of any: whoever takes a release
    back does not expect that a deployment which still waits in a queue brings it again.
    """
    if run.attempt != "1" or record.repository != run.repository or not run.run_id.isdigit():
        return ""
    counts = record.mode == "rollback" or quote(run.workflow).startswith(record.workflow)
    return str(record.run_id) if counts and int(run.run_id) < record.run_id else ""


def line_of_releases(observed: ObservedFunction) -> Iterator[PublishedVersion]:
    """Yield the version that serves, the one that served before it, and so on as they record it."""
    number, seen = observed.version, set[str]()
    while number and number != LATEST and number not in seen:
        seen.add(number)
        version = observed.version_numbered(number)
        if version is None:
            return
        yield version
        number = Record.parse(version.description).previous
