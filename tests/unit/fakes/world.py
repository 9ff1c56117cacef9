"""The world of a run, in memory: all ports put together, and what a run does with them."""

from functools import partial
from pathlib import Path

from ecr_lambda_deploy.functions.reads import observe_function
from ecr_lambda_deploy.images.make import make_images, tag_images
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.images.plan import plan_images
from ecr_lambda_deploy.images.stages import ReadyImage, StageResult
from ecr_lambda_deploy.model.functions import AliasState, ObservedFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageOutcome, Journal, Outcome
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build, FunctionTarget, ImageSource, ImageTarget, Platform
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.plan import plan_release
from ecr_lambda_deploy.releases.release import Release, release_all
from tests.unit.fakes.aliases import FakeAliases
from tests.unit.fakes.clock import FakeCancelling
from tests.unit.fakes.examples import ELSEWHERE, NEW, OLD, REGISTRY, RUN
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.invocations import FakeAlarms, FakeInvocations, FakeMetrics
from tests.unit.fakes.log import FakeLog
from tests.unit.fakes.parameters import FakeParameters
from tests.unit.fakes.registries import (
    FakeBuilder,
    FakeRepositories,
    FakeSources,
    Registry,
    StoredRepository,
    registry_image,
)


class World:
    """Everything outside, in memory, and the journal of a run in it.

    The registry holds the image that the function runs, under the tag `old`; nothing else is in it.

    Attributes:
        registry: the one that ECR's authorization names.
        elsewhere: a registry of another account and Region.
        calls: the names of all calls to repositories, sources and builder, in order.
    """

    def __init__(
        self, *, functions: FakeFunctions | None = None, alias: AliasState | None = None, run: WorkflowRun = RUN
    ) -> None:
        self.registry, self.elsewhere = Registry(REGISTRY), Registry(ELSEWHERE)
        self.registry.hold(registry_image(OLD), "old")
        self.calls: list[str] = []
        self.functions = functions or FakeFunctions()
        self.aliases = FakeAliases(self.functions, *([alias] if alias else []))
        self.invocations = FakeInvocations(self.functions)
        self.alarms = FakeAlarms(self.functions)
        self.metrics = FakeMetrics(self.functions)
        self.parameters = FakeParameters()
        self.repositories = FakeRepositories(self.registry, self.calls)
        self.sources = FakeSources((self.registry, self.elsewhere), self.calls)
        self.builder = FakeBuilder(self.registry, NEW.digest, self.calls)
        self.log = FakeLog()
        self.clock, self.priority = self.functions.clock, self.functions.priority
        self.journal = Journal(run=run)

    def ports(self) -> Ports:
        return Ports(
            functions=self.functions,
            aliases=self.aliases,
            invocations=self.invocations,
            alarms=self.alarms,
            metrics=self.metrics,
            parameters=self.parameters,
            repositories=self.repositories,
            sources=self.sources,
            builders=lambda _: self.builder,
            log=self.log,
            clock=self.clock,
            cancelling=FakeCancelling(self.clock),
            priority=self.priority,
        )

    def fail(self, call: str, error: BaseException) -> None:
        """Have a call to repositories, sources or builder end with an error."""
        for port in (self.repositories, self.sources, self.builder):
            port.refusals[call] = error

    @property
    def orders(self) -> StoredRepository:
        """The repository that the images go to."""
        return self.registry.repositories["orders"]

    def observe(self, target: FunctionTarget) -> ObservedFunction:
        """Return the function as it is now, without a trace of that in the calls."""
        with self.functions.unnoticed():
            return observe_function(target, self.functions, self.aliases)

    @property
    def outcome(self) -> Outcome:
        """What has become of the function."""
        (outcome,) = self.journal.outcomes
        return outcome

    @property
    def image(self) -> ImageOutcome:
        """What has become of the image."""
        (image,) = self.journal.images
        return image

    @property
    def live(self) -> AliasState:
        """The alias `live`, as it is now."""
        return self.aliases.there["live"]

    def next_run(self, run: WorkflowRun = RUN) -> None:
        """Forget what the run before has said and asked; what it did stays."""
        self.journal = Journal(run=run)
        self.clock.cancelled_at = None
        self.log.lines.clear()
        self.functions.changes.clear()
        self.functions.requests.clear()
        self.functions.before.clear()
        self.functions.after.clear()
        self.functions.whenever.clear()
        self.functions.refusals.clear()
        for calls in (self.calls, self.functions.calls, self.repositories.tagged, self.sources.copied):
            calls.clear()


LIVE = FunctionTarget(name="orders-api", alias="live", wait_timeout=60)


def release_image(world: World, target: FunctionTarget = LIVE, *, image: ImageReference = NEW) -> Outcome:
    """Release an image to the function, as a run does once it has the image, and return what became of it."""
    observed, ports = world.observe(target), world.ports()
    world.journal.outcomes = (Outcome.untouched(observed),)
    plan = partial(plan_release, target, image=image, architecture="x86_64", commit=RUN.commit, run=world.journal.run)
    with ports.cancelling.polled():
        release_all(
            [
                Release(
                    plan=plan(observed),
                    plan_again=plan,
                )
            ],
            ports,
            world.journal,
        )
    return world.outcome


BUILD = Build(context=Path("/workspace"), dockerfile=Path("/workspace/Dockerfile"), commit=RUN.commit)


def image_target(
    source: ImageSource = BUILD,
    *,
    platform: Platform | None = None,
    repository: str = "",
    tags: tuple[str, ...] = ("v1",),
    create_repository: bool = False,
    functions: tuple[FunctionTarget, ...] = (FunctionTarget(name="orders-api", wait_timeout=60),),
) -> ImageTarget:
    """Return an image that is wanted for one function, with everything else left to its default."""
    return ImageTarget(
        source=source,
        platform=platform,
        repository=repository,
        tags=tags,
        create_repository=create_repository,
        functions=functions,
    )


def get_image(world: World, target: ImageTarget) -> ImageReference:
    """Get the image that is wanted, as a run does before it touches a function."""
    ports = world.ports()
    observed = observe((target,), ports, world.journal, mode=world.journal.mode)
    planned = plan_images(observed, ports, world.journal)
    made: StageResult[ReadyImage] = StageResult(failed=planned.failed)
    if not planned.failed:
        made = make_images(planned.images, ports, world.journal)
    if not made.failed:
        made = tag_images(made.images, ports, world.journal)
    assert tuple(image.error for image in made.failed) == world.journal.errors
    for image in made.failed:
        raise image.error
    (ready,) = made.images
    assert ready.image == world.journal.images[0].reference
    return ready.image
