"""Images that are built, or found since they were built before."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.errors import BuildError, DeployError
from ecr_lambda_deploy.model.images import BaseFinding, Fingerprint
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import CacheSettings, ImageTarget
from ecr_lambda_deploy.ports.images import PushedImage
from tests.unit.fakes.examples import NEW, OLD, REGISTRY, RUN, function_state, image
from tests.unit.fakes.registries import index_digest, registry_image
from tests.unit.fakes.world import BUILD, World, get_image, image_target

_INPUTS_TAG = f"src-{64 * '1'}"
_TARGET = image_target()
_FORCED = image_target(replace(BUILD, reuse=False))
_WRITES = {"create", "add_tag", "copy", "build_and_push"}
_DUAL_STACK = "123456789012.dkr-ecr.eu-west-1.on.aws"


def _refused(world: World, target: ImageTarget = _TARGET) -> DeployError:
    with pytest.raises(DeployError) as caught:
        get_image(world, target)
    return caught.value


# Building.


def test_what_the_repository_does_not_have_is_built_under_the_tag_of_its_inputs() -> None:
    world = World()

    assert get_image(world, _TARGET) == NEW
    (order,) = world.builder.orders
    assert (order.build, order.platform, order.tag) == (BUILD, "linux/amd64", _INPUTS_TAG)
    assert order.repository_uri == f"{REGISTRY}/orders"
    assert world.orders.tags == {"old": OLD.digest, _INPUTS_TAG: NEW.digest, "v1": NEW.digest}
    assert (world.image.reference, world.image.tags) == (NEW, ("v1", _INPUTS_TAG))


def test_the_engine_is_known_to_be_there_before_anything_is_pushed() -> None:
    world = World()
    get_image(world, _TARGET)

    assert world.builder.checked == ["linux/amd64"]
    assert world.calls.index("check_engine") < world.calls.index("build_and_push")


def test_the_builder_is_told_what_a_cache_may_use() -> None:
    world = World()
    get_image(world, _TARGET)
    (order,) = world.builder.orders

    assert order.present_image == OLD
    assert order.may_overwrite_cache is True
    assert order.why_apart == ""


def test_without_a_cache_in_the_repository_it_is_not_asked_about_one() -> None:
    for cache, keeps_cache in (("off", True), ("auto", False)):
        world = World()
        world.builder.keeps_cache = keeps_cache
        get_image(world, image_target(replace(BUILD, cache=CacheSettings(mode=cache))))

        assert "may_overwrite" not in world.calls
        assert len(world.builder.orders) == 1


def test_rule_8_the_builder_is_told_that_a_run_stays_apart() -> None:
    world = World(run=replace(RUN, event="pull_request"))
    get_image(world, _TARGET)
    (order,) = world.builder.orders

    assert order.why_apart == "this run is of the event pull_request"


def test_labels_lead_from_the_image_to_its_source_and_the_users_own_win() -> None:
    world = World()
    labels = {"org.opencontainers.image.source": "mine", "team": "shop"}
    get_image(world, image_target(replace(BUILD, labels=labels)))

    assert world.builder.orders[0].labels == {"org.opencontainers.image.revision": RUN.commit, **labels}


def test_outside_github_there_is_no_source_to_lead_to() -> None:
    world = World(run=WorkflowRun(server_url="https://github.com"))
    get_image(world, image_target(replace(BUILD, commit="")))

    assert world.builder.orders[0].labels == {}


def test_the_label_names_what_is_checked_out_and_not_what_the_run_is_for() -> None:
    world = World()
    get_image(world, image_target(replace(BUILD, commit=40 * "d")))

    assert world.builder.orders[0].labels["org.opencontainers.image.revision"] == 40 * "d"
    assert world.image.commit == 40 * "d"


def test_attestations_are_left_out_of_what_is_deployed() -> None:
    world = World()
    deployed = get_image(world, image_target(replace(BUILD, provenance="mode=max")))

    assert deployed == NEW
    assert world.orders.tags[_INPUTS_TAG] == index_digest([registry_image(NEW)])
    assert world.orders.tags["v1"] == NEW.digest


def test_an_attested_image_has_a_tag_of_its_own_even_where_yours_is_taken() -> None:
    """ECR's lifecycle rules look at tags; an index and the images inside it are images of their own to them."""
    world = World()
    world.registry.hold(registry_image(OLD), "v1")
    world.orders.is_immutable = True
    deployed = get_image(world, image_target(replace(BUILD, provenance="mode=max")))

    assert deployed.digest in world.orders.tags.values()


def test_images_are_pushed_to_the_registry_that_is_given_and_lambda_gets_its_own_host() -> None:
    world = World()
    world.repositories.given = _DUAL_STACK

    assert get_image(world, _TARGET) == world.image.reference == NEW
    assert world.builder.orders[0].repository_uri == f"{_DUAL_STACK}/orders"


def test_what_the_builder_says_that_it_pushed_is_read_by_its_digest() -> None:
    world = World()
    configurations = {NEW.digest: Configuration(platform="linux/amd64")}
    pushed = PushedImage(digest=NEW.digest, configurations=configurations)
    world.builder.says = {f"{REGISTRY}/orders:{_INPUTS_TAG}": pushed}
    asked: list[bool] = []
    world.repositories.before["read_image", NEW.digest] = lambda: asked.append(True)

    assert get_image(world, _TARGET) == NEW
    assert asked == [True]
    assert world.repositories.known == [configurations]


def test_of_what_the_builder_does_not_say_the_tag_is_read() -> None:
    world = World()
    world.builder.says = {"elsewhere/orders:x": PushedImage(digest=OLD.digest)}
    asked: list[bool] = []
    world.repositories.before["read_image", _INPUTS_TAG] = lambda: asked.append(True)

    assert get_image(world, _TARGET) == NEW
    assert asked == [True]


# Finding.


def test_what_was_built_from_the_same_inputs_is_not_built_again() -> None:
    world = World()
    get_image(world, _TARGET)
    world.next_run()

    assert get_image(world, image_target(tags=("v2",))) == NEW
    assert len(world.builder.orders) == 1
    assert world.builder.checked == ["linux/amd64"]  # by the first run
    assert world.repositories.tagged == [("v2", NEW.digest)]
    assert world.image.tags == ("v2", _INPUTS_TAG)
    assert f"Nothing to build: {REGISTRY}/orders:{_INPUTS_TAG}" in "\n".join(world.log.of_kind("info"))


@pytest.mark.parametrize("tags", [("v1",), ("v1", "v2"), ()])
def test_where_there_is_nothing_to_do_two_reads_are_enough(tags: tuple[str, ...]) -> None:
    world = World()
    world.registry.hold(registry_image(OLD), _INPUTS_TAG, *tags)

    assert get_image(world, image_target(tags=tags)) == OLD
    assert world.calls == ["registry", "fingerprint", "find_tags"]
    assert (world.image.reference, world.image.tags) == (OLD, (*tags, _INPUTS_TAG))


def test_the_commit_s_tag_is_all_that_is_written_if_only_that_is_missing() -> None:
    world = World()
    world.registry.hold(registry_image(OLD), _INPUTS_TAG, "v1")

    assert get_image(world, image_target(tags=("v1", "v2"))) == OLD
    assert [call for call in world.calls if call in _WRITES] == ["add_tag"]
    assert world.repositories.tagged == [("v2", OLD.digest)]
    assert sorted(world.image.tags) == [_INPUTS_TAG, "v1", "v2"]
    assert world.builder.checked == []


@pytest.mark.parametrize("provenance", ["false", "mode=max"])
def test_a_second_run_of_the_same_inputs_writes_nothing(provenance: str) -> None:
    world = World()
    target = image_target(replace(BUILD, provenance=provenance))
    deployed = get_image(world, target)
    world.functions.latest = function_state(image=deployed)
    world.next_run()

    assert get_image(world, target) == deployed
    assert not _WRITES & {*world.calls}


@pytest.mark.parametrize("target", [_TARGET, image_target(repository="orders", functions=())])
@pytest.mark.parametrize("tags", [(_INPUTS_TAG,), (_INPUTS_TAG, "v1")])
@pytest.mark.parametrize("is_immutable", [True, False])
def test_what_does_not_fit_is_built_anew_although_it_has_the_tag_of_the_same_inputs(
    target: ImageTarget, tags: tuple[str, ...], is_immutable: bool
) -> None:
    world, theirs = World(), image("e")
    world.registry.hold(registry_image(theirs, "linux/arm64"), *tags)
    world.orders.is_immutable = is_immutable

    assert get_image(world, target) == NEW
    (order,) = world.builder.orders
    assert order.tag != _INPUTS_TAG
    assert world.orders.tags[_INPUTS_TAG] == (theirs if is_immutable else NEW).digest
    assert any("linux/arm64" in line and "who pushed it" in line for line in world.log.of_kind("warning"))


def test_a_tag_that_may_be_moved_is_moved_to_what_is_reused() -> None:
    world = World()
    world.registry.hold(registry_image(OLD), "v1")
    world.registry.hold(registry_image(NEW), _INPUTS_TAG)
    get_image(world, _TARGET)

    assert world.orders.tags["v1"] == NEW.digest
    assert world.image.tags == ("v1", _INPUTS_TAG)


@pytest.mark.parametrize(
    ("target", "inputs", "reason"),
    [
        (_FORCED, Fingerprint(tag=_INPUTS_TAG), "reuse is switched off"),
        (_TARGET, Fingerprint(tag=None, reason="the context holds a socket"), "the context holds a socket"),
        (_FORCED, Fingerprint(tag=None, reason="the context holds a socket"), "the context holds a socket"),
    ],
)
def test_a_build_without_a_look_at_earlier_images_says_why(
    target: ImageTarget, inputs: Fingerprint, reason: str
) -> None:
    world = World()
    world.registry.hold(registry_image(NEW), _INPUTS_TAG)
    world.builder.inputs = inputs
    get_image(world, target)

    (order,) = world.builder.orders
    assert order.tag.startswith("src-")
    assert order.tag != _INPUTS_TAG
    assert f"{REGISTRY}/orders is to be built: {reason}" in world.log.of_kind("info")


def test_every_such_build_has_a_tag_of_its_own() -> None:
    world = World()
    get_image(world, _FORCED)
    get_image(world, _FORCED)
    first, second = (order.tag for order in world.builder.orders)

    assert first != second


def test_what_the_fingerprint_has_to_say_is_logged() -> None:
    world = World()
    world.builder.inputs = Fingerprint(tag=_INPUTS_TAG, hints=("the context holds .git",))
    get_image(world, _TARGET)

    assert world.log.of_kind("notice") == ["the context holds .git"]


@pytest.mark.parametrize("is_tag_taken", [True, False])
def test_a_build_for_once_that_was_pushed_before_it_failed_counts_only_if_the_push_is_what_failed(
    *, is_tag_taken: bool
) -> None:
    """Its tag is its own: the registry knows it from an attempt whose answer was lost."""
    world = World()
    error = BuildError("failed", uri="", is_tag_taken=is_tag_taken)

    def fail() -> None:
        error.uri = world.builder.orders[-1].uri
        raise error

    world.builder.after["build_and_push"] = fail
    if is_tag_taken:
        assert get_image(world, _FORCED) == NEW
        assert f"{error.uri} has been pushed meanwhile, by another run or an attempt of this one" in world.log.of_kind(
            "info"
        )
    else:
        assert _refused(world, _FORCED) is error
    assert len(world.builder.orders) == 1


@pytest.mark.parametrize(("hides", "may_describe"), [(False, True), (True, True), (True, False)])
@pytest.mark.parametrize("is_immutable", [True, False])
def test_an_archived_image_of_the_same_inputs_is_built_anew(
    *, hides: bool, may_describe: bool, is_immutable: bool
) -> None:
    world = World()
    archived = world.registry.hold(registry_image(image("e")), _INPUTS_TAG).reference.digest
    world.orders.is_immutable = is_immutable
    world.repositories.archived = {archived}
    world.repositories.hides_archived, world.repositories.may_describe = hides, may_describe

    assert get_image(world, _TARGET) == NEW
    (order,) = world.builder.orders
    assert order.tag not in {_INPUTS_TAG, "v1"}
    assert world.orders.tags[_INPUTS_TAG] == (archived if is_immutable else NEW.digest)
    assert f"{REGISTRY}/orders is to be built: the image of the same inputs is archived" in world.log.of_kind("info")
    assert f"The image {archived} is archived Restore it" in world.log.of_kind("info")


def test_an_archived_image_inside_an_index_is_built_anew() -> None:
    world = World()
    inner = registry_image(image("e"))
    world.registry.hold_index(inner, tag=_INPUTS_TAG)
    world.repositories.archived = {inner.reference.digest}

    assert get_image(world, _TARGET) == NEW


def test_what_the_functions_run_already_is_not_looked_at_again_for_the_archive() -> None:
    world = World()
    world.registry.hold(registry_image(OLD), _INPUTS_TAG, "v1")
    world.repositories.archived = {OLD.digest}

    assert get_image(world, _TARGET) == OLD
    assert not {"check_available", "read_image", "build_and_push"} & {*world.calls}


# What a build starts from.


def test_a_base_for_another_platform_stops_everything_before_it_is_built() -> None:
    world = World()
    world.builder.bases = BaseFinding(error=DeployError("it starts from an image for linux/arm64"))

    assert "linux/arm64" in str(_refused(world))
    assert not _WRITES & {*world.calls}
    assert world.image.error == world.builder.bases.error


@pytest.mark.parametrize("target", [_TARGET, _FORCED])
def test_what_bases_bring_unseen_never_gets_the_tag_of_the_inputs(target: ImageTarget) -> None:
    world = World()
    world.builder.bases = BaseFinding(missed="ADD https://example.com/x without --checksum")

    for _ in range(2):
        assert get_image(world, target) == NEW
    assert len({order.tag for order in world.builder.orders}) == 2
    assert _INPUTS_TAG not in world.orders.tags
    assert world.image.reason == "ADD https://example.com/x without --checksum"
    assert [line for line in world.log.of_kind("info") if "Every run builds it anew: ADD https" in line]


def test_bases_are_looked_at_only_if_something_is_built() -> None:
    world = World()
    world.registry.hold(registry_image(OLD), _INPUTS_TAG)
    get_image(world, _TARGET)

    assert "look_at_bases" not in world.calls
