import json
from hashlib import sha256
from typing import Any

import pytest

from ecr_lambda_deploy.aws.ecr_images import member_for
from ecr_lambda_deploy.model.documents import Document
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.targets import Platform

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def _digest(name: str) -> str:
    return f"sha256:{sha256(name.encode()).hexdigest()}"


def _member(name: str, platform: str = "", **more: object) -> dict[str, Any]:
    parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False)) if platform else None
    return {"mediaType": _MANIFEST, "digest": _digest(name), "size": 1} | ({"platform": parts} if parts else {}) | more


def _attestation(name: str, platform: str = "unknown/unknown") -> dict[str, Any]:
    return _member(name, platform, annotations={"vnd.docker.reference.type": "attestation-manifest"})


def _member_for(platform: Platform, members: list[dict[str, Any]], name: str) -> str:
    return member_for(platform, Document(json.dumps({"manifests": members}), name).members(), name)


@pytest.mark.parametrize(("platform", "expected"), [("linux/amd64", "amd"), ("linux/arm64", "arm")])
def test_the_image_for_the_platform_is_taken(platform: Platform, expected: str) -> None:
    members = [
        _member("windows", "windows/amd64"),
        _attestation("attestation"),
        _member("armv7", "linux/arm/v7"),
        _member("arm", "linux/arm64/v8"),
        _member("amdv3", "linux/amd64/v3"),
        _member("amd", "linux/amd64"),
    ]

    assert _member_for(platform, members, "orders:v1") == _digest(expected)


def test_an_attestation_is_no_image_whatever_its_platform() -> None:
    members = [_attestation("one", "linux/amd64"), _member("two", "linux/amd64")]

    assert _member_for("linux/amd64", members, "orders:v1") == _digest("two")


def test_what_an_index_holds_instead_is_listed() -> None:
    members = [
        _member("one", "linux/arm64/v8"),
        _member("two", "linux/amd64/v3"),
        _member("three"),
        _member("four", mediaType="application/vnd.oci.image.index.v1+json"),
        _attestation("five"),
    ]
    with pytest.raises(DeployError) as caught:
        _member_for("linux/amd64", members, "registry.example/orders:v1")

    assert caught.value.message == (
        "registry.example/orders:v1 is an index without an image for linux/amd64. It holds:\n"
        f"- linux/arm64/v8: {_digest('one')}\n"
        f"- linux/amd64/v3: {_digest('two')}\n"
        f"- no platform stated: {_digest('three')}\n"
        f"- another index: {_digest('four')}"
    )


def test_an_index_may_hold_nothing() -> None:
    with pytest.raises(DeployError, match="It holds no image"):
        _member_for("linux/amd64", [_attestation("one")], "orders:v1")
