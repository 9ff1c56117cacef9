"""Pure: the images and functions of a run as Markdown's tables, the most important first, as many as fit."""

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote

from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.report.outputs import error_of, images_by_function, importance

_LONGEST_WHY = 200  # characters
_LONGEST_TAG = 20
_OVERHEAD = 400  # bytes of what a table has around its rows
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_ORDER: Sequence[ImageStatus] = (
    ImageStatus.FAILED,
    ImageStatus.BUILT,
    ImageStatus.COPIED,
    ImageStatus.PLANNED,
    ImageStatus.WANTED,
    ImageStatus.FOUND,
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&])")


def functions_table(journal: Journal, *, most: int) -> str:
    """Return what became of each function, in so many bytes; those that are unchanged come last, folded away."""
    ordered = sorted(journal.outcomes, key=importance)
    moved = [outcome for outcome in ordered if outcome.status is not ReleaseStatus.UNCHANGED]
    unchanged = [outcome for outcome in ordered if outcome.status is ReleaseStatus.UNCHANGED]
    images = images_by_function(journal)
    header = ("Function", "Status", "Digest", "Version", "Alias", "Seconds", "Why")
    parts = []
    if moved:
        parts.append(table(header, [_function_row(outcome, images, journal) for outcome in moved], most=most))
        most -= len(parts[0].encode())
    if unchanged:
        rows = [_function_row(outcome, images, journal)[:-2] for outcome in unchanged]
        folded = table(header[:-2], rows, most=most)
        parts.append(f"<details><summary>{len(unchanged)} unchanged</summary>\n\n{folded}\n\n</details>")
    return "\n\n".join(parts)


def images_table(journal: Journal, *, most: int) -> str:
    """Return what became of each image, in so many bytes; empty for a rollback, which gets none."""
    header = ("Image", "Status", "Digest", "Tags", "Seconds", "Why")
    ordered = sorted(journal.images, key=lambda image: _ORDER.index(image.status))
    return table(header, [_image_row(image) for image in ordered], most=most) if ordered else ""


def shares(weights: Mapping[str, float]) -> str:
    """Return which shares of an alias's traffic go to other versions; nothing where all goes to its own."""
    return "".join(f", {weight * 100:g} % to {version}" for version, weight in weights.items())


def short_digest(image: ImageReference | None) -> str:
    """Return as much of a digest as a person compares."""
    return image.digest[:19] if image else "nothing known"


def _function_row(outcome: Outcome, images: Mapping[str, ImageOutcome], journal: Journal) -> tuple[str, ...]:
    before, after = outcome.before, outcome.after
    error = error_of(outcome, images, journal)
    alias = after.alias
    return (
        _linked(outcome),
        f"**{outcome.status}**" if outcome.status in {ReleaseStatus.FAILED, ReleaseStatus.REVERTED} else outcome.status,
        _change(f"`{short_digest(before.image)}`", f"`{short_digest(after.image)}`"),
        _change(before.version or "none", after.version or "none"),
        f"{escaped(alias.name)} → {alias.version}{shares(after.weights)}" if alias else "",
        f"{outcome.seconds:.1f}",
        _why(str(error) if error else outcome.reason),
    )


def _image_row(image: ImageOutcome) -> tuple[str, ...]:
    return (
        escaped(image.name) or f"`{image.repository_uri}`",
        image.status,
        f"`{short_digest(image.reference)}`",
        " ".join(f"`{tag}`" if len(tag) <= _LONGEST_TAG else f"`{tag[:_LONGEST_TAG]}…`" for tag in image.tags),
        f"{image.seconds:.1f}",
        _why(str(image.error) if image.error else image.reason),
    )


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _linked(outcome: Outcome) -> str:
    """Return the function's name as a link to the console."""
    latest, name = outcome.after.latest or outcome.before.latest, escaped(outcome.function)
    if latest is None:
        return name
    _, partition, _, region, *_ = latest.arn.split(":")
    host = _CONSOLES.get(partition, _CONSOLES["aws"])
    return f"[{name}](https://{region}.{host}/lambda/home?region={region}#/functions/{quote(outcome.function)})"


def _why(text: str) -> str:
    first = text.strip().splitlines()[0] if text.strip() else ""
    return escaped(first if len(first) <= _LONGEST_WHY else f"{first[:_LONGEST_WHY]}…")


def escaped(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, most: int = sys.maxsize) -> str:
    """Return a table of as many rows as fit into so many bytes, and say how many do not."""
    lines = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    size, left = _OVERHEAD, 0
    for row in rows:
        line = f"| {' | '.join(row)} |"
        size += len(line.encode()) + 1
        if size > most:
            left += 1
        else:
            lines.append(line)
    more = [f"\n{left} more do not fit here; the log has them all."] if left else []
    return "\n".join([*lines, *more])


_MOST_COMMANDS = 100


def _code(language: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def _commands(lines: Sequence[str]) -> str:
    more = [f"# and {len(lines) - _MOST_COMMANDS} more"] if len(lines) > _MOST_COMMANDS else []
    return _code("sh", [*lines[:_MOST_COMMANDS], *more])
