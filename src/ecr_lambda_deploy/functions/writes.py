"""Changes one function and its alias, each time on the condition that nobody else has since it was read."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ecr_lambda_deploy.functions.history import Record, newer_run
from ecr_lambda_deploy.functions.waits import failed_update, taken_over, wait_until_allocated, wait_until_updated
from ecr_lambda_deploy.functions.written import Written, is_as_left
from ecr_lambda_deploy.model.errors import (
    DeployError,
    InProgressError,
    MissingFunctionError,
    RevisionError,
    TakenOverError,
    UnsentError,
)
from ecr_lambda_deploy.model.functions import AliasState, FunctionState, ObservedFunction, PublishedVersion, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.ports.runner import Clock

CONFLICT_DELAY = 0.3
"""Seconds to wait before a change is tried again that somebody else's has prevented."""

_ROLE_DELAY = 1.0
_NEW_PATIENCE = 10.0  # what was just made may be unknown elsewhere for a moment
_SLOW_DELAY = 1.0
_ROLE_PATIENCE = 60.0  # a new role is known everywhere in IAM after some seconds


@dataclass(slots=True, kw_only=True)
class FunctionWriter:
    """Changes one function, and keeps what it read and wrote last.

    Attributes:
        ports: what is asked and changed.
        clock: ends a wait by an error that its `sleep` raises.
        name: of the function, as it was given.
        run: that changes it.
        wait_timeout: seconds to wait for Lambda to finish one change.
        alias_name: of the alias that is released to; empty without one.
        start: the function as it was read first.
        now: the function as it was read and written last.
        on_change: called with `now` whenever it has changed, should the process end within a step.
        published: the version that was published; None before.
        written: what was written, or may have been.
    """

    ports: Ports
    clock: Clock
    name: str
    run: WorkflowRun
    wait_timeout: float
    alias_name: str
    start: ObservedFunction
    now: ObservedFunction
    on_change: Callable[[ObservedFunction], None] | None = None
    published: FunctionState | None = None
    written: Written = field(default_factory=Written)

    def create(self, image: ImageReference, architecture: Architecture, parameters: Mapping[str, object]) -> None:
        """Create the function and wait until it is active.

        Raises:
            RevisionError: somebody else has created it.
            DeployError: Lambda refuses, or gives it up.
        """
        self.ports.log.info(f"Creating {self.name} with {image} ({architecture})")
        deadline = self.clock.now() + min(_ROLE_PATIENCE, self.wait_timeout)
        while True:
            try:
                self.ports.functions.create(self.name, image, architecture, parameters)
                break
            except InProgressError as error:
                if self.clock.now() >= deadline:
                    raise
                self.ports.log.info(f"{self.name}: trying again: {error.message}")
                self.clock.sleep(_ROLE_DELAY)
            except RevisionError:
                if not self.ports.functions.read(self.name).runs(image, architecture):
                    raise
                break  # the request was carried out, and only its answer was lost
        self.written = replace(self.written, is_created=True)
        self._finish(image, architecture, is_new=True)

    def start_update(self, image: ImageReference, architecture: Architecture, *, follows_alias: bool = False) -> None:
        """Give `$LATEST` an image; Lambda then goes on by itself.

        Args:
            image: by digest.
            architecture: that it is for.
            follows_alias: whether the alias serves it already, so that it goes ahead of what others give.

        Raises:
            RevisionError: somebody else has given it another one since it was read.
            DeployError: Lambda refuses.
        """
        self.ports.log.info(f"Updating {self.name} to {image} ({architecture})")
        with self._asking(replace(self.written, image=image, architecture=architecture)):
            latest = self._start_update(image, architecture, follows_alias=follows_alias)
        in_progress = Status(value="InProgress")
        self._see_latest(replace(latest, image=image, architecture=architecture, update=in_progress, code_sha256=""))

    def _start_update(self, image: ImageReference, architecture: Architecture, *, follows_alias: bool) -> FunctionState:
        decided_on = self._known()
        deadline = self.clock.now() + self.wait_timeout
        while True:
            latest = self._known()
            try:
                self.ports.functions.update_code(self.name, image, architecture, revision_id=latest.revision_id)
            except (InProgressError, RevisionError) as error:
                latest = self._read_again(error, deadline)
            else:
                return latest
            if latest.runs(image, architecture) and not latest.is_broken:
                return latest  # the request was carried out, and only its answer was lost
            is_others = (latest.image, latest.architecture) != (decided_on.image, decided_on.architecture)
            if is_others and not (follows_alias and self._has_alias()):
                raise RevisionError(f"{self.name} runs {latest.image} by now: somebody else has updated it.")

    def finish_update(self, *, poll_slowly: bool = False) -> None:
        """Wait until `$LATEST` runs the image that was given.

        Args:
            poll_slowly: whether nothing waits for it, so that a call or two can be saved.

        Raises:
            DeployError: it does not, with Lambda's reason.
        """
        if self.written.image is not None:
            self._finish(self.written.image, self.written.architecture, poll_slowly=poll_slowly)

    def _finish(
        self, image: ImageReference, architecture: Architecture, *, poll_slowly: bool = False, is_new: bool = False
    ) -> None:
        started = self.clock.now()
        if poll_slowly:
            self.clock.sleep(_SLOW_DELAY)
        state = self.wait_until_updated(is_new=is_new)
        if state.is_broken:
            raise failed_update(state, is_creation=is_new)
        if not state.runs(image, architecture):
            raise taken_over(state)
        self.ports.log.info(f"{self.name}: Lambda runs {state.image} after {self.clock.now() - started:.1f} s")

    def publish(self, description: str) -> None:
        """Publish `$LATEST` as it was read last, and wait until the version is active.

        Publishing within the update, or before it has ended, races the image's optimisation
        [terraform-provider-aws#17153].

        Raises:
            DeployError: somebody else has changed the code, or Lambda refuses.
        """
        number = self._publish(description)
        version = self._wait_until_updated(number, is_new=True)
        if version.description != description and version.state.value != "Active":
            # Nothing has changed since that version, and it cannot serve. Any update counts as a change, even with the
            # same image [PublishVersion; moto#8379].
            latest = self._known()
            if latest.image is not None:
                self.start_update(latest.image, latest.architecture)
                self.finish_update()
                number = self._publish(description)
                version = self._wait_until_updated(number, is_new=True)
        if version.state.value != "Active":
            raise DeployError(f"Version {number} of {self.name} did not become active: State {version.state}.")
        self.published = version
        if self.now.version_numbered(number) is None:
            listed = PublishedVersion(number=number, code_sha256=version.code_sha256, description=version.description)
            self._see(replace(self.now, versions=(*self.now.versions, listed)))
        self.ports.log.info(f"{self.name}: published version {number}: {version.description}")

    def _publish(self, description: str) -> str:
        deadline = self.clock.now() + self.wait_timeout
        while True:
            latest = self._known()
            try:
                return self.ports.functions.publish_version(
                    self.name, code_sha256=latest.code_sha256, revision_id=latest.revision_id, description=description
                )
            except (InProgressError, RevisionError) as error:
                if self._read_again(error, deadline).code_sha256 != latest.code_sha256:
                    raise taken_over(self._known()) from error

    def point_alias(
        self, version: FunctionState, *, description: str, weights: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        """Point the alias to a version, and wait until Lambda has moved its provisioned concurrency.

        Args:
            version: that the alias is to point to.
            description: that it is to have.
            weights: shares of its traffic that go to other versions, between 0 and 1, by version.

        Raises:
            RevisionError: somebody else has changed it, and nothing was written yet.
            DeployError: somebody else has taken the function over, or Lambda refuses.
        """
        before = self.written
        wanted = AliasState(
            name=self.alias_name, arn="", version=version.version, weights=weights, description=description
        )
        with self._asking(replace(before, asked=wanted)):
            moved = self._move_alias(wanted, before)
        self.written = replace(before, alias=moved, asked=None)
        self._see(replace(self.now, alias=moved, aliased=version))
        allocated = wait_until_allocated(
            self.name,
            moved,
            weights,
            aliases=self.ports.aliases,
            clock=self.clock,
            log=self.ports.log,
            timeout=self.wait_timeout,
        )
        self._see(replace(self.now, alias=allocated))

    def _move_alias(self, wanted: AliasState, before: Written) -> AliasState:
        deadline = self.clock.now() + self.wait_timeout
        while True:
            try:
                return self._ask_for_alias(wanted)
            except (InProgressError, RevisionError):
                alias = self.ports.aliases.read(self.name, wanted.name)
                if alias is not None and (alias.version, alias.weights) == (wanted.version, wanted.weights):
                    return alias  # the request was carried out, and only its answer was lost
                if not before.is_anything or self.clock.now() >= deadline:
                    raise
                self.clock.sleep(CONFLICT_DELAY)
                self._decide_again(alias, may_overtake=before.alias is None and not wanted.weights)

    def _ask_for_alias(self, wanted: AliasState) -> AliasState:
        alias, version, description = self.now.alias, wanted.version, wanted.description
        if alias is None:
            return self.ports.aliases.create(self.name, wanted.name, version=version, description=description)
        return self.ports.aliases.point(
            self.name, alias, version=version, weights=wanted.weights, description=description
        )

    def _decide_again(self, alias: AliasState | None, *, may_overtake: bool) -> None:
        """Look whether the alias is still this run's to move, after somebody else has changed it.

        Args:
            alias: as it is now.
            may_overtake: whether this run, which has not touched the alias yet, goes ahead of another run of this
                action whose code it has replaced. What a person has done stays.

        Raises:
            TakenOverError: it is not.
        """
        known, latest, written, published = self.now.alias, self.wait_until_updated(), self.written, self.published
        is_given = written.image is None or latest.runs(written.image, written.architecture)
        if not is_given or (published is not None and published.code_sha256 != latest.code_sha256):
            raise taken_over(latest)
        if alias is not None:
            record = Record.parse(alias.description)
            is_moved = known is not None and not is_as_left(alias, known, self.start.alias)
            is_overtaken = may_overtake and record.run != "" and (not known or alias.description != known.description)
            newer = newer_run(self.run, record)
            if newer or (is_moved and not is_overtaken):
                who = f"the newer run {newer}" if newer else "somebody else"
                raise TakenOverError(
                    f"The alias {alias.name} of {self.name} was moved by {who} meanwhile, so it stays."
                )
        self._see(replace(self.now, alias=alias))

    def put_alias_back(self, version: FunctionState, *, description: str) -> None:
        """Give a version all of the alias's traffic, if the alias is as it was read last; to take something back.

        Raises:
            RevisionError: it is not.
            DeployError: Lambda refuses.
        """
        alias = self.now.alias
        if alias is None:
            raise AssertionError("what is put back is there")
        moved = self.ports.aliases.point(self.name, alias, version=version.version, weights={}, description=description)
        self._see(replace(self.now, alias=moved, aliased=version))

    def read_alias(self) -> None:
        """Read the alias once more.

        Raises:
            DeployError: it may not be read.
        """
        self._see(replace(self.now, alias=self.ports.aliases.read(self.name, self.alias_name)))

    def wait_until_updated(self, *, is_new: bool = False) -> FunctionState:
        """Wait until Lambda has finished with the last change of `$LATEST`, and note what it is then.

        Args:
            is_new: whether this run has just created it, so that not all of Lambda may know it yet.

        Raises:
            DeployError: Lambda has not finished in time.
        """
        return self._see_latest(self._wait_until_updated(is_new=is_new))

    def _wait_until_updated(self, qualifier: str = "", *, is_new: bool = False) -> FunctionState:
        deadline = self.clock.now() + (_NEW_PATIENCE if is_new else 0)

        def read() -> FunctionState:
            while True:
                try:
                    return self.ports.functions.read(self.name, qualifier)
                except MissingFunctionError:
                    if self.clock.now() >= deadline:
                        raise
                    self.clock.sleep(CONFLICT_DELAY)

        return wait_until_updated(read, clock=self.clock, log=self.ports.log, timeout=self.wait_timeout)

    @contextmanager
    def _asking(self, written: Written) -> Iterator[None]:
        """Count what is asked for within the block as written, unless Lambda's answer says that nothing was.

        Should the answer be lost, it may have been done.
        """
        before, self.written = self.written, written
        try:
            yield
        except (InProgressError, RevisionError, TakenOverError, UnsentError):
            self.written = before
            raise

    def _has_alias(self) -> bool:
        """Whether the alias still points to where this run has moved it."""
        alias, moved = self.ports.aliases.read(self.name, self.alias_name), self.written.alias
        return alias is None or moved is None or alias.version == moved.version

    def _known(self) -> FunctionState:
        if self.now.latest is None:
            raise AssertionError(f"{self.name} was not read")
        return self.now.latest

    def _see(self, now: ObservedFunction) -> None:
        self.now = now
        if self.on_change:
            self.on_change(now)

    def _see_latest(self, latest: FunctionState) -> FunctionState:
        self._see(replace(self.now, latest=latest))
        return latest

    def _read_again(self, error: DeployError, deadline: float) -> FunctionState:
        if self.clock.now() >= deadline:
            raise error
        if isinstance(error, InProgressError):
            self.ports.log.info(f"{self.name} is being changed by somebody else; waiting")
        self.clock.sleep(CONFLICT_DELAY)
        return self.wait_until_updated()
