"""The machine's time."""

import time

from ecr_lambda_deploy.github.cancelling import RunnerCancelling


class SystemClock:
    """The time; cancelling ends its `sleep`.

    Args:
        cancelling: of the run.
    """

    def __init__(self, cancelling: RunnerCancelling) -> None:
        self._cancelling = cancelling

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError: the run is cancelled.
        """
        self._cancelling.wait(seconds)
