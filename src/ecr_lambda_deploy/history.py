"""Pure: what descriptions of versions and aliases record of the runs that made them, and what follows from it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Self
from urllib.parse import quote

from ecr_lambda_deploy.function_model import LATEST, ObservedFunction, PublishedVersion
from ecr_lambda_deploy.model import WorkflowRun

_LONGEST = 256  # characters of a description [Lambda API reference, PublishVersion and CreateAlias]
_FACT = re.compile(r"(?:^|(?<= ))(?P<key>[a-z-]+)=(?P<value>\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a description says; what it does not say is empty.

    Attributes:
        commit: full SHA of what was released.
        repository: `owner/name` of the run.
        run: number and attempt of the run, `ID/ATTEMPT`.
        previous: version that served before.
        mode: `rollback` for what a rollback did.
        undone: number of the run whose release that rollback took back.
        workflow: file name of the run's workflow, percent-encoded; it comes last, since it may be cut.
    """

    commit: str = ""
    repository: str = ""
    run: str = ""
    previous: str = ""
    mode: str = ""
    undone: str = ""
    workflow: str = ""

    @classmethod
    def of(cls, run: WorkflowRun, *, commit: str = "", previous: str = "", mode: str = "", undone: str = "") -> Self:
        """Return what a run records of itself."""
        return cls(
            commit=commit,
            repository=run.repository,
            run=f"{run.run_id}/{run.attempt}" if run.run_id else "",
            previous=previous,
            mode=mode,
            undone=undone,
            workflow=quote(run.workflow),
        )

    @classmethod
    def parse(cls, description: str) -> Self:
        """Read a description; one that this action did not write records nothing."""
        known = {field.name for field in fields(cls)}
        return cls(**{found["key"]: found["value"] for found in _FACT.finditer(description) if found["key"] in known})

    @property
    def run_id(self) -> int:
        """GitHub's number of the run; 0 if none is recorded."""
        number = self.run.partition("/")[0]
        return int(number) if number.isascii() and number.isdigit() else 0

    def __str__(self) -> str:
        """Return the description."""
        facts = ((field.name, getattr(self, field.name)) for field in fields(self))
        return " ".join(f"{key}={value}" for key, value in facts if value)[:_LONGEST]


def last_release(observed: ObservedFunction) -> Record:
    """Return the record of what was released or rolled back last.

    Weights on an alias are of a release that has not ended, so the version that it points to is what was released.
    """
    if observed.alias is None:
        return Record.parse(observed.versions[-1].description if observed.versions else "")
    record = Record.parse("" if observed.alias.weights else observed.alias.description)
    version = observed.aliased
    return record if record.run or version is None else Record.parse(version.description)


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
