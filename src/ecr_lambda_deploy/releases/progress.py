"""What the log says of releases while they are carried out: of few each line, of many how far they have come."""

from collections import Counter, deque
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import RLock

from ecr_lambda_deploy.model.errors import SourceLocation
from ecr_lambda_deploy.ports.runner import Clock, Log

_MOST_SHOWN = 10  # functions of which each line is shown as it comes
_MOST_FAILURES = 10  # that are shown of many functions
_MOST_KEPT = 50  # lines of one function, in case that it fails
_LINES_OF_A_STAGE = 10
_SILENCE = 60.0  # seconds, after which any function's line is shown


class Progress:
    """What the log says of a run's releases.

    A thousand functions have many thousand lines, of which a reader finds none. So of more than ten the log says how
    many have been prepared, released and reverted, and each failure at once, with the function's own lines folded.

    Args:
        names: of the functions.
        log: the job's.
        clock: measures for how long the log has been silent.
    """

    def __init__(self, names: Iterable[str], log: Log, clock: Clock) -> None:
        self._kept = {name: deque[str](maxlen=_MOST_KEPT) for name in names}
        self._log, self._clock = log, clock
        self._lock = RLock()  # many threads release
        self._counts, self._shown = Counter[str](), Counter[str]()
        self._announced = set[str]()
        self._last_line = clock.now()

    @property
    def total(self) -> int:
        """The number of functions."""
        return len(self._kept)

    def log_of(self, name: str) -> "FunctionLog":
        """Return the log for what is done to one function."""
        return FunctionLog(name=name, progress=self, log=self._log)

    def say(self, name: str, message: str) -> None:
        """Print a line about a function, or keep it where there are many."""
        with self._lock:
            if self.total <= _MOST_SHOWN:
                self._log.info(f"{name}: {message}")
                return
            self._kept[name].append(message)
            if self._clock.now() - self._last_line >= _SILENCE:
                counted = [f"{self._counted(stage)}; " for stage in self._counts][-1:]
                self._print(f"{''.join(counted)}{name}: {message}")

    def fail(self, name: str, message: str) -> None:
        """Print that a function has failed, and why; of many only the first ones, with what was done to each."""
        with self._lock:
            self._counts["failed"] += 1
            if self.total > _MOST_SHOWN and self._counts["failed"] > _MOST_FAILURES:
                return
            self._shown["failed"] = self._counts["failed"]
            self._log.failure(f"{name} failed: {message}")
            if self.total > _MOST_SHOWN and self._kept[name]:
                self._log.folded(f"{name}, until it failed", self._kept[name])

    def announce(self, message: str) -> None:
        """Print, once, why all releases end."""
        with self._lock:
            if message not in self._announced:
                self._announced.add(message)
                self._log.failure(message)

    def count(self, stage: str) -> None:
        """Count a function that has come through a stage, and print the number from time to time.

        Args:
            stage: `prepared`, `released` or `reverted`.
        """
        with self._lock:
            self._counts[stage] += 1
            count, each = self._counts[stage], max(self.total // _LINES_OF_A_STAGE, 1)
            if count % each == 0 or count == self.total:
                self._print_count(stage)

    def end(self) -> None:
        """Print the last numbers: of a group that was reverted, those of what was released count no more."""
        with self._lock:
            for stage in ("reverted" if self._counts["reverted"] else "released", "failed"):
                if self._shown[stage] < self._counts[stage]:
                    self._print_count(stage)

    def _print_count(self, stage: str) -> None:
        self._shown[stage] = self._counts[stage]
        if self.total > _MOST_SHOWN:
            self._print(self._counted(stage))

    def _counted(self, stage: str) -> str:
        return f"{self._counts[stage]} of {self.total} functions {stage}"

    def _print(self, line: str) -> None:
        self._last_line = self._clock.now()
        self._log.info(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionLog:
    """The job's log for what is done to one function: each line begins with the function's name.

    Attributes:
        name: of the function.
        progress: decides which lines are shown.
        log: the job's.
    """

    name: str
    progress: Progress
    log: Log

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is printed within the block."""
        return self.log.group(title)

    def folded(self, title: str, lines: Iterable[str]) -> None:
        """Print lines, folded."""
        self.log.folded(title, lines)

    def info(self, message: str) -> None:
        """Print a line."""
        self.progress.say(self.name, message)

    def failure(self, message: str) -> None:
        """Print that the function has failed, and why."""
        self.progress.fail(self.name, message)

    def notice(self, message: str) -> None:
        """Annotate the run with a notice."""
        self.log.notice(message)

    def warning(self, message: str, location: SourceLocation | None = None) -> None:
        """Annotate the run with a warning."""
        self.log.warning(message, location)

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        """Annotate the run with an error."""
        self.log.error(message, location)
