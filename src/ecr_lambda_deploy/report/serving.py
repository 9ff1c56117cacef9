"""What serves, in words: of one function as a phrase, of all of a run as a sentence."""

from collections.abc import Sequence

from ecr_lambda_deploy.functions.history import last_release, newer_run
from ecr_lambda_deploy.model.functions import LATEST, ObservedFunction, ServingFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode, TrafficStep
from ecr_lambda_deploy.model.text import first_line
from ecr_lambda_deploy.report.causes import left_behind
from ecr_lambda_deploy.report.links import alarm_page, commit_link, linked, run_link
from ecr_lambda_deploy.report.markdown import code, escaped
from ecr_lambda_deploy.report.results import RELEASED, count, in_words, revision_of, short_digest

_MOST_NAMED = 5  # functions in a sentence
_MOST_ALARMS = 5
_LONGEST_ANSWER = 120  # characters


def served(function: ServingFunction, journal: Journal) -> str:
    """Return what a function serves, such as version 41 and its commit, as Markdown."""
    commit = commit_link(journal.run, revision_of(function))
    parts = [f"version {function.version}" if function.version else "", commit, _weights(function)]
    if not commit and function.image:
        parts.insert(1, code(short_digest(function.image)))
    return "&nbsp;·&nbsp;".join(filter(None, parts)).replace(" ", "&nbsp;", 1) or "not known"


def _weights(function: ServingFunction) -> str:
    """Return the shares of an alias's traffic that go to other versions; empty if there are none."""
    return ", ".join(f"{weight * 100:g} % to version {version}" for version, weight in function.weights.items())


def what_serves_now(journal: Journal) -> str:
    """Return a sentence on what serves now; empty where the headline says it."""
    outcomes = journal.outcomes
    if outcomes and all(outcome.status is ReleaseStatus.SKIPPED and not outcome.error for outcome in outcomes):
        return _after_skipping(journal)
    if journal.errors:
        return _after_failure(journal)
    if journal.mode in {Mode.PLAN, Mode.BUILD} or len(outcomes) <= 1:
        return ""
    released = sum(outcome.status in RELEASED for outcome in outcomes)
    skipped = sum(outcome.status is ReleaseStatus.SKIPPED for outcome in outcomes)
    same = len(outcomes) - released - skipped
    if not skipped:  # else the headline has all numbers
        return "" if released else "Nothing was built, pushed or changed."
    parts = [f"{count(same, 'function')} had nothing to change" if same else ""]
    others = ", and ".join(filter(None, [*parts, f"{count(skipped, 'function')} had been released by a newer run"]))
    return f"{count(released, 'function')} changed; {others}." if released else ""


def newer(outcome: Outcome, journal: Journal) -> str:
    """Return the number of the newer run to which a function was left; empty for none."""
    if outcome.status is not ReleaseStatus.SKIPPED or not isinstance(outcome.after, ObservedFunction):
        return ""
    return newer_run(journal.run, last_release(outcome.after, journal.run))


def _after_skipping(journal: Journal) -> str:
    runs = dict.fromkeys(filter(None, (newer(outcome, journal) for outcome in journal.outcomes)))
    links = ", ".join(run_link(journal.run, number) for number in list(runs)[:_MOST_NAMED])
    by = f", {links}, has released it" if links else " has released it"
    return (
        f"Nothing has to be done: a newer run{by}, and this one has changed nothing. To go back to this run's older "
        "commit on purpose, run this job again or set `allow-stale: true`."
    )


def _after_failure(journal: Journal) -> str:
    outcomes, behind = journal.outcomes, left_behind(journal)
    released = [outcome for outcome in outcomes if outcome.status in RELEASED]
    if not any(outcome.after.image for outcome in outcomes):
        return "" if journal.mode in {Mode.BUILD, Mode.PLAN} else "No function was changed."
    if not behind and not released:
        put_back = any(outcome.status is ReleaseStatus.REVERTED for outcome in outcomes)
        again = " Everything was put back." if put_back else ""
        if len(outcomes) == 1:
            now = f"{code(outcomes[0].function)} serves {served(outcomes[0].after, journal)}, as before."
            return f"{now}{again}{_had_traffic(outcomes[0])}{_had_no_traffic(outcomes)}"
        return f"All {len(outcomes)} functions serve what they served before.{again}{_had_no_traffic(outcomes)}"
    sentences = [_of_one_left_behind(outcome, journal) for outcome in behind[:_MOST_NAMED]]
    if len(behind) > _MOST_NAMED:
        sentences.append(f"So it is with {len(behind) - _MOST_NAMED} more.")
    if released:
        sentences.append(_of_released(released, journal))
    if same := len(outcomes) - len(behind) - len(released):
        sentences.append(f"{'The other ' if behind or released else ''}{count(same, 'function')} serve what they did.")
    return " ".join(sentences)


def _had_traffic(outcome: Outcome) -> str:
    """Return which traffic a version that was taken back has had; empty for none."""
    if not outcome.traffic or outcome.status is not ReleaseStatus.REVERTED:
        return ""
    shares = " and ".join(f"{_share(share)} of the traffic for {in_words(share.seconds)}" for share in outcome.traffic)
    return f" The new version had {shares}."


def _had_no_traffic(outcomes: Sequence[Outcome]) -> str:
    """Return that no alias has served what was taken back; empty where one may have, or there is none."""
    back = [outcome for outcome in outcomes if outcome.status is ReleaseStatus.REVERTED]
    aliases = {outcome.before.alias.name for outcome in back if outcome.before.alias}
    if not back or any(outcome.before.alias is None or outcome.has_moved_alias for outcome in back):
        return ""
    return (
        f" {code(aliases.pop())} never served the new code." if len(aliases) == 1 else " No alias served the new code."
    )


def _of_one_left_behind(outcome: Outcome, journal: Journal) -> str:
    name, now = code(outcome.function), served(outcome.after, journal)
    if outcome.before.latest is None:
        return f"**{name} is new, stays and serves {now}.**"
    if outcome.is_changed:
        return f"**{name} serves {now}**, where it served {served(outcome.before, journal)}."
    return f"{name} serves {now}, as before, but **{code(LATEST)} has the new image.**"


def _of_released(released: Sequence[Outcome], journal: Journal) -> str:
    if len(released) == 1:
        return f"{code(released[0].function)} serves {served(released[0].after, journal)}, as released."
    return f"{len(released)} functions serve what was released."


def canary(outcome: Outcome) -> str:
    """Return what the new version had of the traffic before it got all of it, or none, and what the alarms said."""
    if not outcome.traffic:
        return ""
    shares = [f"{_share(share)} for {in_words(share.seconds)}" for share in outcome.traffic]
    traffic = ", ".join([*shares, *_end_of(outcome, outcome.traffic[-1])])
    rates = str(outcome.error_rates) if outcome.error_rates else ""
    return "; ".join(filter(None, [traffic, _watched(outcome), rates]))


def _share(share: TrafficStep) -> str:
    return f"{share.weight * 100:g} %" if share.weight < 1 else "all"


def _end_of(outcome: Outcome, last: TrafficStep) -> list[str]:
    if outcome.status is ReleaseStatus.REVERTED:
        return ["then none"]
    return ["then all"] if outcome.status in RELEASED and last.weight < 1 else []


def _watched(outcome: Outcome) -> str:
    """Return the states of the alarms: each one that is not OK, and how many are."""
    fine = [name for name, state in outcome.alarms.items() if state.value == "OK"]
    told = [(name, state) for name, state in outcome.alarms.items() if state.value != "OK"][:_MOST_ALARMS]
    parts = [
        f"{'**' if state.value == 'ALARM' else ''}{linked(escaped(name), alarm_page(outcome.after, name))} "
        f"{escaped(state.value)}{'**' if state.value == 'ALARM' else ''}"
        for name, state in told
    ]
    return ", ".join([*parts, *([f"{count(len(fine), 'alarm')} OK"] if fine else [])])


def smoke_test(outcome: Outcome) -> str:
    """Return what the function answered to the smoke test; empty if it was not tested, or failed."""
    return escaped(first_line(outcome.smoke_test, _LONGEST_ANSWER))
