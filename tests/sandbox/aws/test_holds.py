"""A test can hold a call, and act while the caller waits."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from sandbox.aws import Aws, Fault, running_aws
from sandbox.machine.engine import Engine
from tests.sandbox.aws.aws_calls import ONCE, Registry, refusal, wait_until_updated


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_the_nth_call_that_succeeds_takes_effect_and_its_answer_waits(
    aws: Aws, function: str, pool: ThreadPoolExecutor
) -> None:
    client = aws.client("lambda", config=ONCE)
    held = aws.hold("lambda:UpdateFunctionConfiguration", 2)
    refusal(client.update_function_configuration, FunctionName="missing", MemorySize=256)
    client.update_function_configuration(FunctionName=function, MemorySize=256)
    wait_until_updated(aws, function)
    answer = pool.submit(client.update_function_configuration, FunctionName=function, MemorySize=512)
    assert held.reached(10).parameters["MemorySize"] == 512
    assert wait_until_updated(aws, function)["MemorySize"] == 512
    assert not answer.done()
    held.release()
    assert answer.result(10)["MemorySize"] == 512


def test_a_call_can_be_held_before_it_takes_effect(aws: Aws, function: str, pool: ThreadPoolExecutor) -> None:
    client = aws.client("lambda")
    held = aws.hold("PublishVersion", when="before")
    answer = pool.submit(client.publish_version, FunctionName=function)
    held.reached(10)
    assert aws.snapshot().versions[function] == {}
    held.release()
    assert answer.result(10)["Version"] == "1"


def test_a_change_of_any_service_can_be_held(
    aws: Aws, registry: Registry, repository: str, function: str, pool: ThreadPoolExecutor
) -> None:
    upload, manifest, publication = (aws.hold_changing(nth) for nth in (1, 6, 7))
    started: Future[Any] = pool.submit(registry.http.post, registry.url(f"{repository}/blobs/uploads/"))
    assert upload.reached(10).action == "registry:InitiateUpload"
    aws.client("ecr").list_images(repositoryName=repository)
    assert not started.done()
    upload.release()
    assert started.result(10).status_code == 202
    pushed = pool.submit(registry.push, repository, "held", "held")
    assert manifest.reached(10).action == "registry:PutManifest"
    assert not pushed.done()
    manifest.release()
    pushed.result(10)
    published = pool.submit(aws.client("lambda").publish_version, FunctionName=function)
    assert publication.reached(10).action == "PublishVersion"
    aws.reset_rules()
    assert published.result(10)["Version"] == "1"


def test_a_client_may_be_gone_when_its_call_is_released(aws: Aws, function: str) -> None:
    impatient = Config(retries={"total_max_attempts": 1}, read_timeout=1)
    held = aws.hold("PublishVersion")
    with pytest.raises(ReadTimeoutError):
        aws.client("lambda", config=impatient).publish_version(FunctionName=function)
    held.release()
    assert list(aws.snapshot().versions[function]) == ["1"]


def test_what_does_not_come_is_told_and_what_is_released_is_not_held(aws: Aws, function: str) -> None:
    held = aws.hold("PublishVersion", 2)
    with pytest.raises(TimeoutError, match="PublishVersion was not reached"):
        held.reached(0.1)
    held.release()
    for _ in range(2):
        aws.client("lambda").publish_version(FunctionName=function)
    with pytest.raises(TimeoutError):
        held.reached(0.1)


def test_a_held_call_does_not_keep_the_aws_from_its_end(engine: Engine) -> None:
    with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
        held = aws.hold("CreateRepository")
        ecr = aws.client("ecr", config=ONCE)
        caller = threading.Thread(target=lambda: refused(ecr), daemon=True)
        caller.start()
        held.reached(10)
        begun = time.monotonic()
    caller.join(10)
    assert not caller.is_alive()
    assert time.monotonic() - begun < 20


def refused(ecr: Any) -> None:  # noqa: ANN401 -- boto3's client
    with pytest.raises(Exception):  # noqa: B017, PT011 -- whatever a connection that closes becomes
        ecr.create_repository(repositoryName="held")


def test_a_fault_is_no_success(aws: Aws, function: str, pool: ThreadPoolExecutor) -> None:
    held = aws.hold("PublishVersion")
    aws.inject(Fault(action="PublishVersion", status=500))
    client = aws.client("lambda", config=ONCE)
    refusal(client.publish_version, FunctionName=function)
    answer = pool.submit(client.publish_version, FunctionName=function)
    assert held.reached(10).status == 201
    held.release()
    answer.result(10)
