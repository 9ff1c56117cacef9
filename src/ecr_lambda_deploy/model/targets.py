"""What the inputs ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

Architecture = Literal["x86_64", "arm64"]


Platform = Literal["linux/amd64", "linux/arm64"]


BakeProperty = str | list[str] | dict[str, str]


PLATFORM_OF: Mapping[Architecture, Platform] = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}


ARCHITECTURE_OF: Mapping[Platform, Architecture] = {"linux/amd64": "x86_64", "linux/arm64": "arm64"}


class Mode(StrEnum):
    """What a run does."""

    DEPLOY = "deploy"
    BUILD = "build"
    PLAN = "plan"
    ROLLBACK = "rollback"


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
    """How an image is built; the fields are those of a bake target.

    Attributes:
        context: absolute path of the build context.
        dockerfile: absolute path of the Dockerfile.
        target: stage to build; empty for the last one.
        build_args: build arguments.
        build_contexts: named contexts: a folder's absolute path, or `docker-image://…` and the like.
        secrets: given to BuildKit as secrets, by id.
        provenance: as buildx's `--provenance`; `false` for none.
        sbom: as buildx's `--sbom`; `false` for none.
        labels: image labels.
        properties: other properties of a bake target, as its definition has them.
        pull: look for newer base images.
        no_cache: build every step anew.
        cache: where BuildKit keeps its cache between runs.
        reuse: whether an image that was built from the same inputs will do.
    """

    context: Path
    dockerfile: Path
    target: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    build_contexts: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
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
    """The builder of an image, and its credentials.

    Attributes:
        endpoint: BuildKit's, `tcp://…` or `docker-container://…`; empty for the runner's engine.
        docker_auth: a Docker `config.json` with credentials for base images.
        secrets: the values in `docker_auth` that the log must mask.
    """

    endpoint: str = ""
    docker_auth: Mapping[str, object] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingImage:
    """An image that is there already.

    Attributes:
        uri: registry, repository and a tag or a digest.
    """

    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedImage:
    """The image that a function serves.

    Attributes:
        function: name or unqualified ARN.
        qualifier: alias or version; empty for `$LATEST`.
    """

    function: str
    qualifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierRelease:
    """What an earlier release served.

    Attributes:
        to: `previous`, a version's number, a commit's SHA (7 digits or more) or an image's digest.
    """

    to: str = "previous"


ImageSource = Build | ExistingImage | ServedImage | EarlierRelease


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleToAssume:
    """An IAM role that the run takes.

    Attributes:
        arn: of the role.
        is_chained: taken with the credentials of the environment, not with the job's OIDC token.
        session_name: shown by CloudTrail.
        duration_seconds: None for AWS's default.
    """

    arn: str
    is_chained: bool
    session_name: str
    duration_seconds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a response must contain: parsed JSON, objects by subset."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeTest:
    """An invocation that a function must pass before it is published.

    Attributes:
        event: JSON text.
        expect: what the response must contain, None where any response will do.
    """

    event: str
    expect: Expectation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficStep:
    """A share of an alias's traffic, for some time.

    Attributes:
        weight: share of the new version, between 0 and 1.
        seconds: how long.
    """

    weight: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTarget:
    """A function that is to run an image, and how it is released to it.

    Attributes:
        name: function name or unqualified ARN, as it was given.
        publish: whether a version is published.
        alias: moved to the new version; empty for none.
        smoke_test: passed before the version is published.
        traffic: the alias's traffic before it has all of it, in order.
        alarms: names of CloudWatch alarms that end `traffic`.
        creation: parameters of CreateFunction, for a function that does not exist; None if it must exist.
        reverts: whether a release that fails is reverted.
        allows_stale: whether an older run may replace a newer run's release.
        wait_timeout: seconds to wait for Lambda to finish one change.
    """

    name: str
    publish: bool = True
    alias: str = ""
    smoke_test: SmokeTest | None = None
    traffic: tuple[TrafficStep, ...] = ()
    alarms: tuple[str, ...] = ()
    creation: Mapping[str, object] | None = None
    reverts: bool = True
    allows_stale: bool = False
    wait_timeout: float = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTarget:
    """An image that is wanted, and the functions that are to run it.

    Attributes:
        name: in the manifest; empty where the action's own inputs name it.
        source: how it is built, or where it is.
        builder: what it is built with.
        platform: None for the functions' architecture or, without functions, the builder's.
        repository: ECR repository; empty for the one that the functions use now.
        registry: registry host; empty for the one that ECR's authorization names.
        tags: the tags it gets.
        create_repository: whether a repository that is missing is created.
        functions: may be empty: the image is then only built and pushed.
    """

    name: str = ""
    source: ImageSource
    builder: BuilderSettings = field(default_factory=BuilderSettings)
    platform: Platform | None
    repository: str
    registry: str
    tags: tuple[str, ...]
    create_repository: bool
    functions: tuple[FunctionTarget, ...]
