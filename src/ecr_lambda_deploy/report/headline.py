"""The result of a run in one line."""

from collections import Counter

from ecr_lambda_deploy.model.errors import CancelledError
from ecr_lambda_deploy.model.outcomes import ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.model.text import first_line
from ecr_lambda_deploy.report.results import counted, short_digest

_MADE = (ImageStatus.BUILT, ImageStatus.COPIED)
_MOST_NAMED = 5  # functions, in the headline
_LONGEST_CAUSE = 120  # characters


def headline(journal: Journal) -> str:
    """Return the result of a run in one line."""
    if len(journal.outcomes) == 1 and len(journal.images) < 2:  # noqa: PLR2004
        return _sentence(journal.outcomes[0], is_cancelled=_is_cancelled(journal))
    if journal.outcomes:
        return _total(journal)
    if journal.errors:
        return f"{'Cancelled' if _is_cancelled(journal) else 'Failed'}; no function was changed"
    if journal.mode is Mode.PLAN:
        return f"Plan: {_planned(journal)} of {len(journal.images)} would be built or copied"
    made = [image.reference for image in journal.images if image.reference]
    return f"Built {made[0]}" if len(made) == 1 else f"Built {_count(len(made), 'image')}"


def _total(journal: Journal) -> str:
    """Return the number of functions with each status."""
    counts = Counter(outcome.status for outcome in journal.outcomes)
    images = Counter(image.status for image in journal.images)
    functions = _count(len(journal.outcomes), "function")
    has_all_images = not any(images[status] for status in (*_MADE, ImageStatus.PLANNED))
    if has_all_images and counts[ReleaseStatus.UNCHANGED] == len(journal.outcomes) and not journal.errors:
        return f"Nothing to do: {functions} {'is' if len(journal.outcomes) == 1 else 'are'} up to date"
    listed = counted(journal.outcomes)
    seconds = sum(phase.seconds for phase in journal.phases)
    took = f", in {seconds:.0f} s" if seconds >= 1 else ""
    if journal.errors:
        ended = "Cancelled" if _is_cancelled(journal) else f"Failed{_blamed(journal)}"
        return f"{ended}; of {functions}: {listed}{took}"
    if journal.mode is Mode.PLAN:
        planned = counts[ReleaseStatus.PLANNED]
        return f"Plan: {planned} of {functions} would change, {_planned(journal)} would be built or copied"
    made = ", ".join(f"{_count(images[status], 'image')} {status}" for status in _MADE if images[status])
    return f"Of {functions}: {listed}{f'; {made}' if made else ''}{took}"


def _blamed(journal: Journal) -> str:
    """Return the functions that failed by themselves, and why if there is one reason; empty if there are none."""
    following = {outcome.function for outcome in journal.consequences}
    failed = [
        outcome
        for outcome in journal.outcomes
        if outcome.function not in following and (outcome.error or outcome.status is ReleaseStatus.FAILED)
    ]
    names = ", ".join(outcome.function for outcome in failed[:_MOST_NAMED])
    more = " and others" if len(failed) > _MOST_NAMED else ""
    causes = {first_line(str(outcome.error), _LONGEST_CAUSE) for outcome in failed if outcome.error}
    cause = f" ({causes.pop().rstrip('.:')})" if len(causes) == 1 else ""
    return f" for {names}{more}{cause}" if failed else ""


def _is_cancelled(journal: Journal) -> bool:
    """Whether nothing has failed, but the run was cancelled."""
    return bool(journal.errors) and all(isinstance(error, CancelledError) for error in journal.errors)


def _planned(journal: Journal) -> str:
    return _count(sum(image.status is ImageStatus.PLANNED for image in journal.images), "image")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _sentence(outcome: Outcome, *, is_cancelled: bool) -> str:
    """Return the result for one function."""
    name, serves = outcome.function, short_digest(outcome.after.image)
    arrow = f"{short_digest(outcome.before.image)} → {serves}"
    version = f", version {outcome.after.version}" if outcome.after.version else ""
    alias = f", by the alias {outcome.after.alias.name}" if outcome.after.alias else ""
    skipped = f" ({outcome.reason})" if outcome.reason else ", which a newer run has changed"
    why = "when the run was cancelled" if is_cancelled else "whose release failed"
    failed = "was cancelled" if is_cancelled else "failed"
    failed += " after a change; it runs" if outcome.is_changed else "; it still runs"
    sentences = {
        ReleaseStatus.DEPLOYED: f"Deployed {name}: {arrow}{version}{alias}",
        ReleaseStatus.CREATED: f"Created {name}: {serves}{version}{alias}",
        ReleaseStatus.ROLLED_BACK: f"Rolled back {name}: {arrow}{version}{alias}",
        ReleaseStatus.UNCHANGED: f"Nothing to do: {name} already runs {serves}{version}{alias}",
        ReleaseStatus.SKIPPED: f"Skipped {name}{skipped}: it runs {serves}{version}{alias}",
        ReleaseStatus.PLANNED: f"Plan: {name} would change ({outcome.reason}); it runs {serves}{version}{alias}",
        ReleaseStatus.REVERTED: f"Reverted {name}, {why}: it runs {serves}{version}{alias} again",
        ReleaseStatus.FAILED: f"{name} {failed} {serves}{version}{alias}",
    }
    return sentences[outcome.status]
