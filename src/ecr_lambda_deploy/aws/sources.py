"""Existing images: in ECR registries of any account and Region, by URI or as served by a function."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.ecr import EcrRepositories
from ecr_lambda_deploy.aws.ecr_images import EcrImages
from ecr_lambda_deploy.aws.errors import NotFoundError, RefusedError, translated
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import LATEST_PUBLISHED
from ecr_lambda_deploy.model.images import Authorization, ImageReference, RegistryImage, RegistryOwner, registry_owner
from ecr_lambda_deploy.model.targets import Platform, ServedImage
from ecr_lambda_deploy.ports.images import ServedVersion

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws


_URI = re.compile(
    r"(?P<registry>[^/@]+)/(?P<repository>[^:@]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?", re.ASCII
)
CopyImage = Callable[[ImageReference, str, Mapping[str, Authorization]], None]
"""Copies an image to registry, repository and tag, with the logins for both registries by host; see `ImageTools`."""


class EcrSources:
    """Existing images. The target's credentials read those of its account, the sources' credentials all others.

    Args:
        aws: gives the target's clients, and those for sources.
        target: the registry that images are copied to.
        copy_image: copies one.
        mask: keeps a secret out of the log.
    """

    def __init__(
        self, aws: "Aws", *, target: EcrRepositories, copy_image: CopyImage, mask: Callable[[str], None]
    ) -> None:
        self._aws = aws
        self._target = target
        self._copy_image = copy_image
        self._mask = mask
        self._served_by: dict[str, RegistryOwner] = {}  # by registry and repository
        self._registries: dict[RegistryOwner, EcrRepositories] = {}

    def served_image(self, source: ServedImage) -> ServedVersion:
        """Call GetFunction, and remember the function's account and Region: the image's are the same."""
        aws = self._source
        if source.function.startswith("arn:"):
            aws = self._aws_of(_owner_of_function(source.function))
        name = str(source)
        arguments = {"FunctionName": source.function} | ({"Qualifier": source.qualifier} if source.qualifier else {})
        try:
            with translated("lambda:GetFunction", name):
                answer = aws.functions().get_function(**arguments)
        except NotFoundError as error:
            raise DeployError(
                f"There is no {name} in {aws.region} to promote from: {error.message}",
                "Look at the input 'promote-from', and at the account of the credentials. A function of another "
                "account or Region is named by its ARN.",
                topic="nothing-to-promote",
            ) from error
        configuration = answer.get("Configuration", {})
        if not source.qualifier and "CapacityProviderConfig" in configuration:
            return self.served_image(replace(source, qualifier=LATEST_PUBLISHED))
        if configuration.get("PackageType") != "Image":
            raise DeployError(
                f"{name} has no image to promote: its package type is {configuration.get('PackageType')}.",
                topic="nothing-to-promote",
            )
        uri = answer.get("Code", {}).get("ResolvedImageUri", "")
        reference = ImageReference.parse(uri)
        if reference is None:
            raise DeployError(
                f"Lambda does not say which image {name} runs: Code.ResolvedImageUri is {uri!r}.",
                topic="unknown-image-of-a-function",
            )
        self._served_by[reference.repository_uri] = _owner_of_function(
            configuration.get("FunctionArn", source.function)
        )
        return ServedVersion(
            image=reference,
            number=configuration.get("Version", ""),
            description=configuration.get("Description", ""),
        )

    def resolve(self, uri: str, platform: Platform) -> RegistryImage:
        """Read it as `EcrImages` does; of a tag and a digest, the digest counts."""
        parts = _URI.fullmatch(uri)
        tag_or_digest = parts and (parts["digest"] or parts["tag"])
        if parts is None or not tag_or_digest:
            raise DeployError(
                f"{uri} does not name an image: it takes REGISTRY/REPOSITORY with :TAG or @sha256:DIGEST.",
                topic="image-not-in-ecr",
            )
        repository = parts["repository"]
        images = self._images(parts["registry"], repository, uri)
        try:
            image = images.read_image(repository, tag_or_digest, platform)
        except DeployError as error:
            if isinstance(error, RefusedError) and error.code == "RepositoryNotFoundException":
                raise DeployError(
                    f"The repository of {uri} does not exist: {error.message}", topic="missing-image"
                ) from error
            images.checked_status(repository, tag_or_digest)  # an archived image is a better reason
            raise
        images.checked_status(repository, image.reference.digest)
        return image

    def copy(self, reference: ImageReference, destination: str) -> None:
        """Copy it, then look its digest up."""
        registry, _, name = destination.partition("/")
        repository, _, tag = name.partition(":")
        # The target's come last: where both are one registry, its login must be the one that may push.
        logins = {reference.registry: self._authorization(reference), registry: self._target.authorization()}
        self._copy_image(reference, destination, logins)
        copied = (self._target.find_tags(repository, [tag]) or {}).get(tag, "missing")
        if copied != reference.digest:
            raise DeployError(
                f"{reference} was copied to {destination}, but that is {copied}.",
                "Something else writes to this tag. Run this job again.",
                topic="copy-failed",
            )

    def _images(self, registry: str, repository: str, uri: str) -> EcrImages:
        owner = self._owner(registry, repository)
        if owner is None:
            raise DeployError(
                f"Lambda takes images from private ECR repositories only, and {uri} is in none.",
                "Copy it to one first, and name the copy:\n"
                f"docker buildx imagetools create --tag {self._target.registry().push}/REPOSITORY:TAG {uri}",
                topic="image-not-in-ecr",
            )
        # Lambda refuses the hosts of FIPS endpoints; without `-fips`, the host names the same registry.
        host = registry.replace("ecr-fips.", "ecr.")
        return EcrImages(self._aws_of(owner), lambda: host, owner.account)

    def _owner(self, registry: str, repository: str) -> RegistryOwner | None:
        if stated := registry_owner(registry):
            return stated
        # An emulator has one host for all accounts and Regions: the function that serves the image has the image's.
        served_by = self._served_by.get(f"{registry}/{repository}")
        return served_by or (self._target_owner if self._target.registry().has(registry) else None)

    def _aws_of(self, owner: RegistryOwner) -> "Aws":
        is_own = owner.account == self._target_owner.account
        return (self._aws if is_own else self._source).in_region(owner.region)

    def _authorization(self, reference: ImageReference) -> Authorization:
        owner = self._owner(reference.registry, reference.repository)
        if owner is None or owner == self._target_owner:
            return self._target.authorization()
        theirs = EcrRepositories(self._aws_of(owner), self._mask, account=owner.account)
        return self._registries.setdefault(owner, theirs).authorization()

    @property
    def _target_owner(self) -> RegistryOwner:
        return registry_owner(self._target.registry().own) or RegistryOwner("", self._aws.region)

    @cached_property
    def _source(self) -> "Aws":
        return self._aws.source()


def _owner_of_function(arn: str) -> RegistryOwner:
    """Return account and Region of a function: its image's registry has the same."""
    _, _, _, region, account, *_ = arn.split(":")
    return RegistryOwner(account, region)
