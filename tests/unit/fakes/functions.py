"""A Lambda function in memory, with its versions, and the port to it: what Lambda does with them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import RLock

from ecr_lambda_deploy.model.errors import InProgressError, MissingFunctionError, RevisionError
from ecr_lambda_deploy.model.functions import (
    LATEST,
    LATEST_PUBLISHED,
    AliasState,
    FunctionState,
    PublishedVersion,
    Status,
)
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture
from tests.unit.fakes.clock import FakeClock, FakePriority, Level
from tests.unit.fakes.events import Recording
from tests.unit.fakes.examples import (
    ACTIVE,
    ACTIVE_NON_INVOCABLE,
    IN_PROGRESS,
    SUCCESSFUL,
    code_sha256_of,
    function_state,
)

_IN_PROGRESS = "The operation cannot be performed at this time. An update is in progress for resource: orders-api"
OTHER_REVISION = "The RevisionId provided does not match the latest RevisionId of the resource"
_PENDING = Status(value="Pending")


class FakeFunctions(Recording):
    """One Lambda function that behaves as Lambda does.

    Attributes:
        clock: the time of the world that it is in.
        priority: whose requests come first.
        published: the versions by number; what GetFunction shows of them once they are active.
        seconds_to_update: how long a creation or an update is in progress.
        seconds_to_activate: how long a version is Pending, as one with SnapStart is.
        conflicts: how many changes are refused because somebody else has just begun one, which takes as long as ours.
        end_of_update: what an accepted update makes of `$LATEST`; the image asked for, unless said otherwise.
        version_state: the State of the versions that are published.
        changes: the changing calls that were accepted, those on aliases included, in order.
        others: names of CreateFunction's parameters that the function has otherwise.
        requests: each call with what it asked for and the priority that it was made with, in order.
    """

    def __init__(self, latest: FunctionState | None = None, *, versions: Sequence[FunctionState] = ()) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.priority = FakePriority()
        self.state_lock = RLock()
        self._revision = 0
        self._latest: FunctionState | None = None
        self.latest = latest or function_state()
        self.published = {version.version: version for version in versions}
        self.aliases: dict[str, AliasState] = {}
        self.has_changed = not versions or versions[-1].code_sha256 != self.latest.code_sha256
        self.seconds_to_update = 0.0
        self.seconds_to_activate = 0.0
        self.conflicts = 0
        self.end_of_update: Callable[[FunctionState], FunctionState] = lambda state: state
        self.version_state = ACTIVE
        self.changes: list[tuple[str, ...]] = []
        self.others: tuple[str, ...] = ()
        self.requests: list[tuple[tuple[str, ...], Level]] = []
        self._busy_until: dict[str, float] = {}
        self._is_updating = self._is_new = False

    @property
    def latest(self) -> FunctionState:
        """`$LATEST`; what GetFunction shows once no change is in progress."""
        assert self._latest is not None
        return self._latest

    @latest.setter
    def latest(self, state: FunctionState) -> None:
        self._latest = replace(state, revision_id=self.next_revision())
        self.has_changed = True

    @property
    def is_there(self) -> bool:
        """Whether the function exists."""
        return self._latest is not None

    def vanish(self) -> None:
        """Have no function."""
        self._latest = None
        self.published.clear()

    def next_revision(self) -> str:
        """Return an id that no revision has had."""
        self._revision += 1
        return f"revision-{self._revision}"

    def read(self, name: str, qualifier: str = "") -> FunctionState:
        self.enter("read", qualifier or LATEST, name=name)
        with self.state_lock:
            version = qualifier or LATEST
            if version in self.aliases:
                version = self.aliases[version].version
            if version != LATEST and version not in self.published:
                raise MissingFunctionError(f"There is no version {qualifier} of {name}")
            state = self.latest if version == LATEST else self.published[version]
            if self._is_busy(version):
                is_new = version != LATEST or self._is_new
                return replace(state, state=_PENDING) if is_new else replace(state, update=IN_PROGRESS)
            if version == LATEST and self._is_updating:  # the revision changes again when an update ends [aws-sdk#377]
                self._is_updating = self._is_new = False
                state = self._latest = replace(state, revision_id=self.next_revision())
            return state

    def versions(self, name: str) -> tuple[PublishedVersion, ...]:
        self.enter("versions", name=name)
        return tuple(
            PublishedVersion(number=number, code_sha256=state.code_sha256, description=state.description)
            for number, state in self.published.items()
            if number != LATEST_PUBLISHED
        )

    def check_may_publish(self, name: str) -> None:
        self.enter("check_may_publish", name=name)

    def check_creation(self, name: str, parameters: Mapping[str, object]) -> None:
        self.enter("check_creation")
        assert name
        assert isinstance(parameters, Mapping)

    def differences(self, state: FunctionState, parameters: Mapping[str, object]) -> tuple[str, ...]:
        self.enter("differences", name=state.name)
        return tuple(name for name in self.others if name in parameters)

    def create(
        self, name: str, image: ImageReference, architecture: Architecture, parameters: Mapping[str, object]
    ) -> None:
        self.enter("create", image)
        with self.state_lock:
            if self.is_there:
                raise RevisionError(f"Function already exist: {name}")
            self.changes.append(("create", str(image), architecture, *map(str, parameters)))
            created = function_state(name=name.rpartition(":")[2], image=image, architecture=architecture)
            self.latest = self.end_of_update(created)
            self._is_new = True
            self._begin()
        self.leave("create", image)

    def update_code(self, name: str, image: ImageReference, architecture: Architecture, *, revision_id: str) -> None:
        self.enter("update_code", image, name=name)
        with self.state_lock:
            self._conflict(revision_id)
            self.changes.append(("update_code", str(image), architecture))
            updated = replace(
                self.latest,
                image=image,
                architecture=architecture,
                state=ACTIVE_NON_INVOCABLE if self.latest.is_managed else ACTIVE,
                update=SUCCESSFUL,
                code_sha256=code_sha256_of(image),
            )
            self.latest = self.end_of_update(updated)
            self._begin()
        self.leave("update_code", image)

    def publish_version(
        self, name: str, *, code_sha256: str, revision_id: str, description: str, as_latest: bool = False
    ) -> FunctionState:
        self.enter("publish_version", *([LATEST_PUBLISHED] if as_latest else []), name=name)
        with self.state_lock:
            self._conflict(revision_id)
            if code_sha256 != self.latest.code_sha256:
                raise RevisionError("CodeSHA256 differs")
            numbers = [number for number in self.published if number != LATEST_PUBLISHED]
            if numbers and not self.has_changed and not as_latest:
                return self._answered(numbers[-1])  # and it keeps its description [moto#8379]
            number = LATEST_PUBLISHED if as_latest else str(max(map(int, numbers), default=0) + 1)
            self.published[number] = replace(
                self.latest, version=number, description=description, state=self.version_state
            )
            self._latest = replace(self.latest, revision_id=self.next_revision())
            self.has_changed = self.has_changed and as_latest
            self.changes.append(("publish_version", number))
            self._busy_until[number] = self.clock.now() + self.seconds_to_activate
            answer = self._answered(number)
        self.leave("publish_version")
        return answer

    def _answered(self, number: str) -> FunctionState:
        """Return a version as Lambda answers to its publication, which does not name the image."""
        state = _PENDING if self._is_busy(number) else self.published[number].state
        return replace(self.published[number], image=None, state=state)

    def serve(self, image: ImageReference) -> None:
        """Have somebody else update `$LATEST`."""
        self.latest = replace(self.latest, image=image, code_sha256=code_sha256_of(image))

    def enter(self, call: str, *facts: object, name: str = "") -> None:
        """Note a call, and refuse it if it names another function than the one that there is."""
        if not self._is_unnoticed:
            with self._lock:
                self.requests.append(((call, *map(str, facts)), self.priority.level))
        super().enter(call, *facts)
        if name and (self._latest is None or name not in {self.latest.name, self.latest.arn}):
            raise MissingFunctionError(f"There is no Lambda function {name}")

    def _begin(self) -> None:
        self._busy_until[LATEST] = self.clock.now() + self.seconds_to_update
        self._is_updating = True

    def _is_busy(self, version: str) -> bool:
        return self.clock.now() < self._busy_until.get(version, 0)

    def _conflict(self, revision_id: str) -> None:
        if self.conflicts:
            self.conflicts -= 1
            self._busy_until[LATEST] = self.clock.now() + self.seconds_to_update
            raise InProgressError(_IN_PROGRESS)
        if self._is_busy(LATEST):
            raise InProgressError(_IN_PROGRESS)
        if revision_id != self.latest.revision_id:
            raise RevisionError(OTHER_REVISION)
