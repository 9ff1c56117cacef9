"""What headline, summary and outputs share: the order of functions, their images and errors, and short digests."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ecr_lambda_deploy.functions.history import serving_record
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import ServingFunction, is_number, name_of
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageOutcome, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun

BY_IMPORTANCE: Sequence[ReleaseStatus] = (
    ReleaseStatus.FAILED,
    ReleaseStatus.REVERTED,
    ReleaseStatus.CREATED,
    ReleaseStatus.DEPLOYED,
    ReleaseStatus.ROLLED_BACK,
    ReleaseStatus.PLANNED,
    ReleaseStatus.SKIPPED,
    ReleaseStatus.UNCHANGED,
)
"""Every status, the most important first."""

RELEASED = frozenset({ReleaseStatus.CREATED, ReleaseStatus.DEPLOYED, ReleaseStatus.ROLLED_BACK})
"""The functions with these serve what this run was to have them serve."""

_SECONDS_OF_MINUTE = 60
_MINUTES_OF_HOUR = 60
_LEAST_WHOLE = 10  # seconds that are shown without tenths


class Style(NamedTuple):
    """How a sentence is written.

    Attributes:
        code: writes a name.
        text: writes what others may have written.
    """

    code: Callable[[str], str]
    text: Callable[[str], str]


PLAIN = Style(code=str, text=str)
"""For the log."""


def importance(outcome: Outcome) -> int:
    """Return a function's place among others, from 0: failed ones come first, unchanged ones last."""
    return BY_IMPORTANCE.index(outcome.status)


def function_names(image: ImageOutcome) -> tuple[str, ...]:
    """Return the names of an image's functions, whether the inputs give names or ARNs."""
    return tuple(map(name_of, image.functions))


def images_by_function(journal: Journal) -> Mapping[str, ImageOutcome]:
    """Return the image of each function, by the function's name."""
    return {name: image for image in journal.images for name in function_names(image)}


def counted(outcomes: Sequence[Outcome]) -> str:
    """Return how many functions have each status, the most important first, such as `1 failed, 59 reverted`."""
    counts = Counter(outcome.status for outcome in outcomes)
    return ", ".join(f"{counts[status]} {status}" for status in BY_IMPORTANCE if counts[status])


def commit_of(journal: Journal) -> str:
    """Return the commit that a run of one image and one function is about; empty if it is not known.

    It is that of the image which the run gets. Where it gets none, or what served goes on, that of what serves counts.
    """
    of_image = next((image.commit for image in journal.images), "")
    serving = [serving_record(outcome.after).full_commit for outcome in journal.outcomes]
    is_as_it_was = all(outcome.status is ReleaseStatus.UNCHANGED for outcome in journal.outcomes)
    recorded = next(iter(serving), "") if is_as_it_was or not journal.images else ""
    return recorded or of_image


def error_of(outcome: Outcome, images: Mapping[str, ImageOutcome], journal: Journal) -> DeployError | None:
    """Return the error of a function; a failed one without an error has that of its image, or else of the run.

    Args:
        outcome: of the function.
        images: by the names of their functions.
        journal: of the run.
    """
    if outcome.error or outcome.status is not ReleaseStatus.FAILED:
        return outcome.error
    image = images.get(outcome.function)
    return (image.error if image else None) or journal.error


def shortened(error: DeployError, longest: int) -> str:
    """Return an error's message and, below it, the hint, each cut to so many characters."""
    texts = (error.message, error.hint)
    return "\n".join(filter(None, (part if len(part) <= longest else f"{part[:longest]}…" for part in texts)))


def count(number: int, what: str) -> str:
    """Return a number of things, such as `1 function` or `3 functions`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def in_words(seconds: float) -> str:
    """Return how long something took, such as `2.5 s`, `43 s`, `2 min 5 s` or `1 h 2 min`."""
    if seconds < _LEAST_WHOLE:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes, left = divmod(round(seconds), _SECONDS_OF_MINUTE)
    hours, minutes = divmod(minutes, _MINUTES_OF_HOUR)
    parts = {"h": hours, "min": minutes, "s": 0 if hours else left}
    return " ".join(f"{number} {unit}" for unit, number in parts.items() if number)


def duration(journal: Journal) -> float:
    """Return the seconds from the beginning of the first phase to the end of the last."""
    phases = journal.phases
    return max((one.started + one.seconds for one in phases), default=0) - min(
        (one.started for one in phases), default=0
    )


def revision_of(function: ServingFunction) -> str:
    """Return the commit that the record of what serves names; empty if none does."""
    return serving_record(function).full_commit


def is_forward(outcome: Outcome, run: WorkflowRun) -> bool:
    """Whether a rollback went to what was released later than what had served before it."""
    if outcome.status is not ReleaseStatus.ROLLED_BACK:
        return False
    records = [serving_record(function).believed_by(run) for function in (outcome.before, outcome.after)]
    before, after = (record.released_id for record in records)
    if before and after and before != after:
        return after > before
    # Without an alias the version is always a new one, and so it is where an image was released anew.
    is_repeat = outcome.after.alias is None or bool(records[1].mode)
    numbers = (outcome.before.version, outcome.after.version)
    return not is_repeat and all(map(is_number, numbers)) and int(numbers[0]) < int(numbers[1])


def short_digest(reference: ImageReference | None) -> str:
    """Return as much of a digest as a person compares."""
    return reference.short if reference else "unknown"
