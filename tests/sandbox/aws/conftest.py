"""An AWS of its own for the emulator's tests, and a repository and a function for each."""

from collections.abc import Callable, Iterator

import docker
import pytest

from sandbox.aws import Aws, running_aws
from sandbox.machine.base_images import LAMBDA_PYTHON, provide_base_images
from sandbox.machine.engine import Engine
from tests.sandbox.aws.aws_calls import Registry, create_function, password, wait_until_updated


@pytest.fixture(scope="session")
def running(engine: Engine) -> Iterator[Aws]:
    with running_aws(docker_host=engine.environment()["DOCKER_HOST"], update_seconds=0.2) as aws:
        yield aws
    left = engine.docker("ps", "--all", "--format", "{{.Image}}") + engine.docker("image", "ls", "--digests")
    assert aws.registry not in left


@pytest.fixture
def aws(running: Aws) -> Aws:
    running.reset_rules()
    running.forget_calls()
    return running


@pytest.fixture
def registry(aws: Aws) -> Registry:
    return Registry(aws)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name for what a test creates: the tests share an AWS, in whatever order they run."""
    test: str = request.node.name
    return test.partition("[")[0]


@pytest.fixture
def repository(aws: Aws, name: str) -> str:
    """An empty repository."""
    repository = f"tests/{name}"
    aws.client("ecr").create_repository(repositoryName=repository)
    return repository


@pytest.fixture
def function(aws: Aws, registry: Registry, repository: str, name: str) -> str:
    """A function that is active and runs the image `v1` of the repository."""
    registry.push(repository, "v1", f"{name} v1")
    create_function(aws, name, f"{aws.registry}/{repository}:v1")
    wait_until_updated(aws, name)
    return name


@pytest.fixture(scope="session")
def build_app(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Aws, str, str, str], str]:
    """Build and push an image of a module with a handler, with the docker CLI; return its digest."""
    provide_base_images(engine)
    folder = tmp_path_factory.mktemp("image")

    def build_app(aws: Aws, repository: str, tag: str, app: str) -> str:
        (folder / "app.py").write_text(app)
        (folder / "Dockerfile").write_text(f'FROM {LAMBDA_PYTHON}\nCOPY app.py ./\nCMD ["app.handler"]\n')
        reference = f"{aws.registry}/{repository}:{tag}"
        engine.docker("build", "--quiet", "--tag", reference, str(folder))
        user, secret = password(aws)
        client = docker.DockerClient(base_url=engine.environment()["DOCKER_HOST"])
        lines = list(
            client.images.push(reference, auth_config={"username": user, "password": secret}, stream=True, decode=True)
        )
        client.close()
        assert not [line for line in lines if "error" in line]
        engine.docker("image", "rm", reference)  # so that an invocation has to pull it
        return str(next(line["aux"]["Digest"] for line in lines if "aux" in line))

    return build_app


@pytest.fixture(scope="session")
def build(build_app: Callable[[Aws, str, str, str], str]) -> Callable[[Aws, str, str, str], str]:
    """As `build_app`, of a handler that returns a text."""

    def build(aws: Aws, repository: str, tag: str, text: str) -> str:
        app = f"def handler(event, context):\n    return {{'text': {text!r}, 'event': event}}\n"
        return build_app(aws, repository, tag, app)

    return build
