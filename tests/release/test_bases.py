"""A Dockerfile's base images, pinned by digest."""

from pathlib import Path

import pytest

from release.bases import pin_bases
from release.versions import ReleaseError

_DIGEST = f"sha256:{'a' * 64}"
_ROOT = Path(__file__).parents[2]


def test_every_base_is_pinned_once_and_stages_are_left() -> None:
    asked = list[str]()

    def digest_of(base: str) -> str:
        asked.append(base)
        return _DIGEST

    text = """\
FROM a:1 AS first
RUN x
from --platform=$BUILDPLATFORM b:2 as second
FROM a:1
COPY --from=first / /
FROM first
"""
    pinned = text.replace("a:1", f"a:1@{_DIGEST}").replace("b:2", f"b:2@{_DIGEST}")

    assert pin_bases(text, digest_of) == pinned
    assert asked == ["a:1", "b:2"]


def test_what_is_pinned_stays() -> None:
    text = f"FROM a:1@{_DIGEST}\n"

    assert pin_bases(text, lambda _: "") == text


def test_the_actions_own_dockerfile_is_pinned_whole() -> None:
    pinned = pin_bases((_ROOT / "Dockerfile").read_text(), lambda _: _DIGEST)

    assert all("@sha256:" in line for line in pinned.splitlines() if line.startswith("FROM"))


@pytest.mark.parametrize(
    ("text", "digest", "reason"),
    [
        ("FROM a:$VERSION\n", _DIGEST, "a variable"),
        ("FROM a:1\n", "sha256:short", "not a digest"),
        ("RUN x\n", _DIGEST, "no FROM"),
    ],
)
def test_what_cannot_be_pinned_is_no_release(text: str, digest: str, reason: str) -> None:
    with pytest.raises(ReleaseError, match=reason):
        pin_bases(text, lambda _: digest)
