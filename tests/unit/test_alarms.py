from types import SimpleNamespace
from typing import Any, cast

from ecr_lambda_deploy.adapters.alarms import CloudWatchAlarms


class _Aws:
    """Counts what CloudWatch is asked."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def alarms(self) -> SimpleNamespace:
        return SimpleNamespace(describe_alarms=self._describe)

    def _describe(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 # as boto3 takes them
        self.asked.append(arguments["AlarmNames"])
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK"} for name in arguments["AlarmNames"]]}


def test_who_asks_within_a_second_gets_the_same_answer_and_later_a_new_one() -> None:
    now = [100.0]
    aws = _Aws()
    watched = CloudWatchAlarms(cast("Any", aws), now=lambda: now[0])

    for _ in range(3):
        assert watched.states(("errors",)) == {"errors": "OK"}
        now[0] += 0.3
    assert aws.asked == [["errors"]]
    assert watched.states(("latency",)) == {"latency": "OK"}
    now[0] += 1
    watched.states(("errors",))
    assert aws.asked == [["errors"], ["latency"], ["errors"]]
