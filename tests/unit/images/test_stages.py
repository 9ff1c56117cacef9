"""A stage that many images go through: a failure is the image's own."""

import pytest

from ecr_lambda_deploy.images.stages import FailedImage, ReadyImages, StageResult, fail, grouped, run_stage
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus
from tests.unit.fakes.world import World

_NAMES = ("orders", "stock", "mail")


@pytest.fixture
def world() -> World:
    """The world of a run that knows no more of its images than their names."""
    world = World()
    world.journal.images = tuple(ImageOutcome(name=name) for name in _NAMES)
    return world


def _run(world: World, error: Exception) -> StageResult[ImageOutcome]:
    """Take three images through a stage that ends with an error for one."""

    def act(image: ImageOutcome) -> ImageOutcome:
        world.clock.pass_time(5)
        if image.name == "stock":
            raise error
        return image

    return run_stage(world.journal.images, act, world.ports(), world.journal)


def test_a_failure_is_a_result_and_the_other_images_keep_their_order(world: World) -> None:
    error = DeployError("ECR refuses")
    result = _run(world, error)

    assert [image.name for image in result.images] == ["orders", "mail"]
    assert result.failed == (FailedImage(name="stock", error=error),)


def test_the_journal_keeps_the_failure_and_how_long_each_image_took(world: World) -> None:
    error = DeployError("ECR refuses")
    _run(world, error)
    orders, stock, mail = world.journal.images

    assert (stock.status, stock.error) == (ImageStatus.FAILED, error)
    assert {(image.status, image.error) for image in (orders, mail)} == {(ImageStatus.WANTED, None)}
    assert all(image.started >= 1000 and image.seconds >= 5 for image in world.journal.images)


def test_a_bug_is_no_failure_of_an_image(world: World) -> None:
    with pytest.raises(ZeroDivisionError):
        _run(world, ZeroDivisionError())


def test_images_are_grouped_in_the_order_in_which_their_key_comes_first() -> None:
    images = [ImageOutcome(name=name) for name in ("a1", "b1", "a2")]

    groups = grouped(images, lambda image: [image.name[0]])
    assert [(key, [image.name for image in group]) for key, group in groups] == [
        (["a"], ["a1", "a2"]),
        (["b"], ["b1"]),
    ]


def test_the_log_says_at_once_which_image_failed_and_why(world: World) -> None:
    _run(world, DeployError("ECR refuses:\nno.\nAt all."))
    fail([ImageOutcome(name="")], DeployError("no"), world.ports(), world.journal)
    fail([ImageOutcome(name=f"i{n}") for n in range(60)], DeployError("no"), world.ports(), world.journal)

    assert world.log.of_kind("failure") == [
        "stock failed: ECR refuses: no; no function is changed",
        "The image failed: no; no function is changed",
        "i0, i1, i2, i3, i4 and 55 more failed: no; no function is changed",
    ]


@pytest.mark.parametrize(
    ("total", "ready", "lines"),
    [
        (60, 0, [f"{count} of 60 images ready" for count in range(6, 61, 6)]),
        (60, 58, ["59 of 60 images ready", "60 of 60 images ready"]),
        (1, 0, []),
    ],
)
def test_the_log_says_how_many_images_are_ready(world: World, total: int, ready: int, lines: list[str]) -> None:
    images = ReadyImages(total, ready, world.ports())
    for _ in range(total - ready):
        images.add()

    assert world.log.of_kind("info") == lines
