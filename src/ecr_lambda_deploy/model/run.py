"""The run: of a workflow, or by hand."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

ACTION = "org/ecr-lambda-deploy@v1"
"""This action, for a workflow that names none: one of its own repository uses it by path."""

# They run what a pull request brings, by a comment too (such as `/deploy`), or after such a run with what it has left.
_UNREVIEWED = {"issue_comment", "merge_group", "pull_request", "pull_request_target", "workflow_run"}
_ALWAYS_DEFAULT = {"schedule"}  # its event does not name the branch [GitHub documentation, events]


_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # SHA-1, or SHA-256 [git, hash-function-transition]


def is_commit(text: str) -> bool:
    """Whether a text is the whole SHA of a commit."""
    return _COMMIT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackWorkflow:
    """A workflow of the repository that rolls back with this action when it is started by hand.

    Attributes:
        file: name of its file.
        given: the inputs that it gives the action, as they stand: some are expressions such as `${{ inputs.to }}`.
        inputs: names of its own inputs.
        required: those of them that have no default and must be given.
    """

    file: str
    given: Mapping[str, str]
    inputs: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """The workflow run, or one that somebody has started by hand; what GitHub does not say is empty.

    Attributes:
        commit: full SHA of what it runs on; what a step has checked out may be another.
        repository: `owner/name`.
        run_id: number of the run; numbers rise with time. GitHub knows nothing of a run by hand: its number is that of
            the last run before it, as far as descriptions record it, with the seconds from 1970 to its start as its
            decimals. So whatever compares numbers knows which came first.
        attempt: number of the attempt, from 1.
        workflow: file name of the workflow.
        server_url: such as `https://github.com`.
        action: this action, as the workflow names it, or as it is released: `owner/name@ref`.
        event: name of the event that started it, such as `push`.
        ref: what it runs on, such as `refs/heads/main`.
        default_branch: of the repository; empty where the event does not say.
        head: repository that its pull request comes from; empty if it is of none.
        actor: login of who started this attempt.
    """

    commit: str = ""
    repository: str = ""
    run_id: str = ""
    attempt: str = ""
    workflow: str = ""
    server_url: str = ""
    action: str = ACTION
    event: str = ""
    ref: str = ""
    default_branch: str = ""
    head: str = ""
    actor: str = ""

    @property
    def is_by_hand(self) -> bool:
        """Whether it is of no workflow."""
        return "." in self.run_id

    def after(self, last: int) -> Self:
        """Return this run by hand with its number after that of the last run before it."""
        return replace(self, run_id=f"{last}.{self.run_id.partition('.')[2]}")

    @property
    def is_from_fork(self) -> bool:
        """Whether it is of a pull request from another repository."""
        return self.head not in {"", self.repository}

    @property
    def why_apart(self) -> str:
        """Why runs of the default branch must not take over what this one writes, such as a cache; empty if they may.

        Where the default branch is not known, no branch is taken for it.
        """
        if not (self.event or self.ref) or self.event in _ALWAYS_DEFAULT:
            return ""
        if self.event in _UNREVIEWED:
            return f"this run is of the event {self.event}"
        if not self.default_branch:
            return "the event that started this run does not name the default branch"
        if self.ref != f"refs/heads/{self.default_branch}":
            return f"this run is of {self.ref or 'no ref'}, not of the default branch {self.default_branch}"
        return ""
