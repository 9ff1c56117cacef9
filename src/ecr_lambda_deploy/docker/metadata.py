"""What buildx writes of a build into its metadata file: the digests that were pushed, and what BuildKit warns of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecr_lambda_deploy.model.json_text import parse_json

VARIABLES = {"BUILDX_METADATA_WARNINGS": "1", "BUILDX_METADATA_PROVENANCE": "disabled"}
"""The environment in which buildx writes warnings, and nothing else that is large [buildx, metadata file]."""

_LARGEST = 16 * 1024**2  # bytes of the file: it has the text of the Dockerfile with each warning


def read_metadata(file: Path) -> Mapping[str, Any]:
    """Return what buildx wrote, by its keys; empty if that is nothing, or not as buildx writes it."""
    try:
        with file.open("rb") as content:
            found = parse_json(content.read(_LARGEST))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
