"""Workflows as a user writes them, from another repository: the README's quick start, and the examples."""

import re
from pathlib import Path

import pytest

from sandbox.runner.workflow import run_workflow
from sandbox.sandbox import create_function
from tests.e2e.jobs import ROOT, Job
from tests.e2e.releases import releases_of

FUNCTION = "orders-api"


def _quick_start() -> str:
    """Return the README's first workflow."""
    found = re.search(r"^```yaml\n(name: deploy\n.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def orders_api(bare_job_on_each_engine: Job) -> Job:
    """The function that the README speaks of, in the account, Region and with the role that it names."""
    job = bare_job_on_each_engine
    job.name = FUNCTION
    ecr = job.aws.client("ecr")
    ecr.create_repository(repositoryName=FUNCTION)
    first = job.step({"mode": "build", "repository": FUNCTION})
    create_function(job.aws, FUNCTION, first.outputs["image-uri"])
    return job


def test_the_quick_start_deploys_and_the_next_step_prints_the_image(orders_api: Job) -> None:
    workflow = _quick_start()
    assert "uses: org/ecr-lambda-deploy@v1" in workflow
    orders_api.greet("from the quick start")
    environment = {"AWS_ENDPOINT_URL": orders_api.aws.endpoint, **orders_api.aws.oidc_environment()}
    result = run_workflow(workflow, orders_api.workspace, engine=orders_api.engine, environment=environment)
    assert result.exit_code == 0, result.log
    printed = re.findall(r"^\[deploy/deploy\]\s+\|\s+(\S+@sha256:[0-9a-f]{64})$", result.log, re.MULTILINE)
    assert printed == [orders_api.resolved_image_uri()]
    assert "from the quick start" in orders_api.invoke()


def test_the_example_of_a_rollback_brings_back_what_served_before(
    bare_job: Job, release_images: tuple[str, ...], tmp_path: Path
) -> None:
    bare_job.name = "orders-worker"
    releases = releases_of(bare_job, release_images, tmp_path / "empty")
    for number in (1, 2):
        assert releases.deploy(number, run_id="1").exit_code == 0  # act's only number of a run

    result = run_workflow(
        (ROOT / "examples/rollback/rollback.yml").read_text(),
        bare_job.workspace,
        engine=bare_job.engine,
        environment={"AWS_ENDPOINT_URL": releases.aws.endpoint, **releases.aws.oidc_environment()},
        dispatch={"function": bare_job.name, "rollback-to": "previous"},
    )

    assert result.exit_code == 0, result.log
    assert "Rolled back orders-worker" in result.log
    assert releases.served() == releases.latest() == release_images[1]
