"""Whether ECR can give an image to Lambda: it is there, and not put away."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ecr_lambda_deploy.aws.errors import DeniedError, RefusedError, translated
from ecr_lambda_deploy.model.errors import DeployError

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef


def identifier(reference: str) -> "ImageIdentifierTypeDef":
    """Return how ECR's API names an image by tag or digest."""
    return {"imageDigest": reference} if reference.startswith("sha256:") else {"imageTag": reference}


def checked_status(client: "ECRClient", repository: str, reference: str, owner: Mapping[str, Any]) -> str | None:
    """Refuse an image that ECR has put away: its manifest can still be read, but Lambda cannot pull it.

    Args:
        client: of the registry's Region.
        repository: name.
        reference: tag or digest.
        owner: `registryId` of the registry; empty for that of the credentials.

    Returns:
        ACTIVE; empty for an image that is not there, None where these credentials may not ask.

    Raises:
        DeployError: it is archived or on its way back, or ECR refuses otherwise.
    """
    status = _status(client, repository, reference, owner)
    if status == "ARCHIVED":
        name = f"{'imageDigest' if reference.startswith('sha256:') else 'imageTag'}={reference}"
        raise DeployError(
            f"The image {reference} of {repository} is archived in ECR, and cannot be pulled.",
            "Restore it, which takes ECR some minutes, and run this job again:\n"
            f"aws ecr update-image-storage-class --repository-name {repository} --image-id {name} "
            "--target-storage-class STANDARD",
        )
    if status == "ACTIVATING":
        raise DeployError(
            f"The image {reference} of {repository} is just being restored from ECR's archive.",
            "Run this job again when ECR has finished.",
        )
    return status


def _status(client: "ECRClient", repository: str, reference: str, owner: Mapping[str, Any]) -> str | None:
    try:
        with translated("ecr:DescribeImages", repository):
            answer = client.describe_images(repositoryName=repository, imageIds=[identifier(reference)], **owner)
    except DeniedError:
        return None
    except RefusedError as error:
        if error.code in {"ImageNotFoundException", "RepositoryNotFoundException"}:
            return ""
        raise
    return next((image.get("imageStatus", "ACTIVE") for image in answer["imageDetails"]), "")
