"""ECR repositories and the login to their registry, by botocore."""

from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from fnmatch import fnmatchcase
from shlex import quote
from threading import Lock
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.ecr_images import EcrImages
from ecr_lambda_deploy.aws.ecr_policies import expiring_rule, lets_lambda_pull, lifecycle_policy, repository_policy
from ecr_lambda_deploy.aws.errors import DeniedError, RefusedError, translated
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import (
    CACHE_TAG_PREFIX,
    Authorization,
    ImageReference,
    RegistryHosts,
    own_host,
    registry_owner,
)

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws


_MOST_REGIONS = 10  # that logins are asked of, beside the registry's own; a Dockerfile may name thousands


class EcrRepositories(EcrImages):
    """The ECR registry of the credentials' own account in one Region: its login, its repositories and their images.

    Args:
        aws: gives the client.
        mask: keeps a secret out of the log.
        given: another host of the registry, to push to; in an emulator any.
        account: whose registry ECR is to name in the login; empty for the credentials' own. Everything else of this
            class is about the credentials' own.
    """

    def __init__(self, aws: "Aws", mask: Callable[[str], None], *, given: str = "", account: str = "") -> None:
        super().__init__(aws, lambda: self.registry().own)
        self._mask = mask
        self._given = given
        self._account = account
        self._lock = Lock()
        self._authorization: Authorization | None = None
        self._regions: dict[str, Future[Authorization]] = {}

    def authorization(self, *, fresh: bool = False) -> Authorization:
        """Return the registry's credentials; ECR is asked once.

        Args:
            fresh: ask again, since the credentials may have expired.

        Raises:
            DeployError: ECR refuses.
        """
        with self._lock:
            if self._authorization is None or fresh:
                # The login is for every registry that the caller may read; the account decides which host is named.
                arguments = {"registryIds": [self._account]} if self._account else {}
                with translated("ecr:GetAuthorizationToken", "*"):
                    answer = self._aws.ecr().get_authorization_token(**arguments)["authorizationData"][0]
                token = answer["authorizationToken"]
                self._mask(token)
                username, _, password = b64decode(token).decode().partition(":")
                self._mask(password)
                registry = answer["proxyEndpoint"].partition("://")[2]
                self._authorization = Authorization(
                    registry=registry,
                    username=username,
                    password=password,
                    is_of_emulator=self._aws.is_ecr_overridden(),
                )
            return self._authorization

    def login(self, host: str) -> Authorization | None:
        """Return the login for a registry's host: one of this registry, or of ECR in any account and Region.

        ECR is asked once in each Region, whether it gives one or not, and in so many Regions at most.

        Args:
            host: with the port if it has one.

        Returns:
            None for a host that is not ECR's, and for every host of AWS while ECR itself is an emulator's.

        Raises:
            DeployError: ECR refuses.
        """
        own = self.authorization()
        if self.registry().has(host):
            return own
        owner = registry_owner(host)
        if owner is None or own.is_of_emulator:
            return None
        return own.of_region(host) or self._of_region(owner.region).of_region(host)

    def _of_region(self, region: str) -> Authorization:
        with self._lock:
            known = self._regions.get(region)
            if known is None and len(self._regions) >= _MOST_REGIONS:
                raise DeployError(
                    f"There are registries in more than {_MOST_REGIONS} other Regions.", topic="wrong-registry-host"
                )
            answer = self._regions.setdefault(region, Future())
        if known is None:
            try:
                answer.set_result(EcrRepositories(self._aws.in_region(region), self._mask).authorization())
            except BaseException as error:
                answer.set_exception(error)
                raise
        return answer.result()

    def registry(self) -> RegistryHosts:
        """Read the hosts from the authorization; an emulator's registry has one name, the given one if there is one."""
        authorization = self.authorization()
        if self._given:
            authorization.check_host(self._given)
        push = self._given or authorization.registry
        return RegistryHosts(own=push if authorization.is_of_emulator else own_host(authorization.registry), push=push)

    def check_available(self, reference: ImageReference) -> bool:
        """Read the image's status, in the account that its registry belongs to."""
        owner = registry_owner(reference.registry)
        images = EcrImages(self._aws, lambda: reference.registry, owner.account if owner else "")
        status = images.checked_status(reference.repository, reference.digest)
        if status == "":
            raise DeployError(
                f"ECR does not have the image {reference} any more.",
                "Choose another release, or build that commit again. A lifecycle rule may have removed the image.",
                topic="missing-image",
            )
        return status is not None

    def missing(self, repository: str) -> DeployError:
        """Name the command that creates it."""
        return DeployError(
            f"There is no ECR repository {repository} in {self._aws.region}.",
            "Set 'create-repository: true', name another one in the input 'repository', or create it:\n"
            f"{self._command('create-repository', repository)}",
            topic="missing-repository",
        )

    def create(self, repository: str) -> None:
        """Create it, then set its policy and its lifecycle policy.

        If another run creates it at the same time, its policies are left to that run.
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
        """Read the repository's policy; None where these credentials may not."""
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
        """Read the repository's tag mutability and its exceptions; None where these credentials may not."""
        try:
            with translated("ecr:DescribeRepositories", repository):
                answer = self._aws.ecr().describe_repositories(repositoryNames=[repository])["repositories"][0]
        except DeniedError:
            return None
        filters = answer.get("imageTagMutabilityExclusionFilters", [])
        is_excluded = any(fnmatchcase(tag, exclusion["filter"]) for exclusion in filters)
        return answer["imageTagMutability"].startswith("MUTABLE") != is_excluded

    def expiring_rule(self, repository: str, tags: Sequence[str]) -> str:
        """Read the repository's lifecycle policy; empty where these credentials may not."""
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
    """Add to an error of the block that the repository was created, and the command that is left to run."""
    try:
        yield
    except DeployError as error:
        raise DeployError(
            f"The ECR repository {repository} was created, but is not complete: {error.message}",
            "\n".join(
                filter(None, [error.hint, f"Run this with other credentials, and then this job again:\n{command}"])
            ),
            topic="incomplete-repository",
        ) from error
