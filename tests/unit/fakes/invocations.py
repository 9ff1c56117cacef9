"""Invocations of a Lambda function, and CloudWatch's alarms and metrics, in memory."""

from collections.abc import Collection, Mapping, Sequence

from ecr_lambda_deploy.model.error_rates import InvocationCounts
from ecr_lambda_deploy.model.functions import LATEST, Status
from ecr_lambda_deploy.ports.functions import AliasInvocations, Response
from tests.unit.fakes.functions import FakeFunctions


class FakeInvocations:
    """Invocations of a function; its calls are among those of the function.

    Attributes:
        answer: to every invocation.
        invoked: qualifier, the image that ran, and the event of each.
        timeouts: how long each was waited for, in seconds.
    """

    def __init__(self, functions: FakeFunctions) -> None:
        self._functions = functions
        self.answer = Response(payload='{"ok": true}', error="", log="")
        self.invoked: list[tuple[str, str, str]] = []
        self.timeouts: list[float] = []

    def check_may_invoke(self, name: str) -> None:
        self._functions.enter("check_may_invoke", name=name)

    def invoke(self, name: str, qualifier: str, event: str, *, timeout: float) -> Response:
        self.timeouts.append(timeout)
        self._functions.enter("invoke", qualifier, name=name)
        functions = self._functions
        state = functions.latest if qualifier == LATEST else functions.published[qualifier]
        self.invoked.append((qualifier, str(state.image), event))
        return self.answer


class FakeAlarms:
    """CloudWatch alarms; its calls are among those of the function.

    Attributes:
        there: the state of each alarm.
    """

    def __init__(self, functions: FakeFunctions) -> None:
        self._functions = functions
        self.there: dict[str, str] = {}

    def states(self, names: Sequence[str]) -> Mapping[str, Status]:
        self._functions.enter("alarms")
        return {
            name: Status(value=self.there[name], reason="threshold crossed") for name in names if name in self.there
        }


class FakeMetrics:
    """Lambda's metrics of the alias `live`; its calls, where it does not know the answer, are among the function's.

    Attributes:
        there: what CloudWatch has: by version, empty for all of them, and by minute.
    """

    def __init__(self, functions: FakeFunctions) -> None:
        self._functions = functions
        self.there: dict[str, dict[float, InvocationCounts]] = {}
        self._known: dict[AliasInvocations, tuple[float, dict[float, InvocationCounts]]] = {}

    def count(self, version: str, invocations: int, errors: int, *, minutes_ago: int = 0) -> None:
        """Have CloudWatch show invocations of this minute, or of an earlier one."""
        at = (self._functions.clock.now() // 60 - minutes_ago) * 60
        counted = InvocationCounts(invocations=invocations, errors=errors)
        minutes = self.there.setdefault(version, {})
        minutes[at] = InvocationCounts.sum([minutes.get(at, InvocationCounts()), counted])

    def check_may_read(self) -> None:
        self._functions.enter("check_may_read_metrics")

    def invocations(
        self, wanted: Collection[AliasInvocations], *, since: float, max_age: float
    ) -> Mapping[AliasInvocations, Mapping[float, InvocationCounts]]:
        now = self._functions.clock.now()
        assert {one.alias for one in wanted} == {"live"}
        for one in wanted:
            self._known.setdefault(one, (now, {}))
        if any(now - self._known[one][0] >= max_age for one in wanted):
            self._functions.enter("metrics")
            for one in wanted:
                minutes = {at: counts for at, counts in self.there.get(one.version, {}).items() if at + 60 > since}
                self._known[one] = now, minutes
        return {one: self._known[one][1] for one in wanted}
