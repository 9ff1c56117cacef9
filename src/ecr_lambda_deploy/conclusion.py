"""Tells what became of a run, in every way that GitHub has for it; once, whoever ends the run."""

import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from threading import Lock

from ecr_lambda_deploy.adapters.actions import Console, write_outputs, write_summary
from ecr_lambda_deploy.errors import CancelledError
from ecr_lambda_deploy.model import Journal
from ecr_lambda_deploy.report import headline, outputs, summary

_PATIENCE = 1.0  # seconds, for a conclusion that is just being written


class Conclusion:
    """The end of a run.

    Args:
        journal: what was learnt and done.
        environment: of the step, with the paths of the runner's files.
        console: the job's log.
    """

    def __init__(self, journal: Journal, environment: Mapping[str, str], console: Console) -> None:
        self._journal = journal
        self._environment = environment
        self._console = console
        self._once = Lock()

    def write(self) -> int:
        """Write log, annotations, outputs and job summary, and return the exit code."""
        self._once.acquire()  # for good: there is one conclusion
        return self._write()

    def _write(self) -> int:
        journal, console = self._journal, self._console
        with ExitStack() as each:  # one that cannot be written is no reason to leave out the others
            each.callback(console.info, headline(journal))
            for error in reversed(journal.errors):
                each.callback(console.error, str(error), error.location)
            if path := self._environment.get("GITHUB_STEP_SUMMARY"):
                each.callback(write_summary, summary(journal), path)
            if self._environment.get("GITHUB_OUTPUT"):
                each.callback(write_outputs, outputs(journal))
        return 1 if journal.errors else 0

    def give_up(self) -> None:
        """Write what is known, and end the process: a cancelled run has not ended in time."""
        try:
            if self._once.acquire(timeout=_PATIENCE):
                self._journal.error = self._journal.error or CancelledError()
                self._write()
        finally:
            self.leave(1)

    @staticmethod
    def leave(exit_code: int) -> None:
        """End the process without a wait for what other threads are still doing."""
        sys.stdout.flush()
        os._exit(exit_code)
