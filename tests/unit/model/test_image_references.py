"""What is an image reference, by the grammar of distribution/reference and the cases of its own tests."""

import time

import pytest

from ecr_lambda_deploy.model.images import is_image_reference

_DIGEST = f"sha256:{64 * 'a'}"


@pytest.mark.parametrize(
    "text",
    [
        "alpine", "alpine:3.20", f"alpine@{_DIGEST}", f"alpine:3@{_DIGEST}", "library/alpine", "0/a", 63 * "a",
        "docker.io/library/alpine", "docker/dockerfile:1", "public.ecr.aws/lambda/python:3.13", "localhost:5000/a/b:c",
        "[::1]:5000/a", "test_com/foo", "foo/foo_bar.com:8080", "foo__bar/a-b---c:_x", "xn--n3h.com/myimage",
        "REGISTRY.example:1/a", "a:" + 128 * "x", 255 * "a", f"a@{_DIGEST.upper().replace('SHA', 'sha')}",
    ],
)  # fmt: skip
def test_image_references(text: str) -> None:
    assert is_image_reference(text)


@pytest.mark.parametrize(
    "text",
    [
        "", ":3", f"@{_DIGEST}", "Alpine", "a/Alpine", "-a", "--help", "-", "--builder=x", "a b", "a\n", "a:b\n",
        "a:b:c", "a:", "a@", "a@sha256:abc", "a/../b", "../containers/json", "./a", "/a", "a/", "a//b", "a..b", "a___b",
        "aa/asdf$$^/aa", "https://example.com/a", "a?x=1", "a#b", "a,ref=b", "ä", "a:ü", "a:" + 129 * "x", 256 * "a",
        64 * "a", "a:-b", "${x}", "a:${x}", "$(x)", "a\u2028", "example.com:/a", "-example.com/a", "example-.com/a",
        "a@-x:" + 64 * "0",
    ],
)  # fmt: skip
def test_rule_1_nothing_else_is_taken_for_an_image_reference(text: str) -> None:
    assert not is_image_reference(text)


@pytest.mark.parametrize("part", ["a-", "a.", "a/", "-", "a", "a:", "a_", "0:"])
def test_a_long_text_takes_no_time(part: str) -> None:
    begin = time.process_time()

    assert not is_image_reference(f"{part * 50_000}!")
    assert time.process_time() - begin < 1
