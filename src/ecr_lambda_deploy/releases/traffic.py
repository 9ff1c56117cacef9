"""The canary: shifts an alias's traffic to a new version in steps, while alarms and error rates are watched."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from ecr_lambda_deploy.functions.writes import FunctionWriter
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import Status
from ecr_lambda_deploy.model.targets import TrafficStep
from ecr_lambda_deploy.ports.functions import Alarms
from ecr_lambda_deploy.ports.runner import Clock
from ecr_lambda_deploy.releases.error_watch import ErrorWatch
from ecr_lambda_deploy.releases.plan import ShiftTraffic, WatchTraffic

POLLING_INTERVAL = 5.0
"""Seconds between two reads of the alarms: CloudWatch evaluates none more often than every 10 seconds."""

_BETWEEN_LINES = 60.0  # seconds
_MOST_NAMED = 5  # alarms in a line


def shift_traffic(
    step: ShiftTraffic,
    writer: FunctionWriter,
    alarms: Alarms,
    errors: ErrorWatch | None,
    *,
    passed: Callable[[TrafficStep], None],
) -> None:
    """Give the published version each share of the traffic for its time.

    Args:
        step: the shares.
        writer: changes the alias.
        alarms: watched meanwhile.
        errors: checked meanwhile; None without a limit.
        passed: called with each share that the version has had, and the seconds for which it had it.

    Raises:
        CancelledError: the run was cancelled.
        DeployError: an alarm is in ALARM, the new version fails too often, either cannot be read, or the alias cannot
            be moved.
    """
    alias, old, new = writer.now.alias, writer.now.aliased, writer.published
    if alias is None or old is None or new is None:
        raise AssertionError("traffic is shifted from the version of an alias to a version that was published")
    for number, part in enumerate(step.steps, start=1):
        writer.point_alias(old, weights={new.version: part.weight}, description=alias.description)
        share = f"version {new.version} has {part.weight * 100:g} % of the traffic of {alias.name}"
        with _timed(part, writer.clock, passed):
            _watch(f"step {number} of {len(step.steps)}", share, part, step.alarms, writer, alarms, errors)


def watch_traffic(
    step: WatchTraffic,
    writer: FunctionWriter,
    alarms: Alarms,
    errors: ErrorWatch | None,
    *,
    passed: Callable[[TrafficStep], None],
) -> None:
    """Go on watching once the alias points to the published version, with all its traffic.

    Args:
        step: for how long.
        writer: has moved the alias.
        alarms: watched meanwhile.
        errors: checked meanwhile; None without a limit.
        passed: called with the share, and the seconds for which the version had it before something ended the watch.

    Raises:
        CancelledError: the run was cancelled.
        DeployError: an alarm is in ALARM, the new version fails too often, or either cannot be read.
    """
    alias = writer.now.alias
    if alias is None:
        raise AssertionError("what is watched is the version of an alias")
    share = f"version {alias.version} has all the traffic of {alias.name}"
    if errors:
        errors.moved = writer.clock.now()
    with _timed(step.share, writer.clock, passed):
        _watch("last step", share, step.share, step.alarms, writer, alarms, errors)


def check_alarms(names: tuple[str, ...], alarms: Alarms) -> Mapping[str, Status]:
    """Make sure that all alarms exist and that none is in ALARM, and return their states.

    Raises:
        DeployError: one does not exist, or is in ALARM, with CloudWatch's reason.
    """
    states = check_alarms_exist(names, alarms)
    if alarmed := [name for name in names if states[name].value == "ALARM"]:
        reasons = "; ".join(states[name].reason or "CloudWatch gives no reason" for name in alarmed)
        raise DeployError(
            f"The CloudWatch alarm {', '.join(alarmed)} is in ALARM: {reasons}",
            "Open the alarm, and the function's log of these minutes. If it rang before this release, wait until it is "
            "OK, and run this job again. To release in spite of it, leave out the input 'alarms'.",
            topic="alarm",
            cause=f"the alarm {', '.join(alarmed)} is in ALARM",
        )
    return states


def check_alarms_exist(names: tuple[str, ...], alarms: Alarms) -> Mapping[str, Status]:
    """Make sure that all alarms exist, and return their states.

    Raises:
        DeployError: one does not exist.
    """
    states = alarms.states(names) if names else {}
    if missing := [name for name in names if name not in states]:
        raise DeployError(
            f"There is no CloudWatch alarm {', '.join(missing)}.",
            "Look at the input 'alarms', which has names and not ARNs, and at the Region and account of the "
            "credentials. CloudWatch was asked for metric, composite and log alarms: of any other kind it shows none.",
            topic="missing-alarm",
        )
    return states


@contextmanager
def _timed(part: TrafficStep, clock: Clock, passed: Callable[[TrafficStep], None]) -> Iterator[None]:
    """Tell how long a part was, however it ends."""
    began = clock.now()
    try:
        yield
    finally:
        passed(replace(part, seconds=clock.now() - began))


def _watch(
    step: str,
    share: str,
    part: TrafficStep,
    names: tuple[str, ...],
    writer: FunctionWriter,
    alarms: Alarms,
    errors: ErrorWatch | None,
) -> None:
    """Check alarms and error rates until the time of one part is over.

    The log has a line when it begins, when it is over, when the state of an alarm changes, and once a minute.

    Args:
        step: which one it is, such as `step 1 of 2`.
        share: what has which share of the traffic.
        part: the share, and for how long.
        names: of the alarms.
        writer: its clock and log are used.
        alarms: gives their states.
        errors: the error rates; None without a limit.
    """
    clock, say = writer.clock, writer.ports.log.info
    until, next_line = clock.now() + part.seconds, clock.now() + _BETWEEN_LINES
    states = check_alarms(names, alarms)
    if errors:
        errors.check(is_end=part.seconds <= 0)
    say(f"{step}: {share}, for {part.seconds:.0f} s{_watched(states)}")
    while (left := until - clock.now()) > 0:
        clock.sleep(min(POLLING_INTERVAL, left))
        before, states = states, check_alarms(names, alarms)
        for name in names:
            if states[name].value != before[name].value:
                say(f"{step}: alarm {name} was {before[name].value} and is now {states[name]}")
        if errors:
            errors.check(is_end=clock.now() >= until)
        if next_line <= clock.now() < until:
            say(f"{step}: {until - clock.now():.0f} s left{_watched(states, errors)}")
            next_line += _BETWEEN_LINES
    say(f"{step}: over after {part.seconds:.0f} s{_watched(states, errors)}")


def _watched(states: Mapping[str, Status], errors: ErrorWatch | None = None) -> str:
    """Return the states of alarms, only their numbers where there are many, and error rates, as the end of a line."""
    rates = f"; {errors.rates}" if errors else ""
    if not states:
        return rates
    if len(states) > _MOST_NAMED:
        counts = Counter(status.value for status in states.values())
        return "; alarms: " + ", ".join(f"{count} {value}" for value, count in counts.items()) + rates
    return "; alarms: " + ", ".join(f"{name} {status.value}" for name, status in states.items()) + rates
