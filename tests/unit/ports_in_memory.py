"""The ports of the core, in memory: what Lambda, ECR and BuildKit do, as far as the core can tell."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock

from ecr_lambda_deploy.errors import DeployError, InProgressError, SourceLocation
from ecr_lambda_deploy.model import (
    Architecture,
    Build,
    FunctionState,
    FunctionTarget,
    ImageReference,
    ImageTarget,
    Journal,
    Platform,
    PublishedVersion,
    PushedImage,
    Status,
    WorkflowRun,
)
from ecr_lambda_deploy.ports import Outside

ACCOUNT = "123456789012"
REGION = "eu-west-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
RUN = WorkflowRun(
    commit="c0ffee" + 34 * "0",
    repository="acme/shop",
    run_id="12345678901",
    attempt="1",
    server_url="https://github.com",
)


def image(digit: str, *, registry: str = REGISTRY, repository: str = "orders") -> ImageReference:
    """Return an image whose digest is one hexadecimal digit, repeated."""
    return ImageReference(registry=registry, repository=repository, digest=f"sha256:{64 * digit}")


OLD = image("a")
NEW = image("b")
ACTIVE = Status(value="Active")
SUCCESSFUL = Status(value="Successful")


def function_state(
    *,
    name: str = "orders-api",
    package_type: str = "Image",
    architecture: Architecture = "x86_64",
    state: Status = ACTIVE,
    update: Status = SUCCESSFUL,
    image: ImageReference | None = OLD,
    code_sha256: str = "",
) -> FunctionState:
    """Return a function that is settled and runs an image, but for what is said otherwise."""
    return FunctionState(
        name=name,
        arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        package_type=package_type,
        architecture=architecture,
        state=state,
        update=update,
        image=image,
        code_sha256=code_sha256 or code_sha256_of(image),
    )


def code_sha256_of(image: ImageReference | None) -> str:
    """Return the checksum that Lambda gives the code of an image function: the digest's hexadecimal digits."""
    return image.digest.removeprefix("sha256:") if image else "none"


class FakeClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.naps: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.time += max(seconds, 1e-6)  # as on any machine, time passes even if nobody waits


class FakeLog:
    """Keeps every line with its kind, and the open group."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.groups: list[str] = []

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        self.groups.append(title)
        yield

    def info(self, message: str) -> None:
        self.lines.append(("info", message))

    def notice(self, message: str) -> None:
        self.lines.append(("notice", message))

    def warning(self, message: str) -> None:
        self.lines.append(("warning", message))

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        self.lines.append(("error", f"{message} {location}" if location else message))

    def of_kind(self, kind: str) -> list[str]:
        return [message for its_kind, message in self.lines if its_kind == kind]


class FakeFunctions:
    """One Lambda function that behaves as Lambda does.

    Attributes:
        latest: `$LATEST`; what GetFunction shows once it has settled.
        reads_to_settle: how many reads show a change in progress before it is done.
        conflicts: how many changes are refused because somebody else has just begun one, which settles as ours do.
        end_of_update: what an accepted update makes of `$LATEST`; the image asked for, unless said otherwise.
        refusals: by the name of a call, the error that it ends with.
        before: by the name of a call and its number, from 1, what somebody else does just before it.
        changes: the changing calls that were accepted, in order.
        calls: the names of all calls, in order.
    """

    def __init__(self, latest: FunctionState | None = None, *, versions: Mapping[str, str] | None = None) -> None:
        self.latest = latest or function_state()
        self.versions: dict[str, str] = dict(versions or {})
        self.descriptions: dict[str, str] = {}
        self.version_state = ACTIVE
        self.reads_to_settle = 0
        self.conflicts = 0
        self.end_of_update: Callable[[FunctionState], FunctionState] = lambda state: state
        self.refusals: dict[str, BaseException] = {}
        self.before: dict[tuple[str, int], Callable[[], None]] = {}
        self.changes: list[tuple[str, ...]] = []
        self.calls: list[str] = []
        self._reads_left = 0
        self._lock = Lock()

    def read(self, name: str, qualifier: str = "") -> FunctionState:
        self._enter("read", name)
        if qualifier:
            settled = replace(
                self.latest,
                arn=f"{self.latest.arn}:{qualifier}",
                state=self.version_state,
                code_sha256=self.versions[qualifier],
            )
            in_progress = replace(settled, state=Status(value="Pending"))
        else:
            settled = self.latest
            in_progress = replace(settled, update=Status(value="InProgress"))
        if self._reads_left == 0:
            return settled
        self._reads_left -= 1
        return in_progress

    def newest_version(self, name: str) -> PublishedVersion | None:
        self._enter("newest_version", name)
        if not self.versions:
            return None
        number = max(self.versions, key=int)
        return PublishedVersion(number=number, code_sha256=self.versions[number])

    def check_may_publish(self, name: str) -> None:
        self._enter("check_may_publish", name)

    def update_code(self, name: str, image: ImageReference, architecture: Architecture) -> None:
        self._enter("update_code", name)
        self._conflict()
        self.changes.append(("update_code", str(image), architecture))
        settled = replace(
            self.latest,
            image=image,
            architecture=architecture,
            state=ACTIVE,
            update=SUCCESSFUL,
            code_sha256=code_sha256_of(image),
        )
        self.latest = self.end_of_update(settled)
        self._reads_left = self.reads_to_settle

    def publish_version(self, name: str, code_sha256: str, description: str) -> str:
        self._enter("publish_version", name)
        self._conflict()
        if code_sha256 != self.latest.code_sha256:
            raise DeployError("lambda:PublishVersion failed: InvalidParameterValueException: CodeSHA256 differs")
        number = str(max(map(int, self.versions), default=0) + 1)
        self.versions[number] = code_sha256
        self.descriptions[number] = description
        self.changes.append(("publish_version", number))
        self._reads_left = self.reads_to_settle
        return number

    def _enter(self, call: str, name: str) -> None:
        with self._lock:
            self.calls.append(call)
            if happening := self.before.get((call, self.calls.count(call))):
                happening()
            if refusal := self.refusals.get(call):
                raise refusal
            if name not in {self.latest.name, self.latest.arn}:
                raise DeployError(f"There is no Lambda function {name}")

    def _conflict(self) -> None:
        if self.conflicts:
            self.conflicts -= 1
            self._reads_left = self.reads_to_settle
            raise InProgressError("An update is in progress for resource: orders-api")
        if self._reads_left:
            raise InProgressError("An update is in progress for resource: orders-api")


class FakeRepositories:
    """One registry, whose images are all alike but for their digest.

    Attributes:
        names: the repositories that exist.
        lets_lambda_pull: what the policy says of it.
        platform: the platform of every image.
        immutable_tags: tags that stay on other content.
        refusals: by the name of a call, the error that it ends with.
        tags: tags given, with the image.
    """

    def __init__(self) -> None:
        self.names = {"orders"}
        self.lets_lambda_pull: bool | None = True
        self.platform = "linux/amd64"
        self.immutable_tags: set[str] = set()
        self.refusals: dict[str, BaseException] = {}
        self.tags: list[tuple[str, str]] = []
        self.calls: list[str] = []

    def registry(self) -> str:
        self._enter("registry")
        return REGISTRY

    def check_exists(self, repository: str) -> None:
        self._enter("check_exists")
        if repository not in self.names:
            raise DeployError(f"There is no ECR repository {repository} in {REGION}")

    def may_lambda_pull(self, repository: str) -> bool | None:
        self._enter("may_lambda_pull")
        return self.lets_lambda_pull if repository in self.names else None

    def read_image(self, reference: ImageReference) -> PushedImage:
        self._enter("read_image")
        return PushedImage(
            reference=reference, manifest="{}", media_type="application/vnd.oci.image.manifest.v1+json",
            platform=self.platform,
        )  # fmt: skip

    def add_tag(self, image: PushedImage, tag: str) -> bool:
        self._enter("add_tag")
        if tag in self.immutable_tags:
            return False
        self.tags.append((tag, image.reference.digest))
        return True

    def _enter(self, call: str) -> None:
        self.calls.append(call)
        if refusal := self.refusals.get(call):
            raise refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a build was asked for."""

    build: Build
    platform: Platform
    labels: Mapping[str, str]
    destination: str


class FakeBuilder:
    """Builds one image, always the same.

    Attributes:
        digest: of the image.
        engine: the platform that it runs on.
        refusals: by the name of a call, the error that it ends with.
        built: the builds that it was asked for.
    """

    def __init__(self) -> None:
        self.digest = NEW.digest
        self.engine: Platform = "linux/amd64"
        self.refusals: dict[str, BaseException] = {}
        self.checked: list[Platform] = []
        self.built: list[Built] = []

    def check_engine(self) -> Platform:
        self._refuse("check_engine")
        return self.engine

    def check_platform(self, platform: Platform) -> None:
        self.checked.append(platform)
        self._refuse("check_platform")

    def build_and_push(self, build: Build, *, platform: Platform, labels: Mapping[str, str], destination: str) -> str:
        self.built.append(Built(build=build, platform=platform, labels=labels, destination=destination))
        self._refuse("build_and_push")
        return self.digest

    def _refuse(self, call: str) -> None:
        if refusal := self.refusals.get(call):
            raise refusal


@dataclass(slots=True, kw_only=True)
class World:
    """Everything outside, in memory, and the journal of a run in it."""

    functions: FakeFunctions = field(default_factory=FakeFunctions)
    repositories: FakeRepositories = field(default_factory=FakeRepositories)
    builder: FakeBuilder = field(default_factory=FakeBuilder)
    log: FakeLog = field(default_factory=FakeLog)
    clock: FakeClock = field(default_factory=FakeClock)
    journal: Journal = field(default_factory=lambda: Journal(run=RUN))

    def outside(self) -> Outside:
        return Outside(
            functions=self.functions,
            repositories=self.repositories,
            builder=self.builder,
            log=self.log,
            clock=self.clock,
        )


def image_target(
    build: Build,
    *,
    repository: str = "",
    registry: str = "",
    tags: tuple[str, ...] = ("v1",),
    functions: tuple[FunctionTarget, ...] = (FunctionTarget(name="orders-api"),),
) -> ImageTarget:
    """Return an image that is wanted for one function, with everything else left to its default."""
    return ImageTarget(build=build, repository=repository, registry=registry, tags=tags, functions=functions)
