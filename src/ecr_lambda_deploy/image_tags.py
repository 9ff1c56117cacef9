"""Gives an image its tags."""

from collections.abc import Mapping, Sequence

from ecr_lambda_deploy.image_model import RegistryImage
from ecr_lambda_deploy.image_plan import digest_tag
from ecr_lambda_deploy.ports import Outside


def add_tags(image: RegistryImage, tags: Sequence[str], *, found: Mapping[str, str], outside: Outside) -> list[str]:
    """Give an image its tags, and return those that it has then.

    Args:
        image: as it was read back.
        tags: that it is to have.
        found: the digests of tags that are there already.
        outside: what is asked.

    Raises:
        DeployError: ECR refuses.
    """
    held = [tag for tag in tags if found.get(tag) == image.reference.digest or _add_tag(image, tag, outside)]
    if image.is_of_index and not held:
        # What is deployed keeps a tag of its own: lifecycle rules remove images without one.
        held = [tag for tag in [digest_tag(image.reference)] if _add_tag(image, tag, outside)]
    return held


def _add_tag(image: RegistryImage, tag: str, outside: Outside) -> bool:
    is_added = outside.repositories.add_tag(image, tag)
    if not is_added:
        outside.log.notice(
            f"The tag {tag} stays on the image that has it, since tags of {image.reference.repository} are "
            f"immutable. What is deployed is {image.reference}."
        )
    return is_added
