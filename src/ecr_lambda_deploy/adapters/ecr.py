"""ECR: its authorization, and the images of its repositories, by boto3."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any

import requests

from ecr_lambda_deploy.adapters.aws_errors import DeniedError, RefusedError, translated
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.model import ImageReference, PushedImage

if TYPE_CHECKING:
    from ecr_lambda_deploy.adapters.credentials import Aws

# What Lambda runs [Lambda developer guide, images-create], and the lists of such that it refuses.
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_PULL_ACTIONS = ("ecr:batchgetimage", "ecr:getdownloadurlforlayer")  # IAM does not mind the case
_DOWNLOAD_TIMEOUT = 60  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """What `docker login` would need; it lasts 12 hours.

    Attributes:
        registry: host.
        username: always `AWS`.
        password: masked already.
    """

    registry: str
    username: str
    password: str


class EcrRepositories:
    """ECR repositories of one account and Region.

    Args:
        aws: gives the client.
        mask: keeps a secret out of the log.
    """

    def __init__(self, aws: "Aws", mask: Callable[[str], None]) -> None:
        self._aws = aws
        self._mask = mask
        self._lock = Lock()
        self._authorization: Authorization | None = None

    def authorization(self) -> Authorization:
        """Return the registry's credentials, asked for once.

        Raises:
            DeployError: they are not to be had.
        """
        with self._lock:
            if self._authorization is None:
                with translated("ecr:GetAuthorizationToken", "*"):
                    answer = self._aws.ecr().get_authorization_token()["authorizationData"][0]
                token = answer["authorizationToken"]
                self._mask(token)
                username, _, password = b64decode(token).decode().partition(":")
                self._mask(password)
                registry = answer["proxyEndpoint"].partition("://")[2]
                self._authorization = Authorization(registry=registry, username=username, password=password)
            return self._authorization

    def registry(self) -> str:
        """Return the host that ECR's authorization names.

        Raises:
            DeployError: no authorization is to be had.
        """
        return self.authorization().registry

    def check_exists(self, repository: str) -> None:
        """Make sure that a repository is there, by the one read that a deploy needs permission for anyhow.

        Raises:
            DeployError: it is not there, or may not be read.
        """
        try:
            with translated("ecr:BatchGetImage", repository):
                self._aws.ecr().batch_get_image(repositoryName=repository, imageIds=[{"imageTag": "latest"}])
        except RefusedError as error:
            if error.code != "RepositoryNotFoundException":
                raise
            raise self._missing(repository, error) from error

    def may_lambda_pull(self, repository: str) -> bool | None:
        """Whether the repository's policy lets Lambda pull; None where these credentials may not read the policy."""
        try:
            with translated("ecr:GetRepositoryPolicy", repository):
                text = self._aws.ecr().get_repository_policy(repositoryName=repository)["policyText"]
        except DeniedError:
            return None
        except RefusedError as error:
            if error.code == "RepositoryPolicyNotFoundException":
                return False
            raise
        allowed = [
            action.lower()
            for statement in _listed(json.loads(text).get("Statement", []))
            if statement.get("Effect") == "Allow" and _is_for_lambda(statement.get("Principal"))
            for action in _listed(statement.get("Action", []))
        ]
        return all(any(fnmatchcase(wanted, action) for action in allowed) for wanted in _PULL_ACTIONS)

    def read_image(self, reference: ImageReference) -> PushedImage:
        """Read an image's manifest and configuration.

        Raises:
            DeployError: it is not there, it is an index, or it is not what its digest says.
        """
        with translated("ecr:BatchGetImage", reference.repository):
            answer = self._aws.ecr().batch_get_image(
                repositoryName=reference.repository,
                imageIds=[{"imageDigest": reference.digest}],
                acceptedMediaTypes=[*_MANIFESTS, *_INDEXES],
            )
        if not answer["images"]:
            reason = answer["failures"][0].get("failureReason", "") if answer["failures"] else ""
            raise DeployError(f"ECR does not have the image {reference}: {reason}")
        text = answer["images"][0]["imageManifest"]
        _check_digest(text.encode(), reference.digest, f"the manifest of {reference}")
        manifest = json.loads(text)
        media_type = manifest.get("mediaType") or answer["images"][0].get("imageManifestMediaType", "")
        if media_type not in _MANIFESTS:
            raise DeployError(
                f"{reference} has the media type {media_type}, which Lambda cannot run.",
                "Lambda runs single images only. Build without attestations and for one platform.",
            )
        config = self._read_blob(reference, manifest["config"]["digest"])
        return PushedImage(
            reference=reference,
            manifest=text,
            media_type=media_type,
            platform=f"{config.get('os')}/{config.get('architecture')}",
        )

    def add_tag(self, image: PushedImage, tag: str) -> bool:
        """Give an image one more tag, by putting its manifest once more under that tag.

        Returns:
            False if the tag stays on other content, because the repository's tags are immutable.

        Raises:
            DeployError: ECR refuses otherwise.
        """
        repository = image.reference.repository
        try:
            with translated("ecr:PutImage", repository):
                self._aws.ecr().put_image(
                    repositoryName=repository,
                    imageManifest=image.manifest,
                    imageManifestMediaType=image.media_type,
                    imageTag=tag,
                    imageDigest=image.reference.digest,
                )
        except RefusedError as error:
            if error.code == "ImageTagAlreadyExistsException":
                return False
            if error.code != "ImageAlreadyExistsException":
                raise
        return True

    def _read_blob(self, reference: ImageReference, digest: str) -> dict[str, Any]:
        """Read a JSON blob by the short-lived address that ECR gives for it."""
        with translated("ecr:GetDownloadUrlForLayer", reference.repository):
            answer = self._aws.ecr().get_download_url_for_layer(repositoryName=reference.repository, layerDigest=digest)
        try:
            response = requests.get(answer["downloadUrl"], timeout=_DOWNLOAD_TIMEOUT)
            response.raise_for_status()
        except requests.RequestException as error:
            # The address carries a signature: only the kind of the error is told.
            raise DeployError(
                f"The configuration {digest} of {reference} could not be downloaded: {type(error).__name__}"
            ) from None
        _check_digest(response.content, digest, f"the configuration of {reference}")
        config: dict[str, Any] = json.loads(response.content)
        return config

    def _missing(self, repository: str, error: RefusedError) -> DeployError:
        return DeployError(
            f"There is no ECR repository {repository} in {self._aws.region}: {error.message}",
            "Create it, or name another one in the input 'repository':\n"
            f"aws ecr create-repository --region {self._aws.region} --repository-name {repository}",
        )


def _check_digest(content: bytes, digest: str, what: str) -> None:
    actual = f"sha256:{sha256(content).hexdigest()}"
    if actual != digest:
        raise DeployError(f"ECR's answer for {what} has the digest {actual}, not {digest}.", "Run this job again.")


def _is_for_lambda(principal: object) -> bool:
    if isinstance(principal, dict):
        return "lambda.amazonaws.com" in _listed(principal.get("Service", []))
    return principal == "*"


def _listed(value: Any) -> list[Any]:  # noqa: ANN401 # IAM's JSON has one thing or a list of them
    return value if isinstance(value, list) else [value]
