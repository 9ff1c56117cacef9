"""The workflow run that this is part of."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """The workflow run that this is part of; empty strings outside GitHub.

    Attributes:
        commit: full SHA.
        repository: `owner/name`.
        run_id: GitHub's number of the run.
        attempt: number of the attempt, from 1.
        workflow: file name of the workflow.
        server_url: such as `https://github.com`.
        action: how the workflow names this action, `owner/name@ref`.
    """

    commit: str = ""
    repository: str = ""
    run_id: str = ""
    attempt: str = ""
    workflow: str = ""
    server_url: str = ""
    action: str = ""
