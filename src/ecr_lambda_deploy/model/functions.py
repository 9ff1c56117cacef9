"""Lambda functions as they are observed: their states, versions and aliases."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture

LATEST = "$LATEST"
"""The qualifier of a function's unpublished code."""


def name_of(given: str) -> str:
    """Return the name of a function that is given by its name or its unqualified ARN."""
    return given.rpartition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A state that Lambda reports, with its reason in Lambda's own words."""

    value: str
    reason_code: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Return such as `Failed (ImageAccessDenied: …)`."""
        reason = ": ".join(part for part in (self.reason_code, self.reason) if part)
        return f"{self.value} ({reason})" if reason else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionState:
    """A function or one of its versions, as GetFunction shows it.

    Attributes:
        name: function name.
        arn: unqualified ARN.
        version: `$LATEST` or the version's number.
        package_type: `Image` or `Zip`.
        architecture: the one that it runs on.
        state: Pending, Active, Inactive, Failed, ...
        update: LastUpdateStatus: Successful, InProgress, Failed.
        image: Code.ResolvedImageUri, the authority on what runs.
        code_sha256: Lambda's own checksum of the code.
        revision_id: changes with every change of it.
        description: of the version.
        has_entry_point: whether the function's own ImageConfig overrides ENTRYPOINT or CMD.
        configuration: the whole of it in Lambda's own words, secrets in its environment included.
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
    configuration: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def is_busy(self) -> bool:
        """Whether Lambda is still working on the last change; Inactive is not busy, since only a change ends it."""
        return self.update.value == "InProgress" or self.state.value == "Pending"

    @property
    def is_broken(self) -> bool:
        """Whether the last creation or update failed: what then runs is not what Lambda shows."""
        return "Failed" in {self.update.value, self.state.value}

    def runs(self, image: ImageReference | None, architecture: Architecture) -> bool:
        """Whether it has this image and this architecture."""
        return image is not None and image.is_same_image(self.image) and self.architecture == architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A published version, as ListVersionsByFunction shows it.

    Attributes:
        number: the version.
        code_sha256: Lambda's checksum of its code.
        description: given when it was published.
    """

    number: str
    code_sha256: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasPointer:
    """What an alias points to, as GetFunction shows it.

    Attributes:
        name: of the alias.
        arn: of the alias.
        version: that it points to.
    """

    name: str
    arn: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasState(AliasPointer):
    """An alias, as GetAlias shows it.

    Attributes:
        weights: shares of its traffic that go to other versions, between 0 and 1, by version.
        description: says which run moved it last.
        revision_id: changes with every change of it.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    description: str = ""
    revision_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingFunction:
    """What serves invocations of a function at one moment.

    Attributes:
        name: function name.
        latest: `$LATEST`; None if there is no such function.
        alias: the one that is released to; None if none is, or it does not exist.
        aliased: the version that the alias points to; None without one.
    """

    name: str
    latest: FunctionState | None
    alias: AliasPointer | None = None
    aliased: FunctionState | None = None

    @property
    def serving(self) -> FunctionState | None:
        """What serves: the alias's version, where there is an alias; else `$LATEST`."""
        return self.aliased or self.latest

    @property
    def version(self) -> str:
        """The number of the version that serves; empty where it has none, or none that is known."""
        return self.alias.version if self.alias is not None and self.alias.version != LATEST else ""

    @property
    def image(self) -> ImageReference | None:
        """The image that serves."""
        return self.serving.image if self.serving else None

    @property
    def weights(self) -> Mapping[str, float]:
        """The shares of the alias's traffic that are known to go to other versions."""
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFunction(ServingFunction):
    """What serves, with its history: what a release is planned from.

    Attributes:
        alias: with its weights, description and revision.
        versions: those that are published, oldest first; where there is an alias, only if they were asked for.
    """

    alias: AliasState | None = None
    versions: tuple[PublishedVersion, ...] = ()

    @property
    def published(self) -> PublishedVersion | None:
        """The newest version, if it holds the code of `$LATEST`."""
        newest = self.versions[-1] if self.versions else None
        return newest if newest and self.latest and newest.code_sha256 == self.latest.code_sha256 else None

    @property
    def version(self) -> str:
        """The version that serves or, where `$LATEST` does, the newest that holds its code; empty without one."""
        if self.alias is not None and self.alias.version != LATEST:
            return self.alias.version
        code = self.latest.code_sha256 if self.latest else ""
        return next((version.number for version in reversed(self.versions) if version.code_sha256 == code), "")

    @property
    def weights(self) -> Mapping[str, float]:
        """The shares of the alias's traffic that go to other versions."""
        return self.alias.weights if self.alias is not None else {}

    def version_numbered(self, number: str) -> PublishedVersion | None:
        """Return a published version by its number."""
        return next((version for version in self.versions if version.number == number), None)
