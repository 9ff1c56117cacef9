"""Parameters are given the URI of what serves, once it does, and of nothing else."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.deploy.deploy import deploy
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.functions import ServingFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import EarlierRelease, ExistingImage, FunctionTarget, ImageTarget, Mode
from ecr_lambda_deploy.releases.parameters import write_parameters
from ecr_lambda_deploy.report.outputs import outputs
from ecr_lambda_deploy.report.summary import summary
from ecr_lambda_deploy.rollback.rollback import roll_back
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import NEW, OLD, alias_state, function_state, observed_function, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.world import LIVE, World, image_target

_NAME = "/shop/orders/image"


def _world() -> World:
    """Return a world whose alias serves the old image, and whose repository has the new one too."""
    versions = [version_state("6", NEW), version_state("7", OLD, "run=5/1 previous=6")]
    world = World(functions=FakeFunctions(versions=versions), alias=alias_state("7"))
    world.registry.hold(registry_image(NEW), "new")
    return world


def _target(image: ImageReference = NEW) -> ImageTarget:
    return replace(image_target(ExistingImage(uri=str(image)), tags=(), functions=(LIVE,)), parameter=_NAME)


def _run(world: World, target: ImageTarget, mode: Mode = Mode.DEPLOY) -> None:
    verb = roll_back if mode is Mode.ROLLBACK else deploy
    world.journal.mode = mode
    verb(Inputs(mode=mode, images=(target,), region="eu-west-1", role=None), world.ports(), world.journal)


def _said(world: World) -> list[str]:
    return [text for _, text in world.log.lines]


_BACK = replace(_target(), source=EarlierRelease())


@pytest.mark.parametrize(
    ("target", "mode", "held", "expected"),
    [
        pytest.param(_target(), Mode.DEPLOY, "", NEW, id="deployed"),
        pytest.param(_target(), Mode.DEPLOY, "anything", NEW, id="deployed, another value"),
        pytest.param(_BACK, Mode.ROLLBACK, str(OLD), NEW, id="rolled back"),
        pytest.param(_target(OLD), Mode.DEPLOY, "", OLD, id="nothing to do, not there"),
        pytest.param(_target(OLD), Mode.DEPLOY, str(NEW), OLD, id="nothing to do, another value"),
    ],
)
def test_a_parameter_is_given_what_serves(target: ImageTarget, mode: Mode, held: str, expected: ImageReference) -> None:
    world = _world()
    world.parameters.there = {_NAME: held} if held else {}
    _run(world, target, mode)

    assert world.parameters.there == {_NAME: str(expected)}
    assert world.parameters.calls == ["read_parameter", "write_parameter"]
    assert outputs(world.journal)["image-uri"] == str(expected)
    assert f"**Parameters** given the URI of the image: `{_NAME}`" in summary(world.journal)


def test_a_parameter_that_holds_it_is_not_written() -> None:
    world = _world()
    world.parameters.there = {_NAME: str(OLD)}
    _run(world, _target(OLD))

    assert world.parameters.calls == ["read_parameter"]
    assert "Parameters" not in summary(world.journal)


def test_without_a_name_no_parameter_is_asked_for() -> None:
    world = _world()
    _run(world, replace(_target(), parameter=""))

    assert world.parameters.calls == []


@pytest.mark.parametrize("reverts", [True, False])
def test_a_release_that_fails_leaves_the_parameter_alone(*, reverts: bool) -> None:
    world = _world()
    world.parameters.there = {_NAME: "of before"}
    world.functions.refusals["publish_version"] = DeployError("no more storage")
    _run(world, replace(_target(), functions=(replace(LIVE, reverts=reverts),)))

    assert world.outcome.status in {ReleaseStatus.REVERTED, ReleaseStatus.FAILED}
    assert world.parameters.there == {_NAME: "of before"}
    assert f"The parameter {_NAME} is left as it is" in "\n".join(_said(world))


@pytest.mark.parametrize(
    ("image", "held", "is_due"), [(NEW, "", True), (OLD, "", True), (NEW, str(NEW), False), (OLD, str(OLD), False)]
)
def test_a_plan_says_what_would_be_written_and_writes_nothing(
    image: ImageReference, held: str, *, is_due: bool
) -> None:
    world = _world()
    world.parameters.there = {_NAME: held}
    _run(world, _target(image), Mode.PLAN)

    assert world.parameters.calls == ["read_parameter"]
    assert (f"The parameter {_NAME} would be given {image}" in _said(world)) is is_due
    assert (f"**Parameters** would be given the URI of the image: `{_NAME}`" in summary(world.journal)) is is_due


def test_a_plan_of_an_image_that_is_to_be_built_says_so() -> None:
    world = _world()
    _run(world, replace(image_target(functions=(LIVE,)), parameter=_NAME), Mode.PLAN)

    assert f"The parameter {_NAME} would be given the image, once it is built" in _said(world)


def test_mode_build_asks_for_no_parameter() -> None:
    world = _world()
    _run(world, replace(image_target(repository="orders", functions=()), parameter=_NAME), Mode.BUILD)

    assert world.parameters.calls == []
    assert _NAME not in "\n".join(_said(world))


@pytest.mark.parametrize("target", [_target(NEW), _target(OLD)], ids=["deployed", "nothing to do"])
def test_a_parameter_that_cannot_be_written_fails_the_run_and_takes_nothing_back(target: ImageTarget) -> None:
    world = _world()
    world.parameters.refusals["write_parameter"] = DeployError("ssm:PutParameter failed: AccessDenied", "Allow it")
    with pytest.raises(DeployError) as caught:
        _run(world, target)
    image = target.source.uri if isinstance(target.source, ExistingImage) else ""

    assert f"{image} serves in orders-api, and the parameter {_NAME} does not hold it: ssm:PutParameter" in str(
        caught.value
    )
    assert caught.value.hint.splitlines() == [
        "Allow it",
        "Run this job again then, or write it in a terminal:",
        f"aws ssm put-parameter --region eu-west-1 --name {_NAME} --type String --overwrite --value {image}",
    ]
    assert str(world.outcome.after.image) == image
    assert world.outcome.status is (ReleaseStatus.DEPLOYED if target == _target(NEW) else ReleaseStatus.UNCHANGED)


def test_a_parameter_that_cannot_be_read_ends_a_deployment_before_any_change() -> None:
    world = _world()
    world.parameters.refusals["read_parameter"] = DeployError("ssm:GetParameter failed: AccessDenied")
    with pytest.raises(DeployError, match="ssm:GetParameter failed"):
        _run(world, _target())

    assert world.functions.changes == []


def test_a_parameter_that_cannot_be_read_keeps_no_function_from_going_back() -> None:
    world = _world()
    world.parameters.refusals["read_parameter"] = DeployError("ssm:GetParameter failed: AccessDenied")
    _run(world, _BACK, Mode.ROLLBACK)

    assert (world.live.version, world.outcome.status) == ("6", ReleaseStatus.ROLLED_BACK)
    assert world.parameters.there == {_NAME: str(NEW)}


def test_a_parameter_is_asked_for_when_the_functions_are_back() -> None:
    world = _world()
    world.parameters.before["read_parameter"] = lambda: world.log.info(f"version {world.live.version}")
    world.parameters.refusals["write_parameter"] = DeployError("HierarchyTypeMismatchException")
    with pytest.raises(DeployError, match="serves in orders-api, and the parameter"):
        _run(world, _BACK, Mode.ROLLBACK)

    assert "version 6" in _said(world)
    assert world.live.version == "6"


def test_a_tag_and_a_parameter_that_are_refused_are_both_told() -> None:
    world = _world()
    world.parameters.refusals["write_parameter"] = DeployError("ssm:PutParameter failed")
    world.fail("add_tag", DeployError("ecr:PutImage failed"))
    with pytest.raises(DeployError, match="ssm:PutParameter failed"):
        _run(world, replace(_target(), tags=("stable",)))

    said = "\n".join(map(str, world.journal.errors))
    assert "ecr:PutImage failed" in said


def test_a_run_that_is_cancelled_while_it_writes_says_that_it_was() -> None:
    world = _world()
    world.parameters.before["write_parameter"] = raising(CancelledError())
    with pytest.raises(CancelledError):
        _run(world, _target(OLD))


def _outcome(name: str, status: ReleaseStatus, image: ImageReference = NEW) -> Outcome:
    observed = replace(observed_function(function_state(name=name, image=image)), name=name)
    return Outcome.untouched(observed, status)


@pytest.mark.parametrize(
    ("other", "is_written"),
    [
        (_outcome("mail", ReleaseStatus.UNCHANGED), True),
        (_outcome("mail", ReleaseStatus.CREATED), True),
        (_outcome("mail", ReleaseStatus.ROLLED_BACK, OLD), False),
        (_outcome("mail", ReleaseStatus.SKIPPED), False),
        (_outcome("mail", ReleaseStatus.REVERTED), False),
        (_outcome("mail", ReleaseStatus.FAILED), False),
        (Outcome.untouched(ServingFunction(name="mail", latest=None)), False),
    ],
)
def test_of_several_functions_all_have_to_serve_the_image(other: Outcome, *, is_written: bool) -> None:
    world = _world()
    world.journal.outcomes = (_outcome("orders", ReleaseStatus.DEPLOYED), other)
    functions = (FunctionTarget(name="orders"), FunctionTarget(name=function_state(name="mail").arn))
    write_parameters([replace(_target(), functions=functions)], {}, world.ports(), world.journal)

    assert world.parameters.there == ({_NAME: str(NEW)} if is_written else {})
