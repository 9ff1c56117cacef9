"""How an image gets into its repository, decided from what is there."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.images.destination import ObservedImage
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.images.steps import (
    BuildImage,
    CopyImage,
    KeepImage,
    TakeImage,
    digest_tag,
    keep_existing,
    plan_build,
    plan_existing,
)
from ecr_lambda_deploy.model.images import Fingerprint, ImageReference
from ecr_lambda_deploy.model.targets import Mode
from tests.unit.fakes.examples import ELSEWHERE, NEW, OLD, function_state, image
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.world import BUILD, World, image_target

_INPUTS_TAG = f"src-{64 * '1'}"
_KNOWN = Fingerprint(tag=_INPUTS_TAG, is_of_registries=True)
_UNKNOWN = Fingerprint(tag=None, reason="Dockerfile is a symlink", is_of_registries=True)
_HERE = registry_image(NEW)
_THERE = registry_image(image("b", registry=ELSEWHERE))
_DIGEST_TAG = digest_tag(NEW)
_FRESH = "src-fresh"


def _observed(*tags: str, run: ImageReference = OLD) -> ObservedImage:
    """Return an image that is to have tags, for a function that runs this one."""
    world = World(functions=FakeFunctions(function_state(image=run)))
    (observed,) = observe(
        (image_target(repository="orders", tags=tags),), world.ports(), world.journal, mode=Mode.DEPLOY
    )
    return observed


# Images that are built.


@pytest.mark.parametrize("found", [{}, {"v1": OLD.digest}], ids=["nothing is there", "others are there"])
def test_what_was_never_built_is_built_under_the_tag_of_its_inputs(found: dict[str, str]) -> None:
    step = plan_build(BUILD, _KNOWN, _observed("v1"), tags_found=found, fresh_tag=_FRESH)

    assert isinstance(step, BuildImage)
    assert (step.unique_tag, step.tags, step.build) == (_INPUTS_TAG, ("v1",), replace(BUILD, pull=True))
    assert step.is_reusable
    assert _INPUTS_TAG[:12] in step.reason


@pytest.mark.parametrize("is_pulled", [True, False])
def test_base_images_are_not_pulled_where_the_engine_s_copy_is_what_the_tag_says(*, is_pulled: bool) -> None:
    build, fingerprint = replace(BUILD, pull=is_pulled), replace(_KNOWN, is_of_registries=False)
    step = plan_build(build, fingerprint, _observed("v1"), tags_found={}, fresh_tag=_FRESH)

    assert isinstance(step, BuildImage)
    assert step.build == build


@pytest.mark.parametrize(
    ("run", "found", "is_kept"),
    [
        (NEW, {"v1": NEW.digest, "v2": NEW.digest}, True),
        (NEW, {"v1": NEW.digest}, False),
        (NEW, {"v1": NEW.digest, "v2": OLD.digest}, False),
        (OLD, {"v1": NEW.digest, "v2": NEW.digest}, False),
    ],
    ids=["all is as it should be", "a tag is missing", "a tag is elsewhere", "functions run another"],
)
def test_what_was_built_from_the_same_inputs_is_not_built_again(
    run: ImageReference, found: dict[str, str], *, is_kept: bool
) -> None:
    step = plan_build(
        BUILD, _KNOWN, _observed("v1", "v2", run=run), tags_found={_INPUTS_TAG: NEW.digest, **found}, fresh_tag=_FRESH
    )

    tags, reason = ("v1", "v2"), "it was built from the same inputs"
    kept = KeepImage(image=NEW, unique_tag=_INPUTS_TAG, tags=tags, reason=reason)
    assert step == (kept if is_kept else TakeImage(digest=NEW.digest, unique_tag=_INPUTS_TAG, tags=tags, reason=reason))


@pytest.mark.parametrize(
    ("fingerprint", "reuse", "tags", "is_pulled", "reason"),
    [
        (_KNOWN, False, ("v1", _INPUTS_TAG), True, "reuse is switched off"),
        (_UNKNOWN, True, ("v1",), False, "Dockerfile is a symlink"),
        (_UNKNOWN, False, ("v1",), False, "Dockerfile is a symlink"),
    ],
)
def test_what_may_not_be_reused_is_built_under_a_tag_that_nobody_else_has(
    fingerprint: Fingerprint, *, reuse: bool, tags: tuple[str, ...], is_pulled: bool, reason: str
) -> None:
    build, found = replace(BUILD, reuse=reuse), {_INPUTS_TAG: OLD.digest, "v1": OLD.digest}
    step = plan_build(build, fingerprint, _observed("v1"), tags_found=found, fresh_tag=_FRESH)

    build = replace(build, pull=is_pulled)
    assert step == BuildImage(build=build, unique_tag=_FRESH, tags=tags, reason=reason, inputs_tag=fingerprint.tag)


# Images that exist.


@pytest.mark.parametrize(
    ("observed", "is_kept"),
    [(_observed(run=NEW), True), (_observed("v1", run=NEW), False), (_observed(), False)],
    ids=["the functions run it", "a tag is wanted", "the functions run another"],
)
def test_what_the_functions_run_is_kept_if_no_tag_is_wanted(observed: ObservedImage, *, is_kept: bool) -> None:
    kept = KeepImage(image=NEW, unique_tag=None, tags=(), reason="the functions run it")

    assert keep_existing(_HERE, observed) == (kept if is_kept else None)


@pytest.mark.parametrize("run", [OLD, NEW])
def test_what_is_in_the_repository_is_taken_and_gets_a_tag_of_its_own(run: ImageReference) -> None:
    step = plan_existing(_HERE, _observed("v1", run=run), tags_found={_DIGEST_TAG: NEW.digest})

    assert step == TakeImage(digest=NEW.digest, unique_tag=None, tags=(_DIGEST_TAG, "v1"), reason="it is there")


def test_what_was_copied_before_is_taken() -> None:
    step = plan_existing(_THERE, _observed("v1"), tags_found={_DIGEST_TAG: NEW.digest})

    assert step == TakeImage(digest=NEW.digest, unique_tag=_DIGEST_TAG, tags=("v1",), reason="it was copied before")


def test_what_is_elsewhere_is_copied_under_a_tag_that_says_which_image_it_is() -> None:
    step = plan_existing(_THERE, _observed("v1"), tags_found={"v1": OLD.digest})

    assert isinstance(step, CopyImage)
    assert (step.source, step.unique_tag, step.tags) == (_THERE, _DIGEST_TAG, ("v1",))
    assert str(_THERE.reference) in step.reason


def test_the_tag_of_a_digest_is_the_same_in_every_repository() -> None:
    assert digest_tag(_THERE.reference) == _DIGEST_TAG == f"digest-{32 * 'b'}"
    assert digest_tag(OLD) != _DIGEST_TAG
