from typing import Any

import pytest

from ecr_lambda_deploy.aws.ecr_images import member_for
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.targets import Platform

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _member(name: str, platform: str = "", **more: object) -> dict[str, Any]:
    parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False)) if platform else None
    return {"mediaType": _MANIFEST, "digest": name} | ({"platform": parts} if parts else {}) | more


def _attestation(name: str, platform: str = "unknown/unknown") -> dict[str, Any]:
    return _member(name, platform, annotations={"vnd.docker.reference.type": "attestation-manifest"})


@pytest.mark.parametrize(("platform", "expected"), [("linux/amd64", "sha256:amd"), ("linux/arm64", "sha256:arm")])
def test_the_image_for_the_platform_is_taken(platform: Platform, expected: str) -> None:
    members = [
        _member("sha256:windows", "windows/amd64"),
        _attestation("sha256:attestation"),
        _member("sha256:armv7", "linux/arm/v7"),
        _member("sha256:arm", "linux/arm64/v8"),
        _member("sha256:amdv3", "linux/amd64/v3"),
        _member("sha256:amd", "linux/amd64"),
    ]

    assert member_for(platform, {"manifests": members}, "orders:v1") == expected


def test_an_attestation_is_no_image_whatever_its_platform() -> None:
    index = {"manifests": [_attestation("sha256:one", "linux/amd64"), _member("sha256:two", "linux/amd64")]}

    assert member_for("linux/amd64", index, "orders:v1") == "sha256:two"


def test_what_an_index_holds_instead_is_listed() -> None:
    members = [
        _member("sha256:one", "linux/arm64/v8"),
        _member("sha256:two", "linux/amd64/v3"),
        _member("sha256:three"),
        _member("sha256:four", mediaType="application/vnd.oci.image.index.v1+json"),
        _attestation("sha256:five"),
    ]
    with pytest.raises(DeployError) as caught:
        member_for("linux/amd64", {"manifests": members}, "registry.example/orders:v1")

    assert caught.value.message == (
        "registry.example/orders:v1 is an index without an image for linux/amd64. It holds:\n"
        "- linux/arm64/v8: sha256:one\n"
        "- linux/amd64/v3: sha256:two\n"
        "- no platform stated: sha256:three\n"
        "- another index: sha256:four"
    )


def test_an_index_may_hold_nothing() -> None:
    with pytest.raises(DeployError, match="It holds no image"):
        member_for("linux/amd64", {"manifests": [_attestation("sha256:one")]}, "orders:v1")
