"""The inputs of a release to a function, and of a rollback."""

import json
import re
from collections.abc import Mapping

from ecr_lambda_deploy.inputs.reader import InputReader, why_unreadable
from ecr_lambda_deploy.model.json_text import check_nesting
from ecr_lambda_deploy.model.targets import EarlierRelease, Expectation, FunctionTarget, SmokeTest, TrafficStep

# [CreateAlias, Name]; only digits would be a version.
_ALIAS = re.compile(r"(?!\d+$)[A-Za-z0-9_-]{1,128}", re.ASCII)
_TRAFFIC_STEP = re.compile(r"(?P<percent>\d{1,2}(?:\.\d{1,4})?|100)\s*%\s+(?P<time>(?:\d{1,6}[hms])+)", re.ASCII)
_TIME = re.compile(r"(\d{1,6})([hms])", re.ASCII)
_SECONDS = {"h": 3600, "m": 60, "s": 1}
_ALARM = re.compile(r"\S(.{0,253}\S)?")
_ROLLBACK_TO = re.compile(r"previous|\d{1,10}|[0-9a-f]{7,40}|[0-9a-f]{64}|sha256:[0-9a-f]{64}", re.ASCII)
_MOST_ALARMS = 100
_RATE = re.compile(r"(\d{1,2}(?:\.\d{1,4})?)\s*%", re.ASCII)
_MOST_EVENTS = 100_000_000  # characters of all that differ: they are kept in memory
_MOST_EVENT = 6 * 1024 * 1024  # bytes [Lambda quotas, invocation payload]


def read_release(reader: InputReader, name: str) -> FunctionTarget:
    """Read how an image is released to a function.

    Args:
        reader: of the function's settings, or of an image's that has no functions.
        name: of the function; may be empty, if only the settings are to be checked.
    """
    publish, alias = reader.flag("publish"), reader.matching("alias", _ALIAS, "an alias's name such as live")
    traffic, alarms, max_error_rate = _read_traffic(reader), _read_alarms(reader), _read_rate(reader)
    if alias and not publish:
        reader.conflict(("alias", "publish"), "needs 'publish: true': an alias points to a published version.")
    if traffic and not alias:
        reader.conflict(("traffic", "alias"), "needs 'alias': it is an alias's traffic that is shifted.")
    if alarms and not traffic:
        reader.conflict(("alarms", "traffic"), "needs 'traffic': they are watched while it is shifted.")
    if max_error_rate is not None and not traffic:
        reader.conflict(("max-error-rate", "traffic"), "needs 'traffic': it is watched while that is shifted.")
    return FunctionTarget(
        name=name,
        publish=publish,
        alias=alias,
        smoke_test=_read_smoke_test(reader),
        traffic=traffic,
        alarms=alarms,
        max_error_rate=max_error_rate,
        creation=_read_creation(reader),
        reverts=reader.choice("on-failure") == "revert",
        allows_stale=reader.flag("allow-stale"),
        wait_timeout=reader.seconds("wait-timeout", least=1, most=86400) or 0,
    )


def read_rollback(reader: InputReader) -> EarlierRelease:
    """Read which earlier release a rollback brings back."""
    to = reader.matching(
        "rollback-to",
        _ROLLBACK_TO,
        "previous, a version's number, a commit's SHA of 7 digits or more in lower case, or a digest sha256:…",
    )
    return EarlierRelease(to=to or "previous")


def _read_smoke_test(reader: InputReader) -> SmokeTest | None:
    event, expect = reader.text("smoke-event"), reader.text("smoke-expect")
    if expect and not event:
        reader.conflict(("smoke-expect", "smoke-event"), "needs 'smoke-event', the event that is answered.")
    expectation = None
    if expect:
        try:
            expectation = Expectation(value=_parsed(expect))
        except ValueError as error:
            reader.problem("smoke-expect", f"is not JSON: {error}.")
    if not event:
        return None
    events = reader.events
    if event not in events.texts:
        if events.size > _MOST_EVENTS:
            text = f"makes the events of this run more than {_MOST_EVENTS:,} characters: let functions share them."
            reader.problem("smoke-event", text)
            return None
        events.texts[event] = _read_event(reader, event)
        events.size += len(events.texts[event])
    text = events.texts[event]
    return SmokeTest(event=text, expect=expectation) if text else None


def _read_event(reader: InputReader, event: str) -> str:
    """Return the event's JSON, which is given itself or as the path of a file; empty if it is wrong."""
    try:
        _parsed(event)
    except ValueError as error:
        if event[0] in '{["':
            reader.problem("smoke-event", f"is not JSON: {error}.")
            return ""
    else:
        return event
    try:
        content = _event_in_file(reader, event)
    except OSError as error:
        reader.problem(
            "smoke-event", f"is neither JSON nor a file in the workspace: {event!r}: {why_unreadable(error)}."
        )
    except ValueError as error:
        reader.problem("smoke-event", f"names the file {event!r}, which is not JSON: {error}.")
    else:
        return content
    return ""


def _event_in_file(reader: InputReader, path: str) -> str:
    """Return the JSON in a file; empty if that is outside the workspace, which is noted.

    Raises:
        OSError: it cannot be read.
        ValueError: it does not hold an event.
    """
    content = reader.read_file("smoke-event", reader.place(path), most=_MOST_EVENT + 1)
    if content is None:
        return ""
    if len(content) > _MOST_EVENT:
        raise ValueError(f"it has more than {_MOST_EVENT:,} bytes, which is what Lambda takes")
    text = content.decode()
    _parsed(text)
    return text


def _parsed(text: str) -> object:
    """Return parsed JSON without NaN and Infinity, which Python's parser would accept.

    Raises:
        ValueError: the text is not JSON, or is nested too deeply.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number in JSON")

    check_nesting(text)
    return json.loads(text, parse_constant=refuse)


def _read_traffic(reader: InputReader) -> tuple[TrafficStep, ...]:
    """Read steps such as `10% 5m, 50% 10m, 100% 15m`, separated by commas or lines."""
    steps: list[TrafficStep] = []
    for part in filter(None, (part.strip() for item in reader.items("traffic") for part in item.text.split(","))):
        found = _TRAFFIC_STEP.fullmatch(part)
        weight = float(found["percent"]) / 100 if found else 0
        if found is None or not weight:
            reader.problem("traffic", f"holds steps such as 10% 5m, 50% 1h30m, 100% 15m; {part!r} is not one.")
            continue
        if steps and weight <= steps[-1].weight:
            reader.problem("traffic", f"rises from step to step; {part!r} does not.")
        seconds = sum(int(number) * _SECONDS[unit] for number, unit in _TIME.findall(found["time"]))
        steps.append(TrafficStep(weight=weight, seconds=seconds))
    return tuple(steps)


def _read_alarms(reader: InputReader) -> tuple[str, ...]:
    alarms = reader.lines("alarms")
    for alarm in alarms:
        if not _ALARM.fullmatch(alarm):
            reader.problem("alarms", f"holds names of CloudWatch alarms, one per line; {alarm!r} is not one.")
    if len(alarms) > _MOST_ALARMS:
        reader.problem("alarms", f"holds {_MOST_ALARMS} names at most, not {len(alarms)}: watch a composite alarm.")
    return alarms


def _read_rate(reader: InputReader) -> float | None:
    text = reader.matching("max-error-rate", _RATE, "a percentage below 100 %, such as 1% or 0.5%")
    found = _RATE.fullmatch(text)
    return float(found[1]) / 100 if found else None


def _read_creation(reader: InputReader) -> Mapping[str, object] | None:
    text, mapping = reader.text("create-function"), reader.mapping("create-function")
    if mapping is None and not text:
        return None
    if mapping is None:
        from ecr_lambda_deploy.inputs.creation import read_parameters

        mapping = read_parameters(reader, text)
    # What else is wrong, botocore knows, which is not imported yet [CreateFunction, Role].
    if mapping is not None and not mapping.get("Role"):
        outer = reader.replaced("create-function")
        text = f" This one replaces the one in {outer} whole, so it needs all parameters." if outer else ""
        reader.problem("create-function", f"has no Role, the ARN of the function's execution role.{text}")
    return mapping
