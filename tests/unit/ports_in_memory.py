"""The world of the core, in memory: Lambda, the log, time, and the registries and their ports put together."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Lock

from ecr_lambda_deploy.errors import DeployError, InProgressError, SourceLocation
from ecr_lambda_deploy.function_model import FunctionState, PublishedVersion, Status
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.images import ImageJob
from ecr_lambda_deploy.model import Journal, WorkflowRun
from ecr_lambda_deploy.observe import observe
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.wanted import Architecture, Build, FunctionTarget, ImageSource, ImageTarget, Platform
from tests.unit.registries_in_memory import (
    FakeBuilder,
    FakeRepositories,
    FakeSources,
    Registry,
    StoredRepository,
    registry_image,
)

ACCOUNT = "123456789012"
REGION = "eu-west-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
ELSEWHERE = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
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
    has_entry_point: bool = False,
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
        has_entry_point=has_entry_point,
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


class World:
    """Everything outside, in memory, and the journal of a run in it.

    The registry holds the image that the function runs, under the tag `old`; nothing else is in it.

    Attributes:
        registry: the one that ECR's authorization names.
        elsewhere: a registry of another account and Region.
        calls: the names of all calls to repositories, sources and builder, in order.
    """

    def __init__(self, *, functions: FakeFunctions | None = None, run: WorkflowRun = RUN) -> None:
        self.registry, self.elsewhere = Registry(REGISTRY), Registry(ELSEWHERE)
        self.registry.hold(registry_image(OLD), "old")
        self.calls: list[str] = []
        self.functions = functions or FakeFunctions()
        self.repositories = FakeRepositories(self.registry, self.calls)
        self.sources = FakeSources((self.registry, self.elsewhere), self.calls)
        self.builder = FakeBuilder(self.registry, NEW.digest, self.calls)
        self.log = FakeLog()
        self.clock = FakeClock()
        self.journal = Journal(run=run)

    def outside(self) -> Outside:
        return Outside(
            functions=self.functions,
            repositories=self.repositories,
            sources=self.sources,
            builder=self.builder,
            log=self.log,
            clock=self.clock,
        )

    def fail(self, call: str, error: BaseException) -> None:
        """Have a call to repositories, sources or builder end with an error."""
        for port in (self.repositories, self.sources, self.builder):
            port.refusals[call] = error

    @property
    def orders(self) -> StoredRepository:
        """The repository that the images go to."""
        return self.registry.repositories["orders"]

    def next_run(self, *, commit: str = RUN.commit) -> None:
        """Forget what the run before has said and asked; what it did stays."""
        self.journal = Journal(run=replace(RUN, commit=commit))
        self.log.lines.clear()
        self.functions.changes.clear()
        for calls in (self.calls, self.functions.calls, self.repositories.tagged, self.sources.copied):
            calls.clear()


BUILD = Build(context=Path("/workspace"), dockerfile=Path("/workspace/Dockerfile"))


def image_target(
    source: ImageSource = BUILD,
    *,
    platform: Platform | None = None,
    repository: str = "",
    registry: str = "",
    tags: tuple[str, ...] = ("v1",),
    create_repository: bool = False,
    functions: tuple[FunctionTarget, ...] = (FunctionTarget(name="orders-api"),),
) -> ImageTarget:
    """Return an image that is wanted for one function, with everything else left to its default."""
    return ImageTarget(
        source=source,
        platform=platform,
        repository=repository,
        registry=registry,
        tags=tags,
        create_repository=create_repository,
        functions=functions,
    )


def get_image(world: World, target: ImageTarget) -> ImageReference:
    """Get the image that is wanted, as a run does before it touches a function."""
    outside = world.outside()
    observed, destination = observe(target, outside, world.journal)
    return ImageJob(
        target=target, destination=destination, observed=observed, outside=outside, journal=world.journal
    ).run()
