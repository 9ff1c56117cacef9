"""The registry's moods: missing and immutable repositories, faults that pass and faults that stay."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import product

import pytest

from sandbox.aws import Aws, Fault, running_aws
from sandbox.machine.engine import Engine
from sandbox.sandbox import create_function
from tests.e2e.jobs import COMMIT, Job, copy_image, new_job

FOREVER = 1_000_000
_AT_ONCE = 5  # each has processes of its own, and computes for some seconds before it waits


def test_create_repository_makes_one_that_keeps_what_is_deployed(bare_job: Job) -> None:
    job = bare_job
    built = job.step({"mode": "build", "repository": job.name, "create-repository": "true"})
    assert built.exit_code == 0
    ecr = job.aws.client("ecr")
    repository = ecr.describe_repositories(repositoryNames=[job.name])["repositories"][0]
    assert repository["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert repository["imageScanningConfiguration"]["scanOnPush"] is True
    rules = json.loads(ecr.get_lifecycle_policy(repositoryName=job.name)["lifecyclePolicyText"])["rules"]
    assert {rule["selection"]["tagStatus"] for rule in rules} == {"untagged"}
    policy = ecr.get_repository_policy(repositoryName=job.name)["policyText"]
    assert "lambda.amazonaws.com" in policy
    create_function(job.aws, job.name, built.outputs["image-uri"])
    assert "hello" in job.invoke()


def test_immutable_tags_deploy_run_again_and_run_again_with_other_content(job: Job) -> None:
    job.aws.client("ecr").create_repository(repositoryName=job.name, imageTagMutability="IMMUTABLE")
    inputs = {"function-name": job.name, "repository": job.name}
    job.greet("one")
    first = job.step(inputs)
    assert (first.exit_code, first.outputs["changed"]) == (0, "true")
    assert COMMIT in first.outputs["image-tags"].splitlines()

    again = job.step(inputs)
    assert (again.exit_code, again.outputs["changed"]) == (0, "false")
    assert again.outputs["image-digest"] == first.outputs["image-digest"]
    assert "Nothing to build" in again.log

    (job.workspace / "Dockerfile").write_text((job.workspace / "Dockerfile").read_text() + "ENV OTHER=1\n")
    other = job.step(inputs)
    assert (other.exit_code, other.outputs["changed"]) == (0, "true")
    assert other.outputs["image-digest"] != first.outputs["image-digest"]
    assert f"The tag {COMMIT} stays on the image that has it" in other.log
    assert other.outputs["image-tags"].startswith("src-")


CALLS = {
    "ecr": ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:PutImage"),
    "registry": (
        *("registry:HeadBlob", "registry:InitiateUpload", "registry:UploadPart", "registry:CompleteUpload"),
        *("registry:PutManifest", "registry:HeadManifest", "registry:GetManifest"),
    ),
}
FAULTS = {
    "429": Fault(action="", status=429),
    "500": Fault(action="", status=500),
    "reset": Fault(action="", reset=True),
    "slow": Fault(action="", delay=3.0),
}


def _survives(job: Job, calls: str, fault: str) -> None:
    job.greet(job.name)
    for call in CALLS[calls]:
        job.aws.inject(replace(FAULTS[fault], action=call))
    result = job.step(show=None)
    assert result.exit_code == 0, result.log
    assert job.name in job.invoke()
    assert job.aws.pending_faults() == [], "every call was hit"


def _gives_up(job: Job, call: str) -> None:
    job.greet(job.name)
    before = job.aws.snapshot()
    job.aws.inject(Fault(action=call, times=FOREVER, status=500))
    result = job.step(show=None)
    assert result.exit_code == 1, result.log
    assert result.seconds < 150
    error = next(annotation.message for annotation in result.annotations if annotation.level == "error")
    assert call.partition(":")[2] in error or "500" in error
    assert job.aws.snapshot() == before


LASTING = {call: partial(_gives_up, call=call) for call in ("ecr:BatchGetImage", "registry:PutManifest")}
PASSING = {
    f"{calls}-{fault}": partial(_survives, calls=calls, fault=fault)
    for calls, fault in product(("registry", "ecr"), FAULTS)
}


@pytest.fixture(scope="module")
def side_by_side(
    engine: Engine, aws: Aws, first_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Future[None]]]:
    """All cases with a fault: each is mostly a wait for the next try, so they wait together, each in its own AWS."""
    folder = tmp_path_factory.mktemp("cases")

    def run(name: str, case: Callable[[Job], None]) -> None:
        with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as own:
            job = new_job(engine, own, folder / name.replace(":", "-"))
            create_function(own, job.name, copy_image(first_image, engine, aws, own))
            case(job)

    cases = {**LASTING, **PASSING}  # the longest first
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        yield {name: pool.submit(run, name, case) for name, case in cases.items()}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", PASSING)
def test_faults_that_pass_are_survived(side_by_side: Mapping[str, Future[None]], case: str) -> None:
    side_by_side[case].result()


@pytest.mark.parametrize("case", LASTING)
def test_a_fault_that_stays_is_told_and_nothing_is_changed(side_by_side: Mapping[str, Future[None]], case: str) -> None:
    side_by_side[case].result()
