"""The canary: shifts an alias's traffic to a new version in steps, for as long as no alarm is in ALARM."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from ecr_lambda_deploy.functions.writes import FunctionWriter
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.targets import TrafficStep
from ecr_lambda_deploy.ports.functions import Alarms
from ecr_lambda_deploy.releases.plan import ShiftTraffic, WatchTraffic

POLLING_INTERVAL = 5.0
"""Seconds between two reads of the alarms: CloudWatch evaluates none more often than every 10 seconds."""

_SECONDS_BETWEEN_LINES = 15.0


def shift_traffic(
    step: ShiftTraffic, writer: FunctionWriter, alarms: Alarms, *, passed: Callable[[TrafficStep], None]
) -> None:
    """Give the published version each share of the traffic for its time.

    Args:
        step: the shares.
        writer: changes the alias.
        alarms: watched meanwhile.
        passed: called with each share that the version has had, and the seconds for which it had it.

    Raises:
        CancelledError: the run was cancelled.
        DeployError: an alarm is in ALARM or cannot be read, or the alias cannot be moved.
    """
    alias, old, new = writer.now.alias, writer.now.aliased, writer.published
    if alias is None or old is None or new is None:
        raise AssertionError("traffic is shifted from the version of an alias to a version that was published")
    for number, part in enumerate(step.steps, start=1):
        writer.point_alias(old, weights={new.version: part.weight}, description=alias.description)
        share = f"version {new.version} has {part.weight * 100:g} % of the traffic of {alias.name}"
        _watch(f"Step {number} of {len(step.steps)}: {share}", part, step.alarms, writer, alarms, passed=passed)


def watch_traffic(
    step: WatchTraffic, writer: FunctionWriter, alarms: Alarms, *, passed: Callable[[TrafficStep], None]
) -> None:
    """Go on watching once the alias points to the published version, with all its traffic.

    Args:
        step: for how long.
        writer: has moved the alias.
        alarms: watched meanwhile.
        passed: called with the share, and the seconds for which the version had it before something ended the watch.

    Raises:
        CancelledError: the run was cancelled.
        DeployError: an alarm is in ALARM or cannot be read.
    """
    alias = writer.now.alias
    if alias is None:
        raise AssertionError("what is watched is the version of an alias")
    title = f"Version {alias.version} has all the traffic of {alias.name}"
    _watch(title, step.share, step.alarms, writer, alarms, passed=passed)


def check_alarms(names: tuple[str, ...], alarms: Alarms) -> None:
    """Make sure that all alarms exist and that none is in ALARM.

    Raises:
        DeployError: one does not exist, or is in ALARM.
    """
    states = check_alarms_exist(names, alarms)
    if alarmed := [name for name in names if states[name] == "ALARM"]:
        raise DeployError(
            f"The CloudWatch alarm {', '.join(alarmed)} is in ALARM.",
            "Look at what it watches. To release in spite of it, leave out the inputs 'traffic' and 'alarms'.",
            topic="alarm",
        )


def check_alarms_exist(names: tuple[str, ...], alarms: Alarms) -> Mapping[str, str]:
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


def _watch(
    title: str,
    part: TrafficStep,
    names: tuple[str, ...],
    writer: FunctionWriter,
    alarms: Alarms,
    *,
    passed: Callable[[TrafficStep], None],
) -> None:
    """Watch until the time of one part is over, and tell how long it was, however it ends."""
    began = writer.clock.now()
    try:
        _read_alarms(title, part, names, writer, alarms)
    finally:
        passed(replace(part, seconds=writer.clock.now() - began))


def _read_alarms(title: str, part: TrafficStep, names: tuple[str, ...], writer: FunctionWriter, alarms: Alarms) -> None:
    """Read the alarms until the time of one part is over."""
    clock = writer.clock
    until, next_line = clock.now() + part.seconds, clock.now()
    while True:
        check_alarms(names, alarms)
        left = until - clock.now()
        if left <= 0:
            return
        if clock.now() >= next_line:
            watched = f"; not in ALARM: {', '.join(names)}" if names else ""
            writer.ports.log.info(f"{title}; {left:.0f} s left{watched}")
            next_line += _SECONDS_BETWEEN_LINES
        clock.sleep(min(POLLING_INTERVAL, left))
