"""The warnings that BuildKit has for a Dockerfile, as buildx writes them into its metadata file."""

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ecr_lambda_deploy.model.text import bounded

VARIABLES = {"BUILDX_METADATA_WARNINGS": "1", "BUILDX_METADATA_PROVENANCE": "disabled"}
"""The environment in which buildx writes warnings, and nothing else that is large [buildx, metadata file]."""

_LARGEST = 16 * 1024**2  # bytes of the file: it has the text of the Dockerfile with each warning
_LONGEST = 1000  # characters of a warning


class BuildWarning(NamedTuple):
    """A warning.

    Attributes:
        text: in one line, with the name of BuildKit's rule where it has one.
        dockerfile: text of the Dockerfile that it is about; empty if BuildKit does not say.
        line: of that; 0 if BuildKit does not say.
    """

    text: str
    dockerfile: str
    line: int


def read_warnings(metadata: Path) -> list[BuildWarning]:
    """Read the warnings of a build, each once.

    Args:
        metadata: what buildx wrote. One that is not there, or is not as buildx writes it, has none: BuildKit of an
            engine of version 20.10 does not warn, and the log has them in any case.
    """
    try:
        with metadata.open("rb") as file:
            found = json.loads(file.read(_LARGEST))["buildx.build.warnings"]
        return list(dict.fromkeys(_read(found)))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return []


def _read(found: list[Mapping[str, Any]]) -> Iterator[BuildWarning]:
    for one in found:
        source, places = one.get("sourceInfo") or {}, one.get("range") or ()
        line = places[0]["start"]["line"] if places else 0
        yield BuildWarning(
            bounded(" ".join(_decoded(one["short"]).split()), _LONGEST), _decoded(source.get("data") or ""), int(line)
        )


def _decoded(text: str) -> str:
    return b64decode(text, validate=True).decode(errors="replace")
