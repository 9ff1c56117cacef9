"""The guard of what a run pays before its first call: the modules that it imports, and the bytes of its image.

The tables `modules.csv` and `layers.csv` have what is so, and why. A change that is meant is recorded in them by
`pytest tests/e2e/test_start.py --record-calls='REASON'`.
"""

import csv
import gzip
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.machine.engine import Engine
from sandbox.runner import ACTION_IMAGE
from tests.e2e.jobs import ROOT, Job

_MODULES, _LAYERS = (Path(__file__).with_name(name) for name in ("modules.csv", "layers.csv"))
_ENDS = "sys.exit(main())"
# In place of that it tells, of each module, its file, and how its bytecode is checked against that [PEP 552].
_TELLS = """
code = main()
import json
told = {}
for name, module in [*sys.modules.items()]:
    spec = module.__spec__
    if spec and spec.has_location and spec.origin.endswith(".py"):
        told[name] = [spec.origin, Path(spec.cached).read_bytes()[4] if Path(spec.cached).exists() else -1]
    else:
        told[name] = ["", None]
Path("/told/modules.json").write_text(json.dumps(told))
sys.exit(code)
"""
_UNCHECKED = 1
_PARTS = ("/action", "/bytecode")
# python:3.13-alpine for linux/amd64, compressed [docker-library/repo-info, repos/python/remote/3.13-alpine.md].
_BASE_IMAGE = 16_906_875
_MOST_BYTES = 45_000_000
_DIFFERENCE = 0.05  # that another architecture makes, times in an archive, or some new modules


def _recorded(table: Path) -> dict[str, list[str]]:
    with table.open(newline="") as file:
        rows = [*csv.reader(file)][1:]
    return {row[0]: row for row in rows}


def _record(table: Path, header: tuple[str, ...], rows: Mapping[str, list[str]], reason: str) -> None:
    """Write a table anew; what is in it already keeps its reason."""
    recorded = _recorded(table)
    kept = (recorded[key] if recorded.get(key, [])[:-1] == row else [*row, reason] for key, row in rows.items())
    with table.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept])


def _modules_of_a_run_with_nothing_to_do(job: Job, base: str, folder: Path) -> dict[str, tuple[str, int | None]]:
    """Return the file of each module that was imported, and the flags of its bytecode; -1 without bytecode."""
    entrypoint = (ROOT / "entrypoint.py").read_text()
    assert _ENDS in entrypoint
    (folder / "entrypoint.py").write_text(entrypoint.replace(_ENDS, _TELLS))
    mounts = {"/action/entrypoint.py": folder / "entrypoint.py", "/told": folder}
    # Another base image's registry may answer or not, which makes a difference.
    (job.workspace / "Dockerfile").write_text(f"FROM {base}\nCOPY app.py ./\n")
    inputs = {"function-name": job.name, "alias": "live"}
    assert job.step(inputs).exit_code == 0
    result = job.step(inputs, mounts=mounts)
    assert (result.exit_code, result.outputs["changed"]) == (0, "false"), result.log
    return {name: (file, flags) for name, (file, flags) in json.loads((folder / "modules.json").read_text()).items()}


def test_a_run_with_nothing_to_do_imports_no_more_than_is_recorded(
    job: Job, first_image: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    modules = _modules_of_a_run_with_nothing_to_do(job, first_image, tmp_path)
    # What is in a library of Python's own differs between its releases, so that it counts as one.
    names = {name if file.startswith("/action/") else name.partition(".")[0] for name, (file, _) in modules.items()}
    public = sorted(name for name in names if not name.startswith("_") and name != "sitecustomize")

    if reason := request.config.getoption("--record-calls"):
        _record(_MODULES, ("module", "reason"), {name: [name] for name in public}, reason)
    assert {*public} - _recorded(_MODULES).keys() == set()
    compiled = {name: flags for name, (_, flags) in modules.items() if name != "__main__" and flags is not None}
    assert {name: flags for name, flags in compiled.items() if flags != _UNCHECKED} == {}


def test_the_image_is_no_larger_than_is_recorded(engine: Engine, request: pytest.FixtureRequest) -> None:
    with _container(engine) as container:
        sizes = {path: _compressed(engine, container, path) for path in (*_PARTS, "/usr/local/bin/buildx")}

    if reason := request.config.getoption("--record-calls"):
        _record(_LAYERS, ("path", "bytes", "reason"), {path: [path, str(sizes[path])] for path in _PARTS}, reason)
    recorded = _recorded(_LAYERS)
    assert {path: sizes[path] for path in _PARTS if sizes[path] > int(recorded[path][1]) * (1 + _DIFFERENCE)} == {}
    assert _BASE_IMAGE + sum(sizes.values()) <= _MOST_BYTES


@contextmanager
def _container(engine: Engine) -> Iterator[str]:
    container = engine.docker("create", ACTION_IMAGE).strip()
    try:
        yield container
    finally:
        engine.docker("rm", container)


def _compressed(engine: Engine, container: str, path: str) -> int:
    """Return how many bytes a path of the image is in a layer, which is compressed by gzip."""
    command = [str(engine.cli), "cp", f"{container}:{path}", "-"]
    archive = subprocess.run(command, env=engine.environment(), capture_output=True, check=True).stdout
    return len(gzip.compress(archive, compresslevel=6))
