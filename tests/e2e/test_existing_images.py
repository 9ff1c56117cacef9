"""Images that are there already: pinned, checked, copied by digest, and never through an engine."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_lambda_deploy.permissions.policies import Names, grants, policy_of
from ecr_lambda_deploy.permissions.roles import PROMOTION_SOURCE, PROMOTION_TARGET
from sandbox.aws import Aws, running_aws
from sandbox.aws.regions import one_endpoint
from sandbox.runner import StepResult
from sandbox.sandbox import create_function
from tests.e2e.jobs import SHARED, Job
from tests.integration.registry_client import Pusher

ON_CURRENT = pytest.mark.parametrize("each_engine", ["current"], indirect=True)


def _error(result: StepResult) -> str:
    return next(annotation.message for annotation in result.annotations if annotation.level == "error")


def _push_index(job: Job, folder: Path, *options: str) -> tuple[str, dict[str, str]]:
    """Push an index, and return its URI and the digest of each platform's image."""
    (job.workspace / "Dockerfile").write_text('FROM scratch\nCOPY app.py /\nCMD ["/app"]\n')
    uri = f"{job.aws.registry}/{SHARED}:index-{job.name}"
    job.push_with_plain_buildx(uri, folder, *options)
    pushed = job.aws.client("ecr").batch_get_image(repositoryName=SHARED, imageIds=[{"imageTag": f"index-{job.name}"}])
    index = json.loads(pushed["images"][0]["imageManifest"])
    assert "manifests" in index
    return uri, {
        f"{entry['platform']['os']}/{entry['platform']['architecture']}": entry["digest"]
        for entry in index["manifests"]
    }


@ON_CURRENT
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_the_image_of_an_index_that_fits_is_deployed(
    bare_job_on_each_engine: Job, first_image_on_each_engine: str, architecture: str, tmp_path: Path
) -> None:
    job = bare_job_on_each_engine
    create_function(job.aws, job.name, first_image_on_each_engine, architecture)
    uri, images = _push_index(job, tmp_path, "--platform=linux/amd64,linux/arm64", "--provenance=false")
    result = job.step({"function-name": job.name, "image-uri": uri}, with_engine=False)
    assert result.exit_code == 0
    assert result.outputs["image-digest"] == images[{"x86_64": "linux/amd64", "arm64": "linux/arm64"}[architecture]]
    assert job.resolved_image_uri() == result.outputs["image-uri"]


@ON_CURRENT
def test_an_attested_image_is_deployed_without_its_attestations(job_on_each_engine: Job, tmp_path: Path) -> None:
    job = job_on_each_engine
    uri, images = _push_index(job, tmp_path, "--provenance=mode=max")
    assert set(images) == {"linux/amd64", "unknown/unknown"}
    result = job.step({"function-name": job.name, "image-uri": uri}, with_engine=False)
    assert result.outputs["image-digest"] == images["linux/amd64"]


def test_a_configuration_that_is_nested_too_deeply_does_not_end_the_process(job: Job) -> None:
    deep = '{"os": "linux", "architecture": "amd64", "deep": ' + 9000 * "[" + 9000 * "]" + "}"
    digest = Pusher(job.aws).image(SHARED, configuration=deep)
    image = f"{job.aws.registry}/{SHARED}@{digest}"
    result = job.step({"function-name": job.name, "image-uri": image}, with_engine=False)
    assert result.exit_code == 1, result.log
    assert "it is nested too deeply: more than 200 levels" in _error(result)


@ON_CURRENT
def test_an_index_without_the_architecture_says_what_it_holds(job_on_each_engine: Job, tmp_path: Path) -> None:
    job = job_on_each_engine
    uri, _ = _push_index(job, tmp_path, "--platform=linux/arm64", "--provenance=mode=max")
    before = job.aws.snapshot()
    result = job.step({"function-name": job.name, "image-uri": uri}, with_engine=False)
    assert result.exit_code == 1
    assert "linux/arm64" in _error(result)
    assert "linux/amd64" in _error(result)
    assert job.aws.snapshot() == before


@ON_CURRENT
def test_a_build_with_attestations_runs(job_on_each_engine: Job) -> None:
    job = job_on_each_engine
    job.greet(job.name)
    inputs = {"function-name": job.name, "provenance": "mode=max"}
    result = job.step(inputs)
    assert result.exit_code == 0
    assert job.name in job.invoke()
    assert job.step(inputs).outputs["changed"] == "false"


def test_the_digest_wins_over_a_tag_beside_it(job: Job, first_image: str) -> None:
    name, _, digest = first_image.partition("@")
    result = job.step({"function-name": job.name, "image-uri": f"{name}:whatever@{digest}"}, with_engine=False)
    assert result.exit_code == 0
    assert result.outputs["changed"] == "true"  # the version is new
    assert result.outputs["image-uri"] == first_image == job.resolved_image_uri()


def test_an_image_that_is_gone(job: Job) -> None:
    before = job.aws.snapshot()
    uri = f"{job.aws.registry}/{SHARED}@sha256:{'0' * 64}"
    result = job.step({"function-name": job.name, "image-uri": uri}, with_engine=False)
    assert result.exit_code == 1
    assert uri in _error(result)
    assert job.aws.snapshot() == before


def test_promotion_within_the_account_copies_into_the_functions_repository(job: Job, bare_job: Job) -> None:
    assert bare_job is job
    prod = f"{job.name}-prod"
    job.aws.client("ecr").create_repository(repositoryName=prod)
    job.greet(job.name)
    built = job.step()
    create_function(job.aws, prod, built.outputs["previous-image-uri"])
    result = job.step(
        {"function-name": prod, "repository": prod, "promote-from": f"{job.name}:{built.outputs['function-version']}"},
        with_engine=False,
    )
    assert result.exit_code == 0
    assert result.outputs["image-digest"] == built.outputs["image-digest"]
    assert result.outputs["repository-uri"] == f"{job.aws.registry}/{prod}"
    answer = job.aws.client("lambda").invoke(FunctionName=prod, Payload=b"{}")["Payload"].read().decode()
    assert job.name in answer


@pytest.fixture
def production(job: Job) -> Iterator[Aws]:
    """An AWS of another account in another Region, with a registry of its own."""
    docker_host = job.engine.environment()["DOCKER_HOST"]
    with running_aws(docker_host=docker_host, account="210987654321", region="eu-west-1") as production:
        yield production


def test_promotion_between_accounts_and_regions(job: Job, production: Aws) -> None:
    job.greet(job.name)
    built = job.step()
    ecr = production.client("ecr")
    ecr.create_repository(repositoryName="orders")
    layers = [layer["digest"] for layer in _layers(job.aws, built.outputs["image-digest"])]
    there = ecr.batch_check_layer_availability(repositoryName="orders", layerDigests=layers)
    assert not [layer for layer in there.get("layers", []) if layer["layerAvailability"] == "AVAILABLE"]

    source = (
        f"arn:aws:lambda:{job.aws.region}:{job.aws.account}:function:{job.name}:{built.outputs['function-version']}"
    )
    reading = Names(
        region=job.aws.region,
        account=job.aws.account,
        source_functions=(job.name,),
        source_repositories=(SHARED,),
    )
    writing = Names(region=production.region, account=production.account, repositories=("orders",))
    job.aws.put_role_policy("deploy", dict(policy_of(grants(PROMOTION_SOURCE.features, reading))))
    production.put_role_policy("deploy", dict(policy_of(grants(PROMOTION_TARGET.features, writing))))
    endpoints = {job.aws.region: job.aws.endpoint, production.region: production.endpoint}
    with one_endpoint(endpoints, default=production.region) as endpoint:
        environment = {
            **job.aws.environment(),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_REGION": production.region,
            **production.oidc_environment(),
        }
        result = job.step(
            {
                "mode": "build",
                "repository": "orders",
                "platform": "linux/amd64",
                "promote-from": source,
                "role-to-assume": f"arn:aws:iam::{production.account}:role/deploy",
            },
            environment=environment,
            with_engine=False,
        )
    assert result.exit_code == 0
    assert result.outputs["image-uri"] == f"{production.registry}/orders@{built.outputs['image-digest']}"
    create_function(production, "orders", result.outputs["image-uri"])
    answer = production.client("lambda").invoke(FunctionName="orders", Payload=b"{}")["Payload"].read().decode()
    assert job.name in answer


def _layers(aws: Aws, digest: str) -> list[dict[str, str]]:
    found = aws.client("ecr").batch_get_image(repositoryName=SHARED, imageIds=[{"imageDigest": digest}])
    layers: list[dict[str, str]] = json.loads(found["images"][0]["imageManifest"])["layers"]
    return layers


def test_an_image_on_the_host_that_registry_names_is_of_this_registry(job: Job) -> None:
    host = job.aws.registry.replace("localhost", "127.0.0.1")
    digest = job.resolved_image_uri().partition("@")[2]
    inputs = {"function-name": job.name, "registry": host, "image-uri": f"{host}/{SHARED}@{digest}", "publish": "false"}
    result = job.step(inputs, with_engine=False)
    assert result.exit_code == 0
    assert result.outputs["image-uri"] == job.resolved_image_uri() == f"{host}/{SHARED}@{digest}"
    assert job.changing_calls("registry") == []
    assert job.step(inputs, with_engine=False).outputs["changed"] == "false"
