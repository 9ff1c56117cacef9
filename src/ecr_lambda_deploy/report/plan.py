"""The plan: what each function runs now, what it would run then, and because of what."""

from collections.abc import Sequence

from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.text import first_line
from ecr_lambda_deploy.report.links import commit_link, comparison_page, function_page, linked
from ecr_lambda_deploy.report.markdown import code, escaped, folded, table
from ecr_lambda_deploy.report.results import count, function_names, images_by_function, revision_of
from ecr_lambda_deploy.report.serving import served
from ecr_lambda_deploy.report.tables import ICONS, functions_table

_MOST_OPEN = 30  # rows that are shown without being unfolded
_LONGEST_REASON = 160  # characters
_NONE_OF_THESE = "the repository has none of these inputs"  # the usual reason of a build


def plan_tables(journal: Journal, *, most: int) -> list[str]:
    """Return what would change, what would follow, and, folded, what stays; in so many bytes.

    Args:
        journal: of the run.
        most: bytes.
    """
    images = images_by_function(journal)
    planned = [outcome for outcome in journal.outcomes if outcome.status is ReleaseStatus.PLANNED]
    rows = [_row(outcome, images.get(outcome.function), journal) for outcome in planned]
    alone = [image for image in journal.images if image.status is ImageStatus.PLANNED and not _has(image, planned)]
    rows += [_row_of_image(image, journal) for image in alone]
    shown = table(("", "Function", "Now", "Then", "Because"), rows, most=most // 2) if rows else ""
    if len(rows) > _MOST_OPEN:
        shown = folded(f"✏️ {len(rows)} changes", shown)
    return [shown, _then(planned), *_stays(journal, most=most // 2)]


def _has(image: ImageOutcome, planned: Sequence[Outcome]) -> bool:
    return not {outcome.function for outcome in planned}.isdisjoint(function_names(image))


def _row(outcome: Outcome, image: ImageOutcome | None, journal: Journal) -> tuple[str, ...]:
    now = served(outcome.before, journal).removeprefix("version&nbsp;") if outcome.before.latest else "not there"
    name = linked(escaped(outcome.function), function_page(outcome.before))
    return (ICONS[outcome.status], name, now, _next(image, journal), _because(outcome, image, journal))


def _next(image: ImageOutcome | None, journal: Journal) -> str:
    """Return what the function would serve then, as far as that is known."""
    commit = commit_link(journal.run, image.commit) if image else ""
    is_new = image is not None and image.status is ImageStatus.PLANNED
    return commit or ("a new image" if is_new else "the same image")


def _because(outcome: Outcome, image: ImageOutcome | None, journal: Journal) -> str:
    """Return why the function would change; where its image is made anew, with a link to what has changed since."""
    if image is None or image.status is not ImageStatus.PLANNED:
        return escaped(first_line(outcome.reason, _LONGEST_REASON))
    changes = linked("changes", comparison_page(journal.run, revision_of(outcome.before), image.commit))
    since = f" ({changes})" if changes != "changes" else ""
    return f"{f'image {code(image.name)}' if image.name else 'it'} is made anew{since}{_reason(image)}"


def _reason(image: ImageOutcome) -> str:
    """Return why an image is made anew, unless that is what every build has for a reason."""
    reason = first_line(image.reason, _LONGEST_REASON)
    return f": {escaped(reason)}" if reason and not reason.startswith(_NONE_OF_THESE) else ""


def _row_of_image(image: ImageOutcome, journal: Journal) -> tuple[str, ...]:
    name = f"image {code(image.name or image.repository_uri)}"
    because = f"it is made anew{_reason(image)}"
    return ("📦", name, "", commit_link(journal.run, image.commit) or "a new image", because)


def _then(planned: Sequence[Outcome]) -> str:
    """Return what would follow for the functions, where that is the same for all."""
    ways = {outcome.follows for outcome in planned}
    way = ways.pop() if len(ways) == 1 else ()
    steps = " → ".join(map(escaped, way))
    return f"{f'Then: {steps}. ' if way else ''}Nothing was changed by this plan."


def _stays(journal: Journal, *, most: int) -> list[str]:
    same = [outcome for outcome in journal.outcomes if outcome.status is not ReleaseStatus.PLANNED]
    images = sum(image.status is not ImageStatus.PLANNED for image in journal.images)
    if not same and not images:
        return []
    parts = [count(len(same), "function") if same else "", count(images, "image") if images else ""]
    stay = "stays as it is" if len(same) + images == 1 else "stay as they are"
    title = f"{' and '.join(filter(None, parts))} {stay}"
    return [folded(title, functions_table(same, journal, most=most))] if same else [f"{title}."]
