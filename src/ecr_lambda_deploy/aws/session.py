"""The AWS credentials of the whole run, from the environment or from a role, and the clients that use them."""

import re
import socket
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from copy import copy
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

from botocore import UNSIGNED
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import CredentialResolver, DeferredRefreshableCredentials
from botocore.model import OperationModel
from botocore.session import Session

from ecr_lambda_deploy.aws.environment import BY_HAND_HINT, absent_files, named_variables
from ecr_lambda_deploy.aws.errors import CREDENTIALS_HINT
from ecr_lambda_deploy.aws.rates import RateLimits, RequestPriority
from ecr_lambda_deploy.aws.retries import THROTTLED, retry_by_delay
from ecr_lambda_deploy.aws.roles import AssumedRole
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, UnsentError
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import RoleToAssume
from ecr_lambda_deploy.ports.runner import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sts import STSClient


# The domains of AWS's own endpoints, also of those in a VPC [botocore, endpoints.json].
_AWS_HOST = re.compile(r".+\.(?:amazonaws\.(?:com|com\.cn|eu)|api\.aws|api\.amazonwebservices\.(?:com\.cn|eu))")
_PERMISSION_HINT = (
    "Add `permissions: { id-token: write, contents: read }` to the workflow or the job. "
    "To take the role with the credentials of the environment instead, set 'role-chaining: true'."
)
# [GitHub documentation, GITHUB_TOKEN in workflows of pull requests from forks; GitHub Security Lab, "pwn requests"]
_FORK_HINT = (
    "This run is of a pull request from a fork. GitHub gives it neither an OIDC token nor secrets, by design: nobody "
    "has reviewed its code, and no permission in the workflow changes that. Leave the step out with "
    "`if: github.event.pull_request.head.repo.full_name == github.repository`, and plan after the merge, on push to "
    "the default branch. Never use `pull_request_target` with a checkout of the pull request's head for it: that runs "
    "the fork's code with this repository's credentials."
)
_PRIVILEGED_HINT = (
    " This run is of the event {event}, which has this repository's permissions also for a fork's pull request: do so "
    "only if the job neither checks out nor runs anything of the pull request."
)
_PRIVILEGED = {"pull_request_target", "workflow_run"}
_CONFIG = Config(
    # `retry_by_delay` retries. Botocore's modes share a quota among all calls of a client: a handful of parallel calls
    # uses it up within a second, and a fault of some seconds then fails the run.
    retries={"mode": "standard", "total_max_attempts": 1},
    connect_timeout=10,
    read_timeout=60,
    max_pool_connections=32,  # kept for the next call
    user_agent_extra="ecr-lambda-deploy",
)
_LONGER = 60  # seconds that an answer may take beyond the function's own timeout: Lambda starts it first
# Gateways forget a connection on which nothing is sent for 350 s [Amazon VPC user guide, NAT gateways], without a word.
# Not every system has a name for each of them [Python, socket].
_KEEP_ALIVE = [
    (socket.IPPROTO_TCP, getattr(socket, name), value)
    for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 8))
    if hasattr(socket, name)
]


class _RoleCredentials(DeferredRefreshableCredentials):
    """Refreshed a few minutes before they expire: the shortest session has only botocore's 15 minutes."""

    _advisory_refresh_timeout = 300  # seconds
    _mandatory_refresh_timeout = 120


class Aws:
    """Clients of one session. It takes its credentials when they are first needed, and refreshes them.

    Args:
        region: AWS Region.
        role: the role to take; None to use the environment's credentials.
        id_token: returns the job's OIDC token for an audience.
        mask: keeps a secret out of the log.
        clock: what requests wait with before they are sent, or sent again.
        priority: whose requests come first.
        run: whose credentials they are; what a hint advises depends on what started it.
        environment: the process's, for what an error says of it: AWS's SDK reads that itself.
    """

    def __init__(
        self,
        *,
        region: str,
        role: RoleToAssume | None,
        id_token: Callable[[str], str],
        mask: Callable[[str], None],
        clock: Clock,
        priority: RequestPriority,
        run: WorkflowRun,
        environment: Mapping[str, str],
    ) -> None:
        self.region = region
        self._clock, self._priority = clock, priority
        self._id_token, self._variables = id_token, environment
        self._run = run
        self._mask = mask
        self._lock = Lock()  # creating clients is not thread-safe [boto3 documentation, multithreading]
        self._clients: dict[tuple[str, str, float], Any] = {}
        self._limits: dict[str, RateLimits] = {}  # by Region
        with self._named():
            self._environment = _new_session(region)
        self._session = self._environment if role is None else self._session_of(role)

    def _named(self) -> AbstractContextManager[None]:
        return named_variables(self._variables, is_by_hand=self._run.is_by_hand)

    def in_region(self, region: str) -> Self:
        """Return the same credentials with clients for another Region."""
        other = copy(self)  # the session, its clients, their limits and their lock are shared
        other.region = region
        return other

    def source(self) -> Self:
        """Return the clients that read existing images, with the environment's credentials if there are any.

        A role that deploys to one account often may not read another one, from which an image is promoted. Credentials
        of the machine itself are ignored: a job that takes a role does not mean them.

        Raises:
            DeployError: the environment's credentials are incomplete.
        """
        if self._session is self._environment:
            return self
        session = _new_session(self.region)
        resolver: CredentialResolver = session.get_component("credential_provider")
        resolver.remove("iam-role")  # the metadata service of EC2
        with self._named():
            credentials = session.get_credentials()
            if credentials is None:
                return self
            credentials.get_frozen_credentials()
        other = copy(self)
        other._session = session  # noqa: SLF001 # its own class
        other._clients, other._limits = {}, {}  # noqa: SLF001
        return other

    def _session_of(self, role: RoleToAssume) -> Session:
        assumed = AssumedRole(
            role,
            sts=self._sts,
            id_token=self._id_token,
            mask=self._mask,
            clock=self._clock,
            run=self._run,
            permission_hint=_hint(self._run, _PERMISSION_HINT),
        )
        session = _new_session(self.region)
        session._credentials = _RoleCredentials(  # type: ignore[attr-defined] # noqa: SLF001 # botocore has no public way to give a session credentials that refresh themselves
            refresh_using=assumed.credentials, method="assume-role"
        )
        return session

    def ecr(self) -> "ECRClient":
        """Return the client for ECR."""
        client: ECRClient = self._client("ecr")
        return client

    def is_ecr_overridden(self) -> bool:
        """Whether ECR's endpoint is not AWS's own: AWS_ENDPOINT_URL_ECR or AWS_ENDPOINT_URL names an emulator's.

        The endpoint of a VPC, which those may name too, is AWS's: it gives logins for real registries.
        """
        config = _CONFIG.merge(Config(ignore_configured_endpoint_urls=True))  # type: ignore[call-arg] # the stubs leave it out
        with self._lock:
            own = self._session.create_client("ecr", region_name=self.region, config=config)
        used = self.ecr().meta.endpoint_url
        return used != own.meta.endpoint_url and not _AWS_HOST.fullmatch(urlsplit(used).hostname or "")

    def functions(self) -> "LambdaClient":
        """Return the client for Lambda."""
        client: LambdaClient = self._client("lambda")
        return client

    def invoking_functions(self, timeout: float) -> "LambdaClient":
        """Return a client for Lambda that waits for as long as a function may run, and invokes it once.

        Args:
            timeout: of the function, in seconds.
        """
        client: LambdaClient = self._client("lambda", timeout + _LONGER)
        return client

    def cloudwatch(self) -> "CloudWatchClient":
        """Return the client for CloudWatch."""
        client: CloudWatchClient = self._client("cloudwatch")
        return client

    def parameters(self) -> Any:  # noqa: ANN401 # its type stubs are not among the requirements
        """Return the client for Systems Manager."""
        return self._client("ssm")

    def _client(self, service: Literal["cloudwatch", "ecr", "lambda", "ssm"], invoking: float = 0) -> Any:  # noqa: ANN401 # botocore's clients are made at run time
        """Return a client.

        Args:
            service: which it is for.
            invoking: seconds that it waits for the answer of a function; 0 if it invokes none.
        """
        with self._lock:
            key = service, self.region, invoking
            if key not in self._clients:
                self._check_credentials(self._session)
                waiting = Config(read_timeout=invoking, tcp_keepalive=True) if invoking else None
                config = _CONFIG.merge(waiting) if waiting else _CONFIG
                with self._named():
                    client: Any = self._session.create_client(service, region_name=self.region, config=config)
                    _check_endpoint(client)
                limits = self._limits.setdefault(self.region, RateLimits(self._clock, self._priority))
                _keep_within(client, limits, service)  # first, so that others back off while a refused request waits
                retry_by_delay(client, self._clock, only_once=invoking > 0)
                if invoking:
                    _probe_often(client)
                self._clients[key] = client
            return self._clients[key]

    def _sts(self, is_signed: bool) -> "STSClient":
        if is_signed:
            self._check_credentials(self._environment)
        config = _CONFIG if is_signed else _CONFIG.merge(Config(signature_version=UNSIGNED))
        with self._named():
            client: Any = self._environment.create_client("sts", config=config)
            _check_endpoint(client)
        retry_by_delay(client, self._clock)
        sts: STSClient = client
        return sts

    def _check_credentials(self, session: Session) -> None:
        """Make sure that a session has credentials, before its first request.

        Raises:
            DeployError: it has none, or they cannot be had.
        """
        with self._named():
            credentials = session.get_credentials()
            if credentials is not None and session is self._environment:
                credentials.get_frozen_credentials()  # has them read, where they are in a file or at an address
        if credentials is None:
            absent = "" if self._run.is_by_hand else absent_files(self._variables)
            hint = absent + _hint(self._run, CREDENTIALS_HINT)
            raise DeployError("There are no AWS credentials.", hint, topic="no-credentials")


def region_of_profile(environment: Mapping[str, str]) -> str:
    """Return the Region of the profile that the process's environment names, or of the default one; empty for none.

    Args:
        environment: the process's, for what an error says of it.

    Raises:
        DeployError: there is no such profile.
    """
    with named_variables(environment, is_by_hand=True):
        return str(Session().get_config_variable("region") or "")


def _new_session(region: str) -> Session:
    session = Session()
    session.set_config_variable("region", region)
    return session


def _check_endpoint(client: "CloudWatchClient | ECRClient | LambdaClient | STSClient") -> None:
    """Refuse an address that botocore takes, and that no request reaches.

    Raises:
        ValueError: it is none of HTTP.
    """
    try:
        address = urlsplit(client.meta.endpoint_url)
        is_right = address.scheme in {"http", "https"} and bool(address.hostname) and address.port != 0
    except ValueError:
        is_right = False
    if not is_right:
        raise ValueError(f"Invalid endpoint: {client.meta.endpoint_url}")


def _hint(run: WorkflowRun, hint: str) -> str:
    """Return what to do in a run without credentials.

    Args:
        run: the run.
        hint: what to do in a run that may have some.
    """
    if run.is_by_hand:
        return BY_HAND_HINT
    if run.event in _PRIVILEGED:
        return hint + _PRIVILEGED_HINT.format(event=run.event)
    return _FORK_HINT if run.is_from_fork else hint


def _probe_often(client: "CloudWatchClient | ECRClient | LambdaClient") -> None:
    """Have the kernel probe connections on which nothing is sent, more often than the two hours of its default.

    Botocore's `tcp_keepalive` switches the probes on; it has no setting for when they begin.
    """
    endpoint: Any = client._endpoint  # type: ignore[union-attr] # noqa: SLF001 # botocore has no public way to its options
    options: list[tuple[int, int, int]] = endpoint.http_session._socket_options  # noqa: SLF001
    options.extend(_KEEP_ALIVE)


def _keep_within(client: "CloudWatchClient | ECRClient | LambdaClient", limits: RateLimits, service: str) -> None:
    """Have every request, also one that is sent again, wait for its turn before it is signed."""

    def wait(*, request: AWSRequest, operation_name: str, **_: object) -> None:
        if limit := limits.of(service, operation_name):
            try:
                limit.wait()
            except CancelledError as error:
                is_first = request.context["retries"]["attempt"] == 1
                raise (UnsentError() if is_first else error) from error

    def back_off(
        *, operation: OperationModel, response: tuple[AWSResponse, dict[str, Any]] | None, **_: object
    ) -> None:
        is_throttled = response is not None and response[1].get("Error", {}).get("Code") in THROTTLED
        if is_throttled and (limit := limits.of(service, operation.name)):
            limit.back_off()

    client.meta.events.register_first("request-created", wait)
    client.meta.events.register_first("needs-retry", back_off)
