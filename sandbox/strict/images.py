"""Which images Lambda takes."""

import json

from sandbox.strict.errors import ApiError
from sandbox.strict.registry import fetch_manifest
from sandbox.strict.state import Image, State
from sandbox.strict.upstream import Scope

# AWS Lambda Developer Guide, "Create a Lambda function using a container image": one image, no index.
_MANIFESTS = {
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
}
_LAYERS = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar",
}


async def resolve_image(state: State, scope: Scope, uri: str, architectures: list[str]) -> Image:
    """Return the image that Lambda would pin for an `ImageUri`.

    Args:
        state: The layer's state.
        scope: The function's account and Region.
        uri: The image URI of the request.
        architectures: The function's architectures, or those of the request.

    Raises:
        ApiError: InvalidParameterValueException, for a URI that is no single image of this registry (AWS Lambda
            Developer Guide, images-create; pulumi-docker-build#571; aws-lambda-roadmap#82).
    """
    repository, tag, digest = _parts(state, uri)
    if not repository or (tag and digest):
        raise ApiError(
            "InvalidParameterValueException", f"Source image {uri} is not valid. Provide a valid source image."
        )
    owner = state.owner(repository, scope)
    found = await fetch_manifest(state, owner, repository, digest or tag or "latest") if owner else None
    if found is None:
        raise ApiError(
            "InvalidParameterValueException", f"Source image {uri} does not exist. Provide a valid source image."
        )
    if found.media_type not in _MANIFESTS:
        raise ApiError(
            "InvalidParameterValueException",
            f"The image manifest, config or layer media type for the source image {uri} is not supported.",
        )
    resolved = f"{state.registry}/{repository}@{found.digest}"
    return Image(uri=uri, resolved_uri=resolved, architectures=architectures)


async def unsupported_layer(state: State, scope: Scope, image: Image) -> str | None:
    """Return the digest of the first layer that Lambda cannot read, which it finds out only later (rules_oci#777)."""
    repository, _, digest = _parts(state, image.resolved_uri)
    found = await fetch_manifest(state, state.owner(repository, scope) or scope, repository, digest)
    if found is None:
        return None
    layers = json.loads(found.body)["layers"]
    return next((str(layer["digest"]) for layer in layers if layer["mediaType"] not in _LAYERS), None)


def _parts(state: State, uri: str) -> tuple[str, str, str]:
    """Return repository, tag and digest; no repository if the host is not this registry."""
    name, _, digest = uri.removeprefix(f"{state.registry}/").partition("@")
    repository, _, tag = name.partition(":")
    return (repository if uri.startswith(f"{state.registry}/") else ""), tag, digest
