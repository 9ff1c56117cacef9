"""Pure: what is known of the run becomes outputs and the job summary."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ecr_lambda_deploy.aws_commands import command
from ecr_lambda_deploy.function_model import LATEST
from ecr_lambda_deploy.model import Journal, Outcome, ReleaseStatus, WorkflowRun
from ecr_lambda_deploy.plan import PointAlias, UpdateCode

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
    before, after = (first.before, first.after) if first else (None, None)
    image = after.image if after else journal.image
    values = {
        "image-uri": str(image or ""),
        "image-digest": image.digest if image else "",
        "image-tags": "\n".join(journal.image_tags),
        "repository-uri": image.repository_uri if image else journal.repository_uri,
        "function-arn": first.arn if first else "",
        "alias-arn": after.alias.arn if after and after.alias else "",
        "function-version": after.version if after else "",
        "previous-image-uri": str((before.image if before else None) or ""),
        "previous-version": before.version if before else "",
        "changed": _flag(any(outcome.is_changed for outcome in journal.outcomes)),
        "results": json.dumps([_result(outcome, journal) for outcome in journal.outcomes], separators=(",", ":")),
    }
    return {name: values[name] for name in OUTPUTS}


def _flag(value: object) -> str:
    return "true" if value else "false"


def _result(outcome: Outcome, journal: Journal) -> Mapping[str, object]:
    before, after = outcome.before, outcome.after
    error = outcome.error or (journal.error if outcome.status is ReleaseStatus.FAILED else None)
    return {
        "function": outcome.function,
        "arn": outcome.arn,
        "version": after.version,
        "image_uri": str(after.image or ""),
        "previous_version": before.version,
        "previous_image_uri": str(before.image or ""),
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
    name, serves, arrow = outcome.function, _digest(outcome.after.image), _arrow(outcome)
    version = f", version {outcome.after.version}" if outcome.after.version else ""
    alias = f", by the alias {outcome.after.alias.name}" if outcome.after.alias else ""
    changed = "after a change" if outcome.is_changed else "and what serves was not changed"
    sentences = {
        ReleaseStatus.DEPLOYED: f"Deployed {name}: {arrow}{version}{alias}",
        ReleaseStatus.CREATED: f"Created {name}: {serves}{version}{alias}",
        ReleaseStatus.ROLLED_BACK: f"Rolled back {name}: {arrow}{version}{alias}",
        ReleaseStatus.UNCHANGED: f"Nothing to do: {name} runs {serves}{version}{alias} already",
        ReleaseStatus.SKIPPED: f"Skipped {name}, which a newer run has changed: it runs {serves}{version}{alias}",
        ReleaseStatus.REVERTED: f"Reverted {name}, whose release failed: it runs {serves}{version}{alias} again",
        ReleaseStatus.FAILED: f"{name} failed {changed}; it runs {serves}{version}{alias}",
    }
    return sentences[outcome.status]


def _digest(image: object) -> str:
    digest = str(image or "").partition("@")[2]
    return digest[:19] or "nothing known"


def _arrow(outcome: Outcome) -> str:
    return f"{_digest(outcome.before.image)} → {_digest(outcome.after.image)}"


def summary(journal: Journal) -> str:
    """Return the job summary, as GitHub's Markdown."""
    parts = [f"### {headline(journal)}"]
    parts += [f"> [!CAUTION]\n{_quoted(str(error))}" for error in journal.errors]
    if mending := [command for outcome in journal.outcomes for command in outcome.mending]:
        parts.append("**What is left to put back, by hand**\n\n" + _code("sh", mending))
    parts.append(_table(("", ""), _facts(journal)))
    if journal.phases:
        parts.append(_table(("Phase", "Seconds"), [(name, f"{seconds:.1f}") for name, seconds in journal.phases]))
    parts += [undo for outcome in journal.outcomes if (undo := _undo(outcome, journal.run))]
    return "\n\n".join(parts) + "\n"


def _facts(journal: Journal) -> list[tuple[str, str]]:
    run = journal.run
    facts: list[tuple[str, str]] = []
    for outcome in journal.outcomes:
        before, after = outcome.before, outcome.after
        facts += [
            ("Function", f"`{outcome.function}`"),
            ("Status", str(outcome.status)),
            ("Digest", f"`{_digest(before.image)}` → `{_digest(after.image)}`"),
            ("Version", f"{before.version or 'none'} → {after.version or 'none'}"),
        ]
        if after.alias is not None:
            weights = "".join(f", {weight * 100:g} % to {version}" for version, weight in after.alias.weights.items())
            facts.append(("Alias", f"`{after.alias.name}` → {after.alias.version}{weights}"))
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
    return "\n".join(f"> {line}".rstrip() for line in [f"{fence}text", *re.split(r"\r\n|\r|\n", text), fence])


def _code(language: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def _undo(outcome: Outcome, run: WorkflowRun) -> str:
    """Return what takes a release back: a step with this action and, for a terminal, the AWS CLI's command."""
    before, after = outcome.before, outcome.after
    is_same = (before.version, before.image) == (after.version, after.image)
    if is_same or before.image is None or before.serving is None:
        return ""
    alias = after.alias.name if after.alias else ""
    inputs = {"mode": "rollback", "function-name": outcome.function, "alias": alias}
    inputs["rollback-to"] = f'"{before.version}"' if before.version else before.image.digest
    step = ", ".join(f"{name}: {value}" for name, value in inputs.items() if value)
    action = run.action or "org/ecr-lambda-deploy@v1"
    parts = [
        "**To undo**, a step, with the same Region and role:",
        _code("yaml", [f"- uses: {action}", f"  with: {{ {step} }}"]),
    ]
    back: list[PointAlias | UpdateCode] = []
    if before.serving.version == LATEST and (after.alias is None or before.alias is not None):
        back.append(UpdateCode(image=before.image, architecture=before.serving.architecture))
    if after.alias is not None and (before.alias is not None or before.version):
        number = before.alias.version if before.alias else before.version
        back.append(PointAlias(version=replace(before.serving, version=number), description=""))
    if back:
        parts += ["or, in a terminal:", _code("sh", [command(step, after) for step in back])]
    return "\n\n".join(parts)
