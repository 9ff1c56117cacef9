"""The settings of a run: images, their builds, and the functions that run them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

Architecture = Literal["x86_64", "arm64"]
"""An instruction set, as Lambda names it."""

Platform = Literal["linux/amd64", "linux/arm64"]
"""An instruction set, as Docker names it."""

ENTITLEMENTS = ("network.host", "security.insecure", "device")
"""What a build may be allowed outside its sandbox [BuildKit, util/entitlements].

Bake's `fs`, which opens the runner's files, is not among them.
"""

PLATFORM_OF: Mapping[Architecture, Platform] = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}
ARCHITECTURE_OF: Mapping[Platform, Architecture] = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}


class Mode(StrEnum):
    """The input `mode`."""

    DEPLOY = "deploy"
    BUILD = "build"
    PLAN = "plan"
    ROLLBACK = "rollback"


BakeProperty = str | list[str] | dict[str, str]
"""The value of a property of a bake target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSettings:
    """Where BuildKit keeps its cache between runs.

    Attributes:
        mode: `auto`, `gha` or `off`.
        imports: BuildKit's cache entries to import, as given; with `exports` they replace `mode`.
        exports: BuildKit's cache entries to export, as given.
    """

    mode: str = "auto"
    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """An image that is built; most fields are properties of a bake target.

    Attributes:
        context: absolute path of the build context.
        dockerfile: absolute path of the Dockerfile.
        commit: full SHA of what is checked out there, or else of the run; empty if neither is known. It is in no
            fingerprint: another commit of the same inputs is the same build.
        target: stage to build; empty for the last stage.
        build_args: build arguments.
        build_contexts: named contexts: a folder's absolute path, or a reference such as `docker-image://…`.
        secrets: BuildKit secrets, by id.
        secrets_written: what a manifest has for them, without what the workflow's `vars` say; empty outside one.
        provenance: buildx's `--provenance`; `false` for none.
        sbom: buildx's `--sbom`; `false` for none.
        labels: image labels.
        properties: other properties of the bake target, by name.
        pull: whether newer base images are pulled.
        no_cache: whether every step is built again.
        cache: where BuildKit keeps its cache between runs.
        reuse: whether an earlier image of the same inputs is used instead of a build.
    """

    context: Path
    dockerfile: Path
    commit: str = ""
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    secrets_written: str = ""
    provenance: str = "false"
    sbom: str = "false"
    labels: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, BakeProperty] = field(default_factory=dict)
    pull: bool = False
    no_cache: bool = False
    cache: CacheSettings = field(default_factory=CacheSettings)
    reuse: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class BuilderSettings:
    """The builder of an image, and the credentials for it.

    Attributes:
        endpoint: of BuildKit, `tcp://…` or `docker-container://…`; empty for the runner's engine.
        docker_auth: a Docker `config.json` with credentials for base images.
    """

    endpoint: str = ""
    docker_auth: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingImage:
    """An image that exists already.

    Attributes:
        uri: registry, repository and a tag or a digest.
    """

    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedImage:
    """The image that another function serves.

    Attributes:
        function: name or unqualified ARN.
        qualifier: alias or version; empty for `$LATEST`.
    """

    function: str
    qualifier: str = ""

    def __str__(self) -> str:
        """Return function and qualifier, as Lambda's ARNs have them."""
        return f"{self.function}:{self.qualifier}" if self.qualifier else self.function


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRelease:
    """An image that an earlier release served.

    Attributes:
        to: `previous`, a version's number, a commit's SHA (7 digits or more) or an image's digest.
    """

    to: str = "previous"


ImageSource = Build | ExistingImage | ServedImage | EarlierRelease
"""Where an image comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleToAssume:
    """An IAM role that the run assumes.

    Attributes:
        arn: of the role.
        is_chained: whether it is assumed with the environment's credentials, not with the job's OIDC token.
        session_name: which CloudTrail shows.
        duration_seconds: of the session; None for the default of AWS.
    """

    arn: str
    is_chained: bool
    session_name: str
    duration_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the response of a smoke test must contain: parsed JSON; an object may have more keys."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTest:
    """An invocation that a function must pass before it is published.

    Attributes:
        event: payload of the invocation, JSON text.
        expect: what the response must contain; None to accept any response.
    """

    event: str
    expect: Expectation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficStep:
    """A step of a canary: a share of the alias's traffic, for some time.

    Attributes:
        weight: share of the new version, above 0 and at most 1: with all of it, the alias points to that version.
        seconds: duration.
    """

    weight: float
    seconds: float

    @property
    def is_split(self) -> bool:
        """Whether another version has a share of the traffic, too."""
        return self.weight < 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTarget:
    """A function, and how an image is released to it.

    Attributes:
        name: function name or unqualified ARN, as the inputs give it.
        publish: whether a version is published.
        alias: moved to the new version; empty for none.
        smoke_test: invoked before the version is published; None for none.
        traffic: steps of the canary, in order; empty to move all traffic at once. The last one may be of all traffic.
        alarms: names of CloudWatch alarms; one in ALARM ends the canary.
        max_error_rate: share of failed invocations, between 0 and 1, above which the canary ends; None for any.
        creation: parameters of CreateFunction for a missing function; None if the function must exist.
        reverts: whether a failed release is reverted.
        allows_stale: whether an older run may replace the release of a newer run.
        wait_timeout: seconds to wait for Lambda to finish one change.
    """

    name: str
    publish: bool = True
    alias: str = ""
    smoke_test: SmokeTest | None = None
    traffic: tuple[TrafficStep, ...] = ()
    alarms: tuple[str, ...] = ()
    max_error_rate: float | None = None
    creation: Mapping[str, object] | None = None
    reverts: bool = True
    allows_stale: bool = False
    wait_timeout: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTarget:
    """An image, and the functions that run it.

    Attributes:
        name: in the manifest; empty for the plain inputs.
        source: how the image is built, or where it comes from.
        builder: of a build.
        platform: None for the functions' architecture or, without functions, the builder's.
        repository: ECR repository; empty for that of the functions' current image.
        tags: which the image gets.
        is_default_tag: whether nobody has given them: an image that is not new to its functions does without.
        create_repository: whether a missing repository is created.
        parameter: name of the Systems Manager parameter that is given the image's URI once it serves; empty for none.
        functions: may be empty: the image is then only built and pushed.
    """

    name: str = ""
    source: ImageSource
    builder: BuilderSettings = field(default_factory=BuilderSettings)
    platform: Platform | None
    repository: str
    tags: tuple[str, ...]
    is_default_tag: bool = False
    create_repository: bool
    parameter: str = ""
    functions: tuple[FunctionTarget, ...]
