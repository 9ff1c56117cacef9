from contextlib import nullcontext
from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.reads import check_updatable, observe_function, observe_with_versions
from ecr_lambda_deploy.model.errors import DeployError, MissingFunctionError
from ecr_lambda_deploy.model.functions import LATEST, UNKNOWN, AliasState, ObservedFunction, Status
from ecr_lambda_deploy.model.targets import FunctionTarget
from tests.unit.fakes.examples import (
    ARN,
    FAILED_UPDATE,
    INACTIVE,
    NEW,
    OLD,
    READY,
    alias_state,
    function_state,
    published,
    version_state,
)
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World

_WITHOUT = FunctionTarget(name="orders-api")
_VERSIONS = (version_state("7", OLD, "seven"), version_state("8", NEW, "eight"))


def _world(alias: AliasState | None = None) -> World:
    return World(functions=FakeFunctions(function_state(image=NEW), versions=_VERSIONS), alias=alias)


def _read(world: World, target: FunctionTarget = LIVE) -> ObservedFunction:
    return observe_function(target, world.functions, world.aliases)


def test_without_an_alias_the_function_and_its_versions_are_read() -> None:
    world = _world(alias_state("7"))
    observed = _read(world, _WITHOUT)

    assert observed == ObservedFunction(
        name="orders-api",
        latest=world.functions.latest,
        versions=(published("7", OLD, "seven"), published("8", NEW, "eight")),
    )
    assert sorted(world.functions.calls) == ["read", "versions"]


@pytest.mark.parametrize("name", ["orders-api", ARN])
def test_the_alias_and_its_version_are_read_too(name: str) -> None:
    world = _world(alias_state("7"))
    observed = _read(world, replace(LIVE, name=name))

    assert observed.name == "orders-api"
    assert observed.alias == world.live
    assert observed.aliased == _VERSIONS[0]
    assert observed.image == OLD


def test_a_version_with_the_code_of_latest_is_not_read_again() -> None:
    world = _world(alias_state("8"))
    observed = observe_with_versions(LIVE, world.functions, world.aliases)

    assert world.functions.calls.count("read") == 1
    assert observed.aliased == replace(world.functions.latest, version="8", description="eight")


def test_an_alias_can_point_to_latest() -> None:
    world = _world(alias_state(LATEST))

    assert _read(world).aliased is world.functions.latest


def test_a_failed_update_of_latest_says_nothing_about_a_version() -> None:
    world = _world(alias_state("8"))
    world.functions.latest = function_state(image=NEW, update=FAILED_UPDATE)
    observed = _read(world)

    assert observed.aliased == _VERSIONS[1]
    assert not observed.aliased.is_broken


def test_a_version_has_a_state_of_its_own() -> None:
    world = _world(alias_state("7"))
    world.functions.published["7"] = version_state("7", state=INACTIVE)
    observed = _read(world)

    assert observed.aliased is not None
    assert observed.aliased.state == INACTIVE


def test_an_alias_that_is_missing_is_none() -> None:
    observed = _read(_world())

    assert (observed.alias, observed.aliased) == (None, None)
    assert observed.image == NEW


def test_weights_are_a_release_s_or_lambda_s_own() -> None:
    world = _world(alias_state("7", weights={"8": 0.1}))
    assert _read(world).alias == world.live

    assert "concurrency" not in world.functions.calls

    world = _world(alias_state("7"))
    world.aliases.concurrency_status, world.aliases.seconds_to_move = READY, 20
    world.aliases.point("orders-api", world.live, version="8", weights={}, description="")
    assert world.live.weights == {"7": 1.0}
    alias = _read(world).alias
    assert alias is not None
    assert (alias.version, alias.weights) == ("8", {})


@pytest.mark.parametrize("status", [Status(value="FAILED"), READY, UNKNOWN, None], ids=str)
def test_a_weight_that_lambda_has_not_removed_is_there_to_be_cleared(status: Status | None) -> None:
    world = _world(alias_state("8", weights={"7": 1.0}))
    world.aliases.concurrency_status = status

    assert _read(world).weights == {"7": 1.0}


@pytest.mark.parametrize(
    ("code", "alias", "is_refused"),
    [
        ("InvalidImage", None, True),
        ("SomethingNew", None, True),
        ("InvalidImage", alias_state("7"), False),
        ("ImageDeleted", None, False),
        ("ImageAccessDenied", None, False),
    ],
)
def test_a_function_whose_creation_failed_is_refused_where_that_is_certain(
    code: str, alias: AliasState | None, *, is_refused: bool
) -> None:
    """A function that has lived may lose its image; then an update ends that."""
    world = _world(alias)
    world.functions.latest = function_state(state=Status(value="Failed", reason_code=code))

    with pytest.raises(DeployError) if is_refused else nullcontext() as caught:
        check_updatable(_read(world))

    if caught:
        assert caught.value.message == f"The creation of orders-api has failed: State Failed ({code})."
        assert caught.value.hint.endswith("aws lambda delete-function --function-name orders-api")


def test_a_function_that_is_not_there_may_be_created() -> None:
    world = World()
    world.functions.vanish()
    name = f"{ARN[: -len('orders-api')]}payments"

    assert _read(world, replace(LIVE, name=name, creation={})) == ObservedFunction(name="payments", latest=None)
    with pytest.raises(MissingFunctionError):
        _read(world)


@pytest.mark.parametrize(
    ("call", "alias"), [("read", "7"), ("read_alias", "7"), ("versions", None)], ids=["read", "read_alias", "versions"]
)
def test_a_read_that_is_denied_is_an_error(call: str, alias: str | None) -> None:
    world = _world(alias_state(alias) if alias else None)
    world.functions.refusals[call] = DeployError("denied")

    with pytest.raises(DeployError, match="denied"):
        _read(world)
