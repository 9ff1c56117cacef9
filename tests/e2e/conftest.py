"""A repository, a function and a workspace for each test, on the machine's engine or on each engine."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from sandbox.aws import Aws, running_aws
from sandbox.machine.engine import Engine, Flavour
from sandbox.sandbox import create_function
from tests.e2e.jobs import Job, new_job, push_first_image
from tests.e2e.releases import Releases, push_images, releases_of


@pytest.fixture(scope="session")
def first_image(engine: Engine, first_image_of_engine: Callable[[Engine], str]) -> str:
    """What functions are created from."""
    return first_image_of_engine(engine)


@pytest.fixture
def bare_job(engine: Engine, aws: Aws, tmp_path: Path) -> Iterator[Job]:
    """A job in an account where neither its function nor its repository exist."""
    aws.forget_calls()
    yield new_job(engine, aws, tmp_path)
    aws.reset_rules()


@pytest.fixture
def job(bare_job: Job, first_image: str) -> Job:
    """A job whose function exists and answers `hello, world`."""
    create_function(bare_job.aws, bare_job.name, first_image)
    bare_job.aws.forget_calls()
    return bare_job


@pytest.fixture(scope="session")
def aws_of_engine(
    engine: Engine,
    aws: Aws,
    engine_of_kind: Callable[[Flavour], Engine],  # noqa: ARG001 # its engines are to outlive what runs on them
) -> Iterator[Callable[[Engine], Aws]]:
    """The AWS whose functions run on an engine, which runs until the last test."""
    with ExitStack() as stack:

        @cache
        def of_engine(given: Engine) -> Aws:
            if given is engine:
                return aws
            return stack.enter_context(running_aws(docker_host=given.environment()["DOCKER_HOST"]))

        yield of_engine


@pytest.fixture
def aws_of_each_engine(each_engine: Engine, aws_of_engine: Callable[[Engine], Aws]) -> Aws:
    """An AWS whose functions run on that engine."""
    return aws_of_engine(each_engine)


@pytest.fixture(scope="session")
def first_image_of_engine(
    aws_of_engine: Callable[[Engine], Aws], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Engine], str]:
    """What functions of an engine's AWS are created from."""
    return cache(lambda engine: push_first_image(engine, aws_of_engine(engine), tmp_path_factory.mktemp("first")))


@pytest.fixture
def first_image_on_each_engine(each_engine: Engine, first_image_of_engine: Callable[[Engine], str]) -> str:
    """As `first_image`, in the AWS of that engine."""
    return first_image_of_engine(each_engine)


@pytest.fixture
def bare_job_on_each_engine(each_engine: Engine, aws_of_each_engine: Aws, tmp_path: Path) -> Iterator[Job]:
    """As `bare_job`, on engine 20.10 and on a current one with the containerd image store."""
    yield new_job(each_engine, aws_of_each_engine, tmp_path)
    aws_of_each_engine.reset_rules()


@pytest.fixture
def job_on_each_engine(bare_job_on_each_engine: Job, first_image_on_each_engine: str) -> Job:
    """As `job`, on both engines."""
    job = bare_job_on_each_engine
    create_function(job.aws, job.name, first_image_on_each_engine)
    job.aws.forget_calls()
    return job


@pytest.fixture(scope="session")
def release_images(engine: Engine, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """A few images of one function that differ in what they greet with."""
    return push_images(new_job(engine, aws, tmp_path_factory.mktemp("images")), 6)


@pytest.fixture
def releases(bare_job: Job, release_images: tuple[str, ...], tmp_path: Path) -> Releases:
    """A function that runs the first of those images, released to by an alias that is not there yet."""
    return releases_of(bare_job, release_images, tmp_path / "empty")
