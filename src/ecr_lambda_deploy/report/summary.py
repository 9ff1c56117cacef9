"""Pure: what is known of the run becomes its headline and the job summary."""

import re

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.report.gantt import gantt
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.outputs import shortened
from ecr_lambda_deploy.report.tables import (
    _commands,
    escaped,
    functions_table,
    images_table,
    shares,
    short_digest,
    table,
)
from ecr_lambda_deploy.report.undo import _undo

_MOST_ERRORS = 10
_LONGEST_ERROR = 5_000  # characters
_MOST_BYTES = 1_040_000  # of a summary, which has 1 MiB [GitHub Actions documentation, adding a job summary]
_MOST_BYTES_OF_IMAGES = 200_000


def summary(journal: Journal) -> str:
    """Return the job summary, as GitHub's Markdown, within the 1 MiB that it may have."""
    start = [f"### {escaped(headline(journal))}", *_alerts(journal.errors)]
    if recovery := [command for outcome in journal.outcomes for command in outcome.recovery]:
        start.append(f"**What is left to put back, by hand**\n\n{_commands(recovery)}")
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
            facts.append(("Alias", f"`{after.alias.name}` → {after.alias.version}{shares(after.weights)}"))
    made = journal.images[0] if journal.images else None
    if made and made.reference:
        facts.append(("Image", f"`{made.reference}`"))
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
