"""A monorepo: a folder for each service, one Dockerfile for all, and a manifest of the functions that run them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.aws import Aws
from sandbox.runner import RunningStep, StepResult
from sandbox.sandbox import create_function
from tests.e2e.jobs import Job

_DOCKERFILE = """\
FROM {base} AS base
RUN echo shared by all services of {name} > /base

FROM base
COPY app.py ./
"""
_APP = """\
def handler(event, context):
    return {{"service": "{service}", "greeting": "{greeting}"}}
"""


@dataclass(slots=True, kw_only=True)
class Monorepo:
    """A repository with a manifest.

    Attributes:
        job: what its runs are started with.
        services: a name for each image; its function has the job's name before it.
        settings: of single images, over the defaults; as JSON, which is YAML too.
    """

    job: Job
    services: Sequence[str]
    defaults: dict[str, object] = field(default_factory=lambda: {"alias": "live"})
    settings: dict[str, dict[str, object]] = field(default_factory=dict)

    @property
    def aws(self) -> Aws:
        """The account."""
        return self.job.aws

    def function(self, service: str) -> str:
        """Return the name of a service's function."""
        return f"{self.job.name}-{service}"

    def repository(self, service: str) -> str:
        """Return the name of a service's repository."""
        return f"{self.job.name}/{service}"

    def lay_out(self, base: str) -> None:
        """Write the files."""
        folder = self.job.workspace
        folder.mkdir()
        (folder / "Dockerfile").write_text(_DOCKERFILE.format(base=base, name=self.job.name))
        for service in self.services:
            (folder / service).mkdir()
            self.greet(service, "hello")
        self.write_manifest()

    def write_manifest(self) -> None:
        """Write the manifest as the settings are now."""
        images = {
            service: {"context": service, "functions": [f"{self.job.name}-{service}"], **self.settings.get(service, {})}
            for service in self.services
        }
        defaults = {"dockerfile": "Dockerfile", "repository-prefix": f"{self.job.name}/", **self.defaults}
        manifest = {"version": 1, "defaults": defaults, "images": images}
        (self.job.workspace / "deploy.yaml").write_text(json.dumps(manifest, indent=2))

    def greet(self, service: str, greeting: str) -> None:
        """Change the code of a service."""
        app = self.job.workspace / service / "app.py"
        app.write_text(_APP.format(service=service, greeting=greeting))

    def break_build(self, service: str) -> None:
        """Have the image of a service not be built."""
        dockerfile = self.job.workspace / service / "Dockerfile"
        dockerfile.write_text((self.job.workspace / "Dockerfile").read_text() + "RUN echo it breaks && exit 3\n")
        self.settings[service] = {**self.settings.get(service, {}), "dockerfile": f"{service}/Dockerfile"}
        self.write_manifest()

    def run(self, inputs: Mapping[str, str] | None = None, **options: Any) -> StepResult:  # noqa: ANN401 # those of Runner.start
        """Run the action with the manifest."""
        with self.started(inputs, **options) as step:
            return step.wait()

    @contextmanager
    def started(self, inputs: Mapping[str, str] | None = None, **options: Any) -> Iterator[RunningStep]:  # noqa: ANN401 # likewise
        """Start the action with the manifest."""
        with self.job.started({"manifest": "deploy.yaml", **(inputs or {})}, **options) as step:
            yield step

    def calls(self, service: str) -> list[str]:
        """Return the actions of the calls on a service's function since `forget_calls`."""
        name = self.function(service)
        return [call.action for call in self.aws.calls() if call.parameters.get("FunctionName") == name]

    def served(self) -> dict[str, str]:
        """Return the image that each service's alias serves; empty where there is no alias."""
        taken = self.aws.snapshot()
        served = {}
        for service in self.services:
            name = self.function(service)
            version = taken.aliases.get(name, {}).get("live", {}).get("FunctionVersion")
            served[service] = str(taken.versions[name][version]["ResolvedImageUri"]) if version else ""
        return served


def results(result: StepResult) -> dict[str, dict[str, Any]]:
    """Return what became of each function, by its name."""
    return {one["function"]: one for one in json.loads(result.outputs["results"])}


def statuses(result: StepResult) -> dict[str, str]:
    """Return the status of each function, by its name."""
    return {name: str(one["status"]) for name, one in results(result).items()}


def new_monorepo(job: Job, base: str, folder: Path, services: Sequence[str]) -> Monorepo:
    """Return a monorepo whose functions exist, run the base image, and have a repository each."""
    job.workspace = folder / "monorepo"
    monorepo = Monorepo(job=job, services=services)
    monorepo.lay_out(base)
    for service in services:
        job.aws.client("ecr").create_repository(repositoryName=monorepo.repository(service))
        create_function(job.aws, monorepo.function(service), base)
    job.aws.forget_calls()
    return monorepo
