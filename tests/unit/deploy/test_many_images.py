"""Several images in one run: looked up together, built in one session, all of them or no release."""

from dataclasses import replace
from pathlib import Path

import pytest

from ecr_lambda_deploy.deploy.deploy import deploy
from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import BuildError
from ecr_lambda_deploy.model.images import Fingerprint
from ecr_lambda_deploy.model.outcomes import ImageStatus, ReleaseStatus
from ecr_lambda_deploy.model.targets import ImageTarget, Mode
from ecr_lambda_deploy.report.outputs import outputs
from tests.unit.fakes.examples import OLD, REGISTRY, RUN, alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.world import BUILD, LIVE, World, image_target

_URI = f"{REGISTRY}/orders"


def _image(name: str, *, has_function: bool = False) -> ImageTarget:
    target = image_target(
        replace(BUILD, context=Path("/workspace", name)),
        repository="orders",
        tags=(f"{name}-v1",),
        functions=(LIVE,) if has_function else (),
        platform="linux/amd64",
    )
    return replace(target, name=name)


@pytest.fixture
def world() -> World:
    """A repository that has none of the images; `orders` has a function that runs another one."""
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7"))
    for name in ("orders", "stock", "mail"):
        world.builder.inputs_of[Path("/workspace", name)] = Fingerprint(tag=f"src-{name}")
    return world


_THREE = (_image("orders", has_function=True), _image("stock"), _image("mail"))


def _run(world: World, mode: Mode = Mode.DEPLOY, images: tuple[ImageTarget, ...] = _THREE) -> None:
    world.journal.mode = mode
    inputs = Inputs(mode=mode, images=images, manifest="deploy.yaml", region="eu-west-1", role=None)
    deploy(inputs, world.ports(), world.journal)


def _statuses(world: World) -> dict[str, ImageStatus]:
    return {image.name: image.status for image in world.journal.images}


def test_they_are_looked_up_together_and_built_in_one_session(world: World) -> None:
    _run(world)

    assert world.journal.errors == ()
    assert {*_statuses(world).values()} == {ImageStatus.BUILT}
    assert [order.tag for order in world.builder.orders] == ["src-orders", "src-stock", "src-mail"]
    assert [world.calls.count(call) for call in ("find_tags", "build_and_push", "fingerprint")] == [1, 1, 1]
    assert world.outcome.status is ReleaseStatus.DEPLOYED
    assert world.outcome.reason == "its image is built anew"


def test_what_is_there_is_not_built_again(world: World) -> None:
    world.orders.tags["src-stock"] = OLD.digest
    _run(world)

    assert [order.tag for order in world.builder.orders] == ["src-orders", "src-mail"]
    assert _statuses(world)["stock"] is ImageStatus.FOUND
    assert world.orders.tags["stock-v1"] == OLD.digest


def test_one_that_cannot_be_built_keeps_functions_and_tags_as_they_are(world: World) -> None:
    error = BuildError("RUN false", "mend it", uri=f"{_URI}:src-mail")
    world.builder.refusals["build_and_push"] = error
    _run(world)

    assert world.journal.errors == (error,)
    assert _statuses(world)["mail"] is ImageStatus.FAILED
    assert ImageStatus.FAILED not in {_statuses(world)[name] for name in ("orders", "stock")}
    assert (world.functions.changes, world.repositories.tagged) == ([], [])
    assert world.outcome.status is ReleaseStatus.SKIPPED
    assert world.outcome.reason == "the image mail failed, so nothing was changed"


def test_one_that_cannot_be_built_took_as_long_as_the_others(world: World) -> None:
    world.builder.before["build_and_push"] = lambda: world.clock.pass_time(30)
    world.builder.refusals["build_and_push"] = BuildError("RUN false", uri=f"{_URI}:src-mail")
    _run(world)

    assert {image.name: round(image.seconds) for image in world.journal.images} == {
        "orders": 30,
        "stock": 30,
        "mail": 30,
    }


def test_one_that_is_there_takes_no_time_of_those_that_are_built(world: World) -> None:
    world.orders.tags["src-stock"] = OLD.digest
    world.builder.before["build_and_push"] = lambda: world.clock.pass_time(30)
    began = world.clock.now()
    _run(world)

    times = {image.name: (image.started - began, image.seconds) for image in world.journal.images}
    assert times == {"orders": (0, 30), "stock": (0, 0), "mail": (0, 30)}


def test_one_that_another_run_has_pushed_meanwhile_is_taken_and_the_others_are_built(world: World) -> None:
    error = BuildError("the tag is immutable", uri=f"{_URI}:src-stock")

    def overtake() -> None:
        world.orders.tags["src-stock"] = OLD.digest
        raise error

    world.builder.before["build_and_push"] = overtake
    _run(world)

    assert world.journal.errors == ()
    assert [order.tag for order in world.builder.orders] == ["src-orders", "src-mail"]
    assert [world.calls.count(call) for call in ("build_and_push", "find_tags")] == [2, 2]
    assert world.outcome.status is ReleaseStatus.DEPLOYED


def test_what_a_session_has_pushed_before_it_failed_is_not_built_again(world: World) -> None:
    orders, *others = _THREE
    forced = replace(orders, source=replace(BUILD, context=Path("/workspace/orders"), reuse=False))
    world.orders.is_immutable = True
    world.builder.before["build_and_push"] = lambda: world.registry.hold(registry_image(OLD), "src-stock")
    _run(world, images=(forced, *others))

    assert world.journal.errors == ()
    assert [order.build.context.name for order in world.builder.orders] == ["orders", "stock", "mail"]
    assert world.calls.count("build_and_push") == 2


def test_a_session_that_fails_for_no_image_in_particular_ends_the_run(world: World) -> None:
    error = BuildError("the engine went away")
    world.builder.refusals["build_and_push"] = error

    with pytest.raises(BuildError, match="the engine went away"):
        _run(world)
    assert world.functions.changes == []


def test_a_plan_changes_nothing_and_says_what_would_be(world: World) -> None:
    world.orders.tags |= {"src-stock": OLD.digest, "stock-v1": OLD.digest}
    _run(world, Mode.PLAN)

    assert not {"build_and_push", "check_engine", "create", "add_tag", "copy"} & {*world.calls}
    assert world.functions.changes == []
    assert _statuses(world) == {
        "orders": ImageStatus.PLANNED,
        "stock": ImageStatus.FOUND,
        "mail": ImageStatus.PLANNED,
    }
    assert (world.outcome.status, world.outcome.reason) == (ReleaseStatus.PLANNED, "its image is built anew")
    assert '"image":"orders"' in outputs(world.journal)["matrix"]
    assert '"image":"stock"' not in outputs(world.journal)["matrix"]


def test_a_plan_warns_of_images_that_no_later_job_finds_built(world: World) -> None:
    orders, stock, mail = _THREE
    world.builder.inputs_of[Path("/workspace/stock")] = Fingerprint(tag=None, reason="ADD of a URL")
    mail = replace(mail, source=replace(BUILD, context=Path("/workspace/mail"), reuse=False))
    _run(world, Mode.PLAN, (orders, stock, mail))

    (warning,) = world.log.of_kind("warning")
    assert "stock, mail" in warning
    assert "orders" not in warning


@pytest.mark.parametrize("mode", [Mode.DEPLOY, Mode.BUILD])
def test_only_a_plan_warns_of_them(world: World, mode: Mode) -> None:
    forced = replace(_THREE[2], source=replace(BUILD, context=Path("/workspace/mail"), reuse=False))
    _run(world, mode, (forced,))

    assert world.log.of_kind("warning") == []


def test_an_older_run_would_build_nothing_for_what_a_newer_one_has_released(world: World) -> None:
    newer = str(Record.of(replace(RUN, run_id="12345678909")))
    world.aliases.put(alias_state("7", description=newer))
    _run(world, Mode.PLAN)

    assert world.outcome.status is ReleaseStatus.SKIPPED
    assert _statuses(world)["orders"] is ImageStatus.WANTED


def test_one_look_up_that_fails_is_told_once(world: World) -> None:
    world.fail("find_tags", BuildError("ecr:BatchGetImage denied"))
    _run(world)

    assert [str(error) for error in world.journal.errors] == ["ecr:BatchGetImage denied"]
    assert {*_statuses(world).values()} == {ImageStatus.FAILED}
    assert world.functions.changes == []
