"""Reports the result of a run: log, annotations, outputs and job summary, written once however the run ends."""

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from threading import Lock, Thread

from ecr_lambda_deploy.github.actions import Console, write_outputs, write_summary
from ecr_lambda_deploy.model.errors import CancelledError
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.private_folders import PrivateFolders
from ecr_lambda_deploy.report.annotations import annotations
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.outputs import outputs
from ecr_lambda_deploy.report.summary import summary

_PATIENCE = 1.0  # seconds, to write the conclusion of a run that missed its deadline


class Conclusion:
    """The end of a run.

    Args:
        journal: the results of the run.
        environment: of the step; it has the paths of the runner's files.
        console: the job's log.
        folders: of the run, which no secret on disk outlives.
    """

    def __init__(
        self, journal: Journal, environment: Mapping[str, str], console: Console, folders: PrivateFolders
    ) -> None:
        self._journal = journal
        self._environment = environment
        self._console = console
        self._folders = folders
        self._once = Lock()

    def write(self) -> int:
        """Write log, annotations, outputs and job summary, and return the exit code."""
        self._once.acquire()  # never released: the conclusion is written once
        return self._write()

    def _write(self) -> int:
        journal, console = self._journal, self._console
        output, path = self._environment.get("GITHUB_OUTPUT"), self._environment.get("GITHUB_STEP_SUMMARY")
        if any(outcome.is_changed for outcome in journal.outcomes):
            from ecr_lambda_deploy.inputs.rollback_workflows import rollback_workflows

            workspace = Path(self._environment.get("GITHUB_WORKSPACE") or ".")
            journal.rollback_workflows = rollback_workflows(workspace, journal.run.action)
        with ExitStack() as each:  # if one fails, the others still run; they run in reverse order
            each.callback(lambda: (console.failure if journal.errors else console.success)(headline(journal)))
            each.callback(self._annotate)
            each.callback(lambda: write_summary(summary(journal), path) if path else None)
            each.callback(lambda: write_outputs(outputs(journal)) if output else None)
        return 1 if journal.errors else 0

    def _annotate(self) -> None:
        """Annotate the run with its causes; those that are too many are in the log, folded, above."""
        shown, others = annotations(self._journal)
        if others:
            self._console.folded("More causes", others)
        for one in shown:
            self._console.error(one.text, one.location, title=one.title)

    def give_up(self) -> None:
        """Write the results so far and end the process: a cancelled run has missed its deadline."""
        Thread(target=self._end_soon, name="the end", daemon=True).start()  # a write to a full pipe would block
        try:
            self._folders.remove_all()
            if self._once.acquire(timeout=_PATIENCE / 2):
                self._journal.error = self._journal.error or CancelledError()
                self._write()
        finally:
            self.leave(1)

    def leave(self, exit_code: int) -> None:
        """End the process without waiting for other threads."""
        try:
            self._folders.remove_all()
        finally:
            self.end(exit_code)

    def end(self, exit_code: int) -> None:
        """End the process immediately."""
        os._exit(exit_code)

    def _end_soon(self) -> None:
        time.sleep(_PATIENCE)
        self.end(1)
