"""Several images and functions in one run: what is asked of each, and what becomes of all if one fails."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_lambda_deploy.deploy.deploy import deploy
from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import BuildError, DeployError
from ecr_lambda_deploy.model.images import Fingerprint
from ecr_lambda_deploy.model.outcomes import ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget, ImageTarget, Mode, SmokeTest
from ecr_lambda_deploy.report.headline import headline
from tests.unit.fakes.examples import NEW, OLD, REGISTRY, RUN, alias_state, function_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.several_functions import together
from tests.unit.fakes.world import BUILD, LIVE, World, image_target

_NAMES = ("orders", "stock", "mail")
_TESTED = replace(LIVE, smoke_test=SmokeTest(event="{}"))
_RELEASED = [ReleaseStatus.DEPLOYED] * 3


def _world(name: str) -> World:
    """Return a world where a function runs `OLD` and its image is not built yet."""
    functions = FakeFunctions(function_state(name=name), versions=[replace(version_state("7"), name=name)])
    world = World(functions=functions, alias=alias_state("7", description="before"))
    for each in _NAMES:
        world.builder.inputs_of[Path("/workspace", each)] = Fingerprint(tag=f"src-{each}")
    return world


@pytest.fixture
def worlds() -> dict[str, World]:
    return {name: _world(name) for name in _NAMES}


@pytest.fixture
def first(worlds: dict[str, World]) -> World:
    """The world of whose registry, builder and log the run makes use."""
    return worlds["orders"]


def _image(name: str, *functions: FunctionTarget) -> ImageTarget:
    source = replace(BUILD, context=Path("/workspace", name))
    return replace(image_target(source, repository="orders", tags=(f"{name}-v1",), functions=functions), name=name)


def _run(
    worlds: Mapping[str, World],
    function: FunctionTarget = _TESTED,
    *,
    images: Sequence[ImageTarget] = (),
    mode: Mode = Mode.DEPLOY,
    attempt: str = "1",
) -> dict[str, Outcome]:
    """Carry out a run, and return what became of each function."""
    journal = next(iter(worlds.values())).journal = Journal(run=replace(RUN, attempt=attempt), mode=mode)
    images = images or [_image(name, replace(function, name=name)) for name in worlds]
    inputs = Inputs(mode=mode, images=tuple(images), manifest="deploy.yaml", region="eu-west-1", role=None)
    deploy(inputs, together(worlds), journal)
    return {outcome.function: outcome for outcome in journal.outcomes}


def _statuses(outcomes: Mapping[str, Outcome]) -> list[ReleaseStatus]:
    return [outcomes[name].status for name in _NAMES]


def _image_status(world: World, name: str) -> ImageStatus:
    return next(image.status for image in world.journal.images if image.name == name)


def _hold(world: World, *names: str) -> None:
    """Have images that were built from the same inputs already, with their tags."""
    for name in names:
        world.orders.tags |= {f"src-{name}": OLD.digest, f"{name}-v1": OLD.digest}


def test_each_function_gets_the_image_that_is_meant_for_it(worlds: dict[str, World], first: World) -> None:
    assert _statuses(_run(worlds)) == _RELEASED
    for world in worlds.values():
        assert (world.live.version, world.functions.latest.image) == ("8", NEW)
    assert [image.functions for image in first.journal.images] == [("orders",), ("stock",), ("mail",)]


_WITHOUT = FunctionTarget(name="")
_WITHOUT_BUT_TESTED = replace(_WITHOUT, smoke_test=_TESTED.smoke_test)


@pytest.fixture(params=[2, 3], ids=["many", "few"])
def is_few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether three functions are as few as are looked at closely."""
    monkeypatch.setattr("ecr_lambda_deploy.images.observe._MOST_LISTED", request.param)
    return bool(request.param == 3)


@pytest.mark.parametrize("function", [_TESTED, _WITHOUT, _WITHOUT_BUT_TESTED, replace(_WITHOUT, publish=False)])
def test_of_a_function_with_nothing_to_do_no_more_is_read_than_tells_so(
    worlds: dict[str, World], first: World, function: FunctionTarget, *, is_few: bool
) -> None:
    _hold(first, "stock", "mail")
    outcomes = _run(worlds, function)
    is_listed = function.publish and not function.alias and (is_few or function.smoke_test is not None)

    assert _statuses(outcomes) == [ReleaseStatus.DEPLOYED, ReleaseStatus.UNCHANGED, ReleaseStatus.UNCHANGED]
    for name in ("stock", "mail"):
        reads = ["read", "read"] if function.alias else ["read"]
        assert sorted(worlds[name].functions.calls) == reads + ["versions"] * is_listed
        assert outcomes[name].after.version == ("7" if is_listed or function.alias else "")


@pytest.mark.parametrize("function", [_WITHOUT, _WITHOUT_BUT_TESTED])
@pytest.mark.parametrize("attempt", ["1", "2"])
def test_code_that_was_left_unpublished_is_tested_and_published(
    worlds: dict[str, World], first: World, function: FunctionTarget, attempt: str, *, is_few: bool
) -> None:
    _hold(first, *_NAMES)
    del worlds["mail"].functions.published["7"]
    outcomes = _run(worlds, function, attempt=attempt)
    is_seen = is_few or attempt == "2" or function.smoke_test is not None

    assert worlds["mail"].functions.changes == ([("publish_version", "1")] if is_seen else [])
    assert (outcomes["mail"].status is ReleaseStatus.DEPLOYED) is is_seen
    assert bool(worlds["mail"].invocations.invoked) is (function.smoke_test is not None)


def test_weights_that_are_left_where_everything_runs_the_image_are_cleared_by_a_run_that_is_repeated(
    worlds: dict[str, World], first: World
) -> None:
    _hold(first, *_NAMES)
    mail = worlds["mail"]
    mail.aliases.put(replace(mail.live, weights={"6": 0.1}))
    _run(worlds, LIVE, attempt="2")

    assert mail.live.weights == {}


def test_each_function_that_cannot_be_read_is_in_the_results_with_why(worlds: dict[str, World], first: World) -> None:
    for name in ("stock", "mail"):
        worlds[name].functions.refusals["read"] = DeployError(f"lambda:GetFunction on {name} denied")
    with pytest.raises(DeployError) as caught:
        _run(worlds)
    first.journal.error = caught.value

    errors = {outcome.function: str(outcome.error) for outcome in first.journal.outcomes if outcome.error}
    assert errors == {name: f"lambda:GetFunction on {name} denied" for name in ("stock", "mail")}
    assert [outcome.function for outcome in first.journal.outcomes] == list(_NAMES)
    assert [str(error) for error in first.journal.errors] == ["\n\n".join(errors.values())]  # each is told once
    orders = first.journal.outcomes[0]
    assert (orders.status, orders.reason) == (ReleaseStatus.SKIPPED, "stock, mail failed, so nothing was changed")
    assert headline(first.journal) == "Not released: lambda:GetFunction on stock denied (and 1 more)"


def test_what_nobody_is_to_blame_for_is_the_error_of_all(worlds: dict[str, World], first: World) -> None:
    first.builder.refusals["check_engine"] = DeployError("no engine")
    with pytest.raises(DeployError):
        _run(worlds)

    assert {outcome.status for outcome in first.journal.outcomes} == {ReleaseStatus.FAILED}


def test_an_image_that_fails_leaves_every_function_as_it_was(worlds: dict[str, World], first: World) -> None:
    error = BuildError("RUN false", uri=f"{REGISTRY}/orders:src-mail")
    first.builder.refusals["build_and_push"] = error
    outcomes = _run(worlds)

    assert _statuses(outcomes) == [ReleaseStatus.SKIPPED, ReleaseStatus.SKIPPED, ReleaseStatus.FAILED]
    assert {outcomes[name].reason for name in ("orders", "stock")} == {"the image mail failed, so nothing was changed"}
    assert [world.functions.changes for world in worlds.values()] == [[], [], []]
    assert first.journal.errors == (error,)


def test_an_image_that_lambda_could_not_run_leaves_every_function_as_it_was(
    worlds: dict[str, World], first: World
) -> None:
    first.builder.platform = "linux/arm64"
    outcomes = _run(worlds)

    assert _statuses(outcomes) == [ReleaseStatus.FAILED] * 3
    assert first.repositories.tagged == []
    assert [world.functions.changes for world in worlds.values()] == [[], [], []]


def test_what_may_not_be_read_of_several_is_told_together_and_nothing_is_built(
    worlds: dict[str, World], first: World
) -> None:
    for name in ("stock", "mail"):
        worlds[name].functions.refusals["read_alias"] = DeployError(f"lambda:GetAlias on {name} denied")

    with pytest.raises(DeployError) as caught:
        _run(worlds)
    assert {*str(caught.value).split("\n\n")} == {f"lambda:GetAlias on {name} denied" for name in ("stock", "mail")}
    assert first.builder.orders == []


def test_permissions_are_asked_for_only_where_something_is_to_be_done(worlds: dict[str, World], first: World) -> None:
    _hold(first, "stock")
    _run(worlds)

    asked = [world.functions.calls.count("check_may_invoke") for world in worlds.values()]
    assert asked == [1, 0, 1]


def test_what_a_newer_run_has_released_is_left_alone_and_its_image_is_not_built(
    worlds: dict[str, World], first: World
) -> None:
    newer = str(Record.of(replace(RUN, run_id="12345678909")))
    worlds["stock"].aliases.put(alias_state("7", description=newer))
    outcomes = _run(worlds)

    assert _statuses(outcomes) == [ReleaseStatus.DEPLOYED, ReleaseStatus.SKIPPED, ReleaseStatus.DEPLOYED]
    assert [order.tag for order in first.builder.orders] == ["src-orders", "src-mail"]
    assert _image_status(first, "stock") is ImageStatus.WANTED


def test_an_image_is_built_for_one_of_its_functions_although_a_newer_run_has_released_the_other(
    worlds: dict[str, World], first: World
) -> None:
    newer = str(Record.of(replace(RUN, run_id="12345678909")))
    worlds["stock"].aliases.put(alias_state("7", description=newer))
    both = [replace(_TESTED, name=name) for name in ("orders", "stock")]
    outcomes = _run(worlds, images=[_image("orders", *both), _image("mail", replace(_TESTED, name="mail"))])

    assert _statuses(outcomes) == [ReleaseStatus.DEPLOYED, ReleaseStatus.SKIPPED, ReleaseStatus.DEPLOYED]
    assert _image_status(first, "orders") is ImageStatus.BUILT


def test_a_release_that_fails_takes_those_of_other_images_back(worlds: dict[str, World], first: World) -> None:
    worlds["mail"].functions.refusals["publish_version"] = DeployError("no more storage")
    outcomes = _run(worlds)

    assert _statuses(outcomes) == [ReleaseStatus.REVERTED] * 3
    assert {world.live.version for world in worlds.values()} == {"7"}
    assert {world.functions.latest.image for world in worlds.values()} == {OLD}
    assert "no more storage" in "\n".join(map(str, first.journal.errors))


def test_a_plan_says_for_each_function_what_would_become_of_it(worlds: dict[str, World], first: World) -> None:
    _hold(first, "stock")
    worlds["mail"].functions.serve(NEW)
    outcomes = _run(worlds, mode=Mode.PLAN)

    assert _statuses(outcomes) == [ReleaseStatus.PLANNED, ReleaseStatus.UNCHANGED, ReleaseStatus.PLANNED]
    assert [outcome.is_changed for outcome in outcomes.values()] == [False, False, False]
    reads = {"read", "read_alias", "url"}
    assert [{*world.functions.calls} - reads for world in worlds.values()] == [set(), set(), set()]
    assert [world.functions.calls.count("url") for world in worlds.values()] == [1, 0, 0]


def test_a_plan_that_cannot_be_made_plans_nothing(worlds: dict[str, World], first: World) -> None:
    first.fail("find_tags", DeployError("ecr:BatchGetImage denied"))
    outcomes = _run(worlds, mode=Mode.PLAN)

    assert _statuses(outcomes) == [ReleaseStatus.FAILED] * 3
    assert [image.status for image in first.journal.images] == [ImageStatus.FAILED] * 3


def test_permissions_of_a_few_functions_speak_for_those_of_many() -> None:
    worlds = {name: _world(name) for name in (f"service-{number}" for number in range(17))}
    functions = [replace(LIVE, name=name) for name in worlds]
    outcomes = _run(worlds, images=[_image("orders", *functions)])

    assert {outcome.status for outcome in outcomes.values()} == {ReleaseStatus.DEPLOYED}
    probed = [world.functions.calls.count("check_may_publish") for world in worlds.values()]
    assert probed == 15 * [1] + 2 * [0]
