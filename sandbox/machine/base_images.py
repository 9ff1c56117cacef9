"""The base images of builds in the sandbox: the real ones, or stand-ins where they cannot be pulled."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.errors import SandboxError
from sandbox.machine.cache import cached, folder
from sandbox.machine.debian_packages import certificates_digest, programs, root_filesystem
from sandbox.machine.engine import Engine

LAMBDA_PYTHON = "public.ecr.aws/lambda/python:3.13"
ACT_RUNNER = "ecr-lambda-deploy/act-runner:1"

_ROOT = Path(__file__).parents[2]
_STAND_INS = Path(__file__).parent / "stand_ins"
_PULL_SECONDS = 60
_CLASSIC_BUILDER = {"DOCKER_BUILDKIT": "0"}  # it needs no buildx and makes no attestations
_STAND_IN = "ecr-lambda-deploy.stand-in"
_RECIPE = "ecr-lambda-deploy.recipe"


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """An image that the engine has.

    Attributes:
        reference: The reference it has there.
        stand_in: Whether it is a stand-in for the real image of that name, or built on one.
    """

    reference: str
    stand_in: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """How an image is built in the sandbox.

    Attributes:
        made_of: What it is made of, for the message.
        context: The folder with its Dockerfile.
        target: The stage to build.
        suite: The Debian release of its packages.
        packages: Debian packages for its root filesystem, or with its program.
        program: The path of the one program that it takes from the packages.
        files: Further files of the repository for its context.
    """

    made_of: str
    context: str
    target: str = ""
    suite: str = ""
    packages: tuple[str, ...] = ()
    program: str = ""
    files: tuple[str, ...] = ()

    def sources(self) -> list[Path]:
        """Return the repository's files that it is built from."""
        return sorted((_STAND_INS / self.context).iterdir()) + [_ROOT / file for file in self.files]

    def key(self) -> str:
        """Return a digest of everything that the image depends on."""
        digest = hashlib.sha256(f"{self} {certificates_digest()}".encode())
        for path in self.sources():
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


_PYTHON = _Recipe(
    made_of="Debian trixie's Python",
    context="python",
    target="python",
    suite="trixie",
    # awslambdaric needs libstdc++.
    packages=("ca-certificates", "libstdc++6", "python-is-python3", "python3", "python3-pip", "python3-venv"),
)
_RECIPES = {
    "python": _PYTHON,
    "docker/buildx-bin": _Recipe(
        made_of="Debian sid's docker-buildx",
        context="buildx-bin",
        suite="sid",
        packages=("docker-buildx",),
        program="usr/libexec/docker/cli-plugins/docker-buildx",
    ),
    "public.ecr.aws/lambda/python": _Recipe(
        made_of="Debian trixie's Python, awslambdaric and a Runtime API server of our own",
        context="python",
        target="lambda",
        suite="trixie",
        packages=_PYTHON.packages,
        files=("requirements/lambda.txt",),
    ),
    "debian": _Recipe(
        made_of="packages of Debian trixie",
        context="debian",
        suite="trixie",
        packages=("ca-certificates", "git"),
    ),
    "ecr-lambda-deploy/act-runner": _Recipe(made_of="the one for debian:trixie-slim", context="act-runner"),
}


def provide_base_images(engine: Engine, *, say: Callable[[str], None] = print) -> tuple[BaseImage, ...]:
    """Provide an engine with the images that builds and jobs start from.

    They are those that the action's Dockerfile names, the one for Lambda functions in Python, and the one that act
    runs a job in. One that is missing is pulled. Where the registry does not answer within a minute, a labelled
    stand-in of Debian packages takes its name; it is made once and kept in the cache for other engines.

    Args:
        engine: The engine.
        say: Called with a line for each stand-in, and for each pull that failed.

    Raises:
        SandboxError: An image can neither be pulled nor made.
    """
    silent: set[str] = set()
    references = (*_action_images(), LAMBDA_PYTHON, "debian:trixie-slim", ACT_RUNNER)
    return tuple(_provide(engine, reference, silent, say) for reference in references)


def _action_images() -> list[str]:
    """Return the images that the action's Dockerfile names, other than its own stages."""
    dockerfile = (_ROOT / "Dockerfile").read_text()
    stages = re.findall(r"^FROM\s.*\sAS\s+(\S+)\s*$", dockerfile, re.MULTILINE | re.IGNORECASE)
    named = re.findall(r"^(?:FROM|COPY\s+--from=)\s*(\S+)", dockerfile, re.MULTILINE | re.IGNORECASE)
    return [name for name in dict.fromkeys(named) if name not in stages]


def _provide(engine: Engine, reference: str, silent: set[str], say: Callable[[str], None]) -> BaseImage:
    repository = reference.rpartition(":")[0]
    recipe = _RECIPES.get(repository)
    labels = _labels(engine, reference)
    if labels is None or (recipe and labels.get(_RECIPE, recipe.key()) != recipe.key()):
        own = reference == ACT_RUNNER
        if own or not _pull(engine, reference, silent, say):
            if recipe is None:
                raise SandboxError(f"{reference} cannot be pulled, and the sandbox knows no stand-in for it")
            _build(engine, reference, recipe)
        labels = _labels(engine, reference) or {}
    stand_in = labels.get(_STAND_IN) == "true"
    if stand_in and recipe:
        say(f"{reference} is a stand-in made of {recipe.made_of}")
    return BaseImage(reference=reference, stand_in=stand_in)


def _labels(engine: Engine, reference: str) -> dict[str, str] | None:
    """Return the labels of an image, or None if the engine does not have it."""
    if not engine.docker("image", "ls", "--quiet", "--filter", f"reference={reference}"):
        return None
    labels: dict[str, str] | None = json.loads(
        engine.docker("image", "inspect", "--format", "{{json .Config.Labels}}", reference)
    )
    return labels or {}


def _pull(engine: Engine, reference: str, silent: set[str], say: Callable[[str], None]) -> bool:
    """Pull an image, unless its registry failed before; a registry that fails is added to `silent`."""
    host, slash, _ = reference.partition("/")
    registry = host if slash and "." in host else "docker.io"
    if registry in silent:
        return False
    try:
        engine.docker("pull", "--quiet", reference, timeout=_PULL_SECONDS)
    except SandboxError as error:
        silent.add(registry)
        say(str(error))
        return False
    return True


def _build(engine: Engine, reference: str, recipe: _Recipe) -> None:
    """Build an image and load it into an engine; take it from the cache if it was built before."""
    key = recipe.key()

    def build(archive: Path) -> None:
        with TemporaryDirectory(dir=folder()) as context:
            for source in recipe.sources():
                shutil.copy(source, context)
            if recipe.program:
                program = Path(recipe.program).name
                shutil.copy(programs(recipe.suite, recipe.packages, [recipe.program]) / program, context)
            elif recipe.packages:
                tree = root_filesystem(recipe.suite, recipe.packages)
                shutil.copy(tree, Path(context, "root-filesystem.tar"))
            labels = [f"--label={_RECIPE}={key}"]
            if recipe.packages:
                labels.append(f"--label={_STAND_IN}=true")
            options = ["--quiet", f"--target={recipe.target}", f"--tag={reference}"]
            engine.docker("build", *options, *labels, context, environment=_CLASSIC_BUILDER)
        engine.docker("save", "--output", str(archive), reference)

    archive = cached(f"images/{reference.replace('/', '-').replace(':', '-')}-{key}.tar", build)
    if (_labels(engine, reference) or {}).get(_RECIPE) != key:
        engine.docker("load", "--quiet", "--input", str(archive))
