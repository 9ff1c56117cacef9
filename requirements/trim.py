"""Makes what pip has installed small, and quick to start: the Dockerfile runs it when the action's image is built.

usage: python3 -B -X no_debug_ranges -X pycache_prefix=BYTECODE requirements/trim.py FOLDER

FOLDER has the packages and the action. Of the packages goes what the action does not use; of botocore's data the
operations in `aws/operations.py` are left, with the shapes that they reach. BYTECODE gets the bytecode of all modules
in FOLDER, and of those of Python's library that they import: the base image has none, since its Dockerfile removes
every .pyc [docker-library/python, Dockerfile], so that each start would compile them anew. Without the columns of
tracebacks it is a quarter smaller.
"""

import importlib
import json
import pkgutil
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from compileall import compile_dir, compile_file
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

_UNUSED = (
    "*.dist-info/RECORD",
    "botocore/cacert.pem",  # certifi's are taken
    "charset_normalizer/*.so",  # what they are compiled from does the same, for texts of an unknown encoding
    "dateutil/zoneinfo/*.tar.gz",  # time zones by name
)
_IMPORTED_WHERE_USED = ("docker", "requests", "yaml")
# Not compared with the source at each start; the image's files do not change.
_UNCHECKED = PycInvalidationMode.UNCHECKED_HASH


def main(folder: Path) -> None:
    """Trim the packages in a folder, and compile them."""
    sys.path.insert(0, str(folder))
    for pattern in _UNUSED:
        for path in [*folder.glob(pattern)]:
            path.unlink()
    trim_data(folder / "botocore" / "data", importlib.import_module("ecr_lambda_deploy.aws.operations").OPERATIONS)
    compile_dir(folder, maxlevels=20, quiet=1, invalidation_mode=_UNCHECKED)
    for source in sorted(_library(folder)):
        compile_file(source, quiet=1, invalidation_mode=_UNCHECKED)


def _library(folder: Path) -> Iterator[Path]:
    """Yield the modules of Python's library that the action and its packages import."""
    action = importlib.import_module("ecr_lambda_deploy")
    for module in pkgutil.walk_packages(action.__path__, f"{action.__name__}."):
        importlib.import_module(module.name)
    for name in _IMPORTED_WHERE_USED:
        importlib.import_module(name)
    for loaded in [*sys.modules.values()]:
        file = getattr(loaded, "__file__", None)
        if loaded.__name__ != "__main__" and file and file.endswith(".py") and not Path(file).is_relative_to(folder):
            yield Path(file)


def trim_data(data: Path, operations: Mapping[str, Iterable[str]]) -> None:
    """Leave of botocore's data what the operations need.

    Partitions, Regions and rules of endpoints are left as they are, for every partition of AWS.

    Args:
        data: botocore's folder `data`.
        operations: names as in AWS's API references, by service.
    """
    loader = importlib.import_module("botocore.loaders").Loader(extra_search_paths=[str(data)])
    prefixes = set[str]()
    for folder in [path for path in data.iterdir() if path.is_dir()]:
        kept = set(operations.get(folder.name, ()))
        version = loader.determine_latest_version(folder.name, "service-2") if kept else ""
        files = {
            kind: loader.load_service_model(folder.name, kind, version)  # merged with what the SDK adds
            for kind in ("service-2", "endpoint-rule-set-1", "paginators-1")
            if kept
        }
        shutil.rmtree(folder)
        if not kept:
            continue
        files["service-2"] = trimmed(files["service-2"], kept)
        files["paginators-1"]["pagination"] = {
            name: pages for name, pages in files["paginators-1"]["pagination"].items() if name in kept
        }
        prefixes.add(files["service-2"]["metadata"]["endpointPrefix"])
        (folder / version).mkdir(parents=True)
        for kind, content in files.items():
            _write(folder / version / f"{kind}.json", content)
    endpoints = loader.load_data("endpoints")
    for partition in endpoints["partitions"]:
        partition["services"] = {name: one for name, one in partition["services"].items() if name in prefixes}
    _write(data / "endpoints.json", endpoints)


def trimmed(model: Mapping[str, Any], operations: set[str]) -> dict[str, Any]:
    """Return a service's model with these operations, and the shapes that they reach, without documentation.

    Raises:
        KeyError: the service has no such operation.
    """
    left = {name: _without_documentation(model["operations"][name]) for name in sorted(operations)}
    shapes = dict[str, Any]()
    wanted = [*_shapes(left)]
    while wanted:
        name = wanted.pop()
        if name not in shapes:
            shapes[name] = _without_documentation(model["shapes"][name])
            wanted += _shapes(shapes[name])
    kept = {key: value for key, value in model.items() if key != "documentation"}
    return {**kept, "operations": left, "shapes": dict(sorted(shapes.items()))}


def _shapes(value: object) -> Iterator[str]:
    """Yield the names of shapes that a part of a model refers to."""
    if isinstance(value, Mapping):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for inner in value.values():
            yield from _shapes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _shapes(inner)


def _without_documentation(value: Any) -> Any:  # noqa: ANN401 # JSON
    """Return a part of a model without the texts; a member of that name is no text."""
    if isinstance(value, Mapping):
        return {
            key: _without_documentation(inner)
            for key, inner in value.items()
            if not (key in {"documentation", "documentationUrl"} and isinstance(inner, str))
        }
    if isinstance(value, list):
        return [_without_documentation(inner) for inner in value]
    return value


def _write(path: Path, content: object) -> None:
    """Write JSON without blanks; uncompressed, since layers are compressed anyway and it is read sooner."""
    path.write_text(json.dumps(content, separators=(",", ":")))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
