"""Changes to one function, each on the condition that nobody else has changed it since it was read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from ecr_lambda_deploy.errors import DeployError, InProgressError, RevisionError
from ecr_lambda_deploy.function_model import AliasState, FunctionState, ObservedFunction, PublishedVersion, Status
from ecr_lambda_deploy.function_ports import Aliases, Functions
from ecr_lambda_deploy.history import Record, newer_run
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.model import WorkflowRun
from ecr_lambda_deploy.ports import Clock, Log
from ecr_lambda_deploy.revert_plan import Written, is_as_left
from ecr_lambda_deploy.settle import failed_update, wait_until_allocated, wait_until_settled
from ecr_lambda_deploy.wanted import Architecture

_CONFLICT_DELAY = 0.3  # seconds
_ROLE_DELAY = 1.0
_UNHURRIED_DELAY = 1.0
_ROLE_PATIENCE = 60.0  # a new role is known everywhere in IAM after some seconds


@dataclass(slots=True, kw_only=True)
class FunctionChanges:
    """Changes one function, and keeps what it read and wrote last.

    Attributes:
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

    functions: Functions
    aliases: Aliases
    log: Log
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
        self.log.info(f"Creating {self.name} with {image} ({architecture})")
        deadline = self.clock.now() + min(_ROLE_PATIENCE, self.wait_timeout)
        while True:
            try:
                self.functions.create(self.name, image, architecture, parameters)
                break
            except InProgressError as error:
                if self.clock.now() >= deadline:
                    raise
                self.log.info(f"Trying again: {error.message}")
                self.clock.sleep(_ROLE_DELAY)
        self.written.is_created = True
        self._finish(image, architecture)

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
        decided_on = self._known()
        self.log.info(f"Updating {self.name} to {image} ({architecture})")
        deadline = self.clock.now() + self.wait_timeout
        while True:
            try:
                latest = self._known()
                self.functions.update_code(self.name, image, architecture, revision_id=latest.revision_id)
                break
            except (InProgressError, RevisionError) as error:
                latest = self._read_again(error, deadline)
            if latest.runs(image, architecture) and not latest.is_broken:
                break  # the request was carried out, and only its answer was lost
            is_others = (latest.image, latest.architecture) != (decided_on.image, decided_on.architecture)
            if is_others and not follows_alias:
                raise RevisionError(f"{self.name} runs {latest.image} by now: somebody else has updated it.")
        self.written.image, self.written.architecture = image, architecture
        in_progress = Status(value="InProgress")
        self._note(replace(latest, image=image, architecture=architecture, update=in_progress, code_sha256=""))

    def finish_update(self, *, is_unhurried: bool = False) -> None:
        """Wait until `$LATEST` runs the image that was given.

        Args:
            is_unhurried: whether nothing waits for it, so that a call or two can be saved.

        Raises:
            DeployError: it does not, with Lambda's reason.
        """
        if self.written.image is not None:
            self._finish(self.written.image, self.written.architecture, is_unhurried=is_unhurried)

    def _finish(self, image: ImageReference, architecture: Architecture, *, is_unhurried: bool = False) -> None:
        started = self.clock.now()
        if is_unhurried:
            self.clock.sleep(_UNHURRIED_DELAY)
        state = self._note(self.settle())
        if state.is_broken:
            raise failed_update(state)
        if not state.runs(image, architecture):
            raise self._taken_over(state)
        self.log.info(f"Lambda runs {state.image} after {self.clock.now() - started:.1f} s")

    def publish(self, description: str) -> None:
        """Publish `$LATEST` as it was read last, and wait until the version is active.

        Publishing within the update, or before it has settled, races the image's optimisation
        [terraform-provider-aws#17153].

        Raises:
            DeployError: somebody else has changed the code, or Lambda refuses.
        """
        version = self._publish(description)
        state = self.settle(version)
        if state.state.value not in {"Active", "Inactive"}:
            raise DeployError(f"Version {version} of {self.name} did not become active: State {state.state}.")
        self.published = state
        if self.now.version_numbered(version) is None:
            record = PublishedVersion(number=version, code_sha256=state.code_sha256, description=state.description)
            self._see(replace(self.now, versions=(*self.now.versions, record)))
        self.log.info(f"Published version {version}: {state.description}")

    def _publish(self, description: str) -> str:
        deadline = self.clock.now() + self.wait_timeout
        while True:
            latest = self._known()
            try:
                return self.functions.publish_version(
                    self.name, code_sha256=latest.code_sha256, revision_id=latest.revision_id, description=description
                )
            except (InProgressError, RevisionError) as error:
                if self._read_again(error, deadline).code_sha256 != latest.code_sha256:
                    raise self._taken_over(self._known()) from error

    def point_alias(
        self, version: FunctionState, *, description: str, share: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        """Point the alias to a version.

        Args:
            version: that it is to point to.
            description: that the alias is to have.
            share: of its traffic that goes to other versions, between 0 and 1, by version.

        Raises:
            RevisionError: somebody else has changed it, and nothing was written yet.
            DeployError: somebody else has taken the function over, or Lambda refuses.
        """
        moved = self._move_alias(version.version, share, description)
        self.written.alias = moved
        self._see(replace(self.now, alias=moved, aliased=version))
        settled = wait_until_allocated(
            self.name, moved, share, aliases=self.aliases, clock=self.clock, log=self.log, timeout=self.wait_timeout
        )
        self._see(replace(self.now, alias=settled))

    def _move_alias(self, version: str, weights: Mapping[str, float], description: str) -> AliasState:
        while True:
            alias = self.now.alias
            try:
                if alias is None:
                    return self.aliases.create(self.name, self.alias_name, version=version, description=description)
                return self.aliases.point(self.name, alias, version=version, weights=weights, description=description)
            except RevisionError:
                if not self.written.is_anything:
                    raise
                alias = self.aliases.read(self.name, self.alias_name)
                if alias is not None and (alias.version, dict(alias.weights)) == (version, dict(weights)):
                    return alias  # somebody else has done the same, or only the answer was lost
                self._decide_again(alias, is_first=self.written.alias is None and not weights)

    def settle(self, qualifier: str = "") -> FunctionState:
        """Wait until the function, or a version of it, has settled.

        Raises:
            DeployError: it has not in time.
        """
        return wait_until_settled(
            lambda: self.functions.read(self.name, qualifier),
            clock=self.clock,
            log=self.log,
            timeout=self.wait_timeout,
        )

    def _known(self) -> FunctionState:
        if self.now.latest is None:
            raise AssertionError(f"{self.name} was not read")
        return self.now.latest

    def _see(self, now: ObservedFunction) -> None:
        self.now = now
        self.tell(now)

    def _note(self, latest: FunctionState) -> FunctionState:
        self._see(replace(self.now, latest=latest))
        return latest

    def _read_again(self, error: DeployError, deadline: float) -> FunctionState:
        if self.clock.now() >= deadline:
            raise error
        if isinstance(error, InProgressError):
            self.log.info(f"{self.name} is being changed by somebody else; waiting")
        self.clock.sleep(_CONFLICT_DELAY)
        return self._note(self.settle())

    def _decide_again(self, alias: AliasState | None, *, is_first: bool) -> None:
        """Look whether the alias is still this run's to move, after somebody else has changed it.

        Args:
            alias: as it is now.
            is_first: whether this run has not touched it yet. Then it goes ahead of another run of this action, which
                it has overtaken. What a person has done stays.

        Raises:
            DeployError: it is not.
        """
        known, latest, written = self.now.alias, self.settle(), self.written
        if written.image is not None and not latest.runs(written.image, written.architecture):
            raise self._taken_over(latest)
        if alias is not None:
            record = Record.parse(alias.description)
            is_moved = known is not None and not is_as_left(alias, known, self.start.alias)
            is_overtaken = is_first and record.run != "" and (not known or alias.description != known.description)
            newer = newer_run(self.run, record)
            if newer or (is_moved and not is_overtaken):
                who = f"the newer run {newer}" if newer else "somebody else"
                raise DeployError(f"The alias {alias.name} of {self.name} was moved by {who} meanwhile, so it stays.")
        self._see(replace(self.now, alias=alias))

    def _taken_over(self, latest: FunctionState) -> DeployError:
        return DeployError(
            f"{latest.name} runs {latest.image}, not the image of this run: somebody else updated it meanwhile.",
            "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
        )
