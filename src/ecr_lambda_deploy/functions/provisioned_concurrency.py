"""Provisioned concurrency of an alias, which Lambda moves in its own time when the alias has moved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ecr_lambda_deploy.concurrency import beside
from ecr_lambda_deploy.model.errors import DeployError, NotServedError, TakenOverError
from ecr_lambda_deploy.model.functions import UNKNOWN, AliasState, Status
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.ports.runner import Clock

_NOT_ASKED = Status(value="")

# In seconds; a move often takes 6 to 8 minutes.
_FIRST_DELAY = 1.0
_GROWTH = 1.3
_LONGEST_DELAY = 10.0
_BETWEEN_LINES = 60.0


@dataclass(slots=True, kw_only=True)
class ProvisionedConcurrency:
    """Provisioned concurrency of one alias.

    Attributes:
        function: name or ARN of the function.
        alias: name of the alias.
        ports: Lambda and the log.
        clock: time; an error that its `sleep` raises ends the wait.
        timeout: seconds to wait.
        status: before the alias was moved; None if it has none.
    """

    function: str
    alias: str
    ports: Ports
    clock: Clock
    timeout: float
    status: Status | None = _NOT_ASKED

    @contextmanager
    def asked_beside(self) -> Iterator[None]:
        """Ask for the status, once, concurrently with the block.

        Raises:
            DeployError: it cannot be read; raised after the block.
        """
        if self.status != _NOT_ASKED:
            yield
            return
        with beside(partial(self.ports.aliases.concurrency, self.function, self.alias)) as asking:
            yield
        self.status = asking.result()

    @property
    def is_there(self) -> bool:
        """Whether the alias has any; or may have, where these credentials may not ask."""
        return self.status is not None and self.status != _NOT_ASKED

    def wait_until_served(self, moved: AliasState, on_read: Callable[[AliasState], None]) -> None:
        """Wait until the alias serves the version that it was moved to. Without concurrency that is at once.

        Until that has its concurrency, Lambda gives the version before all the traffic. Its answer to the move does not
        show that, but GetAlias does [terraform-provider-aws#48116].

        Args:
            moved: the alias as Lambda returned it from the move.
            on_read: called with the alias, each time that it is read.

        Raises:
            NotServedError: Lambda has given up.
            TakenOverError: somebody else has moved the alias meanwhile.
            DeployError: Lambda has not moved the concurrency in time, or the alias cannot be read.
        """
        if not self.is_there:
            return
        started, delay, next_line = self.clock.now(), _FIRST_DELAY, 0.0
        while True:
            alias = self.ports.aliases.read(self.function, self.alias)
            if alias is not None:
                on_read(alias)
            if alias is None or alias.version != moved.version:
                raise TakenOverError(
                    f"The alias {self.alias} of {self.function} was moved by somebody else meanwhile, so it stays."
                )
            status = UNKNOWN if self.status == UNKNOWN else self.ports.aliases.concurrency(self.function, self.alias)
            waited = self.clock.now() - started
            is_in_progress = status is not None and status.value == "IN_PROGRESS"
            if not alias.is_held_back and (not is_in_progress or waited >= self.timeout):
                return
            if (status is not None and status.value == "FAILED") or waited >= self.timeout:
                raise self._not_served(alias, status)
            if waited >= next_line:
                moving = f"the provisioned concurrency of the alias {self.alias}: {status}"
                self.ports.log.info(f"waiting for {moving}; the version before serves")
                next_line += _BETWEEN_LINES
            self.clock.sleep(min(delay, self.timeout - waited))
            delay = min(delay * _GROWTH, _LONGEST_DELAY)

    def _not_served(self, alias: AliasState, status: Status | None) -> DeployError:
        what = f"the provisioned concurrency of {alias.arn} to version {alias.version}"
        look = (
            "Look at it: aws lambda get-provisioned-concurrency-config "
            f"--function-name {self.function} --qualifier {self.alias}"
        )
        if status is not None and status.value == "FAILED":
            return NotServedError(
                f"Lambda could not move {what}: {status}. The version before serves.",
                "Make sure that the function can be initialised, and that the account's unreserved concurrency is "
                f"enough for both versions. {look}",
            )
        return DeployError(
            f"Lambda has not moved {what} within {self.timeout:.0f} s: {status}. The version before serves.",
            f"The input 'wait-timeout' gives it longer: Lambda often takes 6 to 8 minutes. {look}",
            topic=NotServedError.topic,
        )
