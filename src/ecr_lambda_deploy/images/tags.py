"""Gives an image its tags."""

from collections.abc import Mapping, Sequence

from ecr_lambda_deploy.images.steps import digest_tag
from ecr_lambda_deploy.model.errors import TagLimitError
from ecr_lambda_deploy.model.images import RegistryImage
from ecr_lambda_deploy.ports.ports import Ports


def add_tags(
    image: RegistryImage, tags: Sequence[str], *, unique_tag: str | None, tags_found: Mapping[str, str], ports: Ports
) -> list[str]:
    """Give an image its tags, and return those of them that it has then.

    Args:
        image: as it was read back.
        tags: that it is to have.
        unique_tag: that it, or the index that it belongs to, has already; None if it has none.
        tags_found: the digests of tags that the repository has already.
        ports: what is asked.

    Raises:
        DeployError: ECR refuses.
    """
    digest = image.reference.digest
    is_tagged = unique_tag is not None or digest in tags_found.values()
    held = [tag for tag in tags if tags_found.get(tag) == digest or _add_tag(image, tag, ports, is_tagged=is_tagged)]
    if image.is_of_index and not held:
        # An image inside an index keeps a tag that is not the index's: lifecycle rules remove images without one.
        held = [tag for tag in [digest_tag(image.reference)] if _add_tag(image, tag, ports, is_tagged=is_tagged)]
    return held


def _add_tag(image: RegistryImage, tag: str, ports: Ports, *, is_tagged: bool) -> bool:
    """Give an image a tag, and return whether it has it; one that it can do without is no reason not to deploy it."""
    reference = image.reference
    try:
        is_added = ports.repositories.add_tag(image, tag)
    except TagLimitError as error:
        if not error.is_of_image and not is_tagged:
            raise
        ports.log.notice(
            f"{reference} is deployed without the tag {tag}, so `rollback-to: {tag}` will not find it by that. Delete "
            f"tags of it that nobody needs: `aws ecr batch-delete-image --repository-name {reference.repository} "
            f"--image-ids imageTag=…` takes one away, and the image only with its last. {error.message}"
        )
        return False
    if not is_added:
        ports.log.notice(
            f"The tag {tag} stays on the image that has it, since tags of {reference.repository} are immutable. "
            f"What is deployed is {reference}."
        )
    return is_added
