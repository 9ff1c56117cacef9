"""Pure: the records of runs in the descriptions of versions and aliases, and what follows from them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Self
from urllib.parse import quote

from ecr_lambda_deploy.model.functions import (
    LATEST,
    AliasState,
    ObservedFunction,
    PublishedVersion,
    ServingFunction,
)
from ecr_lambda_deploy.model.run import WorkflowRun, is_commit

_LONGEST = 256  # characters of a description [Lambda API reference, PublishVersion and CreateAlias]
# Of a run: GitHub's numbers have 11 digits, and what is run by hand has the seconds of its start as decimals.
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.(?P<seconds>[0-9]{1,10}))?")
_FARTHEST = 10**9  # from this run's number to the highest that another run may have
_FACT = re.compile(r"(?:^|(?<= ))(?P<key>[a-z-]+)=(?P<value>\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a description records; a fact that it does not record is empty.

    Attributes:
        run: number and attempt of the run, `ID/ATTEMPT`; see `WorkflowRun.run_id` for one by hand.
        previous: number of the version that served before.
        mode: `rollback` if the run was one.
        undone: id of the run whose release that rollback took back.
        repeats: id of the run whose release serves again; 0 if no run had released it.
        repository: `owner/name` of the run.
        commit: full SHA of the commit that was released.
        workflow: file name of the run's workflow, percent-encoded; last, since a long description is cut.
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
        """Return the record of a run, with other facts."""
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
    def full_commit(self) -> str:
        """The commit, if it is one: a description is anybody's who may write it."""
        return self.commit if is_commit(self.commit) else ""

    @property
    def numbers(self) -> tuple[str, str, str]:
        """What the record has where numbers of runs belong: of the run, the one undone, and the one repeated."""
        return self.run.partition("/")[0], self.undone, self.repeats

    def believed_by(self, run: WorkflowRun) -> Self:
        """Return what of it counts for a run: all but numbers that cannot be a run's.

        A description is anybody's who may write it, and a made-up number must not stop deployments.
        """
        is_run, is_undone, is_repeated = (_may_be_a_run(text, run) for text in self.numbers)
        return replace(
            self,
            run=self.run if is_run else "",
            undone=self.undone if is_undone else "",
            repeats=self.repeats if is_repeated else "0",
        )

    @property
    def run_id(self) -> Decimal:
        """Number of the run; 0 if none is recorded."""
        return _number(self.run.partition("/")[0])

    @property
    def undone_id(self) -> Decimal:
        """Number of the run whose release was taken back; 0 if none is recorded."""
        return _number(self.undone)

    @property
    def released_id(self) -> Decimal:
        """Number of the run that released this first; 0 if none is recorded."""
        return _number(self.repeats) if self.repeats else self.run_id

    @property
    def by(self) -> str:
        """Who wrote it, in words: a run, or somebody by hand, and when; empty if that is not recorded."""
        by_hand = _by_hand(self.run.partition("/")[0])
        return by_hand or (f"run {self.run}" if self.run else "")

    def is_of(self, run: WorkflowRun) -> bool:
        """Whether it is of the repository of a run, as far as both are known: by hand, that may not be."""
        return not self.repository or run.repository in {"", self.repository}

    def is_rollback_of(self, run: WorkflowRun) -> bool:
        """Whether a rollback by this run, in any attempt, wrote the record."""
        return self.mode == "rollback" and self.run_id != 0 and str(self.run_id) == run.run_id

    def __str__(self) -> str:
        """Return the description."""
        facts = ((field.name, getattr(self, field.name)) for field in fields(self))
        return " ".join(f"{key}={value}" for key, value in facts if value)[:_LONGEST]


def _number(text: str) -> Decimal:
    return Decimal(text) if _NUMBER.fullmatch(text) else Decimal()


def run_named(number: Decimal | str) -> str:
    """Return what a run is called in messages, by its number: `run 17`, or `run by hand at …`."""
    return f"run {_by_hand(str(number)) or number}"


def _by_hand(number: str) -> str:
    """Return when a run by hand began, in words; empty for any other."""
    found = _NUMBER.fullmatch(number)
    if found is None or found["seconds"] is None:
        return ""
    return f"by hand at {datetime.fromtimestamp(int(found['seconds']), UTC):%Y-%m-%d %H:%M} UTC"


def _may_be_a_run(text: str, run: WorkflowRun) -> bool:
    """Whether what stands in a number's place may be a run's; what has no digits is none, and does no harm."""
    if not text.replace(".", "", 1).isdigit():
        return True
    own = _number(run.run_id)
    return _NUMBER.fullmatch(text) is not None and (own < 1 or _number(text) <= own + _FARTHEST)


def numbered(run: WorkflowRun, functions: Iterable[ServingFunction]) -> WorkflowRun:
    """Return a run with its number: by hand, one above those that functions record; any other is as it was.

    Args:
        run: the run.
        functions: all that it has read, with what is known of each.
    """
    if not run.is_by_hand:
        return run
    records = (Record.parse(text).believed_by(run) for function in functions for text in _descriptions(function))
    return run.after(int(max((record.run_id for record in records), default=0)))


def _descriptions(function: ServingFunction) -> Iterator[str]:
    if function.aliased is not None:
        yield function.aliased.description
    if isinstance(function.alias, AliasState):
        yield function.alias.description
    if isinstance(function, ObservedFunction):
        yield from (version.description for version in function.versions)


def has_published(observed: ObservedFunction, run: WorkflowRun) -> bool:
    """Whether a run of this action has published a version of the function, as far as it was read.

    Args:
        observed: the function.
        run: the run that wants to know, for which some records do not count.
    """
    descriptions = [version.description for version in observed.versions]
    if observed.aliased is not None and observed.aliased.version != LATEST:
        descriptions.append(observed.aliased.description)
    return has_moved_alias(observed, run) or any(_is_of_a_run(text, run) for text in descriptions)


def has_moved_alias(observed: ObservedFunction, run: WorkflowRun) -> bool:
    """Whether a run of this action has moved the alias; see `has_published`."""
    return observed.alias is not None and _is_of_a_run(observed.alias.description, run)


def _is_of_a_run(description: str, run: WorkflowRun) -> bool:
    return Record.parse(description).believed_by(run).run_id != 0


def last_release(observed: ObservedFunction, run: WorkflowRun) -> Record:
    """Return the record of the last release or rollback that ended; a canary under way does not change it.

    Args:
        observed: the function.
        run: the run that wants to know, for which some records do not count.
    """
    if observed.alias is None:
        return Record.parse(observed.versions[-1].description if observed.versions else "").believed_by(run)
    record, version = Record.parse(observed.alias.description).believed_by(run), observed.aliased
    return record if record.run or version is None else Record.parse(version.description).believed_by(run)


def doubt(observed: ObservedFunction, run: WorkflowRun) -> str:
    """Return a warning of a record of the last release with a number that cannot be a run's; empty if there is none."""
    alias, newest = observed.alias, observed.versions[-1] if observed.versions else None
    serving = observed.aliased if alias is not None else newest
    shared = [version.description for version in observed.versions if version.number in observed.weights]
    texts = [
        alias.description if alias is not None else "",
        serving.description if serving is not None else "",
        *shared,
    ]
    numbers = [number for text in texts for number in Record.parse(text).numbers]
    impossible = [number for number in numbers if not _may_be_a_run(number, run)]
    if not impossible:
        return ""
    return (
        f"A description of {observed.name} names the run {impossible[0][:40]!r}, which cannot be one, so that does not "
        "count. Find out who wrote it: lambda:UpdateAlias, CreateAlias and PublishVersion let their holders write any."
    )


def serving_record(function: ServingFunction) -> Record:
    """Return the record of the version that serves; an empty one for code that is not published, or not known to be."""
    published = function.published if isinstance(function, ObservedFunction) else None
    version = function.aliased if function.alias is not None else published
    return Record.parse(version.description if version is not None else "")


def last_releasing_run(observed: ObservedFunction, run: WorkflowRun) -> Decimal:
    """Return the number of the run that began the last release, which may still be a canary; 0 if none is recorded.

    Args:
        observed: the function, with its versions where the alias has weights.
        run: the run that wants to know; only those of its repository count, as far as it is known.
    """
    weights = observed.alias.weights if observed.alias else {}
    shared = [
        Record.parse(version.description).believed_by(run) for version in observed.versions if version.number in weights
    ]
    records = [record for record in (last_release(observed, run), *shared) if record.is_of(run)]
    return max((record.released_id for record in records), default=Decimal())


def brought_back(observed: ObservedFunction) -> PublishedVersion | None:
    """Return the version whose code a rollback without an alias has put into `$LATEST`, and not published yet."""
    newest = observed.versions[-1] if observed.versions else None
    if observed.alias is not None or newest is None or observed.published is not None:
        return None
    previous = observed.version_numbered(Record.parse(newest.description).previous)
    return previous if previous and observed.latest and previous.code_sha256 == observed.latest.code_sha256 else None


def is_unrecorded(observed: ObservedFunction) -> bool:
    """Whether `$LATEST` serves code that is newer than the last version, so that no description records its run."""
    is_published = observed.published is not None or brought_back(observed) is not None
    return observed.alias is None and bool(observed.versions) and not is_published


def newer_run(run: WorkflowRun, record: Record) -> str:
    """Return the number of the newer run that wrote a record, and that this run must not undo; empty otherwise.

    Numbers of runs rise with time. A newer run of the same workflow counts, and a newer rollback of any workflow: a
    deployment that still waits in a queue must not release again what a rollback has taken back. A second attempt of
    this run is somebody's wish, as is a run by hand, so nothing counts as newer.
    """
    own, newer = _number(run.run_id), record.believed_by(run).run_id
    if run.attempt != "1" or run.is_by_hand or not record.is_of(run) or own == 0:
        return ""
    counts = record.mode == "rollback" or quote(run.workflow).startswith(record.workflow)
    return str(newer) if counts and own < newer else ""


def line_of_releases(observed: ObservedFunction) -> Iterator[PublishedVersion]:
    """Yield the version that serves, the version that served before it, and so on, as the descriptions record it."""
    number, seen = observed.version, set[str]()
    while number and number != LATEST and number not in seen:
        seen.add(number)
        version = observed.version_numbered(number)
        if version is None:
            return
        yield version
        number = Record.parse(version.description).previous
