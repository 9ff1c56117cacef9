"""AWS takes so many calls a second, and refuses the others."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import requests
from botocore.exceptions import ClientError

from sandbox.aws import Aws, Call, Fault, running_aws
from sandbox.aws.operations import Operation
from sandbox.aws.rules.rates import Rates, limit_of
from sandbox.aws.tiny_images import push_tiny_image
from sandbox.aws.upstream import Scope
from tests.sandbox.aws.aws_calls import ONCE, password

_HERE = Scope("123456789012", "eu-west-1")


class _Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def rates(clock: _Clock) -> Rates:
    return Rates(are_limited=True, now=clock)


def taken(rates: Rates, name: str, times: int, scope: Scope = _HERE) -> int:
    """Return how many of so many calls are taken."""
    service, _, action = name.partition(":")
    operation = Operation(service=service, action=action)
    return sum(rates.refusal(operation, scope) is None for _ in range(times))


_LIMITS = [
    ("lambda:GetFunction", 100),
    ("lambda:GetPolicy", 15),
    ("lambda:GetFunctionConfiguration", 15),
    ("lambda:UpdateFunctionCode", 15),
    ("ecr:PutImage", 10),
    ("ecr:BatchGetImage", 2000),
    ("ssm:GetParameter", 40),
    ("ssm:PutParameter", 3),
    ("registry:PutManifest", 10),
    ("registry:GetManifest", 2000),
]


@pytest.mark.parametrize(("name", "limit"), _LIMITS, ids=[name for name, _ in _LIMITS])
def test_as_many_calls_as_the_limit_are_taken_in_any_second(rates: Rates, clock: _Clock, name: str, limit: int) -> None:
    few = min(5, limit - 1)
    assert taken(rates, name, few) == few
    clock.seconds += 0.5
    assert taken(rates, name, limit) == limit - few
    clock.seconds += 0.49
    assert taken(rates, name, 1) == 0
    clock.seconds += 0.01
    assert taken(rates, name, limit) == few
    clock.seconds += 10
    assert taken(rates, name, limit + 1) == limit


@pytest.mark.parametrize(
    "name",
    ["lambda:Invoke", "lambda:InvokeWithResponseStream", "ecr:DescribeImages", "sts:AssumeRole", "registry:Ping"],
)
def test_other_calls_have_no_limit(rates: Rates, name: str) -> None:
    assert taken(rates, name, 3000) == 3000


def test_control_plane_calls_share_a_limit_and_reads_of_functions_and_policies_have_their_own(rates: Rates) -> None:
    assert taken(rates, "lambda:UpdateAlias", 7) == 7
    assert taken(rates, "lambda:ListVersionsByFunction", 10) == 8
    assert taken(rates, "lambda:GetFunction", 101) == 100
    assert taken(rates, "lambda:GetPolicy", 16) == 15
    assert taken(rates, "ecr:PutImage", 6) == 6
    assert taken(rates, "registry:PutManifest", 6) == 4


def test_accounts_and_regions_have_limits_of_their_own(rates: Rates) -> None:
    assert taken(rates, "lambda:GetAlias", 16) == 15
    assert taken(rates, "lambda:GetAlias", 16, Scope(_HERE.account, "us-east-1")) == 15
    assert taken(rates, "lambda:GetAlias", 16, Scope("210987654321", _HERE.region)) == 15


def test_what_a_call_counts_against_is_told_by_the_names_of_the_call_log() -> None:
    names = ("lambda:*", "ecr:PutImage", None)
    found = (limit_of("lambda", "GetAlias"), limit_of("registry", "registry:PutManifest"), limit_of("sts", "GetAlias"))
    assert tuple(limit and limit.name for limit in found) == names


# --- over the wire ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def running() -> Iterator[Aws]:
    """An AWS without an engine, and a function."""
    with running_aws(docker_host=None) as aws:
        aws.client("ecr").create_repository(repositoryName="rates")
        aws.create_functions(["orders"], push_tiny_image(aws, "rates", "one"))
        yield aws


@pytest.fixture
def limited(running: Aws) -> Iterator[Aws]:
    """That AWS with limits; it has taken no calls yet."""
    running.limit_rates()
    running.forget_calls()
    yield running
    running.reset_rules()


@pytest.fixture
def frozen(limited: Aws, clock: _Clock) -> Aws:
    """That AWS in a second which does not pass by itself."""
    limited._proxy.rates.now = clock  # noqa: SLF001 -- no test can do so many calls for certain within a second
    return limited


def made(aws: Aws, operation: Callable[..., object], times: int, **parameters: object) -> list[Call]:
    """Make calls, many at once, and return them from the log."""
    before = len(aws.calls())

    def call(_: int) -> None:
        with suppress(ClientError):
            operation(**parameters)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(times)))
    return aws.calls()[before:]


def throttled(calls: list[Call]) -> int:
    return sum(call.is_throttled for call in calls)


def test_nothing_is_refused_at_the_limit(frozen: Aws) -> None:
    client = frozen.client("lambda", config=ONCE)
    calls = made(frozen, client.list_versions_by_function, 15, FunctionName="orders")
    calls += made(frozen, client.get_function, 100, FunctionName="orders")
    assert [call.status for call in calls] == [200] * 115
    assert throttled(calls) == 0


def test_what_comes_above_the_limit_is_refused_and_reads_of_functions_are_apart(frozen: Aws, clock: _Clock) -> None:
    client = frozen.client("lambda", config=ONCE)
    assert throttled(made(frozen, client.list_versions_by_function, 17, FunctionName="orders")) == 2
    with pytest.raises(client.exceptions.TooManyRequestsException) as caught:
        client.list_aliases(FunctionName="orders")
    error = caught.value.response
    assert (error["Error"]["Code"], error["Error"]["Message"]) == ("TooManyRequestsException", "Rate exceeded")
    assert (error["Reason"], error["Type"]) == ("CallerRateLimitExceeded", "User")
    assert (frozen.calls()[-1].status, frozen.calls()[-1].is_throttled) == (429, True)
    assert throttled(made(frozen, client.get_function, 101, FunctionName="orders")) == 1
    clock.seconds += 1
    assert throttled(made(frozen, client.list_versions_by_function, 15, FunctionName="orders")) == 0


def test_a_refused_call_has_no_effect_and_meets_no_fault_and_no_hold(frozen: Aws, clock: _Clock) -> None:
    client = frozen.client("lambda", config=ONCE)
    made(frozen, client.list_aliases, 15, FunctionName="orders")
    frozen.inject(Fault(action="CreateAlias", status=500))
    held = frozen.hold("CreateAlias", when="before")
    create = {"FunctionName": "orders", "Name": "refused", "FunctionVersion": "1"}
    (call,) = made(frozen, client.create_alias, 1, **create)
    assert call.is_throttled
    assert frozen.pending_faults() == ["CreateAlias"]
    held.release()
    clock.seconds += 1
    assert [call.status for call in made(frozen, client.create_alias, 1, **create)] == [500]
    assert frozen.snapshot().aliases["orders"] == {}


def test_images_are_put_ten_a_second_by_call_or_push(frozen: Aws) -> None:
    client = frozen.client("ecr", config=ONCE)
    digest = client.describe_images(repositoryName="rates")["imageDetails"][0]["imageDigest"]
    image = client.batch_get_image(repositoryName="rates", imageIds=[{"imageDigest": digest}])["images"][0]
    calls = made(frozen, client.put_image, 9, repositoryName="rates", imageManifest=image["imageManifest"])
    assert throttled(calls) == 0
    push_tiny_image(frozen, "rates", "tenth")
    with pytest.raises(ClientError) as caught:
        client.put_image(repositoryName="rates", imageManifest=image["imageManifest"])
    assert caught.value.response["Error"] == {"Message": "Rate exceeded", "Code": "ThrottlingException"}
    assert (frozen.calls()[-1].status, frozen.calls()[-1].is_throttled) == (400, True)
    manifest = f"{frozen.endpoint}/v2/rates/manifests/v2"
    pushed = requests.put(manifest, data=image["imageManifest"], auth=password(frozen), timeout=10)
    assert (pushed.status_code, pushed.json()["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")
    assert client.describe_images(repositoryName="rates")["imageDetails"]


def test_a_second_later_calls_are_taken_again_and_never_more_in_any_second(limited: Aws) -> None:
    client = limited.client("lambda", config=ONCE)
    calls: list[Call] = []
    while not calls or calls[-1].at - calls[0].at < 2.5:
        calls += made(limited, client.list_aliases, 8, FunctionName="orders")
    taken_at = [call.at for call in calls if not call.is_throttled]
    assert throttled(calls) > 0
    assert len(taken_at) >= 30
    # A call is logged a little before it is counted.
    assert all(later - earlier > 0.9 for earlier, later in zip(taken_at, taken_at[15:], strict=False))


def test_without_limits_nothing_is_refused(frozen: Aws) -> None:
    client = frozen.client("lambda", config=ONCE)
    frozen.reset_rules()
    assert throttled(made(frozen, client.list_aliases, 50, FunctionName="orders")) == 0
    frozen.limit_rates()
    assert throttled(made(frozen, client.list_aliases, 15, FunctionName="orders")) == 0


# --- many functions --------------------------------------------------------------------------------------------------


def test_functions_are_created_at_once_outside_the_limits(frozen: Aws) -> None:
    uri = push_tiny_image(frozen, "rates", "many")
    frozen.forget_calls()
    frozen.create_functions([f"many-{number}" for number in range(30)], uri, alias="live")
    assert frozen.calls() == []
    client = frozen.client("lambda", config=ONCE)
    found = client.get_function(FunctionName="many-29", Qualifier="live")
    assert (found["Configuration"]["Version"], found["Configuration"]["State"]) == ("1", "Active")
    assert found["Configuration"]["LastUpdateStatus"] == "Successful"
    assert found["Code"]["ResolvedImageUri"] == uri
    assert client.get_alias(FunctionName="many-0", Name="live")["FunctionVersion"] == "1"
    latest = client.get_function_configuration(FunctionName="many-7")
    other = push_tiny_image(frozen, "rates", "other")
    updated = client.update_function_code(FunctionName="many-7", ImageUri=other, RevisionId=latest["RevisionId"])
    assert updated["LastUpdateStatus"] == "InProgress"


def test_a_function_that_is_there_is_not_created_again(running: Aws) -> None:
    uri = push_tiny_image(running, "rates", "one")
    with pytest.raises(ValueError, match="orders"):
        running.create_functions(["payments", "orders"], uri)
    assert "payments" not in running.snapshot().functions
