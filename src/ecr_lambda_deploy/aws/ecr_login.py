"""The authorization for an ECR registry, by boto3."""

from base64 import b64decode
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.errors import translated
from ecr_lambda_deploy.model.images import Authorization

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws


class EcrAuthorizations:
    """The authorization that some credentials get for the registries of one Region, asked for once.

    Args:
        aws: gives the client.
        mask: keeps a secret out of the log.
    """

    def __init__(self, aws: "Aws", mask: Callable[[str], None]) -> None:
        self._aws = aws
        self._mask = mask
        self._lock = Lock()
        self._authorization: Authorization | None = None

    def get(self, *, fresh: bool = False) -> Authorization:
        """Return the authorization.

        Args:
            fresh: ask for a new one, since the one before may have expired.

        Raises:
            DeployError: none is to be had.
        """
        with self._lock:
            if self._authorization is None or fresh:
                with translated("ecr:GetAuthorizationToken", "*"):
                    answer = self._aws.ecr().get_authorization_token()["authorizationData"][0]
                token = answer["authorizationToken"]
                self._mask(token)
                username, _, password = b64decode(token).decode().partition(":")
                self._mask(password)
                registry = answer["proxyEndpoint"].partition("://")[2]
                self._authorization = Authorization(registry=registry, username=username, password=password)
            return self._authorization
