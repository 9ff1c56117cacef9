"""What the emulator knows beyond ministack, shared by all rules."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sandbox.aws.api_errors import ApiError
from sandbox.aws.policies import Policy, denial
from sandbox.aws.rules.identity import Caller, Identities
from sandbox.aws.upstream import Scope, Upstream

if TYPE_CHECKING:
    from sandbox.aws.rules.metrics import Point

_NAMES_NO_RESOURCE = {"cloudwatch:GetMetricData"}  # in IAM's words (eks-workshop-v2#968)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The image of a function: the URI that the caller gave, and the digest that it had at that time."""

    uri: str
    resolved_uri: str
    architectures: list[str]

    @property
    def code_sha256(self) -> str:
        """The digest's hexadecimal part, which Lambda shows as CodeSha256 of an image (recorded answer, 2025-11-25)."""
        return self.resolved_uri.rpartition(":")[2]


@dataclass(slots=True, kw_only=True)
class Version:
    """A function's code and state: one for `$LATEST` and one for each published version."""

    image: Image | None
    state: str = "Active"
    state_reason: tuple[str, str] | None = None  # code and text
    update: str = "Successful"
    update_reason: tuple[str, str] | None = None
    revision_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def touch(self) -> None:
        """Give the version a new revision, as each of its changes does."""
        self.revision_id = str(uuid.uuid4())

    async def activate(self) -> None:
        """Make the version active; a published version keeps its revision (recorded answer)."""
        self.state, self.state_reason = "Active", None


@dataclass(slots=True, kw_only=True)
class Move:
    """A move of provisioned concurrency to the version that an alias points to now.

    Attributes:
        old: The version that has it, and all the traffic, until the move has ended.
        failure: Why it has failed; empty as long as it has not.
    """

    old: str
    failure: str = ""


@dataclass(slots=True, kw_only=True)
class Function:
    """A function.

    Attributes:
        arn: Its unqualified ARN.
        versions: By number, `$LATEST`, and `$LATEST.PUBLISHED`.
        capacity_provider: ARN of the one whose managed instances it runs on; empty if there is none.
        isolates_tenants: Whether each invocation must name a tenant.
        latest_published: The number of the version of ministack's that stands for `$LATEST.PUBLISHED`.
        unlisted: Numbers of versions that ministack has, and AWS does not.
        pending: The image that an update in progress brings.
        has_failed_creation: Whether its creation has failed: it can only be deleted.
        moves: By alias, the move of its provisioned concurrency that has not succeeded yet.
    """

    arn: str
    versions: dict[str, Version]
    capacity_provider: str = ""
    isolates_tenants: bool = False
    latest_published: str = ""
    unlisted: set[str] = field(default_factory=set)
    pending: Image | None = None
    has_failed_creation: bool = False
    moves: dict[str, Move] = field(default_factory=dict)

    @property
    def latest(self) -> Version:
        """The unpublished version."""
        return self.versions["$LATEST"]

    @property
    def settled_state(self) -> str:
        """The State of `$LATEST` when nothing is in progress: on managed instances, only versions are invoked."""
        return "ActiveNonInvocable" if self.capacity_provider else "Active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository's tag immutability: ministack has no exclusion filters."""

    mutability: str = "MUTABLE"
    exclusions: tuple[str, ...] = ()

    def immutable(self, tag: str) -> bool:
        """Return whether the tag may not move (Amazon ECR User Guide, Preventing image tags from being overwritten)."""
        excluded = any(fnmatchcase(tag, pattern) for pattern in self.exclusions)
        return excluded != self.mutability.startswith("IMMUTABLE")


@dataclass(slots=True, kw_only=True)
class State:
    """Everything that the rules share."""

    account: str
    region: str
    registry: str
    update_seconds: float
    upstream: Upstream
    most_versions: int = 100  # of a capacity provider (AWS Lambda Developer Guide, Lambda quotas)
    identities: Identities = field(default_factory=Identities)
    repositories: dict[tuple[Scope, str], Repository] = field(default_factory=dict)
    functions: dict[tuple[Scope, str], Function] = field(default_factory=dict)
    planned_failures: dict[str, tuple[str, str]] = field(default_factory=dict)
    planned_move_failures: dict[str, str] = field(default_factory=dict)  # by function
    refusals_of_roles: dict[str, list[str]] = field(default_factory=dict)  # of those to come, by the role's ARN
    archived: set[tuple[Scope, str, str]] = field(default_factory=set)  # with repository and digest
    are_archived_manifests_hidden: bool = False
    layer_downloads: dict[str, tuple[Scope, str, str]] = field(default_factory=dict)
    log_alarms: dict[tuple[Scope, str], str] = field(default_factory=dict)  # the state by name
    metrics: "list[Point]" = field(default_factory=list)
    metric_seconds: float = 0.0  # from an invocation until CloudWatch shows it
    denied: dict[str, str] = field(default_factory=dict)  # why, by action
    policies: dict[tuple[str, str], list[Policy]] = field(default_factory=dict)  # by a role's account and name
    asked: set[tuple[str, str, str]] = field(default_factory=set)  # a role's name, an action and a resource
    _changing: set[asyncio.Task[None]] = field(default_factory=set)

    def owner(self, repository: str, scope: Scope) -> Scope | None:
        """Return the account and Region that have the repository: the caller's own, else any.

        The accounts of one sandbox share one registry host, so the host cannot tell them apart.
        """
        if (scope, repository) in self.repositories:
            return scope
        return next((other for other, name in self.repositories if name == repository), None)

    def later(self, change: Callable[[], Awaitable[None]]) -> None:
        """Run `change` after `update_seconds`, as set now."""
        seconds = self.update_seconds  # a test may set others before the task begins

        async def wait() -> None:
            await asyncio.sleep(seconds)
            await change()

        task = asyncio.create_task(wait())
        self._changing.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._changing.discard(task)
        if not task.cancelled():
            task.result()  # an exception reaches the event loop's handler, which prints it

    async def stop(self) -> None:
        """Cancel the changes that are still in progress."""
        for task in self._changing:
            task.cancel()
        await asyncio.gather(*self._changing, return_exceptions=True)

    def check_allowed(
        self, action: str, caller: Caller, resource: str, context: Mapping[str, str] | None = None
    ) -> None:
        """Raise AccessDeniedException, in IAM's words, if the caller may not do it.

        Source: IAM User Guide, Troubleshoot access denied error messages.
        """
        if why := self._denial(action, caller, resource, context or {}):
            on = "" if action in _NAMES_NO_RESOURCE else f" on resource: {resource}"
            text = f"User: {caller.arn} is not authorized to perform: {action}{on} {why}"
            raise ApiError("AccessDeniedException", text, 403)

    def allows(self, action: str, caller: Caller, resource: str) -> bool:
        """Return whether the caller may do it."""
        return self._denial(action, caller, resource, {}) is None

    def _denial(self, action: str, caller: Caller, resource: str, context: Mapping[str, str]) -> str | None:
        """Return why the caller may not do it. A role without a policy may do everything that is not denied to all."""
        if action in self.denied:
            return self.denied[action] or f"because no identity-based policy allows the {action} action"
        self.asked.add((caller.role, action, resource))
        policies = self.policies.get((caller.account, caller.role))
        return None if policies is None else denial(policies, action, resource, context)
