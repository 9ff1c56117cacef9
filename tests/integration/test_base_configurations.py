"""Configurations of base images, read from a registry that behaves as ECR's does."""

import json
from uuid import uuid4

import pytest

from ecr_lambda_deploy.docker.configurations import ImageConfigurations
from ecr_lambda_deploy.docker.registries import Registries
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.model.documents import Configuration
from sandbox.aws import Aws
from tests.integration.registry_client import DOCKER_INDEX, Pusher

_TRIGGERS = ("ADD https://example.com/x /", "COPY . /")


@pytest.fixture
def repository(aws: Aws) -> str:
    name = f"base-{uuid4().hex[:8]}"
    aws.client("ecr").create_repository(repositoryName=name)
    return name


def _configurations(aws: Aws, local: Configuration | None = None) -> ImageConfigurations:
    token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    registries = Registries(environment={}, login=lambda _: {"auth": token}, mask=lambda _: None)
    return ImageConfigurations(registries, ask_engine=lambda _: local)


def test_a_single_image_says_what_it_is_for_and_what_it_brings(aws: Aws, repository: str) -> None:
    digest = Pusher(aws).image(repository, "1", platform="linux/arm64", Env=["A=1", "B"], OnBuild=[*_TRIGGERS])
    expected = Configuration(platform="linux/arm64", environment=("A=1", "B"), triggers=_TRIGGERS)

    for name in (":1", f"@{digest}", f":1@{digest}"):
        assert _configurations(aws).read(f"{aws.registry}/{repository}{name}", "linux/amd64") == expected


@pytest.mark.parametrize("media_type", ["application/vnd.oci.image.index.v1+json", DOCKER_INDEX])
def test_of_an_index_the_image_for_the_platform_counts(aws: Aws, repository: str, media_type: str) -> None:
    pusher = Pusher(aws)
    members = {
        platform: pusher.image(repository, platform=platform, Env=[f"P={platform}"])
        for platform in ("linux/amd64", "linux/arm64")
    }
    pusher.index(repository, "1", members, media_type=media_type)
    reference = f"{aws.registry}/{repository}:1"

    for platform in members:
        found = _configurations(aws).read(reference, platform)
        assert (found.platform, found.environment) == (platform, (f"P={platform}",))
    with pytest.raises(UnknownInputError, match="its index has none for linux/riscv64"):
        _configurations(aws).read(reference, "linux/riscv64")


def test_the_engine_s_own_copy_stands_in(aws: Aws, repository: str) -> None:
    local = Configuration(platform="linux/amd64")
    reference = f"{aws.registry}/{repository}:absent"

    assert _configurations(aws, local).read(reference, "linux/amd64") == local
    with pytest.raises(UnknownInputError, match=f"the configuration of {reference} cannot be read: 404"):
        _configurations(aws).read(reference, "linux/amd64")


def test_what_is_not_of_its_digest_is_not_read(aws: Aws, repository: str) -> None:
    """The digest of a manifest names its configuration, whatever a registry gives."""
    pusher = Pusher(aws)
    digest = pusher.image(repository, "1")
    found = aws.client("ecr").batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    manifest = json.loads(found["images"][0]["imageManifest"])
    manifest["config"]["digest"] = manifest["layers"][0]["digest"]
    pusher.manifest(repository, "2", manifest)

    with pytest.raises(UnknownInputError, match="cannot be read"):
        _configurations(aws).read(f"{aws.registry}/{repository}:2", "linux/amd64")
