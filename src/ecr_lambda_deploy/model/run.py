"""The workflow run."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """The workflow run; its strings are empty outside GitHub.

    Attributes:
        commit: full SHA.
        repository: `owner/name`.
        run_id: number of the run, unique within the repository.
        attempt: number of the attempt, from 1.
        workflow: file name of the workflow.
        server_url: such as `https://github.com`.
        action: this action, as the workflow names it: `owner/name@ref`.
    """

    commit: str = ""
    repository: str = ""
    run_id: str = ""
    attempt: str = ""
    workflow: str = ""
    server_url: str = ""
    action: str = ""
