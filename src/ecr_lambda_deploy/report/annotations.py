"""The annotations of a run that failed: the causes, each once, and what only followed from them in one."""

from collections.abc import Sequence
from dataclasses import dataclass

from ecr_lambda_deploy.model.errors import SourceLocation
from ecr_lambda_deploy.model.outcomes import Journal, Outcome
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.text import some_of
from ecr_lambda_deploy.report.causes import Cause, causes, followers
from ecr_lambda_deploy.report.help import help_addresses
from ecr_lambda_deploy.report.results import count, counted

_MOST = 5  # of errors: as many are left to warnings and notices, and ten in all are read
_MOST_NAMED = 10  # functions
_NAMES = {"aws": "AWS", "ecr": "ECR", "lambda": "Lambda", "oidc": "OIDC"}  # of what topics name


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An annotation of the run.

    Attributes:
        title: what failed, and how, in a few words.
        text: what failed and why, what to do, and where the documentation says more.
        location: the line at fault, if known.
    """

    title: str
    text: str
    location: SourceLocation | None = None


def annotations(journal: Journal) -> tuple[Sequence[Annotation], Sequence[str]]:
    """Return the annotations, the first cause first, and the lines of the causes that are too many for them."""
    found = causes(journal)
    followed = list(followers(journal)) if len(journal.outcomes) > 1 else []
    all_of_them = [_of_cause(cause, journal.run) for cause in found]
    room = _MOST - bool(followed)
    if len(all_of_them) <= room:
        return [*all_of_them, *_of_followers(followed, found)], ()
    shown, left = all_of_them[: room - 1], all_of_them[room - 1 :]
    title = f"{count(len(left), 'more cause')}"
    names = "\n".join(f"- {one.title}" for one in left[:_MOST_NAMED])
    more = Annotation(title=title, text=f"This step's log has each of them:\n{names}")
    return [*shown, more, *_of_followers(followed, found)], [line for one in left for line in one.text.split("\n")]


def _of_cause(cause: Cause, run: WorkflowRun) -> Annotation:
    error, names = cause.error, cause.functions or tuple(filter(None, cause.images))
    same = [f"It is the same for {some_of(names[1:], _MOST_NAMED)}."] if len(names) > 1 else []
    log = ["What was printed last:", error.log] if error.log else []
    addresses = [f"Help: {address}" for address in help_addresses(error, run)]
    kind = " ".join(_NAMES.get(word, word) for word in error.topic.split("-"))
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    title = ": ".join(filter(None, [f"{names[0]}{more}" if names else "", kind]))
    return Annotation(
        title=title[:1].upper() + title[1:] if not names else title,
        text="\n".join([str(error), *same, *log, *addresses]),
        location=error.location,
    )


def _of_followers(outcomes: Sequence[Outcome], found: Sequence[Cause]) -> list[Annotation]:
    if not outcomes:
        return []
    names = [outcome.function for outcome in outcomes]
    more = "more " if any(cause.functions for cause in found) else ""
    title = f"{count(len(names), f'{more}function')}, because of this: {counted(outcomes)}"
    return [Annotation(title=title, text=f"They serve what they did before: {some_of(names, _MOST_NAMED)}.")]
