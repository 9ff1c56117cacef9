"""The images of an ECR registry: tags, manifests, indexes, configurations and their status, by botocore."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ecr_lambda_deploy.aws.errors import DeniedError, RefusedError, translated
from ecr_lambda_deploy.aws.retries import PASSING_STATUSES
from ecr_lambda_deploy.model.documents import LARGEST, Configuration, Descriptor, Document, Member
from ecr_lambda_deploy.model.errors import ArchivedError, DeployError, TagLimitError, UnusableImageError
from ecr_lambda_deploy.model.images import ImageReference, RegistryImage
from ecr_lambda_deploy.model.targets import Platform
from ecr_lambda_deploy.retry import TransientError, retried

if TYPE_CHECKING:
    from mypy_boto3_ecr.type_defs import (
        BatchGetImageResponseTypeDef,
        ImageDetailTypeDef,
        ImageFailureTypeDef,
        ImageIdentifierTypeDef,
        ImageTypeDef,
        ListImagesFilterTypeDef,
    )

    from ecr_lambda_deploy.aws.session import Aws


_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_CONFIGURATIONS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
# An index may name the default variant of a platform, or leave it out.
_VARIANTS: Mapping[Platform, set[str]] = {"linux/amd64": {"", "v1"}, "linux/arm64": {"", "v8"}}
_ARCHIVED = "ImageInaccessible"  # [ImageFailure, failureCode; that it is for archived images is inference]
_IDS_OF_ONE_CALL = 100  # [BatchGetImage, imageIds]
_DOWNLOAD_TIMEOUT = (10, 20)  # seconds, to connect and to read
_NONE: Mapping[str, Configuration] = MappingProxyType({})
_CHUNK = 64 * 1024  # bytes read at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    """A manifest or an index.

    Attributes:
        name: registry, repository and tag or digest, as it was asked for.
        reference: by digest.
        media_type: of the manifest.
        text: byte for byte.
        document: what is read in the text.
    """

    name: str
    reference: ImageReference
    media_type: str
    text: str
    document: Document


class EcrImages:
    """Images of one ECR registry.

    Args:
        aws: gives the client.
        registry: returns the registry's host.
        account: that the registry belongs to; empty for the account of the credentials.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        aws: "Aws",
        registry: Callable[[], str],
        account: str = "",
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._aws = aws
        self._registry = registry
        self._owner: dict[str, Any] = {"registryId": account} if account else {}
        self._sleep = sleep
        self._found: dict[tuple[str, str], ImageTypeDef] = {}  # with its tags, by repository and digest

    def find_tags(self, repository: str, tags: Sequence[str]) -> Mapping[str, str] | None:
        """Call BatchGetImage once for each 100 tags; if ECR hides an archived image, its digest is asked for.

        The manifests come with it: `read_image` does not ask for one again that it is to read next.
        """
        wanted = list(dict.fromkeys(tags))
        found: dict[str, str] = {}
        for start in range(0, max(len(wanted), 1), _IDS_OF_ONE_CALL):
            # Even without tags, one call has to find out whether the repository exists.
            ids: list[ImageIdentifierTypeDef] = [
                {"imageTag": tag} for tag in wanted[start : start + _IDS_OF_ONE_CALL] or ["latest"]
            ]
            try:
                answer = self._batch_get(repository, ids)
            except RefusedError as error:
                if error.code != "RepositoryNotFoundException":
                    raise
                return None
            found |= {entry["imageId"]["imageTag"]: entry["imageId"]["imageDigest"] for entry in answer["images"]}
            self._found |= {(repository, entry["imageId"]["imageDigest"]): entry for entry in answer["images"]}
            for failure in answer["failures"]:
                if failure.get("failureCode") == _ARCHIVED:
                    tag = failure.get("imageId", {}).get("imageTag", "")
                    found[tag] = self._archived_digest(repository, tag)
                elif failure.get("failureCode") != "ImageNotFound":
                    raise DeployError(
                        f"ecr:BatchGetImage on {repository} failed: {_reason(failure)}",
                        topic="unexpected-answer-of-a-registry",
                    )
        return {tag: found[tag] for tag in wanted if tag in found}

    def _archived_digest(self, repository: str, tag: str) -> str:
        """Return the digest of an archived image; empty where these credentials may not ask."""
        try:
            return self._detail(repository, tag).get("imageDigest", "")
        except DeniedError:
            return ""

    def read_image(
        self, repository: str, tag_or_digest: str, platform: Platform, known: Mapping[str, Configuration] = _NONE
    ) -> RegistryImage:
        """Read the manifest and, if nobody knows it, the configuration, and check the digest of both."""
        manifest = self._manifest(repository, tag_or_digest)
        is_of_index = manifest.media_type in _INDEXES
        if is_of_index:
            digest = member_for(platform, manifest.document.members(), manifest.name)
            manifest = self._manifest(repository, digest)
        kind = manifest.document.config_type
        if manifest.media_type not in _MANIFESTS or kind not in _CONFIGURATIONS:
            raise UnusableImageError(
                f"{manifest.name} is no container image, but {kind or manifest.media_type}.",
                topic="not-a-container-image",
            )
        layers = manifest.document.layers()
        blob = manifest.document.config()
        config = known.get(blob.digest) or known.get(manifest.reference.digest) or self._config(manifest, blob)
        return RegistryImage(
            reference=manifest.reference,
            manifest=manifest.text,
            media_type=manifest.media_type,
            platform=config.platform,
            layers=layers,
            has_entry_point=config.has_entry_point,
            is_of_index=is_of_index,
            revision=config.revision,
        )

    def tags(self, repository: str) -> Mapping[str, str]:
        """Call ListImages, page by page."""
        with translated("ecr:ListImages", repository):
            pages = self._aws.ecr().get_paginator("list_images")
            any_status: ListImagesFilterTypeDef = {"tagStatus": "TAGGED", "imageStatus": "ANY"}
            listed = pages.paginate(repositoryName=repository, filter=any_status, **self._owner)
            return {entry["imageTag"]: entry["imageDigest"] for page in listed for entry in page["imageIds"]}

    def checked_status(self, repository: str, tag_or_digest: str) -> str | None:
        """Return an image's status; refuse one that is archived, whose manifest ECR may still give.

        Returns:
            ACTIVE; empty for an image that is missing; None where these credentials may not ask.

        Raises:
            ArchivedError: it is archived or being restored.
            DeployError: ECR refuses otherwise.
        """
        try:
            detail = self._detail(repository, tag_or_digest)
        except DeniedError:
            return None
        status = detail.get("imageStatus", "ACTIVE") if detail else ""
        if status == "ARCHIVED":
            raise self._archived(repository, tag_or_digest)
        if status == "ACTIVATING":
            raise ArchivedError(
                f"The image {tag_or_digest} of {repository} is just being restored from ECR's archive.",
                "Run this job again when ECR has finished.",
            )
        return status

    def _archived(self, repository: str, tag_or_digest: str) -> ArchivedError:
        ((key, value),) = _identifier(tag_or_digest).items()
        return ArchivedError(
            f"The image {tag_or_digest} of {repository} is archived in ECR, and cannot be pulled.",
            "Restore it, which takes ECR some minutes, and run this job again:\n"
            f"aws ecr update-image-storage-class --repository-name {repository} --image-id {key}={value} "
            "--target-storage-class STANDARD",
        )

    def _detail(self, repository: str, tag_or_digest: str) -> "ImageDetailTypeDef":
        """Return what ECR has on an image; empty if it does not have it.

        Raises:
            DeniedError: these credentials may not ask.
            DeployError: ECR refuses otherwise.
        """
        try:
            with translated("ecr:DescribeImages", repository):
                answer = self._aws.ecr().describe_images(
                    repositoryName=repository, imageIds=[_identifier(tag_or_digest)], **self._owner
                )
        except RefusedError as error:
            if error.code in {"ImageNotFoundException", "RepositoryNotFoundException"}:
                return {}
            raise
        return answer["imageDetails"][0] if answer["imageDetails"] else {}

    def add_tag(self, image: RegistryImage, tag: str) -> bool:
        """Put the same manifest once more, under the tag."""
        repository = image.reference.repository
        try:
            with translated("ecr:PutImage", repository):
                self._aws.ecr().put_image(
                    repositoryName=repository,
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageTag=tag,
                    imageDigest=image.reference.digest,
                    **self._owner,
                )
        except RefusedError as error:
            if error.code == "ImageTagAlreadyExistsException":
                # An immutable tag refuses the image that it has, too: another run may have been faster
                # [containers-roadmap#2179].
                return (self.find_tags(repository, [tag]) or {}).get(tag) == image.reference.digest
            if error.code == "LimitExceededException":
                # "exceeds the maximum allowed number of tags per image which is '1000'" [medic/cht-core#11099]
                raise TagLimitError(error.message, is_of_image="tags per image" in error.message) from error
            if error.code != "ImageAlreadyExistsException":
                raise
        return True

    def _manifest(self, repository: str, tag_or_digest: str) -> _Manifest:
        is_digest = tag_or_digest.startswith("sha256:")
        name = f"{self._registry()}/{repository}{'@' if is_digest else ':'}{tag_or_digest}"
        found = self._found.pop((repository, tag_or_digest), None) or self._image(repository, tag_or_digest, name)
        digest = tag_or_digest if is_digest else found["imageId"]["imageDigest"]
        text = found["imageManifest"]
        _check_digest(text.encode(), digest, f"the manifest of {name}")
        document = Document(text, name)
        return _Manifest(
            name=name,
            reference=ImageReference(registry=self._registry(), repository=repository, digest=digest),
            # A Docker manifest always has its media type in it, an OCI manifest only should.
            media_type=document.media_type or found.get("imageManifestMediaType", ""),
            text=text,
            document=document,
        )

    def _image(self, repository: str, tag_or_digest: str, name: str) -> "ImageTypeDef":
        answer = self._batch_get(repository, [_identifier(tag_or_digest)])
        if any(failure.get("failureCode") == _ARCHIVED for failure in answer["failures"]):
            raise self._archived(repository, tag_or_digest)
        if not answer["images"]:
            reason = "; ".join(_reason(failure) for failure in answer["failures"])
            raise DeployError(
                f"ECR does not have the image {name}: {reason or 'it does not say why'}.", topic="missing-image"
            )
        return answer["images"][0]

    def _batch_get(self, repository: str, ids: "list[ImageIdentifierTypeDef]") -> "BatchGetImageResponseTypeDef":
        with translated("ecr:BatchGetImage", repository):
            return self._aws.ecr().batch_get_image(
                repositoryName=repository, imageIds=ids, acceptedMediaTypes=[*_MANIFESTS, *_INDEXES], **self._owner
            )

    def _config(self, manifest: _Manifest, blob: Descriptor) -> Configuration:
        name = f"the configuration {blob.digest} of {manifest.name}"
        try:
            content = retried(lambda: self._download(manifest.reference.repository, blob), sleep=self._sleep)
        except TransientError as error:
            raise DeployError(
                f"ECR does not let {name} be downloaded, after several tries: {error}",
                "Run this job again; if it fails again, look at the runner's network: layers and configurations come "
                "from Amazon S3.",
                topic="layers-cannot-be-downloaded",
            ) from None
        _check_digest(content, blob.digest, name)
        return Document(content, name).configuration()

    def _download(self, repository: str, blob: Descriptor) -> bytes:
        """Read a blob by the short-lived address that ECR gives for it, and no more of it than is announced."""
        import requests

        name = f"The blob {blob.digest} of {repository}"
        if blob.size > LARGEST:
            raise UnusableImageError(
                f"{name} is said to have {blob.size} bytes; a configuration has {LARGEST} at most.",
                topic="unexpected-answer-of-a-registry",
            )
        with translated("ecr:GetDownloadUrlForLayer", repository):
            answer = self._aws.ecr().get_download_url_for_layer(
                repositoryName=repository, layerDigest=blob.digest, **self._owner
            )
        content = bytearray()
        try:
            with requests.get(answer["downloadUrl"], timeout=_DOWNLOAD_TIMEOUT, stream=True) as response:
                if response.status_code in PASSING_STATUSES:
                    raise TransientError(f"HTTP status {response.status_code}")
                if not response.ok:
                    raise DeployError(
                        f"{name} cannot be read: HTTP status {response.status_code}",
                        topic="layers-cannot-be-downloaded",
                    )
                for chunk in response.iter_content(_CHUNK):
                    content += chunk
                    if len(content) > blob.size:
                        raise UnusableImageError(
                            f"{name} is longer than the {blob.size} bytes that its manifest announces.",
                            topic="unexpected-answer-of-a-registry",
                        )
        except requests.RequestException as error:
            # The address carries a signature: only the kind of the error is shown.
            raise TransientError(type(error).__name__) from None
        return bytes(content)


def _identifier(tag_or_digest: str) -> "ImageIdentifierTypeDef":
    return {"imageDigest": tag_or_digest} if tag_or_digest.startswith("sha256:") else {"imageTag": tag_or_digest}


def _reason(failure: "ImageFailureTypeDef") -> str:
    return f"{failure.get('failureCode', '')}: {failure.get('failureReason', '')}"


def _check_digest(content: bytes, digest: str, what: str) -> None:
    actual = f"sha256:{sha256(content).hexdigest()}"
    if actual != digest:
        raise DeployError(
            f"ECR's answer for {what} has the digest {actual}, not {digest}.",
            "Run this job again.",
            topic="unexpected-answer-of-a-registry",
        )


def member_for(platform: Platform, members: Sequence[Member], name: str) -> str:
    """Return the digest of the image that an index holds for a platform.

    Args:
        platform: that it has to fit.
        members: of the index.
        name: of the index, for the message.

    Raises:
        DeployError: it holds none; the message lists what it holds.
    """
    images = [member for member in members if not member.is_attestation]
    for image in images:
        if f"{image.os}/{image.architecture}" == platform and image.variant in _VARIANTS[platform]:
            return image.descriptor.digest
    held = "".join(f"\n- {_described(image)}: {image.descriptor.digest}" for image in images)
    raise UnusableImageError(
        f"{name} is an index without an image for {platform}. It holds{':' + held if held else ' no image.'}",
        f"Build it for {platform} too, or let the function run on a platform that it holds.",
        topic="no-image-for-the-platform",
    )


def _described(member: Member) -> str:
    if member.descriptor.media_type in _INDEXES:
        return "another index"
    return "/".join(filter(None, (member.os, member.architecture, member.variant))) or "no platform stated"
