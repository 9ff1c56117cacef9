"""The job summary: headline, errors, tables, chart, and how to undo the run."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.model.text import first_line
from ecr_lambda_deploy.report.gantt import gantt
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.help import help_addresses
from ecr_lambda_deploy.report.markdown import alert, escaped, shell_block, table
from ecr_lambda_deploy.report.results import (
    commit_of,
    counted,
    error_of,
    images_by_function,
    importance,
    short_digest,
    shortened,
)
from ecr_lambda_deploy.report.undo import undo

_MOST_ERRORS = 10
_LONGEST_ERROR = 5_000  # characters
_LONGEST_TAG = 20  # characters
_MOST_BYTES = 1_040_000  # of a summary, which has 1 MiB [GitHub Actions documentation, adding a job summary]
_MOST_BYTES_OF_IMAGES = 200_000
_CONSOLES = {
    "aws": "console.aws.amazon.com",
    "aws-cn": "console.amazonaws.cn",
    "aws-us-gov": "console.amazonaws-us-gov.com",
}
_IMAGES_BY_IMPORTANCE: Sequence[ImageStatus] = (
    ImageStatus.FAILED,
    ImageStatus.BUILT,
    ImageStatus.COPIED,
    ImageStatus.PLANNED,
    ImageStatus.WANTED,
    ImageStatus.FOUND,
)


def summary(journal: Journal) -> str:
    """Return the job summary as GitHub's Markdown, within the 1 MiB that GitHub accepts."""
    start = [f"### {escaped(headline(journal))}", *_alerts(journal)]
    if recovery := [command for outcome in journal.outcomes for command in outcome.recovery]:
        start.append(f"**Left to revert by hand**\n\n{shell_block(recovery)}")
    rows = [(phase.title, f"{phase.seconds:.1f}") for phase in journal.phases]
    end = [_parameters(journal), table(("Phase", "Seconds"), rows) if rows else "", *undo(journal)]
    if len(journal.outcomes) <= 1 and len(journal.images) <= 1:
        tables = [table(("", ""), _facts(journal))]
    else:
        end = [_images_table(journal, most=_MOST_BYTES_OF_IMAGES), gantt(journal), *end]
        taken = sum(len(part.encode()) + 2 for part in [*start, *end])
        tables = [_functions_table(journal, most=_MOST_BYTES - taken)]
    return "\n\n".join(filter(None, [*start, *tables, *end])) + "\n"


def _alerts(journal: Journal) -> list[str]:
    errors = journal.errors
    alerts = [
        alert(shortened(error, _LONGEST_ERROR), links=help_addresses(error, journal.run))
        for error in errors[:_MOST_ERRORS]
    ]
    if len(errors) > _MOST_ERRORS:
        alerts.append(alert(f"and {len(errors) - _MOST_ERRORS} more errors: see the log"))
    return alerts


def _parameters(journal: Journal) -> str:
    """Return which Systems Manager parameters were written, or would be; empty if none."""
    names = " ".join(f"`{name}`" for name in sorted(journal.parameters))
    given = "would be given" if journal.mode is Mode.PLAN else "given"
    return f"**Parameters** {given} the URI of the image: {names}" if names else ""


def _facts(journal: Journal) -> list[tuple[str, str]]:
    """Return the rows for a run of one image and one function at most."""
    run, commit = journal.run, commit_of(journal)
    facts: list[tuple[str, str]] = []
    for outcome in journal.outcomes:
        before, after = outcome.before, outcome.after
        facts += [
            ("Function", f"`{outcome.function}`"),
            ("Status", str(outcome.status)),
            ("Digest", f"`{short_digest(before.image)}` → `{short_digest(after.image)}`"),
            ("Version", f"{before.version or 'none'} → {after.version or 'none'}"),
        ]
        if after.alias is not None:
            facts.append(("Alias", f"`{after.alias.name}` → {after.alias.version}{_shares(after.weights)}"))
        rows = (("Traffic", _canary(outcome)), ("Why", _why(outcome.reason)))
        facts += [row for row in rows if row[1]]
    for image in journal.images:
        if image.reference:
            facts.append(("Image", f"`{image.reference}`"))
        elif image.repository_uri:
            facts.append(("Repository", f"`{image.repository_uri}`"))
        if image.tags:
            facts.append(("Tags", " ".join(f"`{tag}`" for tag in image.tags)))
    if commit:
        short = f"`{commit[:7]}`"
        is_linked = run.server_url and run.repository
        link = f"[{short}]({run.server_url}/{run.repository}/commit/{commit})"
        facts.append(("Commit", link if is_linked else short))
    return facts


def _functions_table(journal: Journal, *, most: int) -> str:
    """Return a row for each function, in so many bytes.

    Functions that only followed others, and then unchanged ones, come last and are folded.
    """
    ordered = sorted(journal.outcomes, key=importance)
    following = {outcome.function for outcome in journal.consequences}
    followed = [outcome for outcome in ordered if outcome.function in following]
    unchanged = [outcome for outcome in ordered if outcome.status is ReleaseStatus.UNCHANGED]
    others = [
        outcome
        for outcome in ordered
        if outcome.status is not ReleaseStatus.UNCHANGED and outcome.function not in following
    ]
    images = images_by_function(journal)
    header = ("Function", "Status", "Digest", "Version", "Alias", "Seconds", "Why")
    parts = []
    for title, outcomes, left_out in (
        ("", others, 0),
        (f"{counted(followed)} because of this", followed, 0),
        (f"{len(unchanged)} unchanged", unchanged, 2),
    ):
        if outcomes:
            columns = len(header) - left_out
            rows = [_function_row(outcome, images, journal)[:columns] for outcome in outcomes]
            shown = table(header[:columns], rows, most=most)
            parts.append(f"<details><summary>{title}</summary>\n\n{shown}\n\n</details>" if title else shown)
            most -= len(parts[-1].encode()) + 2
    return "\n\n".join(parts)


def _images_table(journal: Journal, *, most: int) -> str:
    """Return a row for each image, in so many bytes; empty for a rollback, which has no images."""
    header = ("Image", "Status", "Digest", "Tags", "Seconds", "Why")
    ordered = sorted(journal.images, key=lambda image: _IMAGES_BY_IMPORTANCE.index(image.status))
    return table(header, [_image_row(image) for image in ordered], most=most) if ordered else ""


def _function_row(outcome: Outcome, images: Mapping[str, ImageOutcome], journal: Journal) -> tuple[str, ...]:
    before, after = outcome.before, outcome.after
    error = error_of(outcome, images, journal)
    alias = after.alias
    return (
        _linked(outcome),
        f"**{outcome.status}**" if outcome.status in {ReleaseStatus.FAILED, ReleaseStatus.REVERTED} else outcome.status,
        _change(f"`{short_digest(before.image)}`", f"`{short_digest(after.image)}`"),
        _change(before.version or "none", after.version or "none"),
        f"{escaped(alias.name)} → {alias.version}{_shares(after.weights)}" if alias else "",
        f"{outcome.seconds:.1f}",
        "; ".join(filter(None, [_why(str(error) if error else outcome.reason), _canary(outcome)])),
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


def _canary(outcome: Outcome) -> str:
    """Return what the new version had of the traffic before it got all of it, or none; empty without a canary."""
    if not outcome.traffic:
        return ""
    shares = [
        f"{f'{part.weight * 100:g} %' if part.is_split else 'all'} for {part.seconds:.0f} s" for part in outcome.traffic
    ]
    if outcome.status is ReleaseStatus.REVERTED:
        shares.append("then none")
    elif outcome.status is ReleaseStatus.DEPLOYED and outcome.traffic[-1].is_split:
        shares.append("then all")
    return ", ".join(shares)


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _shares(weights: Mapping[str, float]) -> str:
    """Return the shares of an alias's traffic that go to other versions; empty if there are none."""
    return "".join(f", {weight * 100:g} % to {version}" for version, weight in weights.items())


def _linked(outcome: Outcome) -> str:
    """Return the function's name as a link to the console; without a link if its ARN is not known."""
    latest, name = outcome.after.latest or outcome.before.latest, escaped(outcome.function)
    if latest is None:
        return name
    _, partition, _, region, *_ = latest.arn.split(":")
    host = _CONSOLES.get(partition, _CONSOLES["aws"])
    return f"[{name}](https://{region}.{host}/lambda/home?region={region}#/functions/{quote(outcome.function)})"


def _why(text: str) -> str:
    return escaped(first_line(text))
