"""Labels, build arguments and annotations that make each run another build."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.images.hints import moving_values
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.images.plan import plan_images
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Mode
from tests.unit.fakes.examples import RUN
from tests.unit.fakes.world import BUILD, World, get_image, image_target

_COMMIT = "c0ffee1" + 33 * "0"
_RUN = WorkflowRun(commit=_COMMIT, run_id="1658821493")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (_COMMIT, "the commit"),
        ("main-c0ffee1", "the commit"),
        ("2026-11-29T10:54:02.123Z", "a time"),
        ("2026-11-29 10:54", "a time"),
        ("v1-20261129T105402", "a time"),
        ("build-20261129105402", "a time"),
        ("20261129.1054", "a time"),
        ("2026-11-29_10-54-02", "a time"),
        ("2026/11/29 10:54", "a time"),
        ("Sun Nov 29 10:54:02 UTC 2026", "a time"),
        ("Sun Nov  1 10:54:02 UTC 2026", "a time"),
        ("1795949869", "a time"),
        ("1795949869123", "a time"),
        ("https://github.com/o/r/actions/runs/1658821493", "the run's id"),
    ],
)
def test_a_value_that_moves_is_told(value: str, what: str) -> None:
    label = moving_values(replace(BUILD, labels={"built": value}), _RUN)
    argument = moving_values(replace(BUILD, build_args={"BUILT": value}), _RUN)
    annotation = moving_values(replace(BUILD, properties={"annotations": [f"built={value}"]}), _RUN)

    assert f"the label built, which has {what}:" in label
    assert f"the build argument BUILT, which has {what}:" in argument
    assert f"the annotation built, which has {what}:" in annotation


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1.2.3",
        "main",
        "2024.1",
        "2026-11-29",
        "20260101",
        "2026.1.29",
        "from Nov to May",
        "3.13",
        "sha256:" + 64 * "1",
        "12345678",
        "v1.7000000001",
    ],
)
def test_a_value_that_stays_is_not(value: str) -> None:
    assert moving_values(replace(BUILD, labels={"a": value}, build_args={"A": value}), _RUN) == ""
    assert moving_values(replace(BUILD, labels={"a": value}), WorkflowRun(run_id="3")) == ""


def test_what_is_always_built_needs_no_hint() -> None:
    assert moving_values(replace(BUILD, labels={"a": _COMMIT}, reuse=False), _RUN) == ""


def test_the_hint_is_a_notice() -> None:
    world = World()
    get_image(world, image_target(replace(BUILD, labels={"revision": RUN.commit})))

    (notice,) = world.log.of_kind("notice")
    assert "the label revision, which has the commit" in notice


def test_a_hint_for_many_images_is_given_once() -> None:
    world = World()
    build = replace(BUILD, labels={"revision": RUN.commit})
    targets = [
        replace(image_target(build, repository="orders", functions=(), platform="linux/amd64"), name=f"i{number}")
        for number in range(7)
    ]
    plan_images(observe(targets, world.ports(), world.journal, mode=Mode.PLAN), world.ports(), world.journal)

    (notice,) = world.log.of_kind("notice")
    assert notice.startswith("i0, i1, i2, i3, i4, …: Every run")
