"""Lambda functions as they are observed: their states, versions and aliases."""

from dataclasses import dataclass

from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.wanted import Architecture


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
        arn: ARN as asked for: with a qualifier if one was given.
        package_type: `Image` or `Zip`.
        architecture: the one that it runs on.
        state: Pending, Active, Inactive, Failed, ...
        update: LastUpdateStatus: Successful, InProgress, Failed.
        image: Code.ResolvedImageUri, the authority on what runs.
        code_sha256: Lambda's own checksum of the code.
        has_entry_point: whether the function's own ImageConfig overrides ENTRYPOINT or CMD.
    """

    name: str
    arn: str
    package_type: str
    architecture: Architecture
    state: Status
    update: Status
    image: ImageReference | None
    code_sha256: str
    has_entry_point: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether Lambda has finished with the last change; Inactive counts, since nothing but a change ends it."""
        return self.update.value != "InProgress" and self.state.value != "Pending"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A published version: its number and Lambda's checksum of its code."""

    number: str
    code_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedFunction:
    """A function at the start of the run.

    Attributes:
        latest: `$LATEST`.
        newest: the version published last, if there is one.
    """

    latest: FunctionState
    newest: PublishedVersion | None

    @property
    def version(self) -> str:
        """The version that holds the code of `$LATEST`; empty without one."""
        if self.newest is None or self.newest.code_sha256 != self.latest.code_sha256:
            return ""
        return self.newest.number
