"""The rules of .dockerignore; tests/integration/test_dockerignore.py holds them against BuildKit."""

import os
import re
import time
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ecr_lambda_deploy.fingerprint.context import walk
from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError

FILES = ["a", "b.md", "src/a", "src/b.md", "src/lib/a", "src/lib/b.md", "lib/x/keep"]
EVERYTHING = {*FILES, "src", "src/lib", "lib", "lib/x"}
LIB = {"lib", "lib/x", "lib/x/keep"}
SOURCE = {"src", "src/a", "src/b.md", "src/lib", "src/lib/a", "src/lib/b.md"}


def sent(folder: Path, dockerignore: bytes) -> set[str]:
    for file in FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return set(walk(str(folder), Dockerignore.parse(dockerignore)))


@pytest.mark.parametrize(
    ("dockerignore", "excluded"),
    [
        ("", set()),
        ("# a", set()),
        (" # a", set()),
        ("a", {"a"}),
        ("/a", {"a"}),
        ("//a", {"a"}),
        ("./a", {"a"}),
        ("x/../a", {"a"}),
        ("a/", {"a"}),
        (" \ta \r\n", {"a"}),
        ("\ufeffa", {"a"}),
        ("A", set()),
        ("../a", set()),
        (".", set()),
        ("/", set()),
        ("src", SOURCE),
        ("src/", SOURCE),
        ("src/*", SOURCE - {"src"}),
        ("src/**", SOURCE - {"src"}),
        ("src**", SOURCE),
        ("src**a", {"src/a", "src/lib/a"}),
        ("*", EVERYTHING),
        ("**", EVERYTHING),
        ("**/", EVERYTHING),
        ("*/*", EVERYTHING - {"a", "b.md", "src", "lib"}),
        ("*.md", {"b.md"}),
        ("*/*.md", {"src/b.md"}),
        ("**/*.md", {"b.md", "src/b.md", "src/lib/b.md"}),
        ("src/**/*.md", {"src/b.md", "src/lib/b.md"}),
        ("**/a", {"a", "src/a", "src/lib/a"}),
        ("**a", {"a", "src/a", "src/lib/a"}),
        ("**ib", {*LIB, "src/lib", "src/lib/a", "src/lib/b.md"}),
        ("**/lib", {*LIB, "src/lib", "src/lib/a", "src/lib/b.md"}),
        ("?", {"a"}),
        ("[a-c]", {"a"}),
        ("[^b]", {"a"}),
        ("[!b]", set()),
        ("b\\.md", {"b.md"}),
        ("src[/]a", {"src/a"}),
        ("*.{md,a}", set()),
        ("a|b", set()),
        ("*\n!a", EVERYTHING - {"a"}),
        ("*\n!/a", EVERYTHING - {"a"}),
        ("*\n! a", EVERYTHING - {"a"}),
        ("*\n!src/lib/a", EVERYTHING - {"src", "src/lib", "src/lib/a"}),
        ("*\n!src", EVERYTHING - SOURCE),
        ("*\n!src\nsrc/lib", (EVERYTHING - SOURCE) | {"src/lib", "src/lib/a", "src/lib/b.md"}),
        ("*\n!**/keep", EVERYTHING - LIB),
        ("*\n!**/*.md\nb.md", EVERYTHING - {"src", "src/b.md", "src/lib", "src/lib/b.md"}),
        ("src\n!src/a\nsrc/a", SOURCE),
        ("!a\na", {"a"}),
        ("src\n!src/*/**", SOURCE),  # BuildKit's walk does not look that deep
        ("src\n!src/*", set()),
        ("src/lib\n!src", {"src/lib", "src/lib/a", "src/lib/b.md"}),
    ],
    ids=lambda value: repr(sorted(value) if isinstance(value, set) else value),  # a set has another order each time
)
def test_what_is_excluded(tmp_path: Path, dockerignore: str, excluded: set[str]) -> None:
    assert sent(tmp_path, dockerignore.encode()) == EVERYTHING - excluded


@pytest.mark.parametrize(
    "dockerignore",
    [
        pytest.param(b"!", id="exception of nothing"),
        pytest.param(b"!/", id="exception of the root"),
        pytest.param(b"[", id="open bracket"),
        pytest.param(b"[]a]", id="empty bracket"),
        pytest.param(b"[a-]", id="open range"),
        pytest.param(b"[b-a]", id="range backwards"),
        pytest.param(b"a\\", id="backslash at the end"),
        pytest.param(b"\\d*", id="escaped letter"),
        pytest.param(b"[*]", id="wildcard in brackets"),
        pytest.param(b"[[:alpha:]]", id="named class"),
        pytest.param(b"*|b", id="alternative"),
        pytest.param(b"]|b", id="alternative beside a bracket"),
        pytest.param(b"*a{2}", id="repetition"),
        pytest.param(b"?^", id="start"),
        pytest.param(b"a\xff", id="not UTF-8"),
        pytest.param(5000 * b"a", id="longer than any path"),
        pytest.param(1001 * b"a\n", id="more patterns than anybody writes"),
    ],
)
def test_what_buildkit_refuses_or_misreads_is_refused(dockerignore: bytes) -> None:
    with pytest.raises(UnknownInputError):
        Dockerignore.parse(dockerignore)


def test_a_name_of_any_bytes_is_matched(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).touch()

    assert set(walk(str(tmp_path), Dockerignore.parse(b"?"))) == {"\udcff\udcfe"}
    assert set(walk(str(tmp_path), Dockerignore.parse(b"??"))) == set()


def test_folders_come_before_what_they_hold(tmp_path: Path) -> None:
    sent(tmp_path, b"")

    assert list(walk(str(tmp_path), Dockerignore.parse(b"*\n!src/lib/a\n!src/lib/b.md"))) == [
        "src",
        "src/lib",
        "src/lib/a",
        "src/lib/b.md",
    ]


@pytest.mark.parametrize("unit", ["a*", "*a", "**a", "**/a", "?*", "[^b]*", "a**/", "**[a-c]", "***"])
@pytest.mark.parametrize("path", ["a" * 4000, "a/" * 2000, "ab/" * 1300], ids=["name", "folders", "both"])
def test_rule_6_a_path_is_matched_in_linear_time(unit: str, path: str) -> None:
    rules = Dockerignore([unit * 100 + "d"])
    started = time.thread_time()

    assert rules.match(f"{path}de", rules.root) == (False, (False,))
    assert time.thread_time() - started < 1


@given(st.lists(st.sampled_from(["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[^a]"]), max_size=7), st.text("ab/."))
def test_wildcards_mean_what_an_expression_says(parts: list[str], path: str) -> None:
    """An expression that goes back, which is for short texts only, as BuildKit's own does not."""
    pattern = "/".join(filter(None, "".join(parts).split("/")))  # as it is when it has been cleaned
    assume(pattern)
    rules = Dockerignore([pattern])
    words = re.findall(r"\*\*/?|\[.*?\]|.", pattern)
    meaning = {"*": "[^/]*", "?": "[^/]", "**": "(.*/)?", "**/": "(.*/)?"}
    expression = "".join(meaning.get(word, word) for word in words)
    if words and words[-1].startswith("**"):
        expression = expression.removesuffix("(.*/)?") + ".*"
    if [word for word in words if word in meaning or "[" in word] == words[:1] and words[:1] == ["**"]:
        expression = ".*" + expression.removeprefix("(.*/)?")  # BuildKit compares the end alone

    assert rules.match(path, rules.root)[0] == (re.fullmatch(expression, path) is not None)
