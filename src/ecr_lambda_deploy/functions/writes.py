"""Changes to one function, each on the condition that nobody else has changed it since it was read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ecr_lambda_deploy.functions.waits import failed_update, taken_over, wait_until_settled
from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.errors import (
    DeployError,
    InProgressError,
    MissingFunctionError,
    RevisionError,
    UnsentError,
)
from ecr_lambda_deploy.model.functions import FunctionState, ObservedFunction, PublishedVersion, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.ports.runner import Clock

CONFLICT_DELAY = 0.3
"""Seconds to wait before a change is tried again that somebody else's has prevented."""

_ROLE_DELAY = 1.0
_NEW_PATIENCE = 10.0  # what was just made may be unknown elsewhere for a moment
_UNHURRIED_DELAY = 1.0
_ROLE_PATIENCE = 60.0  # a new role is known everywhere in IAM after some seconds


@dataclass(slots=True, kw_only=True)
class FunctionChanges:
    """Changes one function, and keeps what it read and wrote last.

    Attributes:
        ports: what is asked and changed.
        clock: time; cancelling may cut its `sleep` short.
        name: of the function, as it was given.
        run: that changes it.
        wait_timeout: seconds to wait for Lambda to finish one change.
        alias_name: of the alias that is released to; empty without one.
        start: the function as it was read first.
        now: the function as last read and written.
        tell: told `now` whenever it has changed, should the run end within a step.
        published: the version that was published; None before.
        written: what was written.
    """

    ports: Ports
    clock: Clock
    name: str
    run: WorkflowRun
    wait_timeout: float
    alias_name: str
    start: ObservedFunction
    now: ObservedFunction
    tell: Callable[[ObservedFunction], None] = lambda _: None
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
        self.written.is_created = True
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
        before = replace(self.written)
        # Should the answer be lost, what was asked for may have been done.
        self.written.image, self.written.architecture = image, architecture
        try:
            latest = self._start_update(image, architecture, before, follows_alias=follows_alias)
        except (InProgressError, RevisionError):
            self.written = before
            raise
        in_progress = Status(value="InProgress")
        self._note(replace(latest, image=image, architecture=architecture, update=in_progress, code_sha256=""))

    def _start_update(
        self, image: ImageReference, architecture: Architecture, before: Written, *, follows_alias: bool
    ) -> FunctionState:
        decided_on = self._known()
        deadline = self.clock.now() + self.wait_timeout
        while True:
            latest = self._known()
            try:
                self.ports.functions.update_code(self.name, image, architecture, revision_id=latest.revision_id)
            except UnsentError:
                self.written = before
                raise
            except (InProgressError, RevisionError) as error:
                latest = self._read_again(error, deadline)
            else:
                return latest
            if latest.runs(image, architecture) and not latest.is_broken:
                return latest  # the request was carried out, and only its answer was lost
            is_others = (latest.image, latest.architecture) != (decided_on.image, decided_on.architecture)
            if is_others and not (follows_alias and self._has_alias()):
                raise RevisionError(f"{self.name} runs {latest.image} by now: somebody else has updated it.")

    def finish_update(self, *, is_unhurried: bool = False) -> None:
        """Wait until `$LATEST` runs the image that was given.

        Args:
            is_unhurried: whether nothing waits for it, so that a call or two can be saved.

        Raises:
            DeployError: it does not, with Lambda's reason.
        """
        if self.written.image is not None:
            self._finish(self.written.image, self.written.architecture, is_unhurried=is_unhurried)

    def _finish(
        self, image: ImageReference, architecture: Architecture, *, is_unhurried: bool = False, is_new: bool = False
    ) -> None:
        started = self.clock.now()
        if is_unhurried:
            self.clock.sleep(_UNHURRIED_DELAY)
        state = self._note(self.settle(is_new=is_new))
        if state.is_broken:
            raise failed_update(state, is_creation=is_new)
        if not state.runs(image, architecture):
            raise taken_over(state)
        self.ports.log.info(f"{self.name}: Lambda runs {state.image} after {self.clock.now() - started:.1f} s")

    def publish(self, description: str) -> None:
        """Publish `$LATEST` as it was read last, and wait until the version is active.

        Publishing within the update, or before it has settled, races the image's optimisation
        [terraform-provider-aws#17153].

        Raises:
            DeployError: somebody else has changed the code, or Lambda refuses.
        """
        version = self._publish(description)
        state = self.settle(version, is_new=True)
        if state.description != description and state.state.value != "Active":
            # Nothing has changed since that version, and it cannot serve. Any update counts as a change, even with the
            # same image [PublishVersion; moto#8379].
            latest = self._known()
            if latest.image is not None:
                self.start_update(latest.image, latest.architecture)
                self.finish_update()
                version = self._publish(description)
                state = self.settle(version, is_new=True)
        if state.state.value != "Active":
            raise DeployError(f"Version {version} of {self.name} did not become active: State {state.state}.")
        self.published = state
        if self.now.version_numbered(version) is None:
            record = PublishedVersion(number=version, code_sha256=state.code_sha256, description=state.description)
            self.see(replace(self.now, versions=(*self.now.versions, record)))
        self.ports.log.info(f"{self.name}: published version {version}: {state.description}")

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

    def settle(self, qualifier: str = "", *, is_new: bool = False) -> FunctionState:
        """Wait until the function, or a version of it, has settled.

        Args:
            qualifier: a version; empty for `$LATEST`.
            is_new: whether this run has just made it, so that not all of Lambda may know it yet.

        Raises:
            DeployError: it has not in time.
        """
        deadline = self.clock.now() + (_NEW_PATIENCE if is_new else 0)

        def read() -> FunctionState:
            while True:
                try:
                    return self.ports.functions.read(self.name, qualifier)
                except MissingFunctionError:
                    if self.clock.now() >= deadline:
                        raise
                    self.clock.sleep(CONFLICT_DELAY)

        return wait_until_settled(read, clock=self.clock, log=self.ports.log, timeout=self.wait_timeout)

    def _has_alias(self) -> bool:
        """Whether the alias still points to where this run has moved it."""
        alias, moved = self.ports.aliases.read(self.name, self.alias_name), self.written.alias
        return alias is None or moved is None or alias.version == moved.version

    def _known(self) -> FunctionState:
        if self.now.latest is None:
            raise AssertionError(f"{self.name} was not read")
        return self.now.latest

    def see(self, now: ObservedFunction) -> None:
        """Note how the function is now."""
        self.now = now
        self.tell(now)

    def _note(self, latest: FunctionState) -> FunctionState:
        self.see(replace(self.now, latest=latest))
        return latest

    def _read_again(self, error: DeployError, deadline: float) -> FunctionState:
        if self.clock.now() >= deadline:
            raise error
        if isinstance(error, InProgressError):
            self.ports.log.info(f"{self.name} is being changed by somebody else; waiting")
        self.clock.sleep(CONFLICT_DELAY)
        return self._note(self.settle())
