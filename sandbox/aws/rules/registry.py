"""The registry protocol as Amazon ECR speaks it: always with a password, and without creating a repository on push."""

import hashlib
from dataclasses import dataclass

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.state import State
from sandbox.aws.upstream import Scope

# The IAM actions behind the registry's requests (Amazon ECR User Guide, Required IAM permissions for pushing an image).
IAM_ACTIONS = {
    "GetManifest": "ecr:BatchGetImage",
    "HeadManifest": "ecr:BatchGetImage",
    "PutManifest": "ecr:PutImage",
    "GetBlob": "ecr:GetDownloadUrlForLayer",
    "HeadBlob": "ecr:BatchCheckLayerAvailability",
    "InitiateUpload": "ecr:InitiateLayerUpload",
    "UploadPart": "ecr:UploadLayerPart",
    "CompleteUpload": "ecr:CompleteLayerUpload",
    "ListTags": "ecr:ListImages",
}

_MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest as it was pushed, byte for byte."""

    digest: str
    media_type: str
    body: bytes


async def fetch_manifest(state: State, scope: Scope, repository: str, reference: str) -> Manifest | None:
    """Return the manifest that a tag or digest names, or None."""
    path = f"/v2/{repository}/manifests/{reference}"
    answer = await state.upstream.call(scope, "ecr", "GET", path, headers={"Accept": _MANIFEST_TYPES}, body=b"")
    if not answer.ok:
        return None
    headers = answer.headers
    return Manifest(digest=headers["Docker-Content-Digest"], media_type=headers["Content-Type"], body=answer.body)


async def put_manifest(
    state: State,
    scope: Scope,
    repository: str,
    body: bytes,
    *,
    media_type: str,
    tag: str | None,
    expected: str | None = None,
    again: bool = True,
) -> str:
    """Store a manifest under its digest and a tag, for both the API and the registry.

    Args:
        state: What the rules share.
        scope: The repository's account and Region.
        repository: The repository's name.
        body: The manifest.
        media_type: Its media type.
        tag: A tag to give it.
        expected: The digest that the caller expects.
        again: Whether the same manifest may be put under the same mutable tag again: a push may, PutImage may not.

    Returns:
        The manifest's digest.

    Raises:
        ApiError: ImageDigestDoesNotMatchException, ImageAlreadyExistsException or ImageTagAlreadyExistsException, as
            ECR words them (Amazon ECR API Reference, PutImage; moby/buildkit#3776, osscontainertools/kaniko#204). An
            immutable tag takes the manifest that it has no second time, either (containers-roadmap#2179).
    """
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    if expected not in {None, digest}:
        raise ApiError(
            "ImageDigestDoesNotMatchException",
            f"The provided image digest '{expected}' does not match the digest '{digest}' of the provided image",
        )
    there = await fetch_manifest(state, scope, repository, tag or digest)
    if tag and there and state.repositories[scope, repository].immutable(tag):
        raise _tag_is_immutable(repository, tag)
    if there is not None and there.digest == digest and not again:
        raise _already_exists(scope, repository, digest, tag)
    path = f"/v2/{repository}/manifests/{tag or digest}"
    answer = await state.upstream.call(scope, "ecr", "PUT", path, headers={"Content-Type": media_type}, body=body)
    if not answer.ok:
        raise ApiError("InvalidParameterException", answer.body.decode())
    return digest


def _already_exists(scope: Scope, repository: str, digest: str, tag: str | None) -> ApiError:
    return ApiError(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name "
        f"'{repository}' in registry with id '{scope.account}'",
    )


def _tag_is_immutable(repository: str, tag: str) -> ApiError:
    return ApiError(
        "ImageTagAlreadyExistsException",
        f"The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because "
        "the tag is immutable.",
    )


async def _repository_must_exist(request: Request) -> None:
    repository = request.operation.parameters.get("repository")
    if repository is not None and _owner(request, repository) is None:
        raise ApiError(
            "NAME_UNKNOWN",
            f"The repository with name '{repository}' does not exist in the registry with id '{request.scope.account}'",
            404,
        )


def _owner(request: Request, repository: str) -> Scope | None:
    owner = request.state.owner(repository, request.scope)
    return None if request.operation.changing and owner != request.scope else owner


async def _put_manifest(request: Request) -> web.Response:
    parameters = request.operation.parameters
    repository, reference = parameters["repository"], parameters["reference"]
    by_digest = reference.startswith("sha256:")
    try:
        digest = await put_manifest(
            request.state,
            request.scope,
            repository,
            await request.http.read(),
            media_type=request.http.content_type,
            tag=None if by_digest else reference,
            expected=reference if by_digest else None,
        )
    except ApiError as error:
        codes = {"ImageTagAlreadyExistsException": "TAG_INVALID", "ImageDigestDoesNotMatchException": "DIGEST_INVALID"}
        raise ApiError(codes.get(error.code, "MANIFEST_INVALID"), error.text, error.status) from error
    request.state.archived.discard((request.scope, repository, digest))
    headers = {"Location": f"/v2/{repository}/manifests/{digest}", "Docker-Content-Digest": digest}
    return web.Response(status=201, headers=headers)


async def _archived_images_stay(request: Request) -> None:
    """Refuse to pull an archived image, but for Lambda, which has its own copy and pulls without credentials here."""
    repository, reference = request.operation.parameters["repository"], request.operation.parameters["reference"]
    owner = _owner(request, repository)
    if not request.caller.access_key or owner is None:
        return
    found = await fetch_manifest(request.state, owner, repository, reference)
    if found is not None and (owner, repository, found.digest) in request.state.archived:
        raise ApiError("MANIFEST_UNKNOWN", "Requested image not found", 404)


async def _pass_on(request: Request) -> web.StreamResponse:
    repository = request.operation.parameters.get("repository")
    owner = _owner(request, repository) if repository else None
    return await request.state.upstream.stream(owner or request.scope, request.http)


_IMMUTABLE = "moby/buildkit#3776, osscontainertools/kaniko#204, containers-roadmap#2179"
_ARCHIVE = "Amazon ECR User Guide, Archiving an image: a pull fails with 404, a push restores it"

RULES = (
    Rule(("registry:*",), _repository_must_exist, "moby/moby#24473, plexsystems/sinker#55"),
    Rule(("registry:PutManifest",), _put_manifest, _IMMUTABLE),
    Rule(("registry:GetManifest", "registry:HeadManifest"), _archived_images_stay, _ARCHIVE),
    Rule(("registry:*",), _pass_on, "OCI Distribution Specification: blobs are streamed both ways"),
)
