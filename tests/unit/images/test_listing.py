"""The log names each of few functions and images; of many it has numbers, and those that stand out."""

from dataclasses import replace

from ecr_lambda_deploy.images.listing import function_lines, image_lines
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.model.functions import ServingFunction, Status
from ecr_lambda_deploy.model.targets import Mode
from tests.unit.fakes.examples import NEW, OLD, REGISTRY, alias_state, function_state, observed_function, version_state
from tests.unit.fakes.world import World, image_target


def _function(name: str) -> ServingFunction:
    return observed_function(function_state(name=name), version_state("7"), alias=alias_state("7"))


def test_an_image_is_named_in_full_once() -> None:
    assert list(function_lines([_function("one"), _function("two")])) == [
        f"one: Active, x86_64, runs {OLD}, version 7; the alias live points to version 7",
        f"two: Active, x86_64, runs {OLD.short}, version 7; the alias live points to version 7",
    ]


def test_of_a_thousand_functions_those_that_stand_out_have_a_line() -> None:
    functions = [_function(f"orders-{number}") for number in range(997)]
    other = observed_function(function_state(name="mail", image=NEW))
    inactive = observed_function(function_state(name="stock", state=Status(value="Inactive")))
    lines = list(function_lines([*functions, other, inactive, ServingFunction(name="new", latest=None)]))

    assert lines == [
        f"998 of 1000 functions run {OLD}",
        f"1 of 1000 functions run {NEW}",
        f"stock: Inactive, x86_64, runs {OLD.short}",
        "new: it does not exist, and will be created",
    ]


def test_the_lines_of_a_thousand_functions_have_a_bound() -> None:
    functions = [
        observed_function(
            function_state(
                name=f"orders-{number}",
                image=replace(OLD, repository=f"orders-{number}"),
                state=Status(value="Pending"),
            )
        )
        for number in range(1000)
    ]
    lines = list(function_lines(functions))

    assert len(lines) == 42
    assert lines[20] == "the others run 980 more images"
    assert lines[-1] == "and 980 more functions that are not there, or not Active"


def test_images_are_named_with_where_they_go_and_many_are_counted() -> None:
    world = World()
    image = replace(image_target(), name="orders")
    (observed,) = observe((image,), world.ports(), world.journal, mode=Mode.DEPLOY)

    assert list(image_lines([observed])) == [f"orders: the image goes to {REGISTRY}/orders, for linux/amd64"]
    assert list(image_lines([observed] * 60)) == ["60 of 60 images are for linux/amd64"]
