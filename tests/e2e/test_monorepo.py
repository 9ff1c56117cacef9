"""The example of a monorepo, word for word: a plan, a job for each image, one deployment."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from sandbox.runner.workflow import WorkflowResult, run_workflow
from sandbox.sandbox import create_function
from tests.e2e.jobs import ROOT, Job

_SHOP = ROOT / "examples/monorepo"


@pytest.mark.parametrize("each_engine", ["current"], indirect=True)  # 20.10 has no named build contexts
def test_the_example_of_a_monorepo_builds_on_many_machines_and_deploys_all_together(
    bare_job_on_each_engine: Job, first_image_on_each_engine: str, tmp_path: Path
) -> None:
    aws = bare_job_on_each_engine.aws
    images = yaml.safe_load((_SHOP / "deploy.yaml").read_text())["images"]
    given = [function for image in images.values() for function in image["functions"]]
    names = [(one if isinstance(one, str) else one["name"]).replace("${stage}", "prod") for one in given]
    assert len(names) == 12
    for image in images:
        aws.client("ecr").create_repository(repositoryName=f"shop/{image}")
    for name in names:
        create_function(aws, name, first_image_on_each_engine)
    aws.forget_calls()

    result = _run(bare_job_on_each_engine, _SHOP)

    assert result.exit_code == 0, result.log
    served = aws.snapshot().functions
    assert all("/shop/" in served[name]["ResolvedImageUri"] for name in names)
    for image in images:
        assert f"shop/{image} is to be built" in result.log
    assert re.search(r"Released .*12 functions", _log(result, "deploy"))
    assert "is to be built" not in _log(result, "deploy")
    assert "12 of 12 functions would change" in _log(result, "plan")

    # An image that no function runs has its job too, although nothing changes that serves.
    shop = shutil.copytree(_SHOP, tmp_path / "shop")
    with (shop / "deploy.yaml").open("a") as manifest:
        manifest.write("  tools: { context: services/orders, target: worker, platform: linux/amd64 }\n")
    aws.client("ecr").create_repository(repositoryName="shop/tools")
    result = _run(bare_job_on_each_engine, shop)

    assert result.exit_code == 0, result.log
    assert "Plan: 1 image would be built or copied, 0 of 12 functions would change" in _log(result, "plan")
    assert "shop/tools is to be built" in _log(result, "build")
    assert "Nothing to do: 12 functions" in _log(result, "deploy")


def _run(job: Job, files: Path) -> WorkflowResult:
    return run_workflow(
        (files / "deploy.yml").read_text(),
        files,
        engine=job.engine,
        environment={"AWS_ENDPOINT_URL": job.aws.endpoint, **job.aws.oidc_environment()},
    )


def _log(result: WorkflowResult, job: str) -> str:
    return "\n".join(line for line in result.log.splitlines() if line.startswith(f"[deploy/{job}"))
