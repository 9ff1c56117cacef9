"""Amazon ECR's images, and the password for its registry."""

import base64
import json
import secrets
from typing import Any

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.ecr_repositories import delete_manifest, forward, images_of
from sandbox.aws.rules.registry import fetch_manifest, put_manifest

_DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


async def _get_authorization_token(request: Request) -> web.Response:
    password, expires = request.state.identities.issue_password(request.caller)
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    data = {
        "authorizationToken": token,
        "expiresAt": expires,
        "proxyEndpoint": f"http://{request.state.registry}",
    }
    return web.json_response({"authorizationData": [data]}, content_type="application/x-amz-json-1.1")


async def _put_image(request: Request) -> web.Response:
    parameters = request.operation.parameters
    name, manifest, tag = parameters["repositoryName"], parameters["imageManifest"], parameters.get("imageTag")
    media_type = parameters.get("imageManifestMediaType") or json.loads(manifest).get("mediaType", _DOCKER_MANIFEST)
    digest = await put_manifest(
        request.state,
        request.scope,
        name,
        manifest.encode(),
        media_type=media_type,
        tag=tag,
        expected=parameters.get("imageDigest"),
        again=False,
    )
    request.state.archived.discard((request.scope, name, digest))
    image_id = {"imageDigest": digest} | ({"imageTag": tag} if tag else {})
    image = {
        "registryId": request.scope.account,
        "repositoryName": name,
        "imageId": image_id,
        "imageManifest": manifest,
        "imageManifestMediaType": media_type,
    }
    return web.json_response({"image": image}, content_type="application/x-amz-json-1.1")


async def _batch_get_image(request: Request) -> web.Response:
    parameters = request.operation.parameters
    name, accepted = parameters["repositoryName"], parameters.get("acceptedMediaTypes")
    images, failures = [], []
    for wanted in parameters["imageIds"]:
        tag, digest = wanted.get("imageTag"), wanted.get("imageDigest")
        found = await fetch_manifest(request.state, request.scope, name, digest or tag)
        tagged = await fetch_manifest(request.state, request.scope, name, tag) if tag and digest else found
        if found is None or tagged is None or (accepted and found.media_type not in accepted):
            failures.append(_failure(wanted, "ImageNotFound", "Requested image not found"))
        elif _is_hidden(request, name, found.digest):
            failures.append(_failure(wanted, "ImageInaccessible", "Requested image is archived"))
        elif found.digest != tagged.digest:
            failures.append(_failure(wanted, "ImageTagDoesNotMatchDigest", "Requested image tag does not match digest"))
        else:
            images.append(
                {
                    "registryId": request.scope.account,
                    "repositoryName": name,
                    "imageId": wanted | {"imageDigest": found.digest},
                    "imageManifest": found.body.decode(),
                    "imageManifestMediaType": found.media_type,
                }
            )
    return web.json_response({"images": images, "failures": failures}, content_type="application/x-amz-json-1.1")


def _is_hidden(request: Request, repository: str, digest: str) -> bool:
    state = request.state
    return state.are_archived_manifests_hidden and (request.scope, repository, digest) in state.archived


async def _batch_delete_image(request: Request) -> web.Response:
    name = request.operation.parameters["repositoryName"]
    deleted, failures = [], []
    for wanted in request.operation.parameters["imageIds"]:
        found = await fetch_manifest(
            request.state, request.scope, name, wanted.get("imageDigest") or wanted.get("imageTag")
        )
        if found is None:
            failures.append(_failure(wanted, "ImageNotFound", "Requested image not found"))
            continue
        tags = (await images_of(request, name))[found.digest].get("imageTags", [])
        await delete_manifest(request, name, found.digest)
        # Deleting a tag keeps an image that has others. ministack can only delete the image, so put the others again.
        for tag in tags if "imageDigest" not in wanted else ():
            if tag != wanted["imageTag"]:
                await put_manifest(request.state, request.scope, name, found.body, media_type=found.media_type, tag=tag)
        deleted.append(wanted | {"imageDigest": found.digest})
    return web.json_response({"imageIds": deleted, "failures": failures}, content_type="application/x-amz-json-1.1")


async def _list_images(request: Request) -> web.Response:
    ids: list[dict[str, str]] = []
    for image in await _filtered_images(request):
        digest = {"imageDigest": image["imageDigest"]}
        ids += [digest | {"imageTag": tag} for tag in image.get("imageTags", [])] or [digest]
    return web.json_response({"imageIds": ids}, content_type="application/x-amz-json-1.1")


async def _filtered_images(request: Request) -> list[dict[str, Any]]:
    """Return the images that match the request's filter; without one, the active images."""
    given = request.operation.parameters.get("filter", {})
    tags, status = given.get("tagStatus", "ANY"), given.get("imageStatus", "ACTIVE")
    return [
        image
        for image in (await images_of(request, request.operation.parameters["repositoryName"])).values()
        if tags == "ANY" or (tags == "TAGGED") == bool(image.get("imageTags"))
        if status in {"ANY", image["imageStatus"]}
    ]


async def _describe_images(request: Request) -> web.Response:
    parameters = request.operation.parameters
    name = parameters["repositoryName"]
    wanted = parameters.get("imageIds")
    if wanted is not None:
        images = await images_of(request, name)
        by_tag = {tag: image for image in images.values() for tag in image.get("imageTags", [])}
        details = []
        for image_id in wanted:
            found = images.get(image_id.get("imageDigest")) or by_tag.get(image_id.get("imageTag"))
            if found is None or image_id.get("imageTag") not in {None, *found.get("imageTags", [])}:
                raise ApiError(
                    "ImageNotFoundException",
                    f"The image with imageId {{imageDigest:'{image_id.get('imageDigest', 'null')}', "
                    f"imageTag:'{image_id.get('imageTag', 'null')}'}} does not exist within the repository with name "
                    f"'{name}' in the registry with id '{request.scope.account}'",
                )
            details.append(found)
    else:
        details = await _filtered_images(request)
    return web.json_response({"imageDetails": details}, content_type="application/x-amz-json-1.1")


async def _update_image_storage_class(request: Request) -> web.Response:
    """Archive an image, or restore it, which here takes no time."""
    parameters = request.operation.parameters
    name, wanted = parameters["repositoryName"], parameters["imageId"]
    found = await fetch_manifest(
        request.state, request.scope, name, wanted.get("imageDigest") or wanted.get("imageTag")
    )
    if found is None:
        raise ApiError("ImageNotFoundException", "The image requested does not exist in the specified repository.")
    key, is_archived = (request.scope, name, found.digest), parameters["targetStorageClass"] == "ARCHIVE"
    (request.state.archived.add if is_archived else request.state.archived.discard)(key)
    shown = {
        "registryId": request.scope.account,
        "repositoryName": name,
        "imageId": wanted | {"imageDigest": found.digest},
        "imageStatus": "ARCHIVED" if is_archived else "ACTIVATING",
    }
    return web.json_response(shown, content_type="application/x-amz-json-1.1")


async def _get_download_url_for_layer(request: Request) -> web.Response:
    name, digest = request.operation.parameters["repositoryName"], request.operation.parameters["layerDigest"]
    path = f"/v2/{name}/blobs/{digest}"
    found = await request.state.upstream.call(request.scope, "ecr", "HEAD", path, headers={}, body=b"")
    if not found.ok:
        raise ApiError(
            "LayersNotFoundException",
            f"The layer with digest '{digest}' does not exist in the repository with name '{name}' in the registry "
            f"with id '{request.scope.account}'",
        )
    token = secrets.token_urlsafe(24)
    request.state.layer_downloads[token] = (request.scope, name, digest)
    url = f"http://{request.state.registry}/_sandbox/layers/{token}"
    return web.json_response({"downloadUrl": url, "layerDigest": digest}, content_type="application/x-amz-json-1.1")


async def _pass_on(request: Request) -> web.Response:
    return (await forward(request)).response()


def _failure(image_id: dict[str, str], code: str, reason: str) -> dict[str, Any]:
    return {"imageId": image_id, "failureCode": code, "failureReason": reason}


_API = "Amazon ECR API Reference, "

RULES = (
    Rule(("ecr:GetAuthorizationToken",), _get_authorization_token, _API + "GetAuthorizationToken"),
    Rule(("ecr:PutImage",), _put_image, _API + "PutImage; containers-roadmap#2380, containers-roadmap#2179"),
    Rule(("ecr:BatchGetImage",), _batch_get_image, _API + "BatchGetImage, ImageFailure"),
    Rule(("ecr:BatchDeleteImage",), _batch_delete_image, _API + "BatchDeleteImage"),
    Rule(("ecr:ListImages",), _list_images, _API + "ListImages, ListImagesFilter"),
    Rule(("ecr:DescribeImages",), _describe_images, _API + "DescribeImages, ImageNotFoundException"),
    Rule(("ecr:GetDownloadUrlForLayer",), _get_download_url_for_layer, _API + "GetDownloadUrlForLayer"),
    Rule(("ecr:UpdateImageStorageClass",), _update_image_storage_class, _API + "UpdateImageStorageClass"),
    Rule(("ecr:*",), _pass_on, _API + "Errors of each action"),
)
