"""Pure: what is known of the run becomes outputs and the job summary."""

import json
import re
from collections.abc import Mapping

from ecr_lambda_deploy.model import Journal, Outcome, ReleaseStatus

OUTPUTS = (
    "image-uri",
    "image-digest",
    "image-tags",
    "repository-uri",
    "function-arn",
    "alias-arn",
    "function-version",
    "previous-image-uri",
    "previous-version",
    "changed",
    "results",
)
"""Every output, as `action.yml` declares them."""


def outputs(journal: Journal) -> Mapping[str, str]:
    """Return every output; with several functions, the single values are those of the first one.

    After a failure they tell what serves then.
    """
    first = journal.outcomes[0] if journal.outcomes else None
    image = first.image if first else journal.image
    before = first.before if first else None
    values = {
        "image-uri": str(image or ""),
        "image-digest": image.digest if image else "",
        "image-tags": "\n".join(journal.image_tags),
        "repository-uri": image.repository_uri if image else journal.repository_uri,
        "function-arn": first.arn if first else "",
        "alias-arn": "",
        "function-version": first.version if first else "",
        "previous-image-uri": str((before.latest.image if before else None) or ""),
        "previous-version": before.version if before else "",
        "changed": _flag(any(outcome.is_changed for outcome in journal.outcomes)),
        "results": json.dumps([_result(outcome, journal) for outcome in journal.outcomes], separators=(",", ":")),
    }
    return {name: values[name] for name in OUTPUTS}


def _flag(value: object) -> str:
    return "true" if value else "false"


def _result(outcome: Outcome, journal: Journal) -> Mapping[str, object]:
    before = outcome.before
    error = outcome.error or (journal.error if outcome.status is ReleaseStatus.FAILED else None)
    return {
        "function": outcome.function,
        "arn": outcome.arn,
        "version": outcome.version,
        "image_uri": str(outcome.image or ""),
        "previous_version": before.version if before else "",
        "previous_image_uri": str((before.latest.image if before else None) or ""),
        "status": str(outcome.status),
        "seconds": round(outcome.seconds, 3),
        "error": str(error or ""),
    }


def headline(journal: Journal) -> str:
    """Return what became of the run, in one line."""
    if journal.outcomes:
        return "; ".join(_sentence(outcome) for outcome in journal.outcomes)
    if journal.errors:
        return "Failed; no function was changed"
    return f"Built {journal.image}"


def _sentence(outcome: Outcome) -> str:
    version = f", version {outcome.version}" if outcome.version else ""
    match outcome.status:
        case ReleaseStatus.DEPLOYED:
            return f"Deployed {outcome.function}: {_arrow(outcome)}{version}"
        case ReleaseStatus.UNCHANGED:
            return f"Nothing to do: {outcome.function} runs {_digest(outcome.image)}{version} already"
        case ReleaseStatus.FAILED:
            changed = "after a change" if outcome.is_changed else "and was not changed"
            return f"{outcome.function} failed {changed}; it runs {_digest(outcome.image)}{version}"


def _digest(image: object) -> str:
    digest = str(image or "").partition("@")[2]
    return digest[:19] or "nothing known"


def _arrow(outcome: Outcome) -> str:
    before = outcome.before.latest.image if outcome.before else None
    return f"{_digest(before)} → {_digest(outcome.image)}"


def summary(journal: Journal, *, region: str) -> str:
    """Return the job summary, as GitHub's Markdown."""
    parts = [f"### {headline(journal)}"]
    parts += [f"> [!CAUTION]\n{_quoted(str(error))}" for error in journal.errors]
    parts.append(_table(("", ""), _facts(journal)))
    if journal.phases:
        parts.append(_table(("Phase", "Seconds"), [(name, f"{seconds:.1f}") for name, seconds in journal.phases]))
    undo = [_undo(outcome, region) for outcome in journal.outcomes if outcome.is_changed]
    if any(undo):
        parts.append("**To undo**\n\n```sh\n" + "\n".join(filter(None, undo)) + "\n```")
    return "\n\n".join(parts) + "\n"


def _facts(journal: Journal) -> list[tuple[str, str]]:
    run = journal.run
    facts: list[tuple[str, str]] = []
    for outcome in journal.outcomes:
        before = outcome.before
        old = before.version if before else ""
        facts += [
            ("Function", f"`{outcome.function}`"),
            ("Status", str(outcome.status)),
            ("Digest", f"`{_digest(before.latest.image if before else None)}` → `{_digest(outcome.image)}`"),
            ("Version", f"{old or 'none'} → {outcome.version or 'none'}"),
        ]
    image = journal.image
    if image is not None:
        facts.append(("Image", f"`{image}`"))
    elif journal.repository_uri:
        facts.append(("Repository", f"`{journal.repository_uri}`"))
    if journal.image_tags:
        facts.append(("Tags", " ".join(f"`{tag}`" for tag in journal.image_tags)))
    if run.commit:
        link = f"{run.server_url}/{run.repository}/commit/{run.commit}"
        facts.append(
            ("Commit", f"[`{run.commit[:7]}`]({link})" if run.server_url and run.repository else f"`{run.commit[:7]}`")
        )
    return facts


def _table(header: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    lines = [f"| {header[0]} | {header[1]} |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Return a code block within an alert: the words of other programs are not Markdown."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return "\n".join(f"> {line}".rstrip() for line in [f"{fence}text", *text.split("\n"), fence])


def _undo(outcome: Outcome, region: str) -> str:
    before = outcome.before
    if before is None or before.latest.image is None:
        return ""
    return (
        f"aws lambda update-function-code --region {region} --function-name {outcome.function} "
        f"--architectures {before.latest.architecture} --image-uri {before.latest.image}"
    )
