"""Where everything is measured: one engine, one AWS, and the programs that a pipeline has."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal
from uuid import uuid4

from sandbox.aws import Aws, running_aws
from sandbox.aws.tiny_images import push_tiny_image
from sandbox.machine.engine import Engine, engine_beside
from sandbox.runner import ACTION_IMAGE
from sandbox.sandbox import prepare

Kind = Literal["20.10", "current"]
"""A kind of engine."""

UPDATE_SECONDS = 0.2
"""How long Lambda takes for an update here, for each way alike.

Less than the AWS CLI takes to start, so that its `wait` finds the update done at its first look. With a time near that,
chance would decide whether it looks again a second later.
"""
AWS_CLI = Path(__file__).parent.parent / ".venv/bench/bin/aws"
"""What `make bench` installs from `requirements/bench.txt`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An engine and an account, used by every way alike.

    Attributes:
        flavour: The kind of engine.
        engine: The engine, which has the base images and the action's image.
        aws: The account.
        folder: For workspaces and programs; it is removed at the end.
        nonce: What changes of the code have in them, since an engine remembers what it has built and pushed before.
        run_ids: Numbers of workflow runs, each higher than the one before.
    """

    flavour: Kind
    engine: Engine
    aws: Aws
    folder: Path
    nonce: str
    run_ids: "count[int]"

    @property
    def programs(self) -> Path:
        """The folder with `aws`, `docker` and `buildx`."""
        return self.folder / "programs"

    def environment(self) -> dict[str, str]:
        """Return what a pipeline's job has: credentials, the engine, and a docker configuration without a login."""
        docker = self.folder / "docker"
        (docker / "config.json").unlink(missing_ok=True)
        return {
            **self.aws.environment(),
            **self.engine.environment(),
            "AWS_DEFAULT_REGION": self.aws.region,
            "AWS_DEFAULT_OUTPUT": "json",
            "DOCKER_CONFIG": str(docker),
            "DOCKER_BUILDKIT": "1",
            "HOME": str(self.folder),
            "PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin",
        }

    def environment_with_login(self) -> dict[str, str]:
        """Return the same, logged in to the registry already."""
        environment = self.environment()
        token = self.aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        config = {"auths": {self.aws.registry: {"auth": token}}}
        (self.folder / "docker" / "config.json").write_text(json.dumps(config))
        return environment

    def build_options(self) -> str:
        """Return what `docker build` needs: a current one makes an index without it, which Lambda refuses."""
        return "--provenance=false" if self.engine.containerd_store else ""

    def create(self, repositories: list[str], functions: list[str]) -> None:
        """Create repositories, and functions with a version and an alias `live`, of an image in the first of them."""
        for repository in repositories:
            self.aws.client("ecr").create_repository(repositoryName=repository)
        self.aws.create_functions(functions, push_tiny_image(self.aws, repositories[0], "first"), alias="live")

    def served(self) -> Mapping[str, Any]:
        """Return what each function of the account serves, by its alias and without it."""
        taken = self.aws.snapshot()
        return {
            name: (
                function["ResolvedImageUri"],
                taken.versions[name].get(taken.aliases[name]["live"]["FunctionVersion"], {}).get("ResolvedImageUri"),
            )
            for name, function in taken.functions.items()
        }

    def release(self, function: str, image_uri: str) -> None:
        """Release an image to a function by its alias."""
        client = self.aws.client("lambda")
        client.update_function_code(FunctionName=function, ImageUri=image_uri)
        client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 0.1})
        version = client.publish_version(FunctionName=function)["Version"]
        client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)

    def version(self, function: str) -> str:
        """Return the version that a function's alias points to."""
        return str(self.aws.snapshot().aliases[function]["live"]["FunctionVersion"])


@contextmanager
def open_place(flavour: Kind) -> Iterator[Place]:
    """Start an engine of this kind and an empty account, until the block ends.

    Raises:
        SandboxError: One of them cannot be started; the message says why.
    """
    with (
        engine_beside(flavour) as engine,
        TemporaryDirectory(prefix="bench-") as name,
        running_aws(docker_host=None, update_seconds=UPDATE_SECONDS) as aws,
    ):
        prepare(engine)
        folder = Path(name)
        place = Place(
            flavour=flavour, engine=engine, aws=aws, folder=folder, nonce=uuid4().hex[:8], run_ids=count(1000)
        )
        _provide_programs(place)
        try:
            yield place
        finally:
            _remove_images(place)


def _provide_programs(place: Place) -> None:
    """Put the programs side by side: the engine's own docker CLI, and the buildx of the action's image."""
    plugins = place.folder / "docker" / "cli-plugins"
    place.programs.mkdir()
    plugins.mkdir(parents=True)
    (place.programs / "aws").symlink_to(AWS_CLI)
    (place.programs / "docker").symlink_to(place.engine.cli)
    buildx = place.programs / "buildx"
    container = place.engine.docker("create", ACTION_IMAGE).strip()
    try:
        place.engine.docker("cp", f"{container}:/usr/local/bin/buildx", str(buildx))
    finally:
        place.engine.docker("rm", container)
    if place.engine.containerd_store:  # the CLI of 20.10 has BuildKit's client in itself
        (plugins / "docker-buildx").symlink_to(buildx)


def _remove_images(place: Place) -> None:
    """Remove the names of the account's images from the engine, which keeps its data for the next start."""
    listed = place.engine.docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", f"{place.aws.registry}/*/*")
    listed += place.engine.docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", f"{place.aws.registry}/*")
    if names := [name for name in listed.split() if not name.endswith(":<none>")]:
        place.engine.docker("image", "rm", "--force", *names)
