"""The warnings that BuildKit has for a Dockerfile."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ecr_lambda_deploy.model.text import bounded

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


def read_warnings(metadata: Mapping[str, Any]) -> list[BuildWarning]:
    """Read the warnings of a build, each once.

    Args:
        metadata: what buildx wrote. It may have none, or others than buildx writes: BuildKit of an engine of version
            20.10 does not warn, and the log has them in any case.
    """
    try:
        return list(dict.fromkeys(_read(metadata["buildx.build.warnings"])))
    except (ValueError, LookupError, TypeError, AttributeError):
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
