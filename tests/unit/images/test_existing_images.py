"""Images that are there already: found, checked, copied where they are somewhere else, and never built."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.images.steps import digest_tag
from ecr_lambda_deploy.model.errors import ArchivedError, DeployError
from ecr_lambda_deploy.model.functions import LATEST
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import ExistingImage, ImageTarget, ServedImage
from tests.unit.fakes.examples import ELSEWHERE, NEW, OLD, REGISTRY, function_state, image
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import StoredRepository, registry_image
from tests.unit.fakes.world import World, get_image, image_target

_DUAL_STACK = "123456789012.dkr-ecr.eu-west-1.on.aws"
_THEIRS = image("b", registry=ELSEWHERE, repository="shop/orders")
_OTHERS = image("b", repository="shop/orders")
_DIGEST_TAG = f"digest-{32 * 'b'}"
_WRITES = {"create", "add_tag", "copy", "build_and_push"}


def _target(uri: object, *, repository: str = "", tags: tuple[str, ...] = (), create: bool = False) -> ImageTarget:
    source = uri if isinstance(uri, ServedImage) else ExistingImage(uri=str(uri))
    return image_target(source, repository=repository, tags=tags, create_repository=create)


def _refused(world: World, target: ImageTarget) -> DeployError:
    with pytest.raises(DeployError) as caught:
        get_image(world, target)
    return caught.value


def _holding(reference: ImageReference, *tags: str, platform: str = "linux/amd64") -> World:
    """Return a world where an image is in its registry."""
    world = World()
    registry = world.elsewhere if reference.registry == ELSEWHERE else world.registry
    registry.hold(registry_image(reference, platform), *tags)
    return world


@pytest.mark.parametrize(
    ("uri", "image"),
    [
        (NEW, NEW),
        (f"{REGISTRY}/orders:v1", NEW),
        (f"{REGISTRY}/orders:other@{NEW.digest}", NEW),
        (f"{_DUAL_STACK}/orders:v1", NEW),
        (f"{REGISTRY}/shop/orders:v1", _OTHERS),
    ],
)
def test_an_image_of_this_registry_stays_where_it_is(uri: object, image: ImageReference) -> None:
    world = _holding(image, "v1")

    assert get_image(world, _target(uri)) == image
    assert world.sources.copied == []
    assert world.builder.orders == []
    assert world.builder.checked == []
    assert (world.image.reference, world.image.tags) == (image, (_DIGEST_TAG,))


def test_its_digest_has_a_tag_that_only_it_can_have() -> None:
    world = _holding(NEW)
    get_image(world, _target(NEW))

    assert world.orders.tags == {"old": OLD.digest, _DIGEST_TAG: NEW.digest}


@pytest.mark.parametrize("image", [_THEIRS, _OTHERS])
def test_an_image_from_elsewhere_is_copied_under_the_same_digest(image: ImageReference) -> None:
    world = _holding(image, "v1")
    target = _target(f"{image.repository_uri}:v1", repository="orders", tags=("v2",))

    assert get_image(world, target) == NEW
    assert world.sources.copied == [(image, f"{REGISTRY}/orders:{_DIGEST_TAG}")]
    assert world.orders.tags == {"old": OLD.digest, _DIGEST_TAG: NEW.digest, "v2": NEW.digest}
    assert world.image.tags == ("v2", _DIGEST_TAG)
    assert "build_and_push" not in world.calls
    assert world.builder.checked == []


@pytest.mark.parametrize("image", [_THEIRS, _OTHERS])
def test_a_second_run_copies_nothing_and_writes_nothing(image: ImageReference) -> None:
    world = _holding(image)
    target = _target(image, repository="orders", tags=("v2",))
    deployed = get_image(world, target)
    world.functions.latest = function_state(image=deployed)
    world.next_run()

    assert get_image(world, target) == deployed
    assert not _WRITES & {*world.calls}


@pytest.mark.parametrize("is_immutable", [True, False])
def test_a_copy_does_not_depend_on_who_has_put_what_under_its_tag(is_immutable: bool) -> None:
    world = _holding(_THEIRS)
    world.registry.hold(registry_image(image("e")), _DIGEST_TAG)
    world.orders.is_immutable = is_immutable

    assert get_image(world, _target(_THEIRS, repository="orders")) == NEW
    ((_, destination),) = world.sources.copied
    assert destination.startswith(f"{REGISTRY}/orders:digest-")
    assert world.orders.tags[_DIGEST_TAG] == image("e").digest


def test_what_runs_already_is_left_alone() -> None:
    world = World()

    assert get_image(world, _target(f"{REGISTRY}/orders:old")) == OLD
    assert world.calls == ["registry", "resolve"]
    assert world.image.reference == OLD


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
@pytest.mark.parametrize("registry", [REGISTRY, ELSEWHERE])
def test_of_an_index_the_image_that_fits_is_taken(registry: str, platform: str) -> None:
    world = World(functions=FakeFunctions(function_state(architecture="x86_64" if "amd" in platform else "arm64")))
    there = world.registry if registry == REGISTRY else world.elsewhere
    members = {"linux/amd64": image("c", registry=registry), "linux/arm64": image("d", registry=registry)}
    digest = there.hold_index(*(registry_image(held, its) for its, held in members.items()), tag="v1")

    for uri in (f"{registry}/orders:v1", f"{registry}/orders@{digest}"):
        deployed = get_image(world, _target(uri))
        assert deployed == replace(members[platform], registry=REGISTRY)
        assert deployed.digest in world.orders.tags.values()


def test_an_index_without_the_platform_changes_nothing() -> None:
    world = World()
    world.elsewhere.hold_index(registry_image(image("c", registry=ELSEWHERE), "linux/arm64"), tag="v1")

    assert "linux/amd64" in str(_refused(world, _target(f"{ELSEWHERE}/orders:v1", create=True)))
    assert not _WRITES & {*world.calls}


@pytest.mark.parametrize("reference", [NEW, _THEIRS, _OTHERS])
@pytest.mark.parametrize("create", [True, False])
def test_an_image_that_lambda_cannot_run_is_neither_copied_nor_tagged(reference: ImageReference, create: bool) -> None:
    world = _holding(reference, platform="linux/arm64")

    assert "linux/arm64" in str(_refused(world, _target(reference, repository="orders", tags=("v1",), create=create)))
    assert not _WRITES & {*world.calls}


def test_an_image_that_is_gone_changes_nothing() -> None:
    world = World()
    world.registry.repositories = {}

    assert "does not have the image" in str(_refused(world, _target(_THEIRS, create=True)))
    assert not _WRITES & {*world.calls}
    assert world.image.reference is None


@pytest.mark.parametrize(
    ("qualifier", "number", "told"),
    [
        ("", LATEST, "orders-dev"),
        ("live", "2", "orders-dev:live (version 2)"),
        ("7", "7", "orders-dev:7"),
    ],
)
def test_the_image_that_a_function_serves_is_promoted(qualifier: str, number: str, told: str) -> None:
    world = _holding(_THEIRS)
    source = ServedImage(function="orders-dev", qualifier=qualifier)
    world.sources.served[source], world.sources.numbers[source] = _THEIRS, number

    assert get_image(world, _target(source)) == NEW
    assert [copied for copied, _ in world.sources.copied] == [_THEIRS]
    assert any(str(_THEIRS) in line for line in world.log.of_kind("info"))
    assert f"promoting what {told} serves" in world.log.of_kind("info")
    assert world.image.promoted == told


_LABELLED, _RECORDED = 40 * "a", 40 * "b"


@pytest.mark.parametrize(
    ("label", "description", "expected"),
    [
        (_LABELLED, "", _LABELLED),
        ("", f"run=1/1 commit={_RECORDED} workflow=deploy.yml", _RECORDED),
        (_LABELLED, f"commit={_RECORDED}", _LABELLED),
        ("", "", ""),
        ("", "commit=main", ""),
    ],
)
def test_what_is_promoted_is_of_the_commit_that_it_was_built_from(label: str, description: str, expected: str) -> None:
    world = World()
    world.elsewhere.hold(replace(registry_image(_THEIRS), revision=label))
    source = ServedImage(function="orders-dev", qualifier="live")
    world.sources.served[source], world.sources.descriptions[source] = _THEIRS, description
    get_image(world, _target(source))

    assert world.image.commit == expected


def test_an_image_that_is_named_is_of_the_commit_on_its_label() -> None:
    world = World()
    world.elsewhere.hold(replace(registry_image(_THEIRS), revision=_LABELLED))
    get_image(world, _target(_THEIRS))

    assert world.image.commit == _LABELLED


def test_a_function_that_serves_none_changes_nothing() -> None:
    world = World()

    assert "orders-dev" in str(_refused(world, _target(ServedImage(function="orders-dev"), create=True)))
    assert not _WRITES & {*world.calls}


def test_a_missing_repository_is_created_for_a_copy_and_not_without_the_input() -> None:
    world = _holding(_THEIRS)
    world.registry.repositories = {}

    assert "There is no ECR repository orders" in str(_refused(world, _target(_THEIRS)))
    assert world.repositories.created == []

    assert get_image(world, _target(_THEIRS, create=True)) == NEW
    assert world.repositories.created == ["orders"]
    assert world.calls.index("create") < world.calls.index("copy")
    assert world.builder.checked == []


def test_a_tag_that_stays_elsewhere_is_noticed() -> None:
    world = _holding(_THEIRS)
    world.registry.hold(registry_image(OLD), "v1")
    world.orders.is_immutable = True

    assert get_image(world, _target(_THEIRS, tags=("v1",))) == NEW
    (notice,) = world.log.of_kind("notice")
    assert "The tag v1 stays" in notice
    assert world.image.tags == (_DIGEST_TAG,)


def test_an_image_without_an_entry_point_is_not_copied() -> None:
    world = World()
    world.elsewhere.hold(replace(registry_image(_THEIRS), has_entry_point=False))

    assert "ENTRYPOINT" in str(_refused(world, _target(_THEIRS)))
    assert not _WRITES & {*world.calls}


def test_a_copy_that_fails_leaves_no_tag_behind() -> None:
    world = _holding(_THEIRS)
    world.sources.refusals["copy"] = DeployError("the registry refuses")

    assert "the registry refuses" in str(_refused(world, _target(_THEIRS, tags=("v1",))))
    assert world.repositories.tagged == []
    assert world.image.reference is None


def test_a_copy_that_another_run_made_meanwhile_is_made_use_of() -> None:
    world = _holding(_THEIRS)
    world.orders.is_immutable = True
    world.sources.before["copy"] = lambda: world.registry.hold(registry_image(NEW), _DIGEST_TAG)

    assert get_image(world, _target(_THEIRS)) == NEW


@pytest.mark.parametrize("reference", [_THEIRS, image("b", repository="prod")])
def test_a_repository_that_lambda_never_pulled_from_is_warned_of(reference: ImageReference) -> None:
    world = _holding(reference)
    world.registry.repositories.setdefault("prod", StoredRepository())
    world.repositories.lets_lambda_pull = False
    get_image(world, _target(reference, repository="prod"))

    assert any("prod" in warning and "Lambda" in warning for warning in world.log.of_kind("warning"))


@pytest.mark.parametrize("reference", [_THEIRS, NEW])
def test_a_lifecycle_rule_that_could_remove_the_image_is_warned_of(reference: ImageReference) -> None:
    world = _holding(reference)
    world.repositories.rule = "rule 1 keeps 10 images"
    get_image(world, _target(reference))

    assert any("rule 1 keeps 10 images" in warning for warning in world.log.of_kind("warning"))
    assert world.repositories.expected == [(_DIGEST_TAG,)]


def test_a_copy_that_is_archived_is_refused_with_the_way_out() -> None:
    world = World()
    source = world.elsewhere.hold(registry_image(_THEIRS), "v1").reference
    copy = replace(source, registry=REGISTRY, repository="orders")
    world.registry.hold(registry_image(copy), digest_tag(copy))
    world.repositories.archived = {copy.digest}

    with pytest.raises(ArchivedError, match="is archived") as caught:
        get_image(world, image_target(ExistingImage(uri=f"{ELSEWHERE}/shop/orders:v1")))
    assert caught.value.hint == "Restore it"
