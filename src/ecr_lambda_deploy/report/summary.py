"""The job summary: a verdict, what serves now, each cause, what differs, what to do; the rest is folded."""

from collections.abc import Sequence

from ecr_lambda_deploy.model.errors import CancelledError, DeployError, parts_of
from ecr_lambda_deploy.model.functions import LATEST
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.model.text import first_line, some_of
from ecr_lambda_deploy.report.causes import Cause, causes, followers, is_cancelled
from ecr_lambda_deploy.report.gantt import gantt
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.help import help_addresses
from ecr_lambda_deploy.report.links import (
    alarm_page,
    commit_link,
    comparison,
    comparison_page,
    function_page,
    linked,
    logs_page,
)
from ecr_lambda_deploy.report.markdown import (
    MARKDOWN,
    advice,
    box,
    code,
    code_block,
    escaped,
    folded,
    on_lines,
    shell_block,
    table,
    wrapped,
)
from ecr_lambda_deploy.report.plan import plan_tables
from ecr_lambda_deploy.report.results import RELEASED, commit_of, count, duration, in_words, is_forward, revision_of
from ecr_lambda_deploy.report.serving import what_serves_now
from ecr_lambda_deploy.report.tables import differences, functions_tables, images_table, images_title
from ecr_lambda_deploy.report.undo import undo

_MOST_BOXES = 5
_FEW_COMMANDS = 3  # that are shown with each option on a line
_REGION, _ACCOUNT = 3, 4  # parts of an ARN
_MOST_NAMED = 5  # functions in a box
_MOST_LINES = 12  # of an error in a box
_LONGEST_ERROR = 5_000  # characters
_DIGEST = len("sha256:") + 12  # characters that are shown
_AS_BEFORE = {ReleaseStatus.SKIPPED, ReleaseStatus.UNCHANGED}
_PUT_BACK = {ReleaseStatus.REVERTED, ReleaseStatus.SKIPPED}
_HEADING = "The end of its log:"  # of a function, in an error
_FRAME = ("INIT_START ", "START RequestId: ", "END RequestId: ", "REPORT RequestId: ")  # of Lambda's, in a log
_MOST_BYTES = 1_040_000  # of a summary, which has 1 MiB [GitHub Actions documentation, adding a job summary]
_MOST_BYTES_OF_IMAGES = 200_000


def summary(journal: Journal) -> str:
    """Return the job summary as GitHub's Markdown, within the 1 MiB that GitHub accepts."""
    found = causes(journal) if journal.errors else []
    start = [
        f"### {_icon(journal)} {headline(journal, MARKDOWN)}",
        what_serves_now(journal),
        _recovery(journal),
        *(_box(cause, journal) for cause in found[:_MOST_BOXES]),
        _unboxed(found[_MOST_BOXES:]),
        _context(journal, found),
    ]
    visible, hidden = undo(journal)
    end = [_parameters(journal), _next_deployment(journal), *visible, _details(journal, hidden)]
    taken = sum(len(part.encode()) + 2 for part in [*start, *end])
    return "\n\n".join(filter(None, [*start, *_middle(journal, most=_MOST_BYTES - taken), *end])) + "\n"


def _icon(journal: Journal) -> str:
    statuses = {outcome.status for outcome in journal.outcomes}
    if journal.errors:
        return "🛑" if is_cancelled(journal) else "❌"
    if journal.mode is Mode.PLAN:
        return "📋"
    if statuses and statuses <= {ReleaseStatus.SKIPPED, ReleaseStatus.UNCHANGED} and ReleaseStatus.SKIPPED in statuses:
        return "⏭️"
    back = (one for one in journal.outcomes if one.status is ReleaseStatus.ROLLED_BACK)
    return "⏪" if any(not is_forward(one, journal.run) for one in back) else "✅"


def _middle(journal: Journal, *, most: int) -> list[str]:
    """Return what became of the functions, in so many bytes."""
    if journal.mode is Mode.PLAN and not journal.errors:
        return plan_tables(journal, most=most)
    if len(journal.outcomes) == 1:
        return [differences(journal.outcomes[0], journal)]
    return functions_tables(journal, most=most)


def _box(cause: Cause, journal: Journal) -> str:
    """Return the box of a cause: whom it hit, where to look, the words of the system that failed, what to do."""
    error = cause.error
    hit = [outcome for outcome in journal.outcomes if outcome.function in cause.functions]
    links = [f"[Help]({address})" for address in help_addresses(error, journal.run)]
    if len(hit) == 1:
        links = [*_alarm_links(hit[0]), *_console_links(hit[0]), *links]
    lines = wrapped(_message(error))
    shown = lines if len(lines) <= _MOST_LINES else [*lines[:2], "…", *lines[2 - _MOST_LINES :]]
    log = wrapped(error.log, most=_MOST_LINES) if error.log else []
    # That all is as it was, the sentence above the box has said.
    is_put_back = [outcome.status for outcome in hit] == [ReleaseStatus.REVERTED]
    told = [one for one in error.afterwards if len(hit) == 1 and not (is_put_back and " again" in one)]
    afterwards = " ".join(map(_afterwards, told))
    for_all = f" (for all {count(len(hit), 'function')})" if len(hit) > 1 else ""
    to_do = f"**What to do{for_all}:** {advice(error.hint[:_LONGEST_ERROR])}" if error.hint else ""
    if to_do and "\n" not in to_do:
        to_do += _to_go_on(error, hit, journal)
    return box(
        "WARNING" if isinstance(error, CancelledError) else "CAUTION",
        " · ".join(filter(None, [_whom(cause), *links])),
        "" if isinstance(error, CancelledError) else code_block("text", [*shown, *(["", *log] if log else [])]),
        afterwards,
        to_do,
    )


def _to_go_on(error: DeployError, hit: Sequence[Outcome], journal: Journal) -> str:
    """Return how the others could be released without those that a cause hit; empty where they could not.

    What ended the whole run, such as a wrong input, ends it whatever `on-failure` is.
    """
    ended_run = {str(part) for part in parts_of(journal.error)} if journal.error else set()
    others = sum(outcome.status in _PUT_BACK for outcome in followers(journal)) if hit else 0
    if not others or journal.mode is not Mode.DEPLOY or isinstance(error, CancelledError) or str(error) in ended_run:
        return ""
    released = "other function" if others == 1 else f"other {others} functions"
    it, whose = ("it", code(hit[0].function)) if len(hit) == 1 else ("them", "each")
    keep = f"put `on-failure: keep` into `defaults` of {code(journal.manifest)}" if journal.manifest else ""
    serves = " and serves it" if any(outcome.after.alias is None for outcome in hit) else ""
    is_kept = any(outcome.status is ReleaseStatus.REVERTED for outcome in hit)
    kept = f": {code(LATEST)} of {whose} then keeps the failed code{serves}" if is_kept else ""
    return f" To release the {released} without {it}, {keep or 'set `on-failure: keep`'} until it is fixed{kept}."


def _afterwards(sentence: str) -> str:
    """Return a sentence on what was done afterwards, with images by the beginning of their digest."""
    words = (word.rpartition("@") for word in sentence.split())
    return " ".join(
        code(word[:_DIGEST]) if at and word.startswith("sha256:") else escaped(f"{before}{at}{word}")
        for before, at, word in words
    )


def _message(error: DeployError) -> str:
    """Return an error's words, without what was done afterwards, and without what Lambda writes around a log."""
    message = error.message.removesuffix("\n".join(["", *error.afterwards]) if error.afterwards else "")
    lines = message[:_LONGEST_ERROR].split("\n")
    kept = [line for line in lines if not (line.startswith(_FRAME) and "Status: " not in line)]
    return "\n".join(kept[:-1] if kept[-1:] == [_HEADING] else kept)


def _whom(cause: Cause) -> str:
    """Return whom a cause hit, in bold."""
    names = cause.functions or tuple(filter(None, cause.images))
    if not names:
        return ""
    kind = "function" if cause.functions else "image"
    if len(names) == 1:
        return f"**{code(names[0])}**"
    return f"**{len(names)} {kind}s:** {some_of([*map(code, names)], _MOST_NAMED)}"


def _unboxed(others: list[Cause]) -> str:
    """Return the causes that have no box of their own, one line each, folded."""
    rows = [(_whom(cause), escaped(first_line(cause.error.cause or cause.error.message))) for cause in others]
    return folded(f"{len(others)} more causes", table(("", "Cause"), rows, most=_MOST_BYTES_OF_IMAGES)) if rows else ""


def _recovery(journal: Journal) -> str:
    commands = [command for outcome in journal.outcomes for command in outcome.recovery]
    first = "**What to do first:** put back by hand what could not be reverted."
    shown = [on_lines(command) for command in commands] if len(commands) <= _FEW_COMMANDS else commands
    return f"{first}\n\n{shell_block(shown)}" if commands else ""


def _alarm_links(outcome: Outcome) -> list[str]:
    alarmed = [name for name, state in outcome.alarms.items() if state.value == "ALARM"][:_MOST_NAMED]
    return [linked("Alarm", alarm_page(outcome.after, name)) for name in alarmed if alarm_page(outcome.after, name)]


def _console_links(outcome: Outcome) -> list[str]:
    function = outcome.after if outcome.after.latest else outcome.before
    pages = {"Function": function_page(function), "Logs": logs_page(function)}
    return [linked(name, page) for name, page in pages.items() if page]


def _context(journal: Journal, found: list[Cause]) -> str:
    """Return the line that leads on: what has changed in the source, who started the run, the function's pages."""
    started = f"started by {escaped(journal.run.actor)}" if journal.run.actor else ""
    parts = [_comparison(journal), started, _place(journal)]
    if len(journal.outcomes) == 1 and not any(cause.functions for cause in found):
        parts += _console_links(journal.outcomes[0])
    if journal.errors and journal.phases:
        parts.append(f"took {in_words(duration(journal))}")
    return " · ".join(filter(None, parts))


def _place(journal: Journal) -> str:
    """Return account and Region of the functions, if all have the same; empty without any."""
    of_functions = {(outcome.after if outcome.after.latest else outcome.before).latest for outcome in journal.outcomes}
    arns = [latest.arn.split(":") for latest in of_functions if latest]
    places = {(arn[_ACCOUNT], arn[_REGION]) for arn in arns if len(arn) > _ACCOUNT}
    return " ".join(map(escaped, places.pop())) if len(places) == 1 else ""


def _comparison(journal: Journal) -> str:
    """Return a link to what the released commit changes, if all functions go from one commit to one other.

    Where nothing was to change, it leads to the commit that serves.
    """
    if journal.outcomes and {outcome.status for outcome in journal.outcomes} <= _AS_BEFORE:
        serving = {revision_of(outcome.after) for outcome in journal.outcomes}
        return commit_link(journal.run, serving.pop()) if len(serving) == 1 else ""
    changing = [one for one in journal.outcomes if one.status in RELEASED]
    befores = {revision_of(one.before) for one in changing or journal.outcomes}
    of_images = {image.commit for image in journal.images}
    afters = {revision_of(one.after) for one in changing} if changing else of_images
    if afters == {""}:
        afters = {commit_of(journal)}
    if len(afters) != 1:
        return ""
    return comparison(journal.run, befores.pop() if len(befores) == 1 else "", afters.pop())


def _parameters(journal: Journal) -> str:
    """Return which Systems Manager parameters were written, or would be; empty if none."""
    names = ", ".join(map(code, sorted(journal.parameters)))
    given = "would be given" if journal.mode is Mode.PLAN else "given"
    return f"**Parameters** {given} the URI of the image: {names}" if names else ""


def _next_deployment(journal: Journal) -> str:
    """Return how to keep away what was rolled back; empty where nothing was, or the way led forward.

    Between what serves and what served before, other runs may have released more commits.
    """
    run = journal.run
    back = [one for one in journal.outcomes if one.status is ReleaseStatus.ROLLED_BACK and not is_forward(one, run)]
    if not back:
        return ""
    befores, afters = {revision_of(one.before) for one in back}, {revision_of(one.after) for one in back}
    now = afters.pop() if len(afters) == 1 else ""
    is_told = now not in {"", *befores}
    page = comparison_page(run, now, befores.pop()) if is_told and len(befores) == 1 else ""
    what = f"what came after {commit_link(run, now)}" if is_told else "what was rolled back"
    at = f" ({linked('compare', page)})" if page else ""
    return f"**The next deployment** releases what its branch has, whatever serves now: revert {what} there first{at}."


def _details(journal: Journal, hidden: list[str]) -> str:
    """Return everything else, behind one line."""
    rows = [(phase.title, in_words(phase.seconds)) for phase in journal.phases]
    images = images_table(journal.images, most=_MOST_BYTES_OF_IMAGES)
    names = [
        images_title(journal.images) if images else "",
        "steps and times" if rows else "",
        "undo by hand" if hidden else "",
    ]
    title = " · ".join(filter(None, names))
    phases = table(("Step", "Time"), rows) if rows else ""
    return folded(title, images, phases, gantt(journal), *hidden)
