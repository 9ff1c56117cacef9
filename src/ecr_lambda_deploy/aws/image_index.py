"""The image for one platform out of an image index, which Docker calls a manifest list."""

from collections.abc import Mapping
from typing import Any

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.targets import Platform

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
# An index may say the variant of a platform or leave it out, since each has one that is meant then.
_VARIANTS: Mapping[Platform, set[str]] = {"linux/amd64": {"", "v1"}, "linux/arm64": {"", "v8"}}


def member_for(platform: Platform, index: Mapping[str, Any], name: str) -> str:
    """Return the digest of the image that an index holds for a platform.

    Attestations are told from images by an annotation [BuildKit documentation, Image attestation storage].

    Args:
        platform: that it has to fit.
        index: its parsed JSON.
        name: of the index, for the message.

    Raises:
        DeployError: it holds none; the message lists what it holds.
    """
    members = [
        member
        for member in index.get("manifests", [])
        if "vnd.docker.reference.type" not in (member.get("annotations") or {})
    ]
    for member in members:
        stated = member.get("platform", {})
        fits = f"{stated.get('os')}/{stated.get('architecture')}" == platform
        if fits and stated.get("variant", "") in _VARIANTS[platform]:
            digest: str = member["digest"]
            return digest
    held = "".join(f"\n- {_described(member)}: {member['digest']}" for member in members)
    raise DeployError(
        f"{name} is an index without an image for {platform}. It holds{':' + held if held else ' no image.'}",
        f"Build it for {platform} too, or let the function run on a platform that it holds.",
    )


def _described(member: Mapping[str, Any]) -> str:
    if member.get("mediaType") in INDEXES:
        return "another index"
    stated = member.get("platform", {})
    parts = [stated[part] for part in ("os", "architecture", "variant") if stated.get(part)]
    return "/".join(parts) or "no platform stated"
