"""Where existing images come from: ECR registries of any account and Region, and functions that serve an image."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ecr_lambda_deploy.aws.ecr import EcrRepositories
from ecr_lambda_deploy.aws.ecr_images import EcrImages
from ecr_lambda_deploy.aws.ecr_login import EcrAuthorizations
from ecr_lambda_deploy.aws.errors import RefusedError, translated
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Authorization, ImageReference, RegistryImage
from ecr_lambda_deploy.model.targets import Platform, ServedImage

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws


_URI = re.compile(
    r"(?P<registry>[^/@]+)/(?P<repository>[^:@]+)(?::(?P<tag>[\w.-]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?", re.ASCII
)
# With FIPS and without, dual-stack and not [Amazon ECR user guide, endpoints; Amazon ECR endpoints and quotas].
_HOST = re.compile(
    r"(?P<account>\d{12})\.(?:dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)\.amazonaws\.(?:com|com\.cn|eu)"
    r"|dkr-ecr(?:-fips)?\.(?P<dual_stack_region>[a-z0-9-]+)\.on\.(?:aws|amazonwebservices\.com\.cn))"
)


class ImageCopier(Protocol):
    """Copies images between registries."""

    def copy(self, image: ImageReference, destination: str, logins: Mapping[str, Authorization]) -> None:
        """Copy an image, layers included; its digest stays the same.

        Raises:
            DeployError: a registry refuses, or does not answer.
        """


class _Owner(NamedTuple):
    """Whose registry or function it is, and where; the account is empty for the target's own in an emulator."""

    account: str
    region: str


class EcrSources:
    """Existing images: those of the target's account are read as the target is, others with the sources' credentials.

    Args:
        aws: gives the target's clients, and those for sources.
        target: the registry that images are copied to.
        tools: copies them.
        mask: keeps a secret out of the log.
    """

    def __init__(self, aws: "Aws", *, target: EcrRepositories, tools: ImageCopier, mask: Callable[[str], None]) -> None:
        self._aws = aws
        self._target = target
        self._tools = tools
        self._mask = mask
        self._served_by: dict[str, _Owner] = {}  # by registry and repository
        self._authorizations: dict[_Owner, EcrAuthorizations] = {}

    def served_image(self, source: ServedImage) -> ImageReference:
        """Return the image that a function, alias or version serves.

        Raises:
            DeployError: there is no such function, alias or version, it has no image, or may not be read.
        """
        aws = self._source
        if source.function.startswith("arn:"):
            _, _, _, region, account, *_ = source.function.split(":")
            aws = self._aws_of(_Owner(account, region))
        name = f"{source.function}:{source.qualifier}" if source.qualifier else source.function
        arguments = {"FunctionName": source.function} | ({"Qualifier": source.qualifier} if source.qualifier else {})
        try:
            with translated("lambda:GetFunction", name):
                answer = aws.functions().get_function(**arguments)
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise DeployError(
                f"There is no {name} in {aws.region} to promote from: {error.message}",
                "Look at the input 'promote-from', and at the account of the credentials. A function of another "
                "account or Region is named by its ARN.",
            ) from error
        configuration = answer["Configuration"]
        if configuration.get("PackageType") != "Image":
            raise DeployError(
                f"{name} has no image to promote: its package type is {configuration.get('PackageType')}."
            )
        uri = answer["Code"].get("ResolvedImageUri", "")
        image = ImageReference.parse(uri)
        if image is None:
            raise DeployError(f"Lambda does not say which image {name} runs: Code.ResolvedImageUri is {uri!r}.")
        _, _, _, region, account, *_ = configuration["FunctionArn"].split(":")
        self._served_by[image.repository_uri] = _Owner(account, region)
        return image

    def resolve(self, uri: str, platform: Platform) -> RegistryImage:
        """Read an existing image, or the one for a platform out of an index.

        Args:
            uri: registry, repository and a tag or a digest; of both, the digest counts.
            platform: which image of an index is wanted.

        Raises:
            DeployError: it is not there, is archived, may not be read, or is in no ECR registry.
        """
        parts = _URI.fullmatch(uri)
        reference = parts and (parts["digest"] or parts["tag"])
        if parts is None or not reference:
            raise DeployError(
                f"{uri} does not name an image: it takes REGISTRY/REPOSITORY with :TAG or @sha256:DIGEST."
            )
        repository = parts["repository"]
        images = self._images(parts["registry"], repository, uri)
        try:
            image = images.read(repository, reference, platform)
        except DeployError as error:
            if isinstance(error, RefusedError) and error.code == "RepositoryNotFoundException":
                raise DeployError(f"The repository of {uri} does not exist: {error.message}") from error
            images.checked_status(repository, reference)  # a better reason, if that is one
            raise
        images.checked_status(repository, image.reference.digest)
        return image

    def copy(self, image: ImageReference, destination: str) -> None:
        """Copy an image to the target's registry, layers included, without an engine.

        Args:
            image: in an ECR registry.
            destination: registry, repository and tag; the digest stays the same.

        Raises:
            DeployError: a registry refuses, or the copy is not the same image.
        """
        registry, _, name = destination.partition("/")
        repository, _, tag = name.partition(":")
        # The target's come last: where both are one registry, one of them has to push.
        logins = {image.registry: self._authorization(image), registry: self._target.authorization()}
        self._tools.copy(image, destination, logins)
        copied = (self._target.find_tags(repository, [tag]) or {}).get(tag, "missing")
        if copied != image.digest:
            raise DeployError(
                f"{image} was copied to {destination}, but that is {copied}.",
                "Something else writes to this tag. Run this job again.",
            )

    def _images(self, registry: str, repository: str, uri: str) -> EcrImages:
        owner = self._owner(registry, repository)
        if owner is None:
            raise DeployError(
                f"Lambda takes images from private ECR repositories only, and {uri} is in none.",
                "Copy it to one first, and name the copy:\n"
                f"docker buildx imagetools create --tag {self._target.registry()}/REPOSITORY:TAG {uri}",
            )
        # Lambda refuses the hosts of FIPS endpoints; the others name the same registry.
        host = registry.replace("ecr-fips.", "ecr.")
        return EcrImages(self._aws_of(owner), lambda: host, owner.account)

    def _owner(self, registry: str, repository: str) -> _Owner | None:
        if stated := _stated_owner(registry):
            return stated
        # An emulator's host is the same for all accounts and Regions: who served the image tells whose it is.
        served_by = self._served_by.get(f"{registry}/{repository}")
        return served_by or (self._target_owner if registry == self._target.registry() else None)

    def _aws_of(self, owner: _Owner) -> "Aws":
        is_own = owner.account == self._target_owner.account
        return (self._aws if is_own else self._source).in_region(owner.region)

    def _authorization(self, image: ImageReference) -> Authorization:
        owner = self._owner(image.registry, image.repository)
        if owner is None or owner == self._target_owner:
            return self._target.authorization()
        return self._authorizations.setdefault(owner, EcrAuthorizations(self._aws_of(owner), self._mask)).get()

    @property
    def _target_owner(self) -> _Owner:
        return _stated_owner(self._target.registry()) or _Owner("", self._aws.region)

    @cached_property
    def _source(self) -> "Aws":
        return self._aws.source()


def _stated_owner(registry: str) -> _Owner | None:
    found = _HOST.fullmatch(registry)
    return _Owner(found["account"], found["region"] or found["dual_stack_region"]) if found else None
