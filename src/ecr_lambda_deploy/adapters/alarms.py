"""CloudWatch alarms, by boto3."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ecr_lambda_deploy.adapters.aws_errors import translated

if TYPE_CHECKING:
    from ecr_lambda_deploy.adapters.credentials import Aws

_NAMES_OF_ONE_CALL = 100  # [DescribeAlarms, AlarmNames]


class CloudWatchAlarms:
    """Metric and composite alarms of one account and Region.

    Args:
        aws: gives the client.
    """

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    def states(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return the state of each alarm that there is: OK, ALARM or INSUFFICIENT_DATA.

        Raises:
            DeployError: they may not be read.
        """
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
