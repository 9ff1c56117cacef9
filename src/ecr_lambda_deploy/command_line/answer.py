"""What the command line prints at the end: in a terminal the result, what serves and how to undo it; or JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

from ecr_lambda_deploy.command_line import history
from ecr_lambda_deploy.command_line.terminal import Terminal
from ecr_lambda_deploy.conclusion import Conclusion
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.functions import ServingFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.private_folders import PrivateFolders
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.outputs import outputs
from ecr_lambda_deploy.report.results import importance, revision_of, short_digest
from ecr_lambda_deploy.report.undo import goals

DONE, FAILED, WRONG_USAGE = 0, 1, 2
"""Exit codes; argparse has the last one, too."""

_MOST_SHOWN = 20  # functions
_COMMIT = 7  # digits


class Answer(Conclusion):
    """The end of a run by hand.

    Args:
        journal: the results of the run.
        environment: of the process.
        terminal: shows it.
        folders: of the run.
        is_json: whether to print one JSON document.
        is_history: whether histories are what was asked for.

    Attributes:
        histories: those that were read.
    """

    def __init__(
        self,
        journal: Journal,
        environment: Mapping[str, str],
        terminal: Terminal,
        folders: PrivateFolders,
        *,
        is_json: bool,
        is_history: bool = False,
    ) -> None:
        super().__init__(journal, environment, terminal, folders)
        self._terminal = terminal
        self._is_json = is_json
        self._is_history = is_history
        self.histories: Sequence[history.History] = ()

    def _write(self) -> int:
        """Write what there is, and return the exit code."""
        journal = self._journal
        self._annotate()
        if self._is_json:
            self._terminal.answer(json.dumps(self._redacted(self._document()), indent=2))
        elif self._is_history:
            if self.histories:
                self._terminal.answer(history.table(self.histories))
        else:
            (self._terminal.failure if journal.errors else self._terminal.success)(headline(journal))
            for line in (*what_serves(journal), *undo(journal)):
                self._terminal.answer(line)
        return exit_code(journal)

    def _document(self) -> Mapping[str, object]:
        errors = [str(error) for error in self._journal.errors]
        if self._is_history:
            return {"functions": history.document(self.histories), "errors": errors}
        values = dict(outputs(self._journal))
        results = json.loads(values.pop("results") or "[]")
        del values["summary"]  # which is Markdown for GitHub
        return {"headline": headline(self._journal), "outputs": values, "results": results, "errors": errors}

    def _redacted(self, value: object) -> object:
        """Return a document without secrets; in JSON's own quotes they would be others."""
        match value:
            case str():
                return self._terminal.redacted(value)
            case dict():
                return {key: self._redacted(inner) for key, inner in value.items()}
            case list():
                return [self._redacted(inner) for inner in value]
            case _:
                return value


def exit_code(journal: Journal) -> int:
    """Return the exit code: wrong inputs are wrong usage."""
    if isinstance(journal.error, InputError):
        return WRONG_USAGE
    return FAILED if journal.errors else DONE


def what_serves(journal: Journal) -> Iterator[str]:
    """Yield what became of each function and what serves it now, the most important first."""
    outcomes = sorted(journal.outcomes, key=importance)
    for outcome in outcomes[:_MOST_SHOWN]:
        yield f"  {outcome.function}: {_result(outcome)}"
    if len(outcomes) > _MOST_SHOWN:
        yield f"  and {len(outcomes) - _MOST_SHOWN} more functions"


def undo(journal: Journal) -> Iterator[str]:
    """Yield the commands that undo a run which has changed what serves."""
    if journal.mode not in {Mode.DEPLOY, Mode.ROLLBACK} or not (found := goals(journal)):
        return
    yield "Undo, with the same Region and credentials:"
    if journal.manifest and journal.mode is Mode.DEPLOY:
        yield f"  ecr-lambda-deploy rollback --manifest {quote(journal.manifest)}"
        return
    for (alias, to), names in found.items():
        options = [f"--function-name {quote(name)}" for name in names]
        options += [f"--alias {quote(alias)}"] if alias else []
        options += ["--rollback-to " + quote(to.strip('"'))] if to else []
        yield f"  ecr-lambda-deploy rollback {' '.join(options)}"


def _result(outcome: Outcome) -> str:
    if outcome.status is ReleaseStatus.PLANNED:
        follows = f": {', '.join(outcome.follows)}" if outcome.follows else ""
        return f"would change, {outcome.reason}{follows}"
    before = f", before {_served(outcome.before)}" if outcome.is_changed and outcome.before.serving else ""
    return f"{outcome.status}, serves {_served(outcome.after)}{before}"


def _served(function: ServingFunction) -> str:
    commit = revision_of(function)[:_COMMIT]
    parts = [f"version {function.version}" if function.version else "", f"commit {commit}" if commit else ""]
    parts += [short_digest(function.image)] if not commit and function.image else []
    shares = [f"{weight * 100:g} % version {version}" for version, weight in function.weights.items()]
    return " ".join(filter(None, [*parts, *shares])) or "what is not known"
