"""Pure: what is known of the run becomes its headline and the job summary."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ecr_lambda_deploy.aws_commands import command
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import LATEST
from ecr_lambda_deploy.gantt import gantt
from ecr_lambda_deploy.model import ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.outputs import importance, shortened
from ecr_lambda_deploy.plan import PointAlias, UpdateCode
from ecr_lambda_deploy.summary_tables import escaped, functions_table, images_table, shares, short_digest, table
from ecr_lambda_deploy.wanted import Mode

_MOST_ERRORS = 10
_LONGEST_ERROR = 5_000  # characters
_MOST_COMMANDS = 100
_MOST_UNDONE = 1_000  # functions, in the steps that undo
_MOST_BYTES = 1_040_000  # of a summary, which has 1 MiB [GitHub Actions documentation, adding a job summary]
_MOST_BYTES_OF_IMAGES = 200_000
_PLAIN = re.compile(r"[\w./-]+")  # that YAML takes as it is
_MADE = (ImageStatus.BUILT, ImageStatus.COPIED)
_MOST_NAMED = 5  # functions, in the headline


def headline(journal: Journal) -> str:
    """Return what became of the run, in one line."""
    if len(journal.outcomes) == 1 and len(journal.images) < 2:  # noqa: PLR2004
        return _sentence(journal.outcomes[0])
    if journal.outcomes:
        return _total(journal)
    if journal.errors:
        return "Failed; no function was changed"
    if journal.mode is Mode.PLAN:
        return f"Plan: {_planned(journal)} of {len(journal.images)} would be built or copied"
    made = [image for image in journal.images if image.image]
    return f"Built {made[0].image}" if len(made) == 1 else f"Built {_count(len(made), 'image')}"


def _total(journal: Journal) -> str:
    """Return how many functions came to which end."""
    counts = Counter(outcome.status for outcome in journal.outcomes)
    images = Counter(image.status for image in journal.images)
    all_ = _count(len(journal.outcomes), "function")
    is_all_there = not any(images[status] for status in (*_MADE, ImageStatus.PLANNED))
    if is_all_there and counts[ReleaseStatus.UNCHANGED] == len(journal.outcomes) and not journal.errors:
        return f"Nothing to do: {all_} {'runs' if len(journal.outcomes) == 1 else 'run'} what is wanted already"
    ordered = sorted(
        {outcome.status: importance(outcome) for outcome in journal.outcomes}.items(), key=lambda one: one[1]
    )
    listed = ", ".join(f"{counts[status]} {status}" for status, _ in ordered)
    seconds = sum(phase.seconds for phase in journal.phases)
    took = f", in {seconds:.0f} s" if seconds >= 1 else ""
    if journal.errors:
        failed = [outcome.function for outcome in journal.outcomes if outcome.status is ReleaseStatus.FAILED]
        names = ", ".join(failed[:_MOST_NAMED]) + (" and others" if len(failed) > _MOST_NAMED else "")
        return f"Failed{f' for {names}' if names else ''}; of {all_}: {listed}{took}"
    if journal.mode is Mode.PLAN:
        would = counts[ReleaseStatus.PLANNED]
        return f"Plan: {would} of {all_} would change, {_planned(journal)} would be built or copied"
    made = ", ".join(f"{_count(images[status], 'image')} {status}" for status in _MADE if images[status])
    return f"Of {all_}: {listed}{f'; {made}' if made else ''}{took}"


def _planned(journal: Journal) -> str:
    return _count(sum(image.status is ImageStatus.PLANNED for image in journal.images), "image")


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _sentence(outcome: Outcome) -> str:
    name, serves = outcome.function, short_digest(outcome.after.image)
    arrow = f"{short_digest(outcome.before.image)} → {serves}"
    version = f", version {outcome.after.version}" if outcome.after.version else ""
    alias = f", by the alias {outcome.after.alias.name}" if outcome.after.alias else ""
    skipped = f" ({outcome.reason})" if outcome.reason else ", which a newer run has changed"
    changed = "after a change" if outcome.is_changed else "and what serves was not changed"
    sentences = {
        ReleaseStatus.DEPLOYED: f"Deployed {name}: {arrow}{version}{alias}",
        ReleaseStatus.CREATED: f"Created {name}: {serves}{version}{alias}",
        ReleaseStatus.ROLLED_BACK: f"Rolled back {name}: {arrow}{version}{alias}",
        ReleaseStatus.UNCHANGED: f"Nothing to do: {name} runs {serves}{version}{alias} already",
        ReleaseStatus.SKIPPED: f"Skipped {name}{skipped}: it runs {serves}{version}{alias}",
        ReleaseStatus.PLANNED: f"Plan: {name} would change ({outcome.reason}); it runs {serves}{version}{alias}",
        ReleaseStatus.REVERTED: f"Reverted {name}, whose release failed: it runs {serves}{version}{alias} again",
        ReleaseStatus.FAILED: f"{name} failed {changed}; it runs {serves}{version}{alias}",
    }
    return sentences[outcome.status]


def summary(journal: Journal) -> str:
    """Return the job summary, as GitHub's Markdown, within the 1 MiB that it may have."""
    start = [f"### {escaped(headline(journal))}", *_alerts(journal.errors)]
    if mending := [command for outcome in journal.outcomes for command in outcome.mending]:
        start.append(f"**What is left to put back, by hand**\n\n{_commands(mending)}")
    rows = [(phase.title, f"{phase.seconds:.1f}") for phase in journal.phases]
    end = [table(("Phase", "Seconds"), rows) if rows else "", *_undo(journal)]
    if len(journal.outcomes) <= 1 and len(journal.images) <= 1:
        tables = [table(("", ""), _facts(journal))]
    else:
        end = [images_table(journal, most=_MOST_BYTES_OF_IMAGES), gantt(journal), *end]
        taken = sum(len(part.encode()) + 2 for part in [*start, *end])
        tables = [functions_table(journal, most=_MOST_BYTES - taken)]
    return "\n\n".join(filter(None, [*start, *tables, *end])) + "\n"


def _alerts(errors: tuple[DeployError, ...]) -> list[str]:
    shown = [shortened(error, _LONGEST_ERROR) for error in errors[:_MOST_ERRORS]]
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
            facts.append(("Alias", f"`{after.alias.name}` → {after.alias.version}{shares(after.alias)}"))
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


def _quoted(text: str) -> str:
    """Return a code block within an alert: the words of other programs are not Markdown."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return "\n".join(f"> {line}".rstrip() for line in [f"{fence}text", *re.split(r"\r\n|\r|\n", text), fence])


def _code(language: str, lines: Iterable[str]) -> str:
    return "\n".join([f"```{language}", *lines, "```"])


def _commands(lines: Sequence[str]) -> str:
    more = [f"# and {len(lines) - _MOST_COMMANDS} more"] if len(lines) > _MOST_COMMANDS else []
    return _code("sh", [*lines[:_MOST_COMMANDS], *more])


def _undo(journal: Journal) -> list[str]:
    """Return what takes the releases back: steps with this action and, for a terminal, the AWS CLI's commands."""
    outcomes = [outcome for outcome in journal.outcomes if _can_go_back(outcome)]
    # By its manifest a run's releases are taken back. After a rollback that goes further back, not forward again.
    by_manifest = {ReleaseStatus.DEPLOYED} if journal.manifest else set()
    together = [outcome for outcome in outcomes if outcome.status in by_manifest]
    each = [outcome for outcome in outcomes if outcome.status not in by_manifest]
    action = journal.run.action or "org/ecr-lambda-deploy@v1"
    parts = []
    if together:
        path = journal.manifest if _PLAIN.fullmatch(journal.manifest) else json.dumps(journal.manifest)
        number = journal.run.run_id  # whoever keeps the step has to know when it is out of date
        note = f"  # takes back what run {number} released, if no other has since" if number else ""
        lines = [f"- uses: {action}", f"  with: {{ mode: rollback, manifest: {path} }}{note}"]
        parts += ["**To undo** what this run has released, a step, with the same Region, role and `vars`:"]
        parts += [_code("yaml", lines)]
    if each:
        steps = [line for goal, names in _goals(each[:_MOST_UNDONE]).items() for line in _step(action, goal, names)]
        parts += ["**To undo**, a step, with the same Region and role:", _code("yaml", steps)]
    if len(each) > _MOST_UNDONE:
        parts.append(f"and {len(each) - _MOST_UNDONE} more functions")
    commands = [line for outcome in outcomes for line in _undo_commands(outcome)]
    return [*parts, "or, in a terminal:", _commands(commands)] if commands else parts


def _can_go_back(outcome: Outcome) -> bool:
    before, after = outcome.before, outcome.after
    is_same = (before.version, before.image) == (after.version, after.image)
    return not is_same and before.image is not None and before.serving is not None


def _goals(outcomes: Sequence[Outcome]) -> Mapping[tuple[str, str], Sequence[str]]:
    """Return the functions that one step takes back, by their alias and what they go back to.

    Several have no version in common. What a new version records as `previous` they have, and else an image.
    """
    goals: dict[tuple[str, str], list[str]] = {}
    for outcome in outcomes:
        before, after = outcome.before, outcome.after
        to = before.image.digest if before.image else ""
        if len(outcomes) == 1:
            to = f'"{before.version}"' if before.version else to
        elif outcome.status is ReleaseStatus.DEPLOYED and before.version and not before.version_numbered(after.version):
            to = ""
        goals.setdefault((after.alias.name if after.alias else "", to), []).append(outcome.function)
    return goals


def _step(action: str, goal: tuple[str, str], names: Sequence[str]) -> list[str]:
    alias, to = goal
    if len(names) == 1:
        inputs = {"mode": "rollback", "function-name": names[0], "alias": alias, "rollback-to": to}
        step = ", ".join(f"{name}: {value}" for name, value in inputs.items() if value)
        return [f"- uses: {action}", f"  with: {{ {step} }}"]
    given = {"mode": "rollback", "alias": alias, "rollback-to": to}
    lines = [f"    {name}: {value}" for name, value in given.items() if value]
    return [f"- uses: {action}", "  with:", *lines, "    function-name: |", *(f"      {name}" for name in names)]


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
