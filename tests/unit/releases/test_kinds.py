"""Functions that isolate tenants are not tested, and durable ones have executions that outlast their code."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.deploy.deploy import deploy
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import FunctionState
from ecr_lambda_deploy.model.targets import EarlierRelease, ExistingImage, FunctionTarget, ImageSource, Mode, SmokeTest
from ecr_lambda_deploy.rollback.rollback import roll_back
from tests.unit.fakes.examples import NEW, OLD, alias_state, function_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.world import World, image_target

_TEST = SmokeTest(event="{}", expect=None)
_PLAIN = FunctionTarget(name="orders-api", wait_timeout=60)


def _run(state: FunctionState, target: FunctionTarget, mode: Mode = Mode.DEPLOY) -> World:
    """Release `NEW`, or go back to version 6, of a function with the versions 6 and 7."""
    versions = [version_state("6"), version_state("7", NEW)] if mode is Mode.ROLLBACK else [version_state("7")]
    alias = alias_state("7") if target.alias else None
    world = World(functions=FakeFunctions(state, versions=versions), alias=alias)
    world.registry.hold(registry_image(NEW), "new")
    source: ImageSource = EarlierRelease(to="6") if mode is Mode.ROLLBACK else ExistingImage(uri=str(NEW))
    inputs = Inputs(mode=mode, region="eu-west-1", role=None, images=(image_target(source, functions=(target,)),))
    world.journal.mode = mode
    (roll_back if mode is Mode.ROLLBACK else deploy)(inputs, world.ports(), world.journal)
    return world


@pytest.mark.parametrize("mode", [Mode.DEPLOY, Mode.PLAN, Mode.ROLLBACK])
def test_a_function_that_isolates_tenants_is_not_tested_and_that_is_said_first(mode: Mode) -> None:
    state = replace(function_state(image=NEW if mode is Mode.ROLLBACK else OLD), isolates_tenants=True)
    with pytest.raises(DeployError, match="orders-api isolates tenants") as caught:
        _run(state, replace(_PLAIN, smoke_test=_TEST), mode)
    assert "'smoke-event'" in caught.value.hint

    world = _run(state, _PLAIN, mode)
    assert world.outcome.error is None
    assert bool(world.functions.changes) == (mode is not Mode.PLAN)


def test_one_that_is_to_be_created_so_is_not_tested_either() -> None:
    world = World()
    world.functions.vanish()
    world.registry.hold(registry_image(NEW), "new")
    target = replace(_PLAIN, smoke_test=_TEST, creation={"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}})
    image = replace(image_target(ExistingImage(uri=str(NEW)), functions=(target,)), repository="orders")
    with pytest.raises(DeployError, match="orders-api isolates tenants"):
        deploy(Inputs(mode=Mode.DEPLOY, region="eu-west-1", role=None, images=(image,)), world.ports(), world.journal)
    assert world.functions.changes == []


@pytest.mark.parametrize("mode", [Mode.DEPLOY, Mode.PLAN, Mode.ROLLBACK])
@pytest.mark.parametrize(("is_durable", "alias"), [(True, ""), (True, "live"), (False, "")])
def test_new_code_under_durable_executions_is_warned_of(mode: Mode, alias: str, is_durable: bool) -> None:
    state = replace(function_state(image=NEW if mode is Mode.ROLLBACK else OLD), is_durable=is_durable)
    world = _run(state, replace(_PLAIN, alias=alias), mode)

    warnings = [line for line in world.log.of_kind("warning") if "is a durable function" in line]
    assert len(warnings) == (1 if is_durable and not alias else 0)


def test_a_durable_function_whose_code_stays_is_not_warned_of() -> None:
    state = replace(function_state(image=NEW), is_durable=True)
    world = World(functions=FakeFunctions(state, versions=[version_state("7", NEW)]))
    world.registry.hold(registry_image(NEW), "new")
    image = image_target(ExistingImage(uri=str(NEW)), functions=(_PLAIN,))
    inputs = Inputs(mode=Mode.DEPLOY, region="eu-west-1", role=None, images=(image,))
    deploy(inputs, world.ports(), world.journal)
    assert world.log.of_kind("warning") == []
