"""What becomes of an image in its repository: tags, the repository itself, checks and warnings."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NoReturn

import pytest

from ecr_lambda_deploy.model.errors import BuildError, DeployError, TagLimitError
from ecr_lambda_deploy.model.images import BuildOrder, Fingerprint, ImageReference
from ecr_lambda_deploy.model.targets import ExistingImage, ImageTarget
from tests.unit.fakes.examples import ELSEWHERE, NEW, OLD, function_state, image
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import FakeBuilder, StoredRepository, registry_image
from tests.unit.fakes.world import BUILD, World, get_image, image_target

_INPUTS_TAG = f"src-{64 * '1'}"
_TARGET = image_target()
_FORCED = image_target(replace(BUILD, reuse=False))


def _refused(world: World, target: ImageTarget = _TARGET) -> DeployError:
    with pytest.raises(DeployError) as caught:
        get_image(world, target)
    return caught.value


# Tags.


def test_a_forced_build_takes_the_tag_of_its_inputs_where_that_may_be_moved() -> None:
    world = World()
    world.registry.hold(registry_image(OLD), _INPUTS_TAG)
    get_image(world, _FORCED)

    assert world.orders.tags[_INPUTS_TAG] == NEW.digest
    assert {"v1", _INPUTS_TAG} < {*world.image.tags}
    assert world.log.of_kind("notice") == []


def test_a_forced_build_says_that_the_tag_of_its_inputs_stays_where_it_may_not_be_moved() -> None:
    world = World()
    world.registry.hold(registry_image(OLD), _INPUTS_TAG)
    world.orders.is_immutable = True

    assert get_image(world, _FORCED) == NEW
    (notice,) = world.log.of_kind("notice")
    assert _INPUTS_TAG in notice
    assert _INPUTS_TAG not in world.image.tags
    assert world.orders.tags[_INPUTS_TAG] == OLD.digest
    assert NEW.digest in world.orders.tags.values()


@pytest.mark.parametrize("is_built", [True, False])
def test_a_tag_that_stays_elsewhere_is_noticed_and_not_claimed(is_built: bool) -> None:
    world = World()
    world.registry.hold(registry_image(OLD), "v1")
    if not is_built:
        world.registry.hold(registry_image(NEW), _INPUTS_TAG)
    world.orders.is_immutable = True

    assert get_image(world, image_target(tags=("v1", "v2"))) == NEW
    (notice,) = world.log.of_kind("notice")
    assert "The tag v1 stays" in notice
    assert str(NEW) in notice
    assert world.image.tags == ("v2", _INPUTS_TAG)
    assert world.orders.tags["v1"] == OLD.digest


def _limit(*, is_of_image: bool) -> TagLimitError:
    return TagLimitError("ecr:PutImage on orders failed: LimitExceededException", is_of_image=is_of_image)


def _index(world: World) -> str:
    return world.registry.hold_index(registry_image(OLD), tag=_INPUTS_TAG)


@pytest.mark.parametrize("is_of_image", [True, False])
@pytest.mark.parametrize(
    "hold",
    [lambda world: world.registry.hold(registry_image(OLD), _INPUTS_TAG), _index, lambda _: None],
    ids=["found", "of an index", "built"],
)
def test_one_tag_too_many_keeps_no_image_from_being_deployed(
    hold: Callable[[World], object], is_of_image: bool
) -> None:
    world = World()
    hold(world)
    world.repositories.refusals["add_tag"] = _limit(is_of_image=is_of_image)

    get_image(world, _TARGET)
    notice = world.log.of_kind("notice")[0]
    for words in ("without the tag v1", "`rollback-to: v1`", "batch-delete-image", "LimitExceededException"):
        assert words in notice
    assert world.image.tags == (_INPUTS_TAG,)


def test_an_image_that_is_named_by_its_digest_needs_no_tag_where_it_has_all_that_it_may_have() -> None:
    world = World()
    world.repositories.refusals["add_tag"] = _limit(is_of_image=True)

    assert get_image(world, image_target(ExistingImage(uri=str(OLD)))) == OLD
    assert world.image.tags == ()


def test_an_image_that_may_have_no_tag_is_not_deployed_where_it_can_get_none() -> None:
    world = World()
    world.repositories.refusals["add_tag"] = _limit(is_of_image=False)

    error = _refused(world, image_target(ExistingImage(uri=str(OLD))))
    assert "LimitExceededException" in error.message
    assert error.hint


@pytest.mark.parametrize("is_immutable", [True, False])
def test_a_run_of_the_same_inputs_that_was_faster_is_made_use_of(is_immutable: bool) -> None:
    world = World()
    world.orders.is_immutable = is_immutable
    theirs = image("e")
    world.builder.before["build_and_push"] = lambda: world.registry.hold(registry_image(theirs), _INPUTS_TAG)
    deployed = get_image(world, _TARGET)

    assert deployed == (theirs if is_immutable else NEW)
    assert world.orders.tags[_INPUTS_TAG] == world.orders.tags["v1"] == deployed.digest
    assert ("has been pushed meanwhile" in "\n".join(world.log.of_kind("info"))) is is_immutable


@pytest.mark.parametrize("target", [_TARGET, _FORCED])
@pytest.mark.parametrize("also", [None, "find_tags"])
def test_a_build_that_fails_is_told_in_its_own_words(target: ImageTarget, also: str | None) -> None:
    world = World()
    world.builder.refusals["build_and_push"] = DeployError("RUN make failed")

    def break_down() -> None:
        if also:
            world.repositories.refusals[also] = DeployError("ecr:BatchGetImage failed")

    world.builder.before["build_and_push"] = break_down

    assert "RUN make failed" in str(_refused(world, target))
    assert world.repositories.tagged == []
    assert world.image.reference is None


class _WithoutCache(FakeBuilder):
    """Pushes all images, and fails then."""

    def build_and_push(self, orders: Sequence[BuildOrder]) -> NoReturn:
        super().build_and_push(orders)
        raise BuildError("the cache cannot be exported", uri=orders[0].uri)


def test_a_forced_build_that_fails_once_it_is_pushed_is_not_taken_for_another_run_s() -> None:
    world = World()
    world.builder = _WithoutCache(world.registry, NEW.digest)

    assert "the cache cannot be exported" in str(_refused(world, _FORCED))


# Repositories.


def test_a_missing_repository_is_told_before_the_engine_is_asked() -> None:
    world = World()
    world.registry.repositories = {}

    assert "There is no ECR repository orders" in str(_refused(world))
    assert world.builder.checked == []
    assert world.repositories.created == []


def test_a_missing_repository_is_created_once_the_engine_is_known_to_be_there() -> None:
    world = World()
    world.registry.repositories = {}

    assert get_image(world, image_target(create_repository=True)) == NEW
    assert world.repositories.created == ["orders"]
    assert world.calls.index("check_engine") < world.calls.index("create") < world.calls.index("build_and_push")


@pytest.mark.parametrize("inputs", [Fingerprint(tag=_INPUTS_TAG), Fingerprint(tag=None, reason="why")])
def test_without_an_engine_no_repository_is_created(inputs: Fingerprint) -> None:
    world = World()
    world.registry.repositories = {}
    world.builder.inputs = inputs
    world.builder.refusals["check_engine"] = DeployError("no engine")

    assert "no engine" in str(_refused(world, image_target(create_repository=True)))
    assert world.repositories.created == []


def test_a_repository_that_is_there_is_not_created() -> None:
    world = World()
    get_image(world, image_target(create_repository=True))

    assert world.repositories.created == []


# Checks and warnings.


def test_an_image_that_lambda_cannot_run_gets_no_tag() -> None:
    world = World()
    world.builder.platform = "linux/arm64"

    assert "linux/arm64" in str(_refused(world))
    assert world.repositories.tagged == []


def test_an_image_without_an_entry_point_will_do_if_the_function_has_one() -> None:
    for has_entry_point in (True, False):
        world = World(functions=FakeFunctions(function_state(has_entry_point=has_entry_point)))
        world.registry.hold(replace(registry_image(NEW), has_entry_point=False), _INPUTS_TAG)
        if has_entry_point:
            assert get_image(world, _TARGET) == NEW
        else:
            assert "ENTRYPOINT" in str(_refused(world))


_OF_ANOTHER_ACCOUNT = image("a", registry=ELSEWHERE, repository="theirs")


@pytest.mark.parametrize(
    ("present", "lets_lambda_pull", "warnings"),
    [
        (_OF_ANOTHER_ACCOUNT, False, 1),
        (_OF_ANOTHER_ACCOUNT, True, 0),
        (image("a", registry=ELSEWHERE), False, 1),
        (image("a", repository="other"), False, 1),
        (_OF_ANOTHER_ACCOUNT, None, 0),  # these credentials may not read the policy
        (OLD, False, 0),  # it pulls from there already
    ],
)
def test_a_repository_that_lambda_may_not_pull_from_is_warned_of(
    present: ImageReference, lets_lambda_pull: bool | None, warnings: int
) -> None:
    world = World(functions=FakeFunctions(function_state(image=present)))
    world.repositories.lets_lambda_pull = lets_lambda_pull
    get_image(world, image_target(repository="orders"))

    found = world.log.of_kind("warning")
    assert len(found) == warnings
    assert all("orders" in warning and "ecr:SetRepositoryPolicy" in warning for warning in found)


def test_without_a_function_lambda_s_permission_is_not_asked_for() -> None:
    world = World()
    world.repositories.lets_lambda_pull = False
    get_image(world, image_target(repository="orders", functions=()))

    assert world.log.of_kind("warning") == []


@pytest.mark.parametrize("target", [_TARGET, _FORCED])
def test_a_lifecycle_rule_that_could_remove_the_image_is_warned_of(target: ImageTarget) -> None:
    world = World()
    world.repositories.rule = "rule 1 keeps 10 images"
    get_image(world, target)

    (warning,) = world.log.of_kind("warning")
    assert "rule 1 keeps 10 images" in warning
    (order,) = world.builder.orders
    assert [{*tags} for tags in world.repositories.expected] == [{order.tag, "v1", _INPUTS_TAG}]


@pytest.mark.parametrize("is_built", [True, False])
def test_policies_are_not_asked_where_the_functions_run_the_image_already(is_built: bool) -> None:
    world = World()
    world.registry.hold(registry_image(OLD), _INPUTS_TAG)
    get_image(world, _TARGET if is_built else image_target(ExistingImage(uri=str(OLD))))

    assert world.repositories.tagged != []
    assert not {"may_lambda_pull", "expiring_rule"} & {*world.calls}


def test_policies_of_a_repository_that_the_run_creates_are_not_asked() -> None:
    there = image("b", registry=ELSEWHERE)
    for source in (BUILD, ExistingImage(uri=str(there))):
        world = World(functions=FakeFunctions(function_state(image=_OF_ANOTHER_ACCOUNT)))
        world.elsewhere.hold(registry_image(there))
        world.registry.repositories = {}
        get_image(world, image_target(source, repository="orders", create_repository=True))

        assert world.repositories.created == ["orders"]
        assert not {"may_lambda_pull", "expiring_rule"} & {*world.calls}


@pytest.mark.parametrize("call", ["may_lambda_pull", "expiring_rule", "may_overwrite"])
def test_what_is_only_advice_fails_no_run(call: str) -> None:
    world = World(functions=FakeFunctions(function_state(image=_OF_ANOTHER_ACCOUNT)))
    world.repositories.refusals[call] = DeployError("ecr:GetSomething failed: ServerException")

    assert get_image(world, image_target(repository="orders")) == NEW
    if call != "may_overwrite":
        assert any("ServerException" in warning for warning in world.log.of_kind("warning"))


def test_a_created_repository_is_immutable_and_takes_the_tags_all_the_same() -> None:
    world = World()
    world.registry.repositories = {"other": StoredRepository()}
    get_image(world, image_target(create_repository=True))

    assert world.orders.is_immutable
    assert world.orders.tags == {_INPUTS_TAG: NEW.digest, "v1": NEW.digest}
