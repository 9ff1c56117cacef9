"""Lambda, CloudWatch and Systems Manager, as the core uses them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ecr_lambda_deploy.model.error_rates import InvocationCounts
from ecr_lambda_deploy.model.functions import AliasState, FunctionState, PublishedVersion, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture


class Functions(Protocol):
    """Lambda functions of one account and Region."""

    def read(self, name: str, qualifier: str = "") -> FunctionState:
        """Read a function, or the version that `qualifier` names, by number or by alias.

        Raises:
            MissingFunctionError: there is none.
            DeployError: it may not be read.
        """

    def versions(self, name: str) -> tuple[PublishedVersion, ...]:
        """Return the published versions, oldest first.

        Raises:
            MissingFunctionError: there is no such function.
            DeployError: they may not be listed.
        """

    def check_may_publish(self, name: str) -> None:
        """Make sure that a version may be published, without publishing one.

        Raises:
            DeployError: it may not.
        """

    def check_creation(self, name: str, parameters: Mapping[str, object]) -> None:
        """Make sure that a function could be created with these parameters, without asking Lambda.

        Args:
            name: of the function.
            parameters: by their names in CreateFunction.

        Raises:
            DeployError: some are wrong. It names each, and the nearest right name, and shows no value.
        """

    def differences(self, state: FunctionState, parameters: Mapping[str, object]) -> tuple[str, ...]:
        """Return the names of those of CreateFunction's parameters that a function has with other values.

        The values are left out: they may be secret.
        """

    def create(
        self, name: str, image: ImageReference, architecture: Architecture, parameters: Mapping[str, object]
    ) -> None:
        """Start the creation of a function; it goes on after the call.

        Raises:
            RevisionError: there is one by now.
            InProgressError: the function's role, or its policy, has not reached all of AWS yet.
            DeployError: Lambda refuses.
        """

    def update_code(self, name: str, image: ImageReference, architecture: Architecture, *, revision_id: str) -> None:
        """Start an update of the code of `$LATEST`; it goes on after the call.

        Raises:
            InProgressError: Lambda is busy with another change.
            RevisionError: it is another revision by now.
            DeployError: Lambda refuses the image, or the caller.
        """

    def publish_version(
        self, name: str, *, code_sha256: str, revision_id: str, description: str, as_latest: bool = False
    ) -> FunctionState:
        """Publish `$LATEST` as a version and return it, without its image; its code must still be `code_sha256`.

        If nothing has changed since the last version, Lambda returns that one, and keeps its description.

        Args:
            name: of the function.
            code_sha256: Lambda's checksum of the code.
            revision_id: of `$LATEST`, as it was read last.
            description: of the version.
            as_latest: whether to publish `$LATEST.PUBLISHED` in place of one with a number.

        Raises:
            VersionLimitError: its capacity provider takes no more versions.
            InProgressError: Lambda is busy with another change.
            RevisionError: it is another revision, or other code, by now.
            DeployError: Lambda refuses.
        """


class Aliases(Protocol):
    """Aliases of Lambda functions."""

    def read(self, name: str, alias: str) -> AliasState | None:
        """Read an alias of a function; None if there is none.

        Raises:
            DeployError: it may not be read.
        """

    def check_may_point(self, name: str, alias: AliasState | None, wanted: str) -> None:
        """Make sure that an alias may be moved, or created if there is none, without doing so.

        Args:
            name: of the function.
            alias: as it was read; None if there is none.
            wanted: name of the alias.

        Raises:
            DeployError: it may not.
        """

    def create(self, name: str, alias: str, *, version: str, description: str) -> AliasState:
        """Create an alias that points to a version.

        Raises:
            RevisionError: there is one by now.
            DeployError: Lambda refuses.
        """

    def point(
        self, name: str, alias: AliasState, *, version: str, weights: Mapping[str, float], description: str
    ) -> AliasState:
        """Point an alias to a version, and route shares of its traffic to others.

        Args:
            name: of the function.
            alias: as it was read.
            version: which the alias will point to.
            weights: shares between 0 and 1, by version.
            description: which the alias will have.

        Raises:
            RevisionError: it is another revision by now.
            DeployError: Lambda refuses.
        """

    def concurrency(self, name: str, alias: str) -> Status | None:
        """Read the status of an alias's provisioned concurrency; None if it has none.

        The status is IN_PROGRESS, READY or FAILED; or `UNKNOWN` where these credentials may not ask.

        Raises:
            DeployError: it cannot be read.
        """

    def url(self, name: str, alias: str) -> str:
        """Return the URL of a function or, with an alias, of that; empty where there is none, or it may not be read."""

    def bypasses(self, name: str) -> tuple[str, ...]:
        """Return what invokes the function without naming an alias or version: a phrase for each.

        Raises:
            DeployError: that may not be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """The answer of a function.

    Attributes:
        payload: its text.
        error: `Handled` or `Unhandled` if the function failed; else empty.
        log: the end of its log, at most 4 KB.
    """

    payload: str
    error: str
    log: str


class Invocations(Protocol):
    """Invocations of Lambda functions."""

    def check_may_invoke(self, name: str) -> None:
        """Make sure that a function may be invoked, without doing so.

        Raises:
            MissingFunctionError: there is no such function.
            DeployError: it may not.
        """

    def invoke(self, name: str, qualifier: str, event: str, *, timeout: float) -> Response:
        """Invoke a function once, and wait for its answer for as long as it may run.

        Args:
            name: of the function.
            qualifier: `$LATEST`, or a version.
            event: JSON.
            timeout: of the function, in seconds.

        Raises:
            DeployError: Lambda did not run it.
        """


class Alarms(Protocol):
    """CloudWatch alarms of the account and Region."""

    def states(self, names: Sequence[str]) -> Mapping[str, Status]:
        """Return the state of each alarm that there is, with CloudWatch's reason: OK, ALARM or INSUFFICIENT_DATA.

        Raises:
            CancelledError: the run was cancelled while another thread asked.
            DeployError: they may not be read.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasInvocations:
    """Invocations of a function by an alias, as Lambda counts them.

    Attributes:
        function: its name.
        alias: the alias's name.
        version: those that this version ran, which Lambda may count only while the alias has weights; empty for all.
    """

    function: str
    alias: str
    version: str = ""


class Metrics(Protocol):
    """Lambda's metrics in CloudWatch."""

    def check_may_read(self) -> None:
        """Make sure that metrics may be read.

        Raises:
            DeployError: they may not.
        """

    def invocations(
        self, wanted: Collection[AliasInvocations], *, since: float, max_age: float
    ) -> Mapping[AliasInvocations, Mapping[float, InvocationCounts]]:
        """Return what CloudWatch has: the counts by minute, each by when it began on the run's clock.

        It is a minute or two late, and has no minutes without invocations. What was never asked for counts as read when
        it is first asked for: nothing is known then.

        Args:
            wanted: which invocations.
            since: from when on, on the run's clock.
            max_age: CloudWatch is asked if what is known is at least so many seconds old.

        Raises:
            CancelledError: the run was cancelled while another thread asked.
            DeployError: they may not be read.
        """


class Parameters(Protocol):
    """Parameters of Systems Manager, of the account and Region."""

    def read(self, name: str) -> str:
        """Return the value of a parameter; empty if there is none.

        Raises:
            DeployError: it may not be read, or is not of the type String.
        """

    def put(self, name: str, value: str) -> None:
        """Give a parameter a value, and create one of the type String if there is none.

        Raises:
            DeployError: Systems Manager refuses.
        """
