"""What the images that a build starts from bring to it, as their configurations tell."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ecr_lambda_deploy.fingerprint.base_images import Base, bases_of
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.fingerprint import IMAGE_CONTEXT, Once, dockerfile_inputs, dockerfile_of, familiar
from ecr_lambda_deploy.fingerprint.sources import sources_in
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.images import is_image_reference
from ecr_lambda_deploy.model.targets import Build, Platform

# Other names of what Lambda has [containerd/platforms, normalizeArch].
_ARCHITECTURES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"}


class WrongBase(NamedTuple):
    """A base image that is for another platform than the build.

    Attributes:
        reference: of the image.
        platform: that it is for.
        line: of the Dockerfile's FROM.
    """

    reference: str
    platform: str
    line: int


class BuildBases:
    """The images that builds start from; an image that several share is read once.

    Args:
        read: returns the configuration of an image, given its reference and the platform to take out of an index; it
            raises UnknownInputError if it cannot, and is called in threads.
        builder_platform: returns the platform that the builder runs on; called only if it counts.
    """

    def __init__(self, read: Callable[[str, str], Configuration], builder_platform: Callable[[], Platform]) -> None:
        self._read: Once[tuple[str, str], Configuration] = Once(lambda asked: read(*asked))
        self._builder_platform = builder_platform

    def wrong_base(self, build: Build, platform: Platform) -> WrongBase | None:
        """Find out whether an image would be built from one for another platform.

        BuildKit writes the build's platform into the image whatever its base is for [buildkit#5677], so that the image
        itself does not tell. Stages that it is not based on may be for any platform.

        Args:
            build: how it is built.
            platform: of the image.

        Returns:
            None as well where that cannot be known.
        """
        try:
            base = next((base for base in self._bases(build, platform) if base.is_of_image), None)
            if base is None or not (reference := _replaced(base.reference, build.build_contexts)):
                return None
        except UnknownInputError:
            return None
        wanted = _normal(base.platform) or platform
        try:
            found = _normal(self._read((reference, wanted)).platform)
        except UnknownInputError:
            found = wanted
        is_known = "unknown" not in found.split("/")
        return WrongBase(reference, found, base.line) if is_known and found != platform else None

    def missed_input(self, build: Build, platform: Platform) -> str:
        """Return what a build's base images bring to it that its fingerprint does not have; empty if nothing.

        The ENV of a base may name what a stage adds or copies, and its ONBUILD may add, copy and mount.

        Args:
            build: one that has a fingerprint.
            platform: of the image.
        """
        try:
            known = dockerfile_inputs(build, platform)
            configurations = dict[str, list[Configuration]]()
            for base in self._bases(build, platform):
                if reference := _replaced(base.reference, build.build_contexts):
                    configuration = self._read((reference, _normal(base.platform) or platform))
                    configurations.setdefault(base.reference, []).append(configuration)
            found = dockerfile_inputs(build, platform, configurations)
        except UnknownInputError as error:
            return error.reason
        for image in found.images:
            if image not in known.images:
                return f"the ONBUILD of a base image brings {image}"
        for name in ["", *build.build_contexts]:
            before, after = sources_in(known.reads, name), sources_in(found.reads, name)
            more = after.paths - before.paths
            if more and not before.are_everything:
                read = "the whole context" if after.are_everything else min(more)
                return f"by the ONBUILD or ENV of a base image, the build reads {read}"
        return ""

    def _bases(self, build: Build, platform: Platform) -> tuple[Base, ...]:
        return bases_of(
            dockerfile_of(build),
            target=build.target,
            build_args=build.build_args,
            platform=platform,
            builder_platform=self._builder_platform,
            named_contexts=build.build_contexts,
        )


def _replaced(reference: str, build_contexts: Mapping[str, str]) -> str:
    """Return the image that a build takes for a reference; empty where it takes something else."""
    value = build_contexts.get(familiar(reference), f"{IMAGE_CONTEXT}{reference}")
    image = value.removeprefix(IMAGE_CONTEXT) if value.startswith(IMAGE_CONTEXT) else ""
    return image if image != "scratch" and is_image_reference(image) else ""


def _normal(platform: str) -> str:
    """Return a platform as Lambda's are written: without a variant, such as `linux/arm64` [containerd/platforms]."""
    first, _, rest = platform.lower().partition("/")
    architecture = rest.partition("/")[0] if rest else first
    system = first if rest else "linux"
    return f"{system}/{_ARCHITECTURES.get(architecture, architecture)}" if platform else ""
