"""The example of a monorepo, word for word: a plan, a job for each image, one deployment."""

import pytest
import yaml

from sandbox.sandbox import create_function
from sandbox.workflow import run_workflow
from tests.e2e.jobs import ROOT, Job

_SHOP = ROOT / "examples/monorepo"


@pytest.mark.parametrize("each_engine", ["current"], indirect=True)  # 20.10 has no named build contexts
def test_the_example_of_a_monorepo_builds_on_many_machines_and_deploys_all_together(
    bare_job_on_each_engine: Job, first_image_on_each_engine: str
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

    result = run_workflow(
        (_SHOP / "deploy.yml").read_text(),
        _SHOP,
        engine=bare_job_on_each_engine.engine,
        environment={"AWS_ENDPOINT_URL": aws.endpoint, **aws.oidc_environment()},
    )

    assert result.exit_code == 0, result.log
    served = aws.snapshot().functions
    assert all("/shop/" in served[name]["ResolvedImageUri"] for name in names)
    for image in images:
        assert f"shop/{image} is to be built" in result.log
    deployed = "\n".join(line for line in result.log.splitlines() if line.startswith("[deploy/deploy"))
    assert "Of 12 functions: 12 deployed" in deployed
    assert "is to be built" not in deployed
    planned = "\n".join(line for line in result.log.splitlines() if line.startswith("[deploy/plan"))
    assert "Plan: 12 of 12 functions would change" in planned
