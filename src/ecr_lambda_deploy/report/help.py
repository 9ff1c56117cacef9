"""Where the documentation says more about an error."""

from urllib.parse import quote

from ecr_lambda_deploy.model.errors import DeployError, parts_of
from ecr_lambda_deploy.model.run import WorkflowRun

PAGE = "docs/help/troubleshooting.md"
"""It has a heading for each topic of an error, which a test compares with the code."""


def help_addresses(error: DeployError, run: WorkflowRun) -> list[str]:
    """Return where the page explains an error, as of the version that runs; a `SeveralError` has several topics."""
    repository, _, ref = run.action.partition("@")
    page = f"https://github.com/{quote(repository)}/blob/{quote(ref)}/{PAGE}"
    return [f"{page}#{topic}" for topic in dict.fromkeys(part.topic for part in parts_of(error)) if topic]
