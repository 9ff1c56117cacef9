"""A repository, a function and a workspace for each test, on the machine's engine or on each engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.aws import Aws, running_aws
from sandbox.engine import Engine
from sandbox.sandbox import create_function
from tests.e2e.jobs import Job, new_job, push_first_image
from tests.e2e.releases import Releases, push_images, releases_of


@pytest.fixture(scope="session")
def first_image(engine: Engine, aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What functions are created from."""
    return push_first_image(engine, aws, tmp_path_factory.mktemp("first"))


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
def aws_of_each_engine(each_engine: Engine, engine: Engine, aws: Aws) -> Iterator[Aws]:
    """An AWS whose functions run on that engine."""
    if each_engine is engine:
        yield aws
        return
    with running_aws(docker_host=each_engine.environment()["DOCKER_HOST"]) as other:
        yield other


@pytest.fixture(scope="session")
def first_image_on_each_engine(
    each_engine: Engine,
    engine: Engine,
    aws_of_each_engine: Aws,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """As `first_image`, in the AWS of that engine."""
    if each_engine is engine:
        return str(request.getfixturevalue("first_image"))
    return push_first_image(each_engine, aws_of_each_engine, tmp_path_factory.mktemp("first"))


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
