"""CloudWatch alarms, by botocore."""

from collections.abc import Iterator, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, cast

from ecr_lambda_deploy.aws.errors import translated
from ecr_lambda_deploy.concurrency import held
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import Status
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.ports.runner import Clock

if TYPE_CHECKING:
    from botocore.model import StringShape
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.literals import AlarmTypeType

    from ecr_lambda_deploy.aws.session import Aws


_NAMES_OF_ONE_CALL = 100  # [DescribeAlarms, AlarmNames]
_LONGEST_REASON = 300  # characters
_FRESH = 1.0  # seconds; CloudWatch evaluates no alarm more often than every 10


class CloudWatchAlarms:
    """Alarms of one account and Region, of every kind that botocore's model of CloudWatch knows.

    Many functions may be released under the same alarms: threads that ask within a second get the same answer.

    Args:
        aws: gives the client.
        clock: an error that its `sleep` raises ends the wait for the answer to another thread.
    """

    def __init__(self, aws: "Aws", clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._asking: dict[tuple[str, ...], Lock] = {}
        self._answers: dict[tuple[str, ...], tuple[float, Mapping[str, Status] | DeployError]] = {}

    def states(self, names: Sequence[str]) -> Mapping[str, Status]:
        """Call DescribeAlarms, unless another thread has just done so."""
        key = tuple(names)
        asking = self._asking.setdefault(key, Lock())  # atomic
        with held(asking, self._clock.sleep):
            read_at, answer = self._answers.get(key, (float("-inf"), {}))
            if self._clock.now() - read_at >= _FRESH:
                answer = self._ask(key)
                self._answers[key] = self._clock.now(), answer
        if isinstance(answer, DeployError):
            raise answer
        return answer

    def _ask(self, names: Sequence[str]) -> Mapping[str, Status] | DeployError:
        try:
            return self._read(names)
        except DeployError as error:  # kept, too: each of the threads that wait would ask again, one after another
            return error

    def _read(self, names: Sequence[str]) -> Mapping[str, Status]:
        found: dict[str, Status] = {}
        for start in range(0, len(names), _NAMES_OF_ONE_CALL):
            with translated("cloudwatch:DescribeAlarms", ", ".join(names)):
                client = self._aws.cloudwatch()
                answer = client.describe_alarms(
                    AlarmNames=list(names[start : start + _NAMES_OF_ONE_CALL]),
                    AlarmTypes=_kinds(client),
                    MaxRecords=_NAMES_OF_ONE_CALL,
                )
            for alarm in _alarms(answer):
                reason = bounded(alarm.get("StateReason") or "", _LONGEST_REASON)
                found[alarm["AlarmName"]] = Status(value=alarm.get("StateValue", ""), reason=reason)
        return found


def _kinds(client: "CloudWatchClient") -> "Sequence[AlarmTypeType]":
    """Return every kind of alarm in the model: without names of kinds, CloudWatch shows metric alarms alone."""
    shape = cast("StringShape", client.meta.service_model.shape_for("AlarmType"))
    return cast("Sequence[AlarmTypeType]", shape.enum)


def _alarms(answer: Mapping[str, object]) -> Iterator[Mapping[str, str]]:
    """Yield the alarms of an answer, which has a list for each kind, such as `MetricAlarms`."""
    for value in answer.values():
        if isinstance(value, list):
            yield from (alarm for alarm in value if isinstance(alarm, dict) and "AlarmName" in alarm)
