"""The result of a run in one line: what became of it and, after a failure, whose fault that is and why."""

import re
from collections import Counter

from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.model.text import first_line
from ecr_lambda_deploy.report.causes import Cause, causes, is_cancelled, left_behind
from ecr_lambda_deploy.report.results import (
    PLAIN,
    RELEASED,
    Style,
    commit_of,
    count,
    duration,
    in_words,
    is_forward,
    revision_of,
    short_digest,
)

_MADE = (ImageStatus.BUILT, ImageStatus.COPIED)
_LONGEST_CAUSE = 120  # characters
_WORD = re.compile(r"[\w-]+")  # a function's name is one
_LEAST_TIMED = 1  # seconds

# What a failed run has left in the functions: nothing new, all as it was, some, all, or what should have gone back.
_NOTHING, _REVERTED, _SOME, _ALL, _LEFT = range(5)
_ENDINGS = {
    Mode.DEPLOY: (
        "Not released",
        "Release reverted",
        "Partly released",
        "Released, but unfinished",
        "Release failed",
    ),
    Mode.BUILD: 5 * ("Not built",),
    Mode.PLAN: 5 * ("No plan",),
    Mode.ROLLBACK: (
        "Not rolled back",
        "Rollback reverted",
        "Partly rolled back",
        "Rolled back, but unfinished",
        "Rollback failed",
    ),
}
_CANCELLED = (
    "nothing was changed",
    "what it had changed is put back",
    "part of it is released",
    "all of it is released",
    "part of what it changed is still there",
)


def headline(journal: Journal, style: Style = PLAIN) -> str:
    """Return the result of a run in one line.

    Args:
        journal: of the run.
        style: how names and the texts of others are written.
    """
    if journal.errors:
        return _failure(journal, style)
    if journal.mode is Mode.PLAN:
        return _plan(journal, style)
    counts = Counter(outcome.status for outcome in journal.outcomes)
    if not journal.outcomes or (counts.keys() == {ReleaseStatus.UNCHANGED} and _count_of_made(journal)):
        return _images(journal, style)
    if len(journal.outcomes) == 1 and len(journal.images) <= 1:
        return _sentence(journal, journal.outcomes[0], style)
    return _total(journal, counts, style)


def _sentence(journal: Journal, outcome: Outcome, style: Style) -> str:
    """Return what became of the only function of a run that has not failed."""
    name, took = style.code(outcome.function), _took(journal)
    commit = commit_of(journal) if outcome.status in RELEASED else ""
    what = style.code((revision_of(outcome.after) or commit)[:7] or short_digest(outcome.after.image))
    number, alias = outcome.after.version, outcome.after.alias
    version = f", version {number}" if number else ""
    by = f"{version}{f', by the alias {style.code(alias.name)}' if alias else ''}"
    match outcome.status:
        case ReleaseStatus.UNCHANGED:
            return f"Nothing to do: {name} serves {what} already{by}"
        case ReleaseStatus.SKIPPED:
            return f"Skipped: {name} serves {what}{version}, of a newer run"
        case ReleaseStatus.CREATED:
            return f"Created {name}: it serves {what}{by}{took}"
        case ReleaseStatus.ROLLED_BACK if is_forward(outcome, journal.run):
            return f"Released {name} again: it serves {what}{by}{took}"
        case ReleaseStatus.ROLLED_BACK:
            return f"Rolled back {name} to {what}{by}{took}"
        case _:
            return f"{name} serves {what}{by}{took}"


def _total(journal: Journal, counts: Counter[ReleaseStatus], style: Style) -> str:
    """Return what became of several functions."""
    functions, everything = count(len(journal.outcomes), "function"), len(journal.outcomes)
    if counts[ReleaseStatus.UNCHANGED] == everything:
        return f"Nothing to do: {functions} {'is' if everything == 1 else 'are'} up to date"
    if counts[ReleaseStatus.SKIPPED] + counts[ReleaseStatus.UNCHANGED] == everything:
        return f"Skipped: {counts[ReleaseStatus.SKIPPED]} of {functions} were released by a newer run"
    released, same = sum(counts[status] for status in RELEASED), counts[ReleaseStatus.UNCHANGED]
    others = f"; {same} needed no change" if same and released + same == everything else ""
    of = count(released, "function") if others or released == everything else f"{released} of {functions}"
    commits = {revision_of(one.after) for one in journal.outcomes if one.status in RELEASED}
    commit = commits.pop() if len(commits) == 1 else ""
    to = style.code(commit[:7]) if commit else ""
    back = [one for one in journal.outcomes if one.status is ReleaseStatus.ROLLED_BACK]
    if back and all(is_forward(one, journal.run) for one in back):
        return f"Released {f'{to} ' if to else ''}again to {of}{others}{_took(journal)}"
    if back:
        return f"Rolled back {of}{f' to {to}' if to else ''}{others}{_took(journal)}"
    return f"Released {f'{to} to ' if to else ''}{of}{others}{_took(journal)}"


def _images(journal: Journal, style: Style) -> str:
    """Return what became of the images of a run that has released none of them."""
    made, images = [image for image in journal.images if image.status in _MADE], count(len(journal.images), "image")
    single = f"{_name_of(journal.images[0], style)}" if len(journal.images) == 1 else ""
    if not made:
        there = f"{single} is there" if single else f"{images} {'is' if len(journal.images) == 1 else 'are'} there"
        return f"Nothing to build: {there} already"
    verb = "Built" if any(image.status is ImageStatus.BUILT for image in made) else "Copied"
    what = single or (images if len(made) == len(journal.images) else f"{len(made)} of {images}")
    return f"{verb} {what}{'; no function was to change' if journal.outcomes else ''}{_took(journal)}"


def _name_of(image: ImageOutcome, style: Style) -> str:
    reference = image.reference
    of = reference.repository if reference else image.repository_uri.partition("/")[2]
    return style.code(f"{of}@{short_digest(reference)}" if reference else of or "the image")


def _plan(journal: Journal, style: Style) -> str:
    images = sum(image.status is ImageStatus.PLANNED for image in journal.images)
    planned = [outcome for outcome in journal.outcomes if outcome.status is ReleaseStatus.PLANNED]
    made = f"{count(images, 'image')} would be built or copied"
    if not journal.outcomes:
        return f"Plan: {made}" if images else "Plan: nothing would be built or copied"
    if not planned and not images:
        return "Plan: nothing would change"
    if len(journal.outcomes) == 1:
        change = f"{style.code(journal.outcomes[0].function)} would {'' if planned else 'not '}change"
    else:
        change = f"{len(planned)} of {count(len(journal.outcomes), 'function')} would change"
    return f"Plan: {made}, {change}" if images else f"Plan: {change}"


def _failure(journal: Journal, style: Style) -> str:
    """Return how a failed run has ended, and why."""
    ending = _ending(journal)
    if is_cancelled(journal):
        return f"Cancelled: {_CANCELLED[ending]}"
    found = causes(journal)
    others = f", and {count(len(found) - 1, 'more cause')}" if len(found) > 1 else ""
    why = _why(found[0], style) if found else "see the log"
    left = " and not fully reverted" if any(outcome.recovery for outcome in journal.outcomes) else ""
    return f"{_ENDINGS[journal.mode][ending]}{left}: {why}{others}"


def _ending(journal: Journal) -> int:
    """Return which of the endings of a failed run this is."""
    statuses = {outcome.status for outcome in journal.outcomes}
    if left_behind(journal):
        return _LEFT
    if statuses.intersection(RELEASED):
        return _ALL if statuses <= {*RELEASED, ReleaseStatus.UNCHANGED} else _SOME
    return _REVERTED if ReleaseStatus.REVERTED in statuses else _NOTHING


def _why(cause: Cause, style: Style) -> str:
    """Return what failed, and of which functions or images; a function is named once."""
    names = cause.functions or tuple(filter(None, cause.images))
    error, first = cause.error, (*names, "")[0]
    text = first_line(error.cause or error.message, _LONGEST_CAUSE).rstrip(".:")
    if cause.is_of_build:
        subject = f"the build of {style.code(first)}" if first else "the build"
        return f"{subject} failed: {style.text(text)}"
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    of_image = "the image " if names and not cause.functions and first not in text else ""
    return f"{of_image}{_named(text, first, style)}{more}"


def _named(text: str, name: str, style: Style) -> str:
    """Return a text in which a name stands out; it comes first if the text does not have it."""
    if not name:
        return style.text(text)
    found = next((word for word in _WORD.finditer(text) if word[0] == name), None)
    if found is None:
        return f"{style.code(name)}: {style.text(text)}"
    return f"{_kept(text[: found.start()], style)}{style.code(name)}{_kept(text[found.end() :], style)}"


def _kept(text: str, style: Style) -> str:
    """Return a part of a text with the spaces at its ends."""
    inner = text.strip()
    start = text[: len(text) - len(text.lstrip())]
    return f"{start}{style.text(inner)}{text[len(start) + len(inner) :]}" if inner else text


def _count_of_made(journal: Journal) -> int:
    return sum(image.status in _MADE for image in journal.images)


def _took(journal: Journal) -> str:
    seconds = duration(journal)
    return f", in {in_words(seconds)}" if seconds >= _LEAST_TIMED else ""
