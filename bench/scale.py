"""What it takes to deploy to many functions, against an AWS that limits calls a second as AWS does.

python -m bench.scale [--functions 1000]
"""

import argparse
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from bench.action import ActionRun, run_action
from sandbox.aws import Aws, Call, running_aws
from sandbox.aws.rules.rates import CONTROL_PLANE, GET_FUNCTION, Limit, limit_of
from sandbox.aws.tiny_images import push_tiny_image

_REPOSITORIES = 3
_SHOWN_LIMITS = {"GetFunction": GET_FUNCTION, "other calls of Lambda": CONTROL_PLANE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is measured.

    Attributes:
        functions: How many functions there are.
        images: How many images they share.
        update_seconds: How long Lambda takes for an update.
        by_name: Whether they are named in `function-name`, with one image for all, and not in a manifest.
        action: The checkout whose action is run.
        logs: The folder for the logs of the runs; None if they are not kept.
    """

    functions: int = 1000
    images: int = 10
    update_seconds: float = 2.0
    by_name: bool = False
    action: Path = field(default_factory=Path.cwd)
    logs: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much of one of Lambda's limits a run used, from the first call that counts against it to the last.

    Attributes:
        calls: The calls.
        seconds: The time that they took, with the second that the limit counts in.
        limit: The calls a second that AWS allows.
    """

    calls: int
    seconds: float
    limit: int

    @property
    def share(self) -> float:
        """The share of the limit that was used."""
        return self.calls / self.seconds / self.limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A run for all functions.

    Attributes:
        functions: How many functions there are.
        alias: The alias; empty without one.
        name: What it did: `first deploy` or `nothing to do`.
        run: What it left behind.
        failed: Functions that do not run their image, as Lambda has it.
        throttled: Calls that were refused, since they came faster than AWS allows.
        rates: What it used of the limits, by what they limit.
        calls: How often each call was made, and was refused.
    """

    functions: int
    alias: str
    name: str
    run: ActionRun
    failed: int
    throttled: int
    rates: Mapping[str, Rate]
    calls: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Image:
    """An image and the functions that are to run it."""

    repository: str
    uri: str
    functions: Sequence[str]


def main() -> None:
    """Measure, with an alias and without."""
    settings = _settings()
    way = "in 'function-name'" if settings.by_name else f"of {settings.images} images, in a manifest"
    print(
        f"{settings.functions:,} functions {way}; an update takes {settings.update_seconds:g} s; "
        f"{os.cpu_count()} processors"
    )
    for alias in ("live", ""):
        for phase in measure(settings, alias):
            print_phase(phase)


def measure(settings: Settings, alias: str) -> Iterator[Phase]:
    """Create the functions, with an alias if it is named; deploy another image to them, and deploy it again."""
    names = [f"fn-{number:04}" for number in range(settings.functions)]
    with _running(settings) as (aws, workspace):
        for number in range(_REPOSITORIES):
            aws.client("ecr").create_repository(repositoryName=f"repo-{number}")
        aws.create_functions(names, push_tiny_image(aws, "repo-0", "before"), alias=alias)
        images = list(_images(aws, names, settings.images))
        inputs = _inputs(settings, workspace, images, alias) | {"aws-region": aws.region}
        for run_id, name in zip(count(1000), ("first deploy", "nothing to do"), strict=False):
            aws.forget_calls()
            aws.limit_rates()
            run = run_action(settings.action, workspace, inputs, aws.environment(), run_id=run_id)
            aws.reset_rules()
            if settings.logs is not None:
                settings.logs.mkdir(parents=True, exist_ok=True)
                (settings.logs / f"{alias or 'plain'}-{name.replace(' ', '-')}.log").write_text(run.log)
            yield _phase(settings.functions, alias, name, run, aws.calls(), _failed(aws, images, alias))


def _settings() -> Settings:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=1000)
    parser.add_argument("--images", type=int, default=10, help="how many images the functions share")
    parser.add_argument("--update-seconds", type=float, default=2.0, help="seconds that Lambda takes for an update")
    parser.add_argument("--by-name", action="store_true", help="one image for all, in 'function-name', no manifest")
    parser.add_argument("--action", type=Path, default=Path(), help="the checkout whose action is run")
    parser.add_argument("--logs", type=Path, help="folder for the logs of the runs")
    given = parser.parse_args()
    return Settings(
        functions=given.functions,
        images=1 if given.by_name else given.images,
        update_seconds=given.update_seconds,
        by_name=given.by_name,
        action=given.action.absolute(),
        logs=given.logs,
    )


@contextmanager
def _running(settings: Settings) -> Iterator[tuple[Aws, Path]]:
    with (
        TemporaryDirectory(prefix="scale-") as folder,
        running_aws(docker_host=None, update_seconds=settings.update_seconds) as aws,
    ):
        workspace = Path(folder) / "workspace"
        workspace.mkdir()
        yield aws, workspace


def _images(aws: Aws, names: Sequence[str], number: int) -> Iterator[_Image]:
    for index in range(number):
        repository = f"repo-{index % _REPOSITORIES}"
        uri = push_tiny_image(aws, repository, f"after {index}")
        yield _Image(repository=repository, uri=uri, functions=names[index::number])


def _inputs(settings: Settings, workspace: Path, images: Sequence[_Image], alias: str) -> dict[str, str]:
    if settings.by_name:
        (image,) = images
        return {"function-name": "\n".join(image.functions), "image-uri": image.uri, "alias": alias}
    manifest = {
        "version": 1,
        **({"defaults": {"alias": alias}} if alias else {}),
        "images": {
            f"img-{index:03}": {
                "image-uri": image.uri,
                "repository": image.repository,
                "functions": list(image.functions),
            }
            for index, image in enumerate(images)
        },
    }
    (workspace / "deploy.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    return {"manifest": "deploy.yaml"}


def _failed(aws: Aws, images: Sequence[_Image], alias: str) -> int:
    """Return how many functions do not run their image, as Lambda has it."""
    taken, failed = aws.snapshot(), 0
    for image in images:
        for name in image.functions:
            served = taken.functions[name]
            if alias:
                served = taken.versions[name].get(taken.aliases[name][alias]["FunctionVersion"], {})
            failed += served.get("ResolvedImageUri") != image.uri
    return failed


def _phase(functions: int, alias: str, name: str, run: ActionRun, calls: Sequence[Call], failed: int) -> Phase:
    made, throttled = _counted(calls, throttled=False), _counted(calls, throttled=True)
    rates = {name: _rate(limit, calls) for name, limit in _SHOWN_LIMITS.items()}
    return Phase(
        functions=functions,
        alias=alias,
        name=name,
        run=run,
        failed=failed,
        throttled=throttled.total(),
        rates={name: rate for name, rate in rates.items() if rate is not None},
        calls={name: (made[name], throttled[name]) for name in {*made, *throttled}},
    )


def _rate(limit: Limit, calls: Sequence[Call]) -> Rate | None:
    times = [call.at for call in calls if not call.is_throttled and limit_of(call.service, call.action) == limit]
    if not times:
        return None
    # A limit lets that many come at once, and then none for a second.
    return Rate(calls=len(times), seconds=times[-1] - times[0] + 1, limit=limit.calls)


def _counted(calls: Sequence[Call], *, throttled: bool) -> Counter[str]:
    return Counter(f"{call.service}:{call.action}" for call in calls if call.is_throttled == throttled)


def print_phase(phase: Phase) -> None:
    """Print what a run took."""
    run = phase.run
    print(
        f"\n{'With an alias' if phase.alias else 'Without an alias'}, {phase.name}: {run.seconds:.1f} s, "
        f"{phase.failed} functions failed, exit code {run.exit_code}, {phase.throttled} calls throttled, "
        f"{run.peak_memory / 1e6:.0f} MB at most, {run.processor_seconds:.1f} s of a processor"
    )
    for name, rate in phase.rates.items():
        print(
            f"  {name}: {rate.calls} in {rate.seconds:.1f} s, {rate.calls / rate.seconds:.1f} a second, "
            f"{rate.share:.0%} of {rate.limit}"
        )
    for name, (made, throttled) in sorted(phase.calls.items(), key=lambda item: -item[1][0]):
        refused = f"{throttled:8} throttled" if throttled else ""
        print(f"    {name:44}{made:8}{refused}")
    if run.exit_code != 0:
        print("\n".join(run.log.splitlines()[-15:]))


if __name__ == "__main__":
    main()
