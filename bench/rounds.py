"""Makes the runs of a case: one round to warm up, one to count, and the ones whose time is taken."""

from collections.abc import Callable, Sequence
from itertools import count

from bench.cases import Attempt, Case
from bench.figures import Calls, Figures, in_turns
from bench.place import Place
from sandbox.errors import SandboxError

_COUNTING_SECONDS = 0.2
"""How long each call takes in the round that counts: more than what lies between calls that are made side by side."""


def measure(
    case: Case, place: Place, figures: Figures, *, latencies: Sequence[int], runs: int, say: Callable[[str], None]
) -> None:
    """Measure a case on a place, and add to the figures what its ways took.

    Args:
        case: The case.
        place: Where.
        figures: What has been measured.
        latencies: Milliseconds that each call takes.
        runs: How often each way runs at each latency.
        say: Called with a line for each run.

    Raises:
        SandboxError: A run failed, or did not do what it is measured for; the message has the end of its log.
    """
    attempts = {attempt.way: attempt for attempt in case.attempts(place)}
    numbers = count(1)
    for way, attempt in attempts.items():
        if way not in case.once:
            _make(place, attempt, next(numbers), latency=0.0, is_first=True)
    for way, attempt in attempts.items():
        if way not in case.once:
            _count(case, place, attempt, next(numbers), figures)
    for turn in in_turns([*attempts], latencies, runs, case.once):
        seconds, _ = _make(place, attempts[turn.way], next(numbers), latency=turn.latency / 1000)
        figures.to_add_to(case.name, place.flavour, turn.way).seconds.setdefault(turn.latency, []).append(seconds)
        say(f"{place.flavour:8}{case.name:10}{turn.latency:4} ms  {turn.way:9}{seconds:7.2f} s")


def _count(case: Case, place: Place, attempt: Attempt, number: int, figures: Figures) -> None:
    measured = figures.to_add_to(case.name, place.flavour, attempt.way)
    _, measured.peak_memory = _make(place, attempt, number, latency=_COUNTING_SECONDS, watch=True)
    measured.calls = Calls.of(place.aws.calls())


def _make(
    place: Place, attempt: Attempt, number: int, *, latency: float, watch: bool = False, is_first: bool = False
) -> tuple[float, int]:
    """Make a run; return its seconds and, if it was watched, its peak memory."""
    attempt.before(number)
    before = place.served()
    place.aws.forget_calls()
    with place.aws.calls_taking(latency):
        run = attempt.run(number, watch)
    if run.exit_code != 0:
        raise SandboxError(f"a run of {attempt.way} ended with {run.exit_code}:\n{run.log[-3000:]}")
    is_changed = place.served() != before
    if not is_first and attempt.changes not in {None, is_changed}:
        what = "changed what serves" if is_changed else "changed nothing"
        raise SandboxError(f"a run of {attempt.way} {what}:\n{run.log[-3000:]}")
    return run.seconds, run.peak_memory
