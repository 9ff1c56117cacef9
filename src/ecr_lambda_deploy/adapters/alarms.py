"""CloudWatch alarms, by boto3."""

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING

from ecr_lambda_deploy.adapters.aws_errors import translated

if TYPE_CHECKING:
    from ecr_lambda_deploy.adapters.credentials import Aws

_NAMES_OF_ONE_CALL = 100  # [DescribeAlarms, AlarmNames]
_FRESH = 1.0  # seconds; CloudWatch evaluates no alarm more often than every 10


class CloudWatchAlarms:
    """Metric and composite alarms of one account and Region.

    Many functions may be released under the same alarms: who asks within a second of another gets the same answer.

    Args:
        aws: gives the client.
        now: returns seconds since some fixed moment.
    """

    def __init__(self, aws: "Aws", *, now: Callable[[], float] = time.monotonic) -> None:
        self._aws = aws
        self._now = now
        self._lock = Lock()
        self._answers: dict[tuple[str, ...], tuple[float, Mapping[str, str]]] = {}

    def states(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the state of each alarm that there is: OK, ALARM or INSUFFICIENT_DATA.

        Raises:
            DeployError: they may not be read.
        """
        with self._lock:
            asked, states = self._answers.get(tuple(names), (float("-inf"), {}))
            if self._now() - asked >= _FRESH:
                states = self._read(names)
                self._answers[tuple(names)] = self._now(), states
            return states

    def _read(self, names: Sequence[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(names), _NAMES_OF_ONE_CALL):
            with translated("cloudwatch:DescribeAlarms", ", ".join(names)):
                answer = self._aws.alarms().describe_alarms(
                    AlarmNames=list(names[start : start + _NAMES_OF_ONE_CALL]),
                    AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                    MaxRecords=_NAMES_OF_ONE_CALL,
                )
            for alarm in [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]:
                found[alarm["AlarmName"]] = alarm["StateValue"]
        return found
