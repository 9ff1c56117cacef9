"""Lambda functions as observed: states, versions and aliases."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture

LATEST = "$LATEST"
"""The qualifier of a function's unpublished code."""

LATEST_PUBLISHED = "$LATEST.PUBLISHED"
"""The version that calls without a qualifier run, of a function on managed instances.

[Lambda developer guide, $LATEST.PUBLISHED version in Lambda Managed Instances]
"""

LONGEST_TIMEOUT = 1800
"""Seconds that an invocation may take which is waited for [Lambda quotas]."""


def is_number(version: str) -> bool:
    """Whether a version has a number for a name: `$LATEST`, `$LATEST.PUBLISHED`, and whatever comes, has none."""
    return version.isascii() and version.isdigit()


_UNREAD = "Error.ErrorCode"  # of a setting, such as of an environment whose key may not be used


def name_of(given: str) -> str:
    """Return the function name of a name or an unqualified ARN."""
    return given.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A state that Lambda reports, with Lambda's reason."""

    value: str
    reason_code: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Return the state with its reason, such as `Failed (ImageAccessDenied: …)`."""
        reason = ": ".join(part for part in (self.reason_code, self.reason) if part)
        return f"{self.value} ({reason})" if reason else self.value


UNKNOWN = Status(value="UNKNOWN")
"""What cannot be read: these credentials may not ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionState:
    """A function or one of its versions, as GetFunction returns it.

    Attributes:
        name: function name.
        arn: unqualified ARN.
        version: `$LATEST`, the version's number, or `$LATEST.PUBLISHED`.
        package_type: `Image` or `Zip`.
        architecture: instruction set.
        state: Pending, Active, Inactive, Failed, ActiveNonInvocable, ...
        update: LastUpdateStatus: Successful, InProgress, Failed.
        image: Code.ResolvedImageUri: the image that runs, by digest; None if the function has no image.
        code_sha256: Lambda's own checksum of the code.
        revision_id: changes with every change of the function.
        description: of the version.
        has_entry_point: whether the function's own ImageConfig overrides ENTRYPOINT or CMD.
        timeout: seconds that an invocation may take.
        capacity_provider: ARN of the one on whose managed instances it runs; empty for any other function.
        is_durable: whether its executions outlast an invocation, and are replayed by the code that is there then.
        isolates_tenants: whether each invocation must name a tenant.
        configuration: the complete answer of Lambda, including secrets in the environment.
        settings: what of it a version is published with, by name; values may be secret, so only names are shown. One
            that ends in `.Error.ErrorCode` says that what stands beside it could not be read.
    """

    name: str
    arn: str
    version: str = LATEST
    package_type: str
    architecture: Architecture
    state: Status
    update: Status
    image: ImageReference | None
    code_sha256: str
    revision_id: str = ""
    description: str = ""
    has_entry_point: bool = False
    timeout: int = LONGEST_TIMEOUT
    capacity_provider: str = ""
    is_durable: bool = False
    isolates_tenants: bool = False
    configuration: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)
    settings: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_managed(self) -> bool:
        """Whether it runs on managed instances: then `$LATEST` cannot be invoked, only what is published of it."""
        return self.capacity_provider != ""

    @property
    def is_busy(self) -> bool:
        """Whether Lambda is still working on the last change.

        Inactive is not busy, since only a change ends it; nor is ActiveNonInvocable, in which `$LATEST` stays on
        managed instances.
        """
        return self.update.value == "InProgress" or self.state.value == "Pending"

    @property
    def is_broken(self) -> bool:
        """Whether the last creation or update failed: the code that runs is then not the code that Lambda shows."""
        return "Failed" in {self.update.value, self.state.value}

    def settings_unlike(self, other: "FunctionState") -> tuple[str, ...]:
        """Return the names of the settings that another version has otherwise, of those that could be read of both."""
        names = sorted({*self.settings, *other.settings})
        unread = tuple(name.removesuffix(_UNREAD) for name in names if name.endswith(_UNREAD))
        return tuple(
            name
            for name in names
            if self.settings.get(name) != other.settings.get(name) and not (unread and name.startswith(unread))
        )

    def runs(self, image: ImageReference | None, architecture: Architecture) -> bool:
        """Whether the function has this image and this architecture."""
        return image is not None and image.is_same_image(self.image) and self.architecture == architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A published version, as ListVersionsByFunction returns it.

    Attributes:
        number: of the version.
        code_sha256: Lambda's checksum of its code.
        description: from its publication.
        modified: when it was published, such as `2026-11-29T15:26:40.000+0000`.
    """

    number: str
    code_sha256: str
    description: str = ""
    modified: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasPointer:
    """An alias and its version, as GetFunction returns them.

    Attributes:
        name: of the alias.
        arn: of the alias.
        version: number of the version that it points to.
    """

    name: str
    arn: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasState(AliasPointer):
    """An alias, as GetAlias returns it.

    Attributes:
        weights: shares of the traffic that go to other versions, between 0 and 1, by version.
        description: names the run that moved the alias last.
        revision_id: changes with every change of the alias.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    description: str = ""
    revision_id: str = ""

    @property
    def is_held_back(self) -> bool:
        """Whether another version gets all the traffic: by a weight of Lambda's own, while the concurrency moves.

        GetAlias shows it, and UpdateAlias does not [terraform-provider-aws#48116]. No canary has such a weight.
        """
        return [*self.weights.values()] == [1.0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingFunction:
    """What serves the invocations of a function.

    Attributes:
        name: function name.
        latest: `$LATEST`; None if the function does not exist.
        alias: of the release; None if there is none, or it does not exist.
        aliased: the version that the alias points to; None without an alias.
        latest_published: `$LATEST.PUBLISHED` of a function on managed instances that is released to without an alias;
            None for any other, or if there is none yet.
    """

    name: str
    latest: FunctionState | None
    alias: AliasPointer | None = None
    aliased: FunctionState | None = None
    latest_published: FunctionState | None = None

    @property
    def serving(self) -> FunctionState | None:
        """The version of the alias; without an alias `$LATEST.PUBLISHED`, or `$LATEST` where there is none."""
        return self.aliased or self.latest_published or self.latest

    @property
    def version(self) -> str:
        """The number of the version that serves; empty if unknown, or if one without a number serves."""
        return self.alias.version if self.alias is not None and is_number(self.alias.version) else ""

    @property
    def image(self) -> ImageReference | None:
        """The image that serves."""
        return self.serving.image if self.serving else None

    @property
    def weights(self) -> Mapping[str, float]:
        """The shares of the alias's traffic of other versions; empty here: GetFunction does not return them."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFunction(ServingFunction):
    """What serves a function, with its history; releases are planned from it.

    Attributes:
        alias: with weights, description and revision.
        versions: published versions, oldest first; with an alias, only if the caller asked for them.
    """

    alias: AliasState | None = None
    versions: tuple[PublishedVersion, ...] = ()

    @property
    def published(self) -> PublishedVersion | None:
        """The newest version, if it has the code of `$LATEST`."""
        newest = self.versions[-1] if self.versions else None
        return newest if newest and self.latest and newest.code_sha256 == self.latest.code_sha256 else None

    @property
    def version(self) -> str:
        """The number of the version that serves, or of the newest with the code of one without a number; or empty."""
        if self.alias is not None and is_number(self.alias.version):
            return self.alias.version
        code = self.serving.code_sha256 if self.serving else ""
        return next((published.number for published in reversed(self.versions) if published.code_sha256 == code), "")

    @property
    def weights(self) -> Mapping[str, float]:
        """The shares of the alias's traffic that go to other versions."""
        return self.alias.weights if self.alias is not None else {}

    def version_numbered(self, number: str) -> PublishedVersion | None:
        """Return a published version by its number; None if there is none."""
        return next((published for published in self.versions if published.number == number), None)
