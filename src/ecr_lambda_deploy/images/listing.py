"""What the log says of the functions and images that are there: each of few; of many what they have in common. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.model.functions import ObservedFunction, ServingFunction

_MOST_SHOWN = 20  # functions, or images, with a line for each


def function_lines(functions: Sequence[ServingFunction]) -> Iterator[str]:
    """Yield a line for each function; of many, one for each image with their number, and for those that stand out.

    An image is named in full the first time, and by a short digest after that.
    """
    if len(functions) <= _MOST_SHOWN:
        named = set[str]()
        for function in functions:
            yield _of_function(function, named)
        return
    images = Counter(str(function.latest.image) for function in functions if function.latest)
    for image, count in images.most_common(_MOST_SHOWN):
        yield f"{count} of {len(functions)} functions run {image}"
    if len(images) > _MOST_SHOWN:
        yield f"the others run {len(images) - _MOST_SHOWN} more images"
    standing_out = [function for function in functions if not _is_usual(function)]
    named = set(images)
    for function in standing_out[:_MOST_SHOWN]:
        yield _of_function(function, named)
    if len(standing_out) > _MOST_SHOWN:
        yield f"and {len(standing_out) - _MOST_SHOWN} more functions that are not there, or not Active"


def image_lines(images: Sequence[ObservedImage]) -> Iterator[str]:
    """Yield a line for each image, with where it goes; of many, one for each platform with their number."""
    if len(images) <= _MOST_SHOWN:
        for image in images:
            name = f"{image.name}: the image" if image.name else "The image"
            yield f"{name} goes to {image.repository_uri}, for {image.destination.platform}"
        return
    for platform, count in Counter(image.destination.platform for image in images).items():
        yield f"{count} of {len(images)} images are for {platform}"


def _of_function(function: ServingFunction, named: set[str]) -> str:
    latest, alias = function.latest, function.alias
    if latest is None:
        return f"{function.name}: it does not exist, and will be created"
    image = latest.image.short if latest.image and str(latest.image) in named else str(latest.image)
    named.add(str(latest.image))
    published = function.published if isinstance(function, ObservedFunction) else None
    version = f", version {published.number}" if published else ""
    pointer = f"; the alias {alias.name} points to version {alias.version}" if alias else ""
    return f"{latest.name}: {latest.state}, {latest.architecture}, runs {image}{version}{pointer}"


def _is_usual(function: ServingFunction) -> bool:
    return function.latest is not None and function.latest.state.value == "Active" and not function.latest.is_broken
