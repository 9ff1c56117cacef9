"""The Dockerfiles of builds: their text, and the images that they name."""

from collections.abc import Iterable, Iterator

from ecr_lambda_deploy.fingerprint.base_images import inputs_of
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.model.images import BuildOrder

_LONGEST_DOCKERFILE = 1024**2  # characters, to find the line of an error in


def dockerfile_of(order: BuildOrder) -> str:
    """Return the text of a build's Dockerfile, or its beginning."""
    with order.build.dockerfile.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.read(_LONGEST_DOCKERFILE)


def images_of(orders: Iterable[BuildOrder]) -> Iterator[str]:
    """Yield the images that Dockerfiles name, with arguments filled in, as far as these can be read."""
    for order in orders:
        build, text = order.build, dockerfile_of(order)
        try:
            found = inputs_of(text, target=build.target, build_args=build.build_args, platform=order.platform)
            yield from found.images
        except UnknownInputError as error:
            yield from error.images
