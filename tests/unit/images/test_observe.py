import pytest

from ecr_lambda_deploy.images.destination import Destination, ObservedImage
from ecr_lambda_deploy.images.observe import observe
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import FunctionState, Status
from ecr_lambda_deploy.model.images import ImageReference, RegistryHosts
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import (
    Architecture,
    ExistingImage,
    FunctionTarget,
    ImageTarget,
    Mode,
    Platform,
    ServedImage,
)
from tests.unit.fakes.examples import ELSEWHERE, OLD, REGISTRY, function_state, image, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import BUILD, World, image_target

_HOSTS = RegistryHosts(own=REGISTRY, push=REGISTRY)
_OF_ANOTHER_ACCOUNT = image("a", registry="210987654321.dkr.ecr.eu-west-1.amazonaws.com", repository="theirs")
_DUAL_STACK = "123456789012.dkr-ecr.eu-west-1.on.aws"


def _observe(world: World, target: ImageTarget, mode: Mode = Mode.DEPLOY) -> ObservedImage:
    """Observe what is there for one image."""
    (observed,) = observe((target,), world.ports(), world.journal, mode=mode)
    return observed


@pytest.mark.parametrize(
    ("given", "present", "expected"),
    [
        ("", OLD, "orders"),
        ("given", OLD, "given"),
        ("", image("a", repository="shop/orders"), "shop/orders"),
        ("", _OF_ANOTHER_ACCOUNT, "orders-api"),
        ("", None, "orders-api"),
        ("given", None, "given"),
    ],
)
def test_the_repository_is_the_one_in_use_or_named_like_the_function(
    given: str, present: ImageReference | None, expected: str
) -> None:
    world = World(functions=FakeFunctions(function_state(image=present)))
    image_of = _observe(world, image_target(repository=given))
    (observed,), destination = image_of.functions, image_of.destination

    assert destination == Destination(registry=_HOSTS, repository=expected, platform="linux/amd64")
    assert observed.latest is world.functions.latest
    assert world.image.repository_uri == f"{REGISTRY}/{expected}"


def test_the_registry_may_be_given_by_another_of_its_hosts_and_lambda_is_given_its_own() -> None:
    world = World()
    world.repositories.given = _DUAL_STACK
    observed = _observe(world, image_target())

    assert observed.destination.registry == RegistryHosts(own=REGISTRY, push=_DUAL_STACK)
    assert observed.destination.repository == "orders"  # that of the present image
    assert observed.reference(OLD.digest) == OLD
    assert observed.is_pull_proven
    assert world.image.repository_uri == f"{REGISTRY}/orders"


@pytest.mark.parametrize("mode", [Mode.DEPLOY, Mode.BUILD, Mode.PLAN])
def test_rule_2_a_registry_that_aws_did_not_name_is_refused_before_anything_is_done(mode: Mode) -> None:
    world = World()
    world.repositories.given = f"{REGISTRY}.evil.example"
    with pytest.raises(DeployError, match="is not given the registry's login") as caught:
        _observe(world, image_target(), mode)

    assert "'registry'" in caught.value.hint


def test_a_function_s_name_that_cannot_name_a_repository_needs_one_given() -> None:
    world = World(functions=FakeFunctions(function_state(name="OrdersApi", image=None)))

    with pytest.raises(DeployError, match="No repository is given") as caught:
        _observe(world, image_target(functions=(FunctionTarget(name="OrdersApi"),)))

    assert "'repository'" in caught.value.hint


@pytest.mark.parametrize(
    ("architecture", "engine", "given", "expected"),
    [
        ("x86_64", "linux/arm64", None, "linux/amd64"),
        ("arm64", "linux/amd64", None, "linux/arm64"),
        ("x86_64", "linux/amd64", "linux/arm64", "linux/arm64"),
        ("arm64", "linux/arm64", "linux/amd64", "linux/amd64"),
    ],
)
def test_the_platform_is_the_function_s_unless_one_is_given(
    architecture: Architecture, engine: Platform, given: Platform | None, expected: Platform
) -> None:
    world = World(functions=FakeFunctions(function_state(architecture=architecture)))
    world.builder.engine = engine
    target = image_target(platform=given)

    assert _observe(world, target).destination.platform == expected
    assert world.builder.checked == []


def test_without_a_function_the_platform_is_the_engine_s() -> None:
    world = World()
    world.builder.engine = "linux/arm64"
    found = _observe(world, image_target(repository="orders", functions=()))
    observed, destination = found.functions, found.destination

    assert observed == ()
    assert destination.platform == "linux/arm64"
    assert world.functions.calls == []


def test_what_is_wrong_is_told_at_once() -> None:
    world = World()
    world.functions.refusals["read"] = DeployError("no function")
    world.functions.refusals["versions"] = DeployError("no versions")
    world.repositories.refusals["registry"] = DeployError("no authorization", "log in")

    with pytest.raises(DeployError) as caught:
        _observe(world, image_target())

    assert set(str(caught.value).split("\n\n")) == {"no function", "no versions", "no authorization\nlog in"}


def test_without_a_function_a_missing_engine_is_told_with_the_rest() -> None:
    world = World()
    world.repositories.refusals["registry"] = DeployError("no authorization")
    world.builder.refusals["check_engine"] = DeployError("no engine")

    with pytest.raises(DeployError) as caught:
        _observe(world, image_target(repository="orders", functions=()))

    assert set(str(caught.value).split("\n\n")) == {"no authorization", "no engine"}


def test_the_same_reason_is_told_once() -> None:
    world = World()
    for calls in (world.functions.refusals, world.repositories.refusals):
        for call in ("read", "versions", "registry"):
            calls[call] = DeployError("There are no AWS credentials.", "Give the job credentials")

    with pytest.raises(DeployError) as caught:
        _observe(world, image_target())

    assert str(caught.value) == "There are no AWS credentials.\nGive the job credentials"


def test_a_single_failure_is_raised_as_it_is() -> None:
    world = World()
    error = DeployError("just this", "do that")
    world.repositories.refusals["registry"] = error

    with pytest.raises(DeployError) as caught:
        _observe(world, image_target())

    assert caught.value is error


@pytest.mark.parametrize(
    ("uri", "repository"),
    [
        (f"{REGISTRY}/shop/images:v1", "shop/images"),
        (f"{REGISTRY}/shop/images@{OLD.digest}", "shop/images"),
        (f"{REGISTRY}/shop/images:v1@{OLD.digest}", "shop/images"),
        (f"{_DUAL_STACK}/shop/images:v1", "shop/images"),
        (f"{ELSEWHERE}/shop/images:v1", "orders"),  # the function's present one
    ],
)
def test_an_existing_image_stays_in_its_repository_if_that_is_in_this_registry(uri: str, repository: str) -> None:
    world = World()
    destination = _observe(world, image_target(ExistingImage(uri=uri))).destination

    assert destination == Destination(registry=_HOSTS, repository=repository, platform="linux/amd64")


def test_an_existing_image_goes_to_the_repository_that_is_given() -> None:
    world = World()
    source = ExistingImage(uri=f"{REGISTRY}/shop/images:v1")
    destination = _observe(world, image_target(source, repository="given")).destination

    assert destination.repository == "given"


def test_an_image_that_a_function_serves_goes_to_the_repository_of_the_function_that_gets_it() -> None:
    world = World()
    source = ServedImage(function="orders-dev", qualifier="live")
    destination = _observe(world, image_target(source)).destination

    assert destination.repository == "orders"


@pytest.mark.parametrize("source", [ExistingImage(uri=str(OLD)), ServedImage(function="orders-dev")])
def test_an_image_that_is_there_needs_no_engine_even_without_a_function(source: ExistingImage | ServedImage) -> None:
    world = World()
    target = image_target(source, repository="orders", platform="linux/arm64", functions=())

    assert _observe(world, target).destination.platform == "linux/arm64"
    assert world.builder.checked == []


def test_the_log_says_what_is_there() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    _observe(world, image_target())

    assert world.log.of_kind("info") == [
        f"orders-api: Active, x86_64, runs {OLD}, version 7",
        f"The image goes to {REGISTRY}/orders, for linux/amd64",
    ]


def test_a_function_without_a_version_has_none_in_the_log() -> None:
    world = World()
    _observe(world, image_target())

    assert world.log.of_kind("info")[0].endswith(f"runs {OLD}")


def test_what_is_a_bug_is_not_taken_for_a_failure_of_the_outside() -> None:
    world = World()
    world.repositories.refusals["registry"] = ZeroDivisionError()
    world.functions.refusals["read"] = DeployError("no function")

    with pytest.raises(ZeroDivisionError):
        _observe(world, image_target())


@pytest.mark.parametrize(
    ("latest", "words"),
    [
        (function_state(package_type="Zip", image=None), "package type Zip"),
        (function_state(state=Status(value="Deleting")), "is being deleted"),
    ],
)
def test_a_function_that_cannot_be_given_an_image_ends_the_run_and_is_in_the_journal(
    latest: FunctionState, words: str
) -> None:
    world = World(functions=FakeFunctions(latest))

    with pytest.raises(DeployError, match=words):
        _observe(world, image_target())

    (outcome,) = world.journal.outcomes
    assert (outcome.function, outcome.status, outcome.is_changed) == ("orders-api", ReleaseStatus.FAILED, False)


def test_nothing_is_changed_by_looking_and_neither_engine_nor_repository_is_asked() -> None:
    world = World()
    _observe(world, image_target())

    assert world.functions.changes == []
    assert world.calls == ["registry"]


def test_in_mode_build_what_may_not_be_read_is_told_and_what_is_not_there_is_not() -> None:
    world = World()
    target = image_target(repository="orders")
    world.functions.refusals["read"] = DeployError("lambda:GetFunction denied")
    _observe(world, target, Mode.BUILD)
    assert world.log.of_kind("warning") == [
        "What orders-api runs on is not known, so it is not asked: lambda:GetFunction denied"
    ]

    world = World()
    world.functions.vanish()
    _observe(world, target, Mode.BUILD)
    assert world.log.of_kind("warning") == []


def test_what_is_built_is_read_beside_the_functions() -> None:
    world = World()
    _observe(world, image_target())
    assert world.builder.read == [BUILD]
    _observe(world, image_target(ExistingImage(uri=f"{REGISTRY}/orders:old")))
    assert world.builder.read == [BUILD]
