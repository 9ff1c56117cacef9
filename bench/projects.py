"""What is deployed: a function's code in a workspace for each way, and how each way deploys it."""

import json
import os
import random
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.figures import Way
from bench.place import Place
from bench.ways import BUILD, LOGIN, PUSH, RELEASE, UPDATE, Run, run_action, run_script
from sandbox.machine.base_images import LAMBDA_PYTHON

_HELLO = Path(__file__).parent.parent / "examples/hello"
_APP = "def handler(event, context):\n    return {greeting!r}\n"
_LARGE = f"""\
FROM {LAMBDA_PYTHON}
COPY model.bin /opt/
COPY app.py ./
CMD ["app.handler"]
"""
# The layer of dependencies: work for a processor, and a copy of Python's library for the registry.
_PACKAGES = f"""\
FROM {LAMBDA_PYTHON}
RUN python3 -c "import compileall, shutil, sysconfig; shutil.copytree(sysconfig.get_path('stdlib'), '/opt/packages'); \
compileall.compile_dir('/opt/packages/asyncio', quiet=2, force=True)"
COPY app.py ./
CMD ["app.handler"]
"""
_SERVICE = f"""\
FROM {LAMBDA_PYTHON}
COPY services/{{service}}/app.py ./
CMD ["app.handler"]
"""


def write_hello(workspace: Path) -> None:
    """Write the function of examples/hello."""
    shutil.copytree(_HELLO, workspace)


def write_large(workspace: Path) -> None:
    """Write a function with a layer of 300 MB that cannot be compressed; its code comes after that."""
    workspace.mkdir()
    (workspace / "Dockerfile").write_text(_LARGE)
    (workspace / "app.py").write_text(_APP.format(greeting="first"))
    source = random.Random(0)  # noqa: S311 # the same bytes each time
    with (workspace / "model.bin").open("wb") as model:
        for _ in range(300):
            model.write(source.randbytes(1_000_000))


def write_packages(workspace: Path) -> None:
    """Write a function with a layer of dependencies that takes time to build."""
    workspace.mkdir()
    (workspace / "Dockerfile").write_text(_PACKAGES)
    (workspace / "app.py").write_text(_APP.format(greeting="first"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One function, whose code lies in a workspace, and which is deployed in one way.

    Attributes:
        place: Where it is.
        way: How it is deployed.
        function: Its name.
        repository: The repository of its image, which the ways share.
        workspace: Its code.
        alias: Whether it is released by the alias `live`.
    """

    place: Place
    way: Way
    function: str
    repository: str
    workspace: Path
    alias: bool

    def change(self, number: int) -> None:
        """Change one line of the code."""
        (self.workspace / "app.py").write_text(_APP.format(greeting=f"{self.function} {self.place.nonce} {number}"))

    def check_out_anew(self, _number: int) -> None:
        """Write the same files anew, as a checkout of another commit does."""
        for file in self.workspace.rglob("*"):
            os.utime(file, (time.time(), time.time()))

    def run(self, number: int, watch: bool) -> Run:
        """Deploy the code, as the commit of this number."""
        if self.way == "action":
            inputs = {"function-name": self.function, **({"alias": "live"} if self.alias else {})}
            return run_action(self.place, self.workspace, inputs, commit(number), watch=watch)
        if self.way == "floor":
            environment = self.place.environment_with_login() | self.variables(number)
            return run_script(PUSH, environment, watch=watch)
        script = LOGIN + BUILD + UPDATE + (RELEASE if self.alias else "")
        return run_script(script, self.place.environment() | self.variables(number), watch=watch)

    def variables(self, number: int) -> dict[str, str]:
        """Return what the pipeline's commands are given."""
        return {
            "CONTEXT": str(self.workspace),
            "DOCKERFILE": str(self.workspace / "Dockerfile"),
            "FUNCTION": self.function,
            "IMAGE": f"{self.place.aws.registry}/{self.repository}:{self.way}-{commit(number)}",
            "OPTIONS": self.place.build_options(),
            "REGISTRY": self.place.aws.registry,
        }


def commit(number: int) -> str:
    """Return the commit of this number."""
    return f"{number:040x}"


def subjects(
    place: Place, name: str, ways: Sequence[Way], *, write: Callable[[Path], None], alias: bool
) -> list[Subject]:
    """Create a function for each way, with one repository for all.

    Args:
        place: Where to.
        name: What their names begin with.
        ways: The ways.
        write: Writes the code into a workspace.
        alias: Whether they are released by alias.
    """
    place.create([name], [f"{name}-{way}" for way in ways])
    made = [
        Subject(
            place=place,
            way=way,
            function=f"{name}-{way}",
            repository=name,
            workspace=place.folder / f"{name}-{way}",
            alias=alias,
        )
        for way in ways
    ]
    for subject in made:
        write(subject.workspace)
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Monorepo:
    """Many services in one build context, each with a Dockerfile, a repository and a function with an alias.

    Attributes:
        place: Where it is.
        name: What the names of its repositories begin with.
        services: Their names.
        workspace: Their code.
    """

    place: Place
    name: str
    services: Sequence[str]
    workspace: Path

    def lay_out(self, functions: str) -> None:
        """Write the files, with a manifest for the functions whose names begin so."""
        images = {
            service: {"dockerfile": f"services/{service}/Dockerfile", "functions": [functions + service]}
            for service in self.services
        }
        for service in self.services:
            folder = self.workspace / "services" / service
            folder.mkdir(parents=True)
            (folder / "Dockerfile").write_text(_SERVICE.format(service=service))
            self._write(service, "first")
        defaults = {"alias": "live", "repository-prefix": f"{self.name}/"}
        manifest = {"version": 1, "defaults": defaults, "images": images}
        (self.workspace / "deploy.json").write_text(json.dumps(manifest))

    def change(self, number: int) -> None:
        """Change one line of the second service's code."""
        self._write(self.services[1], f"{self.workspace.name} {self.place.nonce} {number}")

    def _write(self, service: str, greeting: str) -> None:
        app = self.workspace / "services" / service / "app.py"
        app.write_text(_APP.format(greeting=f"{service}: {greeting}"))
