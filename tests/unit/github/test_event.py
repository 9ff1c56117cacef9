"""What is read from the file of the event, whatever is in it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_lambda_deploy.github.event import DELETED, Event, read_event

_REPOSITORY = {"full_name": "acme/shop", "default_branch": "trunk"}
_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner),
        st.dictionaries(
            st.one_of(st.text(), st.sampled_from(["repository", "default_branch", "pull_request", "head", "repo"])),
            inner,
        ),
    ),
)


def _read(folder: Path, payload: object) -> Event:
    (folder / "event.json").write_text(json.dumps(payload))
    return read_event(str(folder / "event.json"))


def test_the_event_names_the_default_branch(tmp_path: Path) -> None:
    assert _read(tmp_path, {"repository": _REPOSITORY}) == Event(default_branch="trunk")


@pytest.mark.parametrize(
    ("head", "expected"), [({"repo": {"full_name": "eve/shop"}}, "eve/shop"), ({"repo": None}, DELETED), ({}, DELETED)]
)
def test_the_event_names_where_a_pull_request_comes_from(
    tmp_path: Path, head: dict[str, object], expected: str
) -> None:
    assert _read(tmp_path, {"repository": _REPOSITORY, "pull_request": {"head": head}}).head == expected


@pytest.mark.parametrize("path", ["", "missing", "."])
def test_rule_8_without_the_file_nothing_is_known(path: str) -> None:
    assert read_event(path) == Event()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"repository": ' + b"9" * 5000 + b"}",
        b'{"repository": {"default_branch": "' + 256 * b"x" + b'"}}',
        b'{"repository": {"default_branch": "\\ud800"}}',
        b'{"repository": {"default_branch": "main\\n::error::"}}',
        b'{"repository": {"default_branch": "main"}}' + b" " * 25_000_000,
    ],
    ids=range(10),
)
def test_rule_8_of_an_event_that_is_none_nothing_is_known(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "event.json").write_bytes(content)

    assert read_event(str(tmp_path / "event.json")) == Event()


@given(payload=_JSON)
def test_rule_8_anything_may_be_in_an_event(tmp_path_factory: pytest.TempPathFactory, payload: object) -> None:
    event = _read(tmp_path_factory.getbasetemp(), payload)

    assert all(isinstance(value, str) for value in (event.default_branch, event.head))
