"""Invocations of a Lambda function, and CloudWatch alarms, in memory."""

from collections.abc import Mapping, Sequence

from ecr_lambda_deploy.model.functions import LATEST, Status
from ecr_lambda_deploy.ports.functions import Response
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
