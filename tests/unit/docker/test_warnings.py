"""Warnings of BuildKit, as buildx 0.29 writes them."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.metadata import read_metadata
from ecr_lambda_deploy.docker.warnings import BuildWarning, read_warnings


def _encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


def _warning(text: str, **others: object) -> dict[str, object]:
    return {"vertex": "sha256:1", "level": 1, "short": _encoded(text), "detail": [_encoded("detail")], **others}


def _read(folder: Path, content: object) -> list[BuildWarning]:
    (folder / "metadata").write_text(content if isinstance(content, str) else json.dumps(content))
    return read_warnings(read_metadata(folder / "metadata"))


def test_a_warning_has_the_line_that_it_is_about(tmp_path: Path) -> None:
    place = {
        "sourceInfo": {"filename": "Dockerfile", "data": _encoded("FROM a\n"), "language": "Dockerfile"},
        "range": [{"start": {"line": 3}, "end": {"line": 4}}],
    }
    found = _read(
        tmp_path, {"buildx.build.warnings": [_warning("Rule: a\nb", **place), _warning("Rule: a\nb", **place)], "x": {}}
    )

    assert found == [BuildWarning("Rule: a b", "FROM a\n", 3)]


def test_a_warning_may_be_about_nothing_in_particular(tmp_path: Path) -> None:
    assert _read(tmp_path, {"buildx.build.warnings": [_warning("a")]}) == [BuildWarning("a", "", 0)]


def test_a_warning_has_a_bound(tmp_path: Path) -> None:
    (found,) = _read(tmp_path, {"buildx.build.warnings": [_warning(100_000 * "x")]})

    assert len(found.text) < 1100


@pytest.mark.parametrize(
    "content",
    ["", "[", "[]", "5", "{}", {"buildx.build.warnings": None}, {"buildx.build.warnings": [5]}, 100_000 * "["],
)
def test_what_is_no_list_of_warnings_has_none(tmp_path: Path, content: object) -> None:
    assert _read(tmp_path, content) == []
    assert read_warnings(read_metadata(tmp_path / "absent")) == []


@pytest.mark.parametrize(
    "one", [{"short": 5}, {"short": "%"}, {"range": [5]}, {"range": [{}]}, {"range": [{"start": {"line": "x"}}]}]
)
def test_a_warning_of_another_shape_is_left_out(tmp_path: Path, one: dict[str, object]) -> None:
    assert _read(tmp_path, {"buildx.build.warnings": [{**_warning("a"), **one}]}) == []
