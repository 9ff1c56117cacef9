"""ECR's repositories: what they are called, what they refuse, and which tags stay."""

from typing import Any

import pytest

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, OCI_MANIFEST, Registry, refusal


def test_repository_uris_name_the_registry(aws: Aws, repository: str) -> None:
    described = aws.client("ecr").describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert described["repositoryUri"] == f"{aws.registry}/{repository}"


def test_missing_things_are_reported_in_ecr_s_words(aws: Aws, repository: str) -> None:
    ecr = aws.client("ecr")
    missing = "does not exist in the registry with id '123456789012'"
    assert refusal(ecr.list_images, repositoryName="missing")[:2] == (
        "RepositoryNotFoundException",
        f"The repository with name 'missing' {missing}",
    )
    assert refusal(ecr.create_repository, repositoryName=repository)[0] == "RepositoryAlreadyExistsException"
    assert refusal(ecr.get_repository_policy, repositoryName=repository)[:2] == (
        "RepositoryPolicyNotFoundException",
        (
            f"Repository policy does not exist for the repository with name '{repository}' in the registry with id "
            f"'{ACCOUNT}'"
        ),
    )
    assert refusal(ecr.describe_images, repositoryName=repository, imageIds=[{"imageTag": "v9"}])[:2] == (
        "ImageNotFoundException",
        (
            "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name "
            f"'{repository}' in the registry with id '{ACCOUNT}'"
        ),
    )


def test_a_repository_made_anew_is_empty(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "v1", "one")
    code, text, _ = refusal(ecr.delete_repository, repositoryName=repository)
    assert code == "RepositoryNotEmptyException"
    assert text == (
        f"The repository with name '{repository}' in registry with id '{ACCOUNT}' cannot be deleted because it still "
        "contains images"
    )
    deleted = ecr.delete_repository(repositoryName=repository, force=True)["repository"]
    assert deleted["repositoryUri"] == f"{aws.registry}/{repository}"
    assert refusal(ecr.list_images, repositoryName=repository)[0] == "RepositoryNotFoundException"
    ecr.create_repository(repositoryName=repository)
    assert registry.http.get(registry.url(f"{repository}/manifests/{digest}")).status_code == 404


@pytest.mark.parametrize("change", ["at-creation", "later"])
def test_immutable_tags_stay_and_excluded_ones_move(aws: Aws, registry: Registry, change: str) -> None:
    ecr, name = aws.client("ecr"), f"tests/immutable-{change}"
    setting: dict[str, Any] = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "cache*"}],
    }
    ecr.create_repository(repositoryName=name, **(setting if change == "at-creation" else {}))
    if change == "later":
        ecr.put_image_tag_mutability(repositoryName=name, **setting)
    described = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert {key: described[key] for key in setting} == setting
    first = registry.push(name, "v1", "first")
    assert registry.push(name, "cache-main", "first") != registry.push(name, "cache-main", "second")
    manifests = [registry.http.get(registry.url(f"{name}/manifests/{tag}")).text for tag in ("cache-main", "v1")]
    text = (
        f"The image tag 'v1' already exists in the '{name}' repository and cannot be overwritten because the tag is "
        "immutable."
    )
    for manifest in manifests:  # the one that the tag has, too
        pushed = registry.put(name, "v1", manifest)
        assert (pushed.status_code, pushed.json()["errors"][0]) == (400, {"code": "TAG_INVALID", "message": text})
        put = {"repositoryName": name, "imageManifest": manifest, "imageManifestMediaType": OCI_MANIFEST}
        assert refusal(ecr.put_image, **put, imageTag="v1")[:2] == ("ImageTagAlreadyExistsException", text)
    assert registry.http.head(registry.url(f"{name}/manifests/v1")).headers["Docker-Content-Digest"] == first
