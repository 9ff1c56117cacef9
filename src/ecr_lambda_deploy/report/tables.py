"""The tables of the summary: what differs for one function, and a row for each of several."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from ecr_lambda_deploy.model.errors import CancelledError, ConsequenceError
from ecr_lambda_deploy.model.functions import ServingFunction
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.text import first_line
from ecr_lambda_deploy.report.causes import causes, followers, left_behind
from ecr_lambda_deploy.report.links import commit_link, function_page, linked
from ecr_lambda_deploy.report.markdown import code, escaped, folded, table
from ecr_lambda_deploy.report.results import (
    RELEASED,
    commit_of,
    count,
    error_of,
    images_by_function,
    importance,
    in_words,
    is_forward,
    revision_of,
    short_digest,
)
from ecr_lambda_deploy.report.serving import canary, served, smoke_test

ICONS: Mapping[ReleaseStatus, str] = {
    ReleaseStatus.FAILED: "❌",
    ReleaseStatus.REVERTED: "↩️",
    ReleaseStatus.CREATED: "🆕",
    ReleaseStatus.DEPLOYED: "✅",
    ReleaseStatus.ROLLED_BACK: "⏪",
    ReleaseStatus.PLANNED: "✏️",
    ReleaseStatus.SKIPPED: "⏭️",
    ReleaseStatus.UNCHANGED: "☑️",
}
_IN_WORDS: Mapping[ReleaseStatus, str] = {
    ReleaseStatus.FAILED: "nothing was changed",
    ReleaseStatus.REVERTED: "put back",
    ReleaseStatus.CREATED: "created",
    ReleaseStatus.DEPLOYED: "released",
    ReleaseStatus.ROLLED_BACK: "rolled back",
    ReleaseStatus.PLANNED: "would change",
    ReleaseStatus.SKIPPED: "not begun",
    ReleaseStatus.UNCHANGED: "nothing to change",
}
_AGAIN, _ICON_AGAIN = "released again", ICONS[ReleaseStatus.DEPLOYED]  # by a rollback that leads forward
_IMAGES_BY_IMPORTANCE: Sequence[ImageStatus] = (
    ImageStatus.FAILED,
    ImageStatus.BUILT,
    ImageStatus.COPIED,
    ImageStatus.PLANNED,
    ImageStatus.WANTED,
    ImageStatus.FOUND,
)
_LEFT_ALONE = {ReleaseStatus.SKIPPED, ReleaseStatus.UNCHANGED}
_MOST_OPEN = 10  # rows of one kind that are shown without being unfolded
_LONGEST_TAG = 12  # characters, of one image among several


def differences(outcome: Outcome, journal: Journal) -> str:
    """Return a table of what differs between before and now; after a failure, between what serves and what was tried.

    Empty where nothing does.
    """
    before, after, is_released = outcome.before, outcome.after, outcome.status in RELEASED
    rows: list[tuple[str, str, str]] = []
    if is_released:
        fallback = commit_of(journal) if revision_of(after) == "" else ""
        commits = (revision_of(before), revision_of(after) or fallback)
        rows.append(("Version", before.version or "none", f"**{after.version}**" if after.version else "none"))
        images = (before.image, after.image)
        if before.serving and after.serving and before.serving.architecture != after.serving.architecture:
            rows.append(("Architecture", before.serving.architecture, after.serving.architecture))
        if before.serving and after.serving and before.image == after.image:
            names = after.serving.settings_unlike(before.serving) if before.serving.settings else ()
            rows.append(("Configuration", "", ", ".join(map(code, names[:_MOST_OPEN]))))
    else:
        tried = images_by_function(journal).get(outcome.function)
        commits = (revision_of(after), tried.commit if tried else "")
        images = (after.image, tried.reference if tried else None)
    rows.append(("Commit", commit_link(journal.run, commits[0]), commit_link(journal.run, commits[1])))
    was, now = (code(short_digest(image)) if image else "" for image in images)
    rows.append(("Image", was, now))
    rows = [row for row in rows if row[2] and row[1] != row[2]]
    rows += [(what, "", shown) for what, shown in _shown_by(outcome).items() if shown]
    column = "This run" if outcome.status in _LEFT_ALONE else "Tried"
    return table(("", "Before", "Now") if is_released else ("", "Serves", column), rows) if rows else ""


def _shown_by(outcome: Outcome) -> Mapping[str, str]:
    return {"Smoke test": smoke_test(outcome), "Canary": canary(outcome)}


def functions_tables(journal: Journal, *, most: int) -> list[str]:
    """Return a row for each function, in so many bytes: what needs a look is open, the rest is folded.

    Args:
        journal: of the run.
        most: bytes.
    """
    ordered = sorted(journal.outcomes, key=importance)
    following = {outcome.function for outcome in followers(journal)}
    behind = {outcome.function for outcome in left_behind(journal)}
    groups: dict[str, list[Outcome]] = {}
    for outcome in ordered:
        kind = "following" if outcome.function in following else str(outcome.status)
        kind = "again" if is_forward(outcome, journal.run) else kind
        groups.setdefault("behind" if outcome.function in behind else kind, []).append(outcome)
    parts = []
    quiet = {"following", ReleaseStatus.UNCHANGED}
    is_open = {kind: kind not in quiet and len(group) <= _MOST_OPEN for kind, group in groups.items()}
    open_rows = [outcome for kind, group in groups.items() if is_open[kind] for outcome in group]
    if open_rows:
        parts.append(functions_table(open_rows, journal, most=most))
    for kind, group in groups.items():
        if not is_open[kind]:
            left = most - sum(len(part.encode()) + 2 for part in parts)
            parts.append(folded(_title(kind, group, journal), functions_table(group, journal, most=left)))
    return parts


def _title(kind: str, group: Sequence[Outcome], journal: Journal) -> str:
    """Return how many functions of each status are folded, such as `48 put back with it`."""
    statuses = dict.fromkeys(outcome.status for outcome in group)
    numbers = {status: sum(outcome.status is status for outcome in group) for status in statuses}
    words = {
        **_IN_WORDS,
        ReleaseStatus.FAILED: "failed, nothing changed",
        ReleaseStatus.UNCHANGED: "had nothing to change",
    }
    if kind == "following":
        no_image = any(image.error for image in journal.images)
        failed = "without an image" if no_image else _IN_WORDS[ReleaseStatus.SKIPPED]
        words |= {ReleaseStatus.REVERTED: "put back with it", ReleaseStatus.FAILED: failed}
    if kind == "behind":
        words[ReleaseStatus.FAILED] = "failed, not put back"
    icons = ICONS
    if kind == "again":
        words, icons = {**words, ReleaseStatus.ROLLED_BACK: _AGAIN}, {**ICONS, ReleaseStatus.ROLLED_BACK: _ICON_AGAIN}
    return " · ".join(f"{icons[status]} {number} {words[status]}" for status, number in numbers.items())


def functions_table(outcomes: Sequence[Outcome], journal: Journal, *, most: int) -> str:
    """Return a row for each function, in so many bytes, whatever its status."""
    if journal.errors or any(outcome.status not in RELEASED for outcome in outcomes):
        images, is_said = images_by_function(journal), len(causes(journal)) <= 1
        behind = {outcome.function for outcome in left_behind(journal)}
        rows: Iterable[Sequence[str]] = (
            (
                _icon(one, journal),
                _link(one),
                _happened(one, images, journal, behind, is_said=is_said),
                served(one.after, journal),
                _time(one),
            )
            for one in outcomes
        )
        return table(("", "Function", "What happened", "Serves", "Time"), rows, most=most)
    has_more = any(outcome.smoke_test or outcome.traffic for outcome in outcomes)
    rows = (
        (
            _icon(one, journal),
            _link(one),
            _before(one.before, journal),
            f"**{_before(one.after, journal)}**" if one.after.version else _before(one.after, journal),
            *(["; ".join(filter(None, [canary(one), smoke_test(one)]))] if has_more else []),
            _time(one),
        )
        for one in outcomes
    )
    more = ["Canary and smoke test"] if has_more else []
    return table(("", "Function", "Before", "Now", *more, "Time"), rows, most=most)


def _before(function: ServingFunction, journal: Journal) -> str:
    if function.latest is None:
        return ""
    return served(function, journal).removeprefix("version&nbsp;")


def _icon(outcome: Outcome, journal: Journal) -> str:
    return _ICON_AGAIN if is_forward(outcome, journal.run) else ICONS[outcome.status]


def _link(outcome: Outcome) -> str:
    function = outcome.after if outcome.after.latest else outcome.before
    return linked(escaped(outcome.function), function_page(function))


def _time(outcome: Outcome) -> str:
    return in_words(outcome.seconds) if outcome.seconds else ""


def _happened(
    outcome: Outcome, images: Mapping[str, ImageOutcome], journal: Journal, behind: AbstractSet[str], *, is_said: bool
) -> str:
    """Return what became of a function, and why in a few words where several causes have boxes."""
    error = error_of(outcome, images, journal)
    is_said = is_said or isinstance(error, ConsequenceError | CancelledError)  # the title of the rows says it
    why = "" if is_said else first_line((error.cause or error.message) if error else outcome.reason).rstrip(".")
    done = _AGAIN if is_forward(outcome, journal.run) else _IN_WORDS[outcome.status]
    what = "not put back" if outcome.function in behind else done
    return "; ".join(filter(None, [escaped(why), what, canary(outcome)]))


def images_table(images: Sequence[ImageOutcome], *, most: int) -> str:
    """Return a row for each image, in so many bytes; of a single one, everything; empty without images."""
    if len(images) == 1:
        return table(("", ""), _facts(images[0]), most=most)
    ordered = sorted(images, key=lambda image: _IMAGES_BY_IMPORTANCE.index(image.status))
    header = ("Image", "", "Digest", "Tags", "Time", "Why")
    return table(header, [_image_row(image) for image in ordered], most=most) if ordered else ""


def _facts(image: ImageOutcome) -> list[tuple[str, str]]:
    """Return all that is known of a run's only image."""
    facts = {
        "Image": code(str(image.reference)) if image.reference else "",
        "Repository": "" if image.reference or not image.repository_uri else code(image.repository_uri),
        "Promoted from": escaped(image.promoted),
        "Tags": "<br>".join(map(code, image.tags)),
        "Status": f"{_image_status(image.status)}{f', in {_made_in(image)}' if _made_in(image) else ''}",
        "Why": escaped(first_line(str(image.error) if image.error else image.reason)),
    }
    return [(name, fact) for name, fact in facts.items() if fact]


def _made_in(image: ImageOutcome) -> str:
    """Return how long an image was worked on; empty for one that was found, whatever the others took."""
    return in_words(image.seconds) if image.seconds and image.status is not ImageStatus.FOUND else ""


def _image_row(image: ImageOutcome) -> tuple[str, ...]:
    return (
        escaped(image.name) or code(image.repository_uri),
        _image_status(image.status),
        code(short_digest(image.reference)) if image.reference else "",
        " ".join(code(tag if len(tag) <= _LONGEST_TAG else f"{tag[:_LONGEST_TAG]}…") for tag in image.tags),
        _made_in(image),
        escaped(first_line(str(image.error) if image.error else image.reason)),
    )


def _image_status(status: ImageStatus) -> str:
    return "not made" if status is ImageStatus.WANTED else str(status)


def images_title(images: Sequence[ImageOutcome]) -> str:
    """Return how many images have each status, such as `60 images: 2 built, 58 found`."""
    if len(images) == 1:
        return "image and tags"
    statuses = {status: sum(image.status is status for image in images) for status in _IMAGES_BY_IMPORTANCE}
    numbers = [f"{number} {_image_status(status)}" for status, number in statuses.items() if number]
    return f"{count(len(images), 'image')}: {', '.join(numbers)}"
