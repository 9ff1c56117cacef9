import pytest

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import FunctionState, ObservedFunction, PublishedVersion, Status
from ecr_lambda_deploy.model import WorkflowRun
from ecr_lambda_deploy.plan import PublishVersion, UpdateCode, check_updatable, describe_version, plan_release
from ecr_lambda_deploy.wanted import Architecture, FunctionTarget
from tests.unit.ports_in_memory import NEW, OLD, RUN, function_state, image

_FAILED = Status(value="Failed", reason_code="ImageAccessDenied")
_VERSION_OF_OLD = PublishedVersion(number="7", code_sha256=64 * "a")
_VERSION_OF_ANOTHER = PublishedVersion(number="7", code_sha256=64 * "c")
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
    observed = ObservedFunction(latest=latest, newest=newest)
    steps = {
        "update": UpdateCode(image=reference, architecture=architecture),
        "publish": PublishVersion(description=describe_version(RUN, previous=observed.version)),
    }

    plan = plan_release(
        FunctionTarget(name="orders-api", publish=publish),
        observed,
        image=reference,
        architecture=architecture,
        run=RUN,
    )

    assert plan.steps == tuple(steps[name] for name in expected)
    assert (plan.function, plan.observed) == ("orders-api", observed)


def test_the_function_is_addressed_as_it_was_given() -> None:
    arn = function_state().arn
    observed = ObservedFunction(latest=function_state(), newest=None)

    plan = plan_release(FunctionTarget(name=arn), observed, image=NEW, architecture="x86_64", run=RUN)

    assert plan.function == arn


@pytest.mark.parametrize("package_type", ["Zip", "SomethingNew"])
def test_a_function_without_an_image_cannot_be_given_one(package_type: str) -> None:
    observed = ObservedFunction(latest=function_state(package_type=package_type), newest=None)

    with pytest.raises(DeployError, match=f"package type {package_type}"):
        check_updatable(observed)


def test_a_function_that_is_being_deleted_cannot_be_updated() -> None:
    observed = ObservedFunction(latest=function_state(state=Status(value="Deleting")), newest=None)

    with pytest.raises(DeployError, match="is being deleted"):
        check_updatable(observed)


@pytest.mark.parametrize("state", ["Active", "Inactive", "Failed", "Pending"])
def test_a_function_in_any_other_state_can(state: str) -> None:
    check_updatable(ObservedFunction(latest=function_state(state=Status(value=state)), newest=None))


@pytest.mark.parametrize(
    ("run", "previous", "expected"),
    [
        (RUN, "6", f"commit={RUN.commit} repository=acme/shop run=12345678901/1 previous=6"),
        (RUN, "", f"commit={RUN.commit} repository=acme/shop run=12345678901/1"),
        (WorkflowRun(attempt="1"), "6", "previous=6"),
        (WorkflowRun(), "", ""),
    ],
)
def test_a_version_says_what_was_released(run: WorkflowRun, previous: str, expected: str) -> None:
    assert describe_version(run, previous=previous) == expected


def test_a_version_s_description_has_room_for_github_s_longest_names() -> None:
    run = WorkflowRun(
        commit=40 * "c",
        repository=f"{39 * 'o'}/{100 * 'r'}",
        run_id=11 * "9",
        attempt="100",
    )

    assert len(describe_version(run, previous="1234567890")) <= 256
