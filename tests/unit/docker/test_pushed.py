"""Which digests a build has pushed, as buildx wrote them."""

import json
from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.pushed import read_digests

_DIGEST = f"sha256:{64 * 'a'}"


def test_the_digest_of_each_target_is_read(tmp_path: Path) -> None:
    file = tmp_path / "metadata.json"
    file.write_text(json.dumps({"a": {"containerimage.digest": _DIGEST}, "buildx.build.warnings": [], "b": {}}))

    assert read_digests(file, ["a"]) == {"a": _DIGEST}
    assert read_digests(file, ["c"]) == {}


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", 1000 * "[", '{"a": {}}', '{"a": 1}', '{"a": {"containerimage.digest": 1}}',
     '{"a": {"containerimage.digest": "sha256:a"}}'],
)  # fmt: skip
def test_what_is_not_as_buildx_writes_it_has_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "metadata.json").write_text(text)

    assert read_digests(tmp_path / "metadata.json", ["a"]) == {}
    assert read_digests(tmp_path / "missing.json", ["a"]) == {}
