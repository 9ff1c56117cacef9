"""Pure: where an image goes, and which platform it is for, as follows from what is given and from its functions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import FunctionState, ServingFunction
from ecr_lambda_deploy.model.images import REPOSITORY_NAME, ImageReference, RegistryHosts
from ecr_lambda_deploy.model.targets import PLATFORM_OF, ExistingImage, ImageTarget, Platform


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where an image goes, and which platform it is built for."""

    registry: RegistryHosts
    repository: str
    platform: Platform

    @property
    def repository_uri(self) -> str:
        """Registry and repository, as Lambda is given them."""
        return f"{self.registry.own}/{self.repository}"

    @property
    def push_uri(self) -> str:
        """Registry and repository, as images are pushed to them."""
        return f"{self.registry.push}/{self.repository}"


def check_one_architecture(functions: Sequence[ServingFunction]) -> None:
    """Make sure that one image can serve all functions.

    Raises:
        DeployError: they run on different architectures.
    """
    architectures = {function.name: function.latest.architecture for function in functions if function.latest}
    if len({*architectures.values()}) > 1:
        listed = ", ".join(f"{name} on {architecture}" for name, architecture in architectures.items())
        raise DeployError(
            f"One image cannot serve functions of different architectures: {listed}.",
            "Deploy them as an image for each architecture, or give all of them one with the input 'platform'.",
            topic="different-architectures",
        )


def named_repository(target: ImageTarget, registry: RegistryHosts) -> str:
    """Return the repository of an image that is given and is in this registry; empty for any other."""
    if not isinstance(target.source, ExistingImage):
        return ""
    host, _, name = target.source.uri.partition("/")
    return name.partition("@")[0].partition(":")[0] if registry.has(host) else ""


def present_repository(functions: Sequence[ServingFunction], registry: RegistryHosts) -> str:
    """Return the repository that the functions use now, if it is in this registry; else the function's name.

    Raises:
        DeployError: they use none, or several, and there is no single function whose name a repository can have.
    """
    images = [function.latest.image if function.latest else None for function in functions]
    present = {image.repository if image is not None and registry.has(image.registry) else None for image in images}
    repository = present.pop()
    if repository and not present:
        return repository
    name = functions[0].name if functions else ""
    if len(functions) == 1 and REPOSITORY_NAME.fullmatch(name):
        return name
    raise DeployError(
        f"No repository is given, and none follows from {name}: "
        f"its image is {images[0] or 'unknown'}, and its name cannot be that of an ECR repository.",
        "Give the ECR repository's name in the input 'repository'.",
        topic="no-repository-given",
    )


def platform_of(functions: Sequence[ServingFunction]) -> Platform | None:
    """Return the platform that functions run on; None if there are none yet."""
    latest = next((function.latest for function in functions if function.latest), None)
    return PLATFORM_OF[latest.architecture] if latest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedImage:
    """An image that is wanted, and what is there for it.

    Attributes:
        target: what is wanted.
        functions: those that are to run it as they are, in the target's order; none in mode build.
        destination: where it goes.
    """

    target: ImageTarget
    functions: tuple[ServingFunction, ...]
    destination: Destination

    @property
    def name(self) -> str:
        """The image's name in the manifest; empty where the action's own inputs name it."""
        return self.target.name

    @property
    def repository_uri(self) -> str:
        """Registry and repository, as Lambda is given them."""
        return self.destination.repository_uri

    def reference(self, digest: str) -> ImageReference:
        """Return an image of the repository that it goes to."""
        destination = self.destination
        return ImageReference(registry=destination.registry.own, repository=destination.repository, digest=digest)

    def is_run(self, image: ImageReference) -> bool:
        """Whether all functions run an image already."""
        states = [function.latest for function in self.functions]
        return bool(states) and all(state is not None and image.is_same_image(state.image) for state in states)

    def is_served(self, image: ImageReference) -> bool:
        """Whether all functions serve an image already, so that this run does not deploy it."""
        return bool(self.functions) and all(image.is_same_image(function.image) for function in self.functions)

    @property
    def is_pull_proven(self) -> bool:
        """Whether Lambda can pull from the repository: a function runs an image of it, or none is to."""
        here = self.reference("")
        images = [function.latest.image if function.latest else None for function in self.functions]
        return not images or any(image and here.is_same_image(replace(image, digest="")) for image in images)

    @property
    def most_demanding(self) -> FunctionState | None:
        """A function that is to run the image; of several, one that configures no entry point."""
        states = [function.latest for function in self.functions if function.latest is not None]
        return next((state for state in states if not state.has_entry_point), states[0] if states else None)
