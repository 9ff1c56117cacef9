"""ECR repositories, by boto3."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from shlex import quote
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.ecr_images import EcrImages
from ecr_lambda_deploy.aws.ecr_login import EcrAuthorizations
from ecr_lambda_deploy.aws.ecr_policies import expiring_rule, lets_lambda_pull, lifecycle_policy, repository_policy
from ecr_lambda_deploy.aws.errors import DeniedError, RefusedError, translated
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import (
    CACHE_TAG_PREFIX,
    Authorization,
    ImageReference,
    RegistryImage,
    registry_account,
)
from ecr_lambda_deploy.model.targets import Platform

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws


class EcrRepositories:
    """ECR repositories of one account and Region.

    Args:
        aws: gives the client.
        mask: keeps a secret out of the log.
    """

    def __init__(self, aws: "Aws", mask: Callable[[str], None]) -> None:
        self._aws = aws
        self._authorizations = EcrAuthorizations(aws, mask)
        self._images = EcrImages(aws, self.registry)

    def authorization(self, *, fresh: bool = False) -> Authorization:
        """Return the registry's credentials.

        Args:
            fresh: ask for new ones, since those before may have expired.

        Raises:
            DeployError: they are not to be had.
        """
        return self._authorizations.get(fresh=fresh)

    def registry(self) -> str:
        """Return the host that ECR's authorization names.

        Raises:
            DeployError: no authorization is to be had.
        """
        return self.authorization().registry

    def find_tags(self, repository: str, tags: Sequence[str]) -> Mapping[str, str] | None:
        """Return the digest of each tag that is there; None if the repository itself is not.

        Raises:
            DeployError: the repository may not be read.
        """
        return self._images.find_tags(repository, tags)

    def check_available(self, image: ImageReference) -> bool:
        """Make sure that ECR still has an image of this account's registry or another, and can give it to Lambda.

        Returns:
            False if these credentials may not ask.

        Raises:
            DeployError: it is gone, or archived.
        """
        images = EcrImages(self._aws, lambda: image.registry, registry_account(image.registry))
        status = images.checked_status(image.repository, image.digest)
        if status == "":
            raise DeployError(
                f"ECR does not have the image {image} any more.",
                "Choose another release, or build that commit anew. A lifecycle rule may have removed the image.",
            )
        return status is not None

    def tags(self, repository: str) -> Mapping[str, str]:
        """Return the digest of every tag of a repository.

        Raises:
            DeployError: they may not be listed.
        """
        return self._images.tags(repository)

    def read_image(self, repository: str, reference: str, platform: Platform) -> RegistryImage:
        """Read an image by tag or digest, or the one for a platform out of an index.

        Raises:
            DeployError: it is not there, or the index holds none for the platform.
        """
        return self._images.read(repository, reference, platform)

    def add_tag(self, image: RegistryImage, tag: str) -> bool:
        """Give an image one more tag.

        Returns:
            False if the tag stays on other content, because the repository's tags are immutable.

        Raises:
            TagLimitError: ECR has a limit.
            DeployError: ECR refuses otherwise.
        """
        return self._images.add_tag(image, tag)

    def missing(self, repository: str) -> DeployError:
        """Return the error that tells of a missing repository, and how to create it."""
        return DeployError(
            f"There is no ECR repository {repository} in {self._aws.region}.",
            "Set 'create-repository: true', name another one in the input 'repository', or create it:\n"
            f"{self._command('create-repository', repository)}",
        )

    def create(self, repository: str) -> None:
        """Create a repository: immutable tags but the caches', scan on push, untagged images removed, open to Lambda.

        One that another run creates at the same time is left to it.

        Raises:
            DeployError: ECR refuses, or refuses what comes after the creation.
        """
        try:
            with translated("ecr:CreateRepository", repository):
                created = self._aws.ecr().create_repository(
                    repositoryName=repository,
                    imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
                    imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": f"{CACHE_TAG_PREFIX}*"}],
                    imageScanningConfiguration={"scanOnPush": True},
                )
        except RefusedError as error:
            if error.code == "RepositoryAlreadyExistsException":
                return
            raise
        policy = repository_policy(created["repository"]["repositoryArn"])
        command = self._command("set-repository-policy", repository, "--policy-text", policy)
        with _created(repository, command), translated("ecr:SetRepositoryPolicy", repository):
            self._aws.ecr().set_repository_policy(repositoryName=repository, policyText=policy)
        policy = lifecycle_policy()
        command = self._command("put-lifecycle-policy", repository, "--lifecycle-policy-text", policy)
        with _created(repository, command), translated("ecr:PutLifecyclePolicy", repository):
            self._aws.ecr().put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=policy)

    def may_lambda_pull(self, repository: str) -> bool | None:
        """Whether the repository's policy lets Lambda pull; None where these credentials may not read the policy."""
        try:
            with translated("ecr:GetRepositoryPolicy", repository):
                policy = self._aws.ecr().get_repository_policy(repositoryName=repository)["policyText"]
        except DeniedError:
            return None
        except RefusedError as error:
            if error.code == "RepositoryPolicyNotFoundException":
                return False
            raise
        return lets_lambda_pull(policy)

    def may_overwrite(self, repository: str, tag: str) -> bool | None:
        """Whether a tag may be moved to other content; None where these credentials may not read that."""
        try:
            with translated("ecr:DescribeRepositories", repository):
                answer = self._aws.ecr().describe_repositories(repositoryNames=[repository])["repositories"][0]
        except DeniedError:
            return None
        filters = answer.get("imageTagMutabilityExclusionFilters", [])
        is_excluded = any(fnmatchcase(tag, exclusion["filter"]) for exclusion in filters)
        return answer["imageTagMutability"].startswith("MUTABLE") != is_excluded

    def expiring_rule(self, repository: str, tags: Sequence[str]) -> str:
        """Return a sentence on the lifecycle rule that could remove an image with these tags.

        It is empty if there is none, or where these credentials may not read that.
        """
        try:
            with translated("ecr:GetLifecyclePolicy", repository):
                policy = self._aws.ecr().get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]
        except DeniedError:
            return ""
        except RefusedError as error:
            if error.code == "LifecyclePolicyNotFoundException":
                return ""
            raise
        return expiring_rule(policy, tags)

    def _command(self, command: str, repository: str, *options: str) -> str:
        words = ["aws", "ecr", command, "--region", self._aws.region, "--repository-name", repository, *options]
        return " ".join(map(quote, words))


@contextmanager
def _created(repository: str, command: str) -> Iterator[None]:
    """Tell what is left to do if a call fails after the repository was created."""
    try:
        yield
    except DeployError as error:
        raise DeployError(
            f"The ECR repository {repository} was created, but is not complete: {error.message}",
            "\n".join(
                filter(None, [error.hint, f"Run this with other credentials, and then this job again:\n{command}"])
            ),
        ) from error
