from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.functions.reads import check_updatable
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import FunctionState, ObservedFunction, PublishedVersion, Status
from ecr_lambda_deploy.model.targets import Architecture, FunctionTarget
from ecr_lambda_deploy.releases.plan import PublishVersion, UpdateCode, plan_release
from tests.unit.fakes.examples import ARN, NEW, OLD, RUN, function_state, image, observed_function, published

_FAILED = Status(value="Failed", reason_code="ImageAccessDenied")
_VERSION_OF_OLD = published("7")
_VERSION_OF_ANOTHER = published("7", image("c"))
_DUAL_STACK = image("a", registry="123456789012.dkr-ecr.eu-west-1.on.aws")


@pytest.mark.parametrize(
    ("latest", "newest", "publish", "wanted", "expected"),
    [
        # Another image.
        (function_state(), _VERSION_OF_OLD, True, (NEW, "x86_64"), ["update", "publish"]),
        (function_state(), None, True, (NEW, "x86_64"), ["update", "publish"]),
        (function_state(), _VERSION_OF_OLD, False, (NEW, "x86_64"), ["update"]),
        (function_state(image=None), None, True, (NEW, "x86_64"), ["update", "publish"]),
        (function_state(state=Status(value="Inactive")), None, False, (NEW, "x86_64"), ["update"]),
        # The same image, and nothing or not all to do.
        (function_state(), _VERSION_OF_OLD, True, (OLD, "x86_64"), []),
        (function_state(), None, False, (OLD, "x86_64"), []),
        (function_state(image=_DUAL_STACK), _VERSION_OF_OLD, True, (OLD, "x86_64"), []),
        (function_state(), None, True, (OLD, "x86_64"), ["publish"]),
        (function_state(), _VERSION_OF_ANOTHER, True, (OLD, "x86_64"), ["publish"]),
        # The same image, but not as it must be.
        (function_state(), _VERSION_OF_OLD, True, (OLD, "arm64"), ["update", "publish"]),
        (function_state(update=_FAILED), _VERSION_OF_OLD, True, (OLD, "x86_64"), ["update", "publish"]),
        (function_state(state=_FAILED), _VERSION_OF_OLD, False, (OLD, "x86_64"), ["update"]),
    ],
)
def test_steps(
    latest: FunctionState,
    newest: PublishedVersion | None,
    publish: bool,
    wanted: tuple[object, Architecture],
    expected: list[str],
) -> None:
    reference, architecture = (NEW if wanted[0] is NEW else OLD), wanted[1]
    observed = replace(observed_function(latest), versions=(newest,) if newest else ())
    steps = {
        "update": UpdateCode(image=reference, architecture=architecture),
        "publish": PublishVersion(
            description=str(Record.of(RUN, commit=RUN.commit, previous=newest.number if newest else ""))
        ),
    }
    target = FunctionTarget(name="orders-api", publish=publish)

    plan = plan_release(target, observed, image=reference, architecture=architecture, commit=RUN.commit, run=RUN)

    assert plan.steps == tuple(steps[name] for name in expected)
    assert (plan.target, plan.observed, plan.is_rollback) == (target, observed, False)


def test_the_function_is_addressed_as_it_was_given() -> None:
    plan = plan_release(FunctionTarget(name=ARN), observed_function(), image=NEW, architecture="x86_64", run=RUN)

    assert plan.target.name == ARN


@pytest.mark.parametrize("package_type", ["Zip", "SomethingNew"])
def test_a_function_without_an_image_cannot_be_given_one(package_type: str) -> None:
    observed = observed_function(function_state(package_type=package_type))

    with pytest.raises(DeployError, match=f"package type {package_type}"):
        check_updatable(observed)


def test_a_function_that_is_being_deleted_cannot_be_updated() -> None:
    observed = observed_function(function_state(state=Status(value="Deleting")))

    with pytest.raises(DeployError, match="is being deleted"):
        check_updatable(observed)


@pytest.mark.parametrize("state", ["Active", "Inactive", "Pending"])
def test_a_function_in_any_other_state_can(state: str) -> None:
    check_updatable(observed_function(function_state(state=Status(value=state))))


def test_a_function_that_does_not_exist_yet_can() -> None:
    check_updatable(ObservedFunction(name="orders-api", latest=None))
