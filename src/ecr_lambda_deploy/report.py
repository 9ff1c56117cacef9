"""Pure: what is known of the run becomes its headline and the job summary."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ecr_lambda_deploy.aws_commands import command
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import LATEST
from ecr_lambda_deploy.gantt import gantt
from ecr_lambda_deploy.model import ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.outputs import importance
from ecr_lambda_deploy.plan import PointAlias, UpdateCode
from ecr_lambda_deploy.summary_tables import functions_table, images_table, short_digest
from ecr_lambda_deploy.wanted import Mode

_MOST_ERRORS = 10
_LONGEST_ERROR = 8_000  # characters
_MOST_COMMANDS = 100
_MOST_NAMED = 5  # functions, in the headline


def headline(journal: Journal) -> str:
    """Return what became of the run, in one line."""
    if len(journal.outcomes) == 1 and len(journal.images) < 2:  # noqa: PLR2004
        return _sentence(journal.outcomes[0])
    if journal.outcomes:
        return _total(journal)
    if journal.errors:
        return "Failed; no function was changed"
    made = [image for image in journal.images if image.image]
    return f"Built {made[0].image}" if len(made) == 1 else f"Built {_count(len(made), 'image')}"


def _total(journal: Journal) -> str:
    """Return how many functions came to which end."""
    counts = Counter(outcome.status for outcome in journal.outcomes)
    all_ = _count(len(journal.outcomes), "function")
    if counts[ReleaseStatus.UNCHANGED] == len(journal.outcomes) and not journal.errors:
        return f"Nothing to do: {all_} run what is wanted already"
    ordered = sorted(
        {outcome.status: importance(outcome) for outcome in journal.outcomes}.items(), key=lambda one: one[1]
    )
    listed = ", ".join(f"{counts[status]} {status}" for status, _ in ordered)
    seconds = sum(phase.seconds for phase in journal.phases)
    took = f", in {seconds:.0f} s" if seconds >= 1 else ""
    if journal.mode is Mode.PLAN:
        made = sum(image.status is ImageStatus.PLANNED for image in journal.images)
        would = counts[ReleaseStatus.PLANNED]
        return f"Plan: {would} of {all_} would change, {_count(made, 'image')} would be built or copied"
    if journal.errors:
        failed = [outcome.function for outcome in journal.outcomes if outcome.status is ReleaseStatus.FAILED]
        names = ", ".join(failed[:_MOST_NAMED]) + (" and others" if len(failed) > _MOST_NAMED else "")
        return f"Failed{f' for {names}' if names else ''}; of {all_}: {listed}{took}"
    return f"Of {all_}: {listed}{took}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _sentence(outcome: Outcome) -> str:
    name, serves = outcome.function, short_digest(outcome.after.image)
    arrow = f"{short_digest(outcome.before.image)} → {serves}"
    version = f", version {outcome.after.version}" if outcome.after.version else ""
    alias = f", by the alias {outcome.after.alias.name}" if outcome.after.alias else ""
    changed = "after a change" if outcome.is_changed else "and what serves was not changed"
    sentences = {
        ReleaseStatus.DEPLOYED: f"Deployed {name}: {arrow}{version}{alias}",
        ReleaseStatus.CREATED: f"Created {name}: {serves}{version}{alias}",
        ReleaseStatus.ROLLED_BACK: f"Rolled back {name}: {arrow}{version}{alias}",
        ReleaseStatus.UNCHANGED: f"Nothing to do: {name} runs {serves}{version}{alias} already",
        ReleaseStatus.SKIPPED: f"Skipped {name}, which a newer run has changed: it runs {serves}{version}{alias}",
        ReleaseStatus.PLANNED: f"Plan: {name} would change ({outcome.reason}); it runs {serves}{version}{alias}",
        ReleaseStatus.REVERTED: f"Reverted {name}, whose release failed: it runs {serves}{version}{alias} again",
        ReleaseStatus.FAILED: f"{name} failed {changed}; it runs {serves}{version}{alias}",
    }
    return sentences[outcome.status]


def summary(journal: Journal) -> str:
    """Return the job summary, as GitHub's Markdown, within the 1 MiB that it may have."""
    is_single = len(journal.outcomes) <= 1 and len(journal.images) <= 1
    parts = [f"### {headline(journal)}", *_alerts(journal.errors)]
    if mending := [command for outcome in journal.outcomes for command in outcome.mending]:
        more = f"# and {len(mending) - _MOST_COMMANDS} more" if len(mending) > _MOST_COMMANDS else ""
        lines = [*mending[:_MOST_COMMANDS], *filter(None, [more])]
        parts.append("**What is left to put back, by hand**\n\n" + _code("sh", lines))
    if is_single:
        parts.append(_table(("", ""), _facts(journal)))
    else:
        parts += [functions_table(journal), images_table(journal), gantt(journal)]
    if journal.phases:
        rows = [(phase.title, f"{phase.seconds:.1f}") for phase in journal.phases]
        parts.append(_table(("Phase", "Seconds"), rows))
    parts.append(_undo(journal))
    return "\n\n".join(filter(None, parts)) + "\n"


def _alerts(errors: tuple[DeployError, ...]) -> list[str]:
    texts = [str(error) for error in errors[:_MOST_ERRORS]]
    shown = [text if len(text) <= _LONGEST_ERROR else f"{text[:_LONGEST_ERROR]}…" for text in texts]
    if len(errors) > _MOST_ERRORS:
        shown.append(f"and {len(errors) - _MOST_ERRORS} more errors, which the log has")
    return [f"> [!CAUTION]\n{_quoted(text)}" for text in shown]


def _facts(journal: Journal) -> list[tuple[str, str]]:
    run = journal.run
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
            weights = "".join(f", {weight * 100:g} % to {version}" for version, weight in after.alias.weights.items())
            facts.append(("Alias", f"`{after.alias.name}` → {after.alias.version}{weights}"))
    made = journal.images[0] if journal.images else None
    if made and made.image:
        facts.append(("Image", f"`{made.image}`"))
    elif made and made.repository_uri:
        facts.append(("Repository", f"`{made.repository_uri}`"))
    if made and made.tags:
        facts.append(("Tags", " ".join(f"`{tag}`" for tag in made.tags)))
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


def _undo(journal: Journal) -> str:
    """Return what takes the releases back: a step with this action and, for a terminal, the AWS CLI's commands."""
    outcomes = [outcome for outcome in journal.outcomes if _can_go_back(outcome)]
    if not outcomes:
        return ""
    action = journal.run.action or "org/ecr-lambda-deploy@v1"
    parts = [_undo_step(outcomes, journal, action)]
    commands = [line for outcome in outcomes for line in _undo_commands(outcome)]
    if commands:
        parts += ["or, in a terminal:", _code("sh", commands[:_MOST_COMMANDS])]
    return "\n\n".join(parts)


def _can_go_back(outcome: Outcome) -> bool:
    before, after = outcome.before, outcome.after
    is_same = (before.version, before.image) == (after.version, after.image)
    return not is_same and before.image is not None and before.serving is not None


def _undo_step(outcomes: list[Outcome], journal: Journal, action: str) -> str:
    if journal.manifest:
        step = f"mode: rollback, manifest: {journal.manifest}"
        title = "**To undo** what this run has released, a step, with the same Region, role and `vars`:"
        return f"{title}\n\n" + _code("yaml", [f"- uses: {action}", f"  with: {{ {step} }}"])
    title = "**To undo**, a step, with the same Region and role:"
    first = outcomes[0]
    alias = first.after.alias.name if first.after.alias else ""
    inputs = {"mode": "rollback", "function-name": first.function, "alias": alias}
    if len(outcomes) > 1:
        given = [f"    {name}: {value}" for name, value in (("mode", "rollback"), ("alias", alias)) if value]
        names = ["    function-name: |", *(f"      {outcome.function}" for outcome in outcomes)]
        return f"{title}\n\n" + _code("yaml", [f"- uses: {action}", "  with:", *given, *names])
    before = first.before
    inputs["rollback-to"] = f'"{before.version}"' if before.version else before.image.digest if before.image else ""
    step = ", ".join(f"{name}: {value}" for name, value in inputs.items() if value)
    return f"{title}\n\n" + _code("yaml", [f"- uses: {action}", f"  with: {{ {step} }}"])


def _undo_commands(outcome: Outcome) -> list[str]:
    before, after = outcome.before, outcome.after
    back: list[PointAlias | UpdateCode] = []
    if before.image is None or before.serving is None:
        return []
    if before.serving.version == LATEST and (after.alias is None or before.alias is not None):
        back.append(UpdateCode(image=before.image, architecture=before.serving.architecture))
    if after.alias is not None and (before.alias is not None or before.version):
        number = before.alias.version if before.alias else before.version
        back.append(PointAlias(version=replace(before.serving, version=number), description=""))
    return [command(step, after) for step in back]
