"""How an image gets into its repository, decided from what is there."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.image_model import Fingerprint
from ecr_lambda_deploy.image_plan import (
    BuildImage,
    CopyImage,
    KeepImage,
    TakeImage,
    digest_tag,
    plan_build,
    plan_existing,
)
from tests.unit.examples import ELSEWHERE, NEW, OLD, image
from tests.unit.ports_in_memory import BUILD
from tests.unit.registries_in_memory import registry_image

_OWN = f"src-{64 * '1'}"
_KNOWN = Fingerprint(tag=_OWN, is_of_registries=True)
_UNKNOWN = Fingerprint(tag=None, reason="Dockerfile is a symlink", is_of_registries=True)
_HERE = registry_image(NEW)
_THERE = registry_image(image("b", registry=ELSEWHERE))
_DIGEST_TAG = digest_tag(NEW)


# Images that are built.


@pytest.mark.parametrize("found", [{}, {"v1": OLD.digest}], ids=["nothing is there", "others are there"])
def test_what_was_never_built_is_built_under_the_tag_of_its_inputs(found: dict[str, str]) -> None:
    step = plan_build(BUILD, _KNOWN, ("v1",), found=found, here=NEW, is_run=False)

    assert isinstance(step, BuildImage)
    assert (step.own, step.tags, step.is_pulled) == (_OWN, ("v1",), True)
    assert _OWN[:12] in step.reason


def test_base_images_are_not_pulled_where_the_engine_s_copy_is_what_the_tag_says() -> None:
    fingerprint = replace(_KNOWN, is_of_registries=False)
    step = plan_build(BUILD, fingerprint, ("v1",), found={}, here=NEW, is_run=False)

    assert isinstance(step, BuildImage)
    assert not step.is_pulled


@pytest.mark.parametrize(
    ("is_run", "found", "is_kept"),
    [
        (True, {"v1": NEW.digest, "v2": NEW.digest}, True),
        (True, {"v1": NEW.digest}, False),
        (True, {"v1": NEW.digest, "v2": OLD.digest}, False),
        (False, {"v1": NEW.digest, "v2": NEW.digest}, False),
    ],
    ids=["all is as it should be", "a tag is missing", "a tag is elsewhere", "functions run another"],
)
def test_what_was_built_from_the_same_inputs_is_not_built_again(
    *, is_run: bool, found: dict[str, str], is_kept: bool
) -> None:
    step = plan_build(BUILD, _KNOWN, ("v1", "v2"), found={_OWN: NEW.digest, **found}, here=NEW, is_run=is_run)

    reason = "it was built from the same inputs"
    kept = KeepImage(image=NEW, tags=("v1", "v2", _OWN), reason=reason)
    assert step == (kept if is_kept else TakeImage(reference=NEW.digest, own=_OWN, tags=("v1", "v2"), reason=reason))


@pytest.mark.parametrize(
    ("fingerprint", "reuse", "tags", "is_pulled", "reason"),
    [
        (_KNOWN, False, ("v1", _OWN), True, "reuse is switched off"),
        (_UNKNOWN, True, ("v1",), False, "Dockerfile is a symlink"),
        (_UNKNOWN, False, ("v1",), False, "Dockerfile is a symlink"),
    ],
)
def test_what_may_not_be_reused_is_built_under_a_tag_that_nobody_else_has(
    fingerprint: Fingerprint, *, reuse: bool, tags: tuple[str, ...], is_pulled: bool, reason: str
) -> None:
    found = {_OWN: OLD.digest, "v1": OLD.digest}
    step = plan_build(replace(BUILD, reuse=reuse), fingerprint, ("v1",), found=found, here=OLD, is_run=True)

    assert step == BuildImage(own="", tags=tags, is_pulled=is_pulled, reason=reason)


# Images that exist.


def test_what_the_functions_run_is_kept_if_no_tag_is_wanted() -> None:
    step = plan_existing(_HERE, (), found={}, here=NEW, is_run=True)

    assert step == KeepImage(image=NEW, tags=(), reason="the functions run it")


@pytest.mark.parametrize("is_run", [True, False])
def test_what_is_in_the_repository_is_taken_and_gets_a_tag_of_its_own(*, is_run: bool) -> None:
    step = plan_existing(_HERE, ("v1",), found={_DIGEST_TAG: NEW.digest}, here=NEW, is_run=is_run)

    assert step == TakeImage(reference=NEW.digest, own=None, tags=(_DIGEST_TAG, "v1"), reason="it is there")


def test_what_was_copied_before_is_taken() -> None:
    step = plan_existing(_THERE, ("v1",), found={_DIGEST_TAG: NEW.digest}, here=NEW, is_run=False)

    assert step == TakeImage(reference=NEW.digest, own=_DIGEST_TAG, tags=("v1",), reason="it was copied before")


def test_what_is_elsewhere_is_copied_under_a_tag_that_says_which_image_it_is() -> None:
    step = plan_existing(_THERE, ("v1",), found={"v1": OLD.digest}, here=NEW, is_run=False)

    assert isinstance(step, CopyImage)
    assert (step.image, step.own, step.tags) == (_THERE, _DIGEST_TAG, ("v1",))
    assert str(_THERE.reference) in step.reason


def test_the_tag_of_a_digest_is_the_same_in_every_repository() -> None:
    assert digest_tag(_THERE.reference) == _DIGEST_TAG == f"digest-{32 * 'b'}"
    assert digest_tag(OLD) != _DIGEST_TAG
