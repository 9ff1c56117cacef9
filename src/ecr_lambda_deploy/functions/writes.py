"""Changes one function and its alias. Each change is refused if somebody else was faster (optimistic locking)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType

from ecr_lambda_deploy.functions.provisioned_concurrency import ProvisionedConcurrency
from ecr_lambda_deploy.functions.reads import observe_function
from ecr_lambda_deploy.functions.waits import CONFLICT_DELAY, failed_update, taken_over, wait_until_updated
from ecr_lambda_deploy.functions.written import Written, taken_over_by
from ecr_lambda_deploy.model.errors import DeployError, InProgressError, RevisionError, TakenOverError, UnsentError
from ecr_lambda_deploy.model.functions import AliasState, FunctionState, ObservedFunction, PublishedVersion, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture, FunctionTarget
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.ports.runner import Clock

# In seconds.
_ROLE_DELAY = 1.0
_ROLE_TIMEOUT = 60.0  # IAM is eventually consistent: Lambda can assume a new role after some seconds
_SLOW_DELAY = 1.0


@dataclass(slots=True, kw_only=True)
class FunctionWriter:
    """Changes one function, and keeps the state that it last read or wrote.

    Attributes:
        ports: Lambda, and the log for what is done to this function.
        clock: time; an error that its `sleep` raises ends a wait.
        target: the function, its alias, and the seconds to wait for one change.
        run: the run that changes it.
        start: the function before the run changed it.
        now: the function as it was last read or written.
        on_change: called after each change of `now`, since the process may be killed within a step.
        published: the version that was published; None before.
        written: what was written, or may have been.
        concurrency: the alias's provisioned concurrency.
    """

    ports: Ports
    clock: Clock
    target: FunctionTarget
    run: WorkflowRun
    start: ObservedFunction
    now: ObservedFunction
    on_change: Callable[[], None] | None = None
    published: FunctionState | None = None
    written: Written = field(default_factory=Written)
    concurrency: ProvisionedConcurrency = field(init=False)

    def __post_init__(self) -> None:
        """Know nothing of the alias's provisioned concurrency yet."""
        target = self.target
        self.concurrency = ProvisionedConcurrency(
            function=target.name, alias=target.alias, ports=self.ports, clock=self.clock, timeout=target.wait_timeout
        )

    @property
    def name(self) -> str:
        """Name or ARN of the function, as it was given."""
        return self.target.name

    def create(self, image: ImageReference, architecture: Architecture, parameters: Mapping[str, object]) -> None:
        """Create the function and wait until it is active.

        Args:
            image: by digest.
            architecture: of the image.
            parameters: of CreateFunction, by their names there.

        Raises:
            RevisionError: somebody else has created the function.
            DeployError: Lambda refuses, or the creation fails.
        """
        self.ports.log.info(f"creating it with {image.short} ({architecture})")
        deadline = self.clock.now() + min(_ROLE_TIMEOUT, self.target.wait_timeout)
        while True:
            try:
                self.ports.functions.create(self.name, image, architecture, parameters)
                break
            except InProgressError as error:
                if self.clock.now() >= deadline:
                    raise
                self.ports.log.info(f"trying again: {error.message}")
                self.clock.sleep(_ROLE_DELAY)
            except RevisionError:
                if not self.ports.functions.read(self.name).runs(image, architecture):
                    raise
                break  # the request was carried out, and only its answer was lost
        self.written = replace(self.written, is_created=True)
        self._wait_until_runs(image, architecture, is_new=True)

    def start_update(self, image: ImageReference, architecture: Architecture, *, follows_alias: bool = False) -> None:
        """Start an update of `$LATEST`; it goes on in Lambda after the call.

        Args:
            image: by digest.
            architecture: of the image.
            follows_alias: whether the alias serves the image already: `$LATEST` then gets it even if somebody else has
                updated the code meanwhile.

        Raises:
            RevisionError: somebody else has updated the code since it was read.
            DeployError: Lambda refuses.
        """
        with self.assuming_written(replace(self.written, image=image, architecture=architecture)):
            latest = self._request_update(image, architecture, follows_alias=follows_alias)
        in_progress = Status(value="InProgress")
        self._remember_latest(
            replace(latest, image=image, architecture=architecture, update=in_progress, code_sha256="")
        )

    def finish_update(self, *, poll_slowly: bool = False) -> None:
        """Wait until `$LATEST` runs the image of the last update.

        Args:
            poll_slowly: whether nothing depends on the update, so that a request or two can be saved.

        Raises:
            DeployError: it does not, with Lambda's reason.
        """
        if self.written.image is not None:
            self._wait_until_runs(self.written.image, self.written.architecture, poll_slowly=poll_slowly)

    def publish(self, description: str) -> None:
        """Publish `$LATEST` as it was last read, and wait until the version is active.

        Publishing within the update, or before it has ended, races the image's optimisation
        [terraform-provider-aws#17153].

        Raises:
            DeployError: somebody else has changed the code, or Lambda refuses.
        """
        with self.concurrency.asked_beside() if self.now.alias else nullcontext():
            version = self._request_version(description)
        if version.description != description and version.state.value != "Active":
            # Nothing has changed since that version, and it cannot serve. Any update counts as a change, even with the
            # same image [PublishVersion; moto#8379].
            latest = self._latest()
            if latest.image is not None:
                self.start_update(latest.image, latest.architecture)
                self.finish_update()
                version = self._request_version(description)
        number = version.version
        if version.state.value != "Active":
            message = f"Version {number} of {self.name} did not become active: State {version.state}."
            raise DeployError(message, topic="version-not-active")
        self.published = version
        if self.now.version_numbered(number) is None:
            listed = PublishedVersion(number=number, code_sha256=version.code_sha256, description=version.description)
            self.remember(replace(self.now, versions=(*self.now.versions, listed)))
        is_new = version.description == description
        self.ports.log.info(f"published version {number}" if is_new else f"version {number} has this code already")

    def point_alias(
        self, version: FunctionState, *, description: str, weights: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        """Point the alias to a version; if that gets all the traffic, wait until it serves.

        Args:
            version: the version that gets the traffic.
            description: the alias's new description.
            weights: shares of the traffic for other versions, between 0 and 1, by version number.

        Raises:
            RevisionError: somebody else has changed the alias, and this run has written nothing yet.
            NotServedError: the version does not get its provisioned concurrency.
            DeployError: somebody else has taken the function over, or Lambda refuses.
        """
        before, alias = self.written, self.now.alias
        gets_traffic = not weights and alias is not None and (alias.version != version.version or alias.weights)
        wanted = AliasState(
            name=self.target.alias, arn="", version=version.version, weights=weights, description=description
        )
        with self.concurrency.asked_beside() if gets_traffic else nullcontext():
            with self.assuming_written(replace(before, asked=wanted)):
                moved = self._move_alias(wanted, before)
            self.written = replace(before, alias=moved, asked=None)
            self.remember(replace(self.now, alias=moved, aliased=version))
        if gets_traffic:
            self.wait_until_served()

    def wait_until_served(self) -> None:
        """Wait until the alias serves the version that it points to: only provisioned concurrency takes time to move.

        Raises:
            NotServedError: the version does not get it.
            DeployError: it does not get it in time, or somebody else has moved the alias.
        """
        if self.now.alias is not None:
            self.concurrency.wait_until_served(
                self.now.alias, lambda alias: self.remember(replace(self.now, alias=alias))
            )

    def put_alias_back(self, version: FunctionState, *, description: str) -> None:
        """Give a version all traffic of the alias, to revert a move. The alias must be as it was last read.

        Args:
            version: the version that gets the traffic.
            description: the alias's earlier description.

        Raises:
            RevisionError: somebody else has changed the alias since.
            DeployError: Lambda refuses.
        """
        alias = self.now.alias
        if alias is None:
            raise AssertionError("only an alias that exists can be put back")
        moved = self.ports.aliases.point(self.name, alias, version=version.version, weights={}, description=description)
        self.remember(replace(self.now, alias=moved, aliased=version))

    def read(self) -> None:
        """Read the function again, with its alias and the version that serves.

        Raises:
            DeployError: something may not be read, or is missing.
        """
        self.remember(observe_function(self.target, self.ports.functions, self.ports.aliases))

    def read_alias(self) -> None:
        """Read the alias again.

        Raises:
            DeployError: it may not be read.
        """
        self.remember(replace(self.now, alias=self.ports.aliases.read(self.name, self.target.alias)))

    def wait_until_updated(self, *, is_new: bool = False) -> FunctionState:
        """Wait until Lambda has finished with the last change of `$LATEST`, and return its state.

        Args:
            is_new: whether this run has just created the function, so that Lambda may not find it for a moment.

        Raises:
            DeployError: Lambda has not finished in time.
        """
        return self._remember_latest(self.wait_until_settled(is_new=is_new))

    def _request_update(
        self, image: ImageReference, architecture: Architecture, *, follows_alias: bool
    ) -> FunctionState:
        """Request an update until Lambda accepts it; return `$LATEST` as it was before, or with the image."""
        expected = self._latest()
        deadline = self.clock.now() + self.target.wait_timeout
        while True:
            latest = self._latest()
            try:
                self.ports.functions.update_code(self.name, image, architecture, revision_id=latest.revision_id)
            except (InProgressError, RevisionError) as error:
                latest = self._wait_after_conflict(error, deadline)
            else:
                return latest
            if latest.runs(image, architecture) and not latest.is_broken:
                return latest  # the request was carried out, and only its answer was lost
            is_updated = (latest.image, latest.architecture) != (expected.image, expected.architecture)
            if is_updated and not (follows_alias and self._is_alias_in_place()):
                raise RevisionError(f"{self.name} now runs {latest.image}: somebody else has updated it.")

    def _request_version(self, description: str) -> FunctionState:
        """Request a version until Lambda accepts it; return it when it is active, or has failed.

        One that is published after the update has settled is Active at once, but with SnapStart.
        """
        deadline = self.clock.now() + self.target.wait_timeout
        while True:
            latest = self._latest()
            try:
                version = self.ports.functions.publish_version(
                    self.name, code_sha256=latest.code_sha256, revision_id=latest.revision_id, description=description
                )
            except (InProgressError, RevisionError) as error:
                if self._wait_after_conflict(error, deadline).code_sha256 != latest.code_sha256:
                    raise taken_over(self._latest()) from error
            else:
                version = replace(version, image=latest.image)  # of the same code, but the answer does not name it
                return self.wait_until_settled(version.version, is_new=True) if version.is_busy else version

    def _move_alias(self, wanted: AliasState, before: Written) -> AliasState:
        """Request a move of the alias until Lambda accepts it, for as long as the run may move it.

        Args:
            wanted: what the alias is to become.
            before: what the run has written before this move.
        """
        deadline = self.clock.now() + self.target.wait_timeout
        while True:
            try:
                return self._request_alias(wanted)
            except (InProgressError, RevisionError) as error:
                alias = self.ports.aliases.read(self.name, wanted.name)
                if alias is not None and (alias.version, alias.weights) == (wanted.version, wanted.weights):
                    return alias  # the request was carried out, and only its answer was lost
                is_first_change = isinstance(error, RevisionError) and not before.is_anything
                if is_first_change or self.clock.now() >= deadline:
                    raise
                self.clock.sleep(CONFLICT_DELAY)
                self._check_may_move(alias, may_overtake=before.alias is None and not wanted.weights)

    def _request_alias(self, wanted: AliasState) -> AliasState:
        alias, version, description = self.now.alias, wanted.version, wanted.description
        if alias is None:
            return self.ports.aliases.create(self.name, wanted.name, version=version, description=description)
        return self.ports.aliases.point(
            self.name, alias, version=version, weights=wanted.weights, description=description
        )

    def _check_may_move(self, alias: AliasState | None, *, may_overtake: bool) -> None:
        """Make sure that the run may still move the alias, after somebody else has changed it.

        Args:
            alias: its current state.
            may_overtake: whether this run, which has not moved the alias yet, goes ahead of another run of this action
                whose code it has replaced. What a person has changed stays.

        Raises:
            TakenOverError: the run may not.
        """
        known, latest, written, published = self.now.alias, self.wait_until_updated(), self.written, self.published
        runs_image = written.image is None or latest.runs(written.image, written.architecture)
        if not runs_image or (published is not None and published.code_sha256 != latest.code_sha256):
            raise taken_over(latest)
        who = taken_over_by(alias, known, self.start.alias, run=self.run, may_overtake=may_overtake) if alias else ""
        if who:
            raise TakenOverError(
                f"The alias {self.target.alias} of {self.name} was moved by {who} meanwhile, so it stays."
            )
        self.remember(replace(self.now, alias=alias))

    @contextmanager
    def assuming_written(self, written: Written) -> Iterator[None]:
        """Within the block, count a request as carried out; after it too, unless the error says that it was not.

        If the answer is lost, Lambda may have carried it out.
        """
        before, self.written = self.written, written
        try:
            yield
        except (InProgressError, RevisionError, TakenOverError, UnsentError):
            self.written = before
            raise

    def _wait_until_runs(
        self, image: ImageReference, architecture: Architecture, *, poll_slowly: bool = False, is_new: bool = False
    ) -> None:
        started = self.clock.now()
        if poll_slowly:
            self.clock.sleep(_SLOW_DELAY)
        latest = self.wait_until_updated(is_new=is_new)
        if latest.is_broken:
            raise failed_update(latest, is_creation=is_new)
        if not latest.runs(image, architecture):
            raise taken_over(latest)
        self.ports.log.info(f"Lambda runs {image.short} after {self.clock.now() - started:.1f} s")

    def wait_until_settled(self, qualifier: str = "", *, is_new: bool = False) -> FunctionState:
        """Wait until Lambda has finished with `$LATEST` or a version, and return it; the arguments as above."""
        return wait_until_updated(
            partial(self.ports.functions.read, self.name, qualifier),
            is_new=is_new,
            clock=self.clock,
            log=self.ports.log,
            timeout=self.target.wait_timeout,
        )

    def _wait_after_conflict(self, error: DeployError, deadline: float) -> FunctionState:
        """Wait until somebody else's change has ended, and return `$LATEST`; after the deadline, raise the error."""
        if self.clock.now() >= deadline:
            raise error
        if isinstance(error, InProgressError):
            self.ports.log.info("somebody else is changing it; waiting")
        self.clock.sleep(CONFLICT_DELAY)
        return self.wait_until_updated()

    def _is_alias_in_place(self) -> bool:
        """Whether the alias still points to the version that this run has moved it to."""
        alias, moved = self.ports.aliases.read(self.name, self.target.alias), self.written.alias
        return alias is None or moved is None or alias.version == moved.version

    def _latest(self) -> FunctionState:
        if self.now.latest is None:
            raise AssertionError(f"{self.name} was not read")
        return self.now.latest

    def remember(self, now: ObservedFunction) -> None:
        """Keep what was read or written last."""
        self.now = now
        if self.on_change:
            self.on_change()

    def _remember_latest(self, latest: FunctionState) -> FunctionState:
        self.remember(replace(self.now, latest=latest))
        return latest
