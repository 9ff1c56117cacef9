"""A workflow as a user writes it, from another repository: the README's quick start, on both engines."""

import json
import re
from collections.abc import Iterator

import pytest

from sandbox.runner.workflow import run_workflow
from tests.e2e.jobs import ROOT, Job, documented_function


def _block(start: str) -> str:
    """Return the README's block that begins so."""
    found = re.search(rf"^```\w+\n({start}.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def orders_api(bare_job_on_each_engine: Job) -> Iterator[Job]:
    """The function that the README speaks of, in the account, Region and with the role that it names."""
    with documented_function(bare_job_on_each_engine) as job:
        yield job


def test_the_quick_start_deploys_and_the_next_step_prints_the_image(orders_api: Job) -> None:
    workflow = _block("name: deploy\n")
    orders_api.aws.put_role_policy("deploy", json.loads(_block('{ "Version"')))
    assert "uses: org/ecr-lambda-deploy@v1" in workflow
    orders_api.greet("from the quick start")
    environment = {"AWS_ENDPOINT_URL": orders_api.aws.endpoint, **orders_api.aws.oidc_environment()}
    result = run_workflow(workflow, orders_api.workspace, engine=orders_api.engine, environment=environment)
    assert result.exit_code == 0, result.log
    printed = re.findall(r"^\[deploy/deploy\]\s+\|\s+(\S+@sha256:[0-9a-f]{64})$", result.log, re.MULTILINE)
    assert printed == [orders_api.resolved_image_uri()]
    assert "from the quick start" in orders_api.invoke()
