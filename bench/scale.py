"""What it takes to deploy to many functions, against an AWS that limits calls a second as AWS does.

python -m bench.scale [--functions 1000]
"""

import argparse
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
class _Settings:
    functions: int
    images: int
    update_seconds: float
    by_name: bool
    action: Path
    logs: Path | None


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
        _measure(settings, alias)


def _settings() -> _Settings:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--functions", type=int, default=1000)
    parser.add_argument("--images", type=int, default=10, help="how many images the functions share")
    parser.add_argument("--update-seconds", type=float, default=2.0, help="seconds that Lambda takes for an update")
    parser.add_argument("--by-name", action="store_true", help="one image for all, in 'function-name', no manifest")
    parser.add_argument("--action", type=Path, default=Path(), help="the checkout whose action is run")
    parser.add_argument("--logs", type=Path, help="folder for the logs of the runs")
    given = parser.parse_args()
    return _Settings(
        functions=given.functions,
        images=1 if given.by_name else given.images,
        update_seconds=given.update_seconds,
        by_name=given.by_name,
        action=given.action.absolute(),
        logs=given.logs,
    )


def _measure(settings: _Settings, alias: str) -> None:
    """Create the functions, deploy another image to them, and deploy it again."""
    names = [f"fn-{number:04}" for number in range(settings.functions)]
    with _running(settings) as (aws, workspace):
        for number in range(_REPOSITORIES):
            aws.client("ecr").create_repository(repositoryName=f"repo-{number}")
        start = time.monotonic()
        aws.create_functions(names, push_tiny_image(aws, "repo-0", "before"), alias=alias)
        print(f"\n{'With an alias' if alias else 'Without an alias'}, created in {time.monotonic() - start:.1f} s")
        images = list(_images(aws, names, settings.images))
        inputs = _inputs(settings, workspace, images, alias) | {"aws-region": aws.region}
        for run_id, phase in zip(count(1000), ("first deploy", "nothing to do"), strict=False):
            aws.forget_calls()
            aws.limit_rates()
            run = run_action(settings.action, workspace, inputs, aws.environment(), run_id=run_id)
            aws.reset_rules()
            _print(phase, run, aws.calls(), _failed(aws, images, alias))
            if settings.logs is not None:
                settings.logs.mkdir(parents=True, exist_ok=True)
                (settings.logs / f"{alias or 'plain'}-{phase.replace(' ', '-')}.log").write_text(run.log)
            if run.exit_code != 0:
                print("\n".join(run.log.splitlines()[-15:]))


@contextmanager
def _running(settings: _Settings) -> Iterator[tuple[Aws, Path]]:
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


def _inputs(settings: _Settings, workspace: Path, images: Sequence[_Image], alias: str) -> dict[str, str]:
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


def _print(phase: str, run: ActionRun, calls: Sequence[Call], failed: int) -> None:
    print(
        f"{phase}: {run.seconds:.1f} s, {failed} functions failed, exit code {run.exit_code}, "
        f"{sum(call.is_throttled for call in calls)} calls throttled, {run.peak_memory / 1e6:.0f} MB at most, "
        f"{run.processor_seconds:.1f} s of a processor"
    )
    for name, limit in _SHOWN_LIMITS.items():
        _print_rate(name, limit, calls)
    made, throttled = _counted(calls, throttled=False), _counted(calls, throttled=True)
    for name in sorted({*made, *throttled}, key=lambda name: -made[name]):
        refused = f"{throttled[name]:8} throttled" if throttled[name] else ""
        print(f"    {name:44}{made[name]:8}{refused}")


def _print_rate(name: str, limit: Limit, calls: Sequence[Call]) -> None:
    """Print how much of a limit was used from the first call that counts against it to the last."""
    times = [call.at for call in calls if not call.is_throttled and limit_of(call.service, call.action) == limit]
    if not times:
        return
    seconds = times[-1] - times[0] + 1  # a limit lets that many come at once, and then none for a second
    rate = len(times) / seconds
    print(f"  {name}: {len(times)} in {seconds:.1f} s, {rate:.1f} a second, {rate / limit.calls:.0%} of {limit.calls}")


def _counted(calls: Sequence[Call], *, throttled: bool) -> Counter[str]:
    return Counter(f"{call.service}:{call.action}" for call in calls if call.is_throttled == throttled)


if __name__ == "__main__":
    main()
