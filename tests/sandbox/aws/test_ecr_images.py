"""ECR's images: found by tag and digest, archived, deleted, tagged again."""

import hashlib
import os

import pytest
import requests

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import (
    ACCOUNT,
    DOCKER_MANIFEST,
    OCI_MANIFEST,
    Registry,
    create_function,
    refusal,
    wait_until_updated,
)


def test_an_archived_image_has_a_manifest_and_cannot_be_pulled(
    aws: Aws, registry: Registry, repository: str, function: str
) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "old", "old")
    aws.archive_image(repository, digest)
    image_id = {"repositoryName": repository, "imageIds": [{"imageDigest": digest}]}
    assert ecr.describe_images(**image_id)["imageDetails"][0]["imageStatus"] == "ARCHIVED"
    assert ecr.batch_get_image(**image_id)["images"][0]["imageManifestMediaType"] == OCI_MANIFEST
    with aws.archived_manifests_hidden():
        by_tag = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "old"}, {"imageTag": "v1"}])
    assert [image["imageId"]["imageTag"] for image in by_tag["images"]] == ["v1"]
    assert [(failure["imageId"], failure["failureCode"]) for failure in by_tag["failures"]] == [
        ({"imageTag": "old"}, "ImageInaccessible")
    ]
    for reference in ("old", digest):
        assert registry.http.get(registry.url(f"{repository}/manifests/{reference}")).status_code == 404
    for image_uri in (f"{aws.registry}/{repository}@{digest}", f"{aws.registry}/{repository}:old"):
        text = f"Source image {image_uri} does not exist. Provide a valid source image."
        refused = ("InvalidParameterValueException", text, 400)
        assert refusal(aws.client("lambda").update_function_code, FunctionName=function, ImageUri=image_uri) == refused
        assert refusal(create_function, aws=aws, name="archived", image_uri=image_uri) == refused
    assert registry.push(repository, "old", "old") == digest
    assert ecr.describe_images(**image_id)["imageDetails"][0]["imageStatus"] == "ACTIVE"
    aws.client("lambda").update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}@{digest}")
    assert wait_until_updated(aws, function)["CodeSha256"] == digest[7:]


def test_lists_show_active_images_unless_asked_for_others(aws: Aws, registry: Registry, repository: str) -> None:
    ecr = aws.client("ecr")
    old, new = registry.push(repository, "old", "old"), registry.push(repository, "new", "new")
    aws.archive_image(repository, old)
    for status, digests in (({}, {new}), ({"imageStatus": "ARCHIVED"}, {old}), ({"imageStatus": "ANY"}, {old, new})):
        asked = {"repositoryName": repository, "filter": status}
        assert {image["imageDigest"] for image in ecr.list_images(**asked)["imageIds"]} == digests
        assert {image["imageDigest"] for image in ecr.describe_images(**asked)["imageDetails"]} == digests


def test_a_deleted_image_is_gone_for_every_call(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "v1", "one")
    registry.push(repository, "v2", "two")
    aws.archive_image(repository, digest)
    image_id = {"repositoryName": repository, "imageIds": [{"imageDigest": digest}]}
    ecr.batch_delete_image(**image_id)
    assert refusal(ecr.describe_images, **image_id)[0] == "ImageNotFoundException"
    assert ecr.batch_get_image(**image_id)["failures"][0]["failureCode"] == "ImageNotFound"
    assert registry.push(repository, "v1", "one") == digest
    assert ecr.describe_images(**image_id)["imageDetails"][0]["imageStatus"] == "ACTIVE"


@pytest.mark.parametrize("way", ["push", "put-image"])
def test_a_tag_is_listed_where_it_moved_to(aws: Aws, registry: Registry, way: str) -> None:
    ecr, name = aws.client("ecr"), f"tests/moved-by-{way}"
    ecr.create_repository(repositoryName=name)
    old, new = registry.push(name, "live", "old"), registry.push(name, "v2", "new")
    for digest, content in ((new, "new"), (old, "old"), (new, "new")):
        if way == "push":
            registry.push(name, "live", content)
        else:
            image_ids = [{"imageDigest": digest}]
            manifest = ecr.batch_get_image(repositoryName=name, imageIds=image_ids)["images"][0]["imageManifest"]
            ecr.put_image(
                repositoryName=name, imageManifest=manifest, imageManifestMediaType=OCI_MANIFEST, imageTag="live"
            )
        listed = ecr.list_images(repositoryName=name)["imageIds"]
        assert [image["imageDigest"] for image in listed if image.get("imageTag") == "live"] == [digest]
        described = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": "live"}])["imageDetails"]
        assert [image["imageDigest"] for image in described] == [digest]
    details = {image["imageDigest"]: image for image in ecr.describe_images(repositoryName=name)["imageDetails"]}
    assert (details[old].get("imageTags"), sorted(details[new]["imageTags"])) == (None, ["live", "v2"])
    mismatch = [{"imageDigest": old, "imageTag": "live"}]
    assert refusal(ecr.describe_images, repositoryName=name, imageIds=mismatch)[0] == "ImageNotFoundException"


def test_a_pushed_image_is_found_by_tag_and_by_digest(aws: Aws, registry: Registry, repository: str) -> None:
    digest = registry.push(repository, "v1", "one")
    pushed = registry.http.get(registry.url(f"{repository}/manifests/v1"))
    answer = aws.client("ecr").batch_get_image(
        repositoryName=repository,
        imageIds=[{"imageTag": "v1"}, {"imageDigest": digest}, {"imageTag": "missing"}],
        acceptedMediaTypes=[OCI_MANIFEST, DOCKER_MANIFEST],
    )
    assert [image["imageId"]["imageDigest"] for image in answer["images"]] == [digest, digest]
    for image in answer["images"]:
        assert image["imageManifest"].encode() == pushed.content
        assert image["imageManifestMediaType"] == OCI_MANIFEST
        assert f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}" == digest
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]
    refused = aws.client("ecr").batch_get_image(
        repositoryName=repository, imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[DOCKER_MANIFEST]
    )
    assert refused["images"] == []


def test_a_layer_can_be_downloaded_without_credentials(aws: Aws, registry: Registry, repository: str) -> None:
    content = os.urandom(3 << 20)
    digest = registry.push_blob(repository, content)["digest"]
    found = aws.client("ecr").get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    assert requests.get(found["downloadUrl"], timeout=10).content == content
    assert requests.get(found["downloadUrl"], timeout=10).status_code == 403
    code, _, _ = refusal(
        aws.client("ecr").get_download_url_for_layer, repositoryName=repository, layerDigest="sha256:" + "0" * 64
    )
    assert code == "LayersNotFoundException"


def test_put_image_adds_a_tag_that_api_and_registry_find(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "v1", "one")
    manifest = registry.http.get(registry.url(f"{repository}/manifests/v1")).text
    again = {"repositoryName": repository, "imageManifest": manifest, "imageManifestMediaType": OCI_MANIFEST}
    put = ecr.put_image(**again, imageTag="release")
    assert put["image"]["imageId"] == {"imageDigest": digest, "imageTag": "release"}
    for reference in ("release", digest):
        answer = registry.http.get(registry.url(f"{repository}/manifests/{reference}"))
        assert (answer.text, answer.headers["Docker-Content-Digest"]) == (manifest, digest)
    listed = ecr.list_images(repositoryName=repository)["imageIds"]
    assert {image["imageTag"] for image in listed if image["imageDigest"] == digest} == {"v1", "release"}
    assert refusal(ecr.put_image, **again, imageTag="release")[:2] == (
        "ImageAlreadyExistsException",
        (
            f"Image with digest '{digest}' and tag 'release' already exists in the repository with name '{repository}' "
            f"in registry with id '{ACCOUNT}'"
        ),
    )
    other = again | {"imageDigest": "sha256:" + "0" * 64}
    assert refusal(ecr.put_image, **other, imageTag="other")[0] == "ImageDigestDoesNotMatchException"


def test_after_a_tag_moved_lists_show_where_it_is(aws: Aws, registry: Registry, repository: str) -> None:
    ecr = aws.client("ecr")
    old, new = registry.push(repository, "latest", "old"), registry.push(repository, "latest", "new")
    listed = ecr.list_images(repositoryName=repository)["imageIds"]
    assert sorted(listed, key=str) == sorted(
        [{"imageDigest": old}, {"imageDigest": new, "imageTag": "latest"}], key=str
    )
    described = {
        image["imageDigest"]: image for image in ecr.describe_images(repositoryName=repository)["imageDetails"]
    }
    assert "imageTags" not in described[old]
    assert described[new]["imageTags"] == ["latest"]


def test_deleting_a_tag_leaves_the_image_and_its_other_tags(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "one", "same")
    assert registry.push(repository, "two", "same") == digest
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "one"}])
    assert ecr.list_images(repositoryName=repository)["imageIds"] == [{"imageDigest": digest, "imageTag": "two"}]
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []
    assert registry.http.get(registry.url(f"{repository}/manifests/{digest}")).status_code == 404


def test_an_image_is_archived_and_restored_by_its_storage_class(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "kept", "kept")
    image = {"repositoryName": repository, "imageId": {"imageTag": "kept"}}
    described = {"repositoryName": repository, "imageIds": [{"imageTag": "kept"}]}
    answer = ecr.update_image_storage_class(**image, targetStorageClass="ARCHIVE")
    assert (answer["imageId"], answer["imageStatus"]) == ({"imageTag": "kept", "imageDigest": digest}, "ARCHIVED")
    assert ecr.describe_images(**described)["imageDetails"][0]["imageStatus"] == "ARCHIVED"
    assert ecr.update_image_storage_class(**image, targetStorageClass="STANDARD")["imageStatus"] == "ACTIVATING"
    assert ecr.describe_images(**described)["imageDetails"][0]["imageStatus"] == "ACTIVE"
    absent = {"repositoryName": repository, "imageId": {"imageTag": "absent"}, "targetStorageClass": "ARCHIVE"}
    assert refusal(ecr.update_image_storage_class, **absent)[0] == "ImageNotFoundException"
