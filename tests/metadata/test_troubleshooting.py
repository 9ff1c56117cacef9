"""docs/help/troubleshooting.md has each message that the code makes, and a heading for the topic of each error."""

import re
from collections.abc import Mapping

import pytest

from ecr_lambda_deploy.report.help import PAGE
from tests.metadata.messages import GAP, SOURCE, Message, Messages

_PAGE = SOURCE.parents[1] / PAGE
_SHORTEST = 10  # characters of a text that a reader would search for

_Section = str


def _flat(text: str) -> str:
    return " ".join(text.split())


def _slug(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.fixture(scope="module")
def page() -> str:
    return _PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def sections(page: str) -> Mapping[str, _Section]:
    """Return the page's sections by anchor."""
    parts = re.split(r"^#{2,3} (.+)$", page, flags=re.MULTILINE)
    return {_slug(heading): text for heading, text in zip(parts[1::2], parts[2::2], strict=True)}


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return Messages().all()


def _searched(text: str) -> str:
    """Return the longest part of a text that is always the same; empty if none is a phrase."""
    parts = [_flat(part) for part in text.split(GAP)]
    phrases = [part for part in parts if " " in part and len(part) >= _SHORTEST]
    return max(phrases, key=len, default="")


def test_every_error_has_a_topic_with_a_heading(messages: list[Message], sections: Mapping[str, _Section]) -> None:
    errors = [message for message in messages if message.is_error and not message.is_passed_on]
    wrong = [
        f"{error.place}: {error.maker}: " + (f"no heading for {error.topics}" if error.topics else "give it a topic")
        for error in errors
        if not set(error.topics) & sections.keys() and error.maker != "SeveralError"
    ]
    assert not wrong, "\n".join(wrong)
    assert len(errors) > 70


def test_every_message_is_on_the_page(messages: list[Message], sections: Mapping[str, _Section], page: str) -> None:
    wrong = [
        f"{message.place}: {message.maker}: {text!r} is not {f'below {message.topics}' if message.topics else 'there'}"
        for message in messages
        for text in map(_searched, message.texts)
        if text not in _flat("\n".join(sections.get(topic, "") for topic in message.topics) or page)
    ]
    assert not wrong, "\n".join(wrong)


def test_no_heading_is_left_over(messages: list[Message], page: str) -> None:
    topics = {topic for message in messages for topic in message.topics}
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)

    assert [heading for heading in headings if _slug(heading) not in topics] == []
    assert len(headings) == len(set(headings))


def test_every_topic_says_why_and_what_to_do(page: str) -> None:
    topics = re.split(r"^### ", re.sub(r"^## .*$", "### ", page, flags=re.MULTILINE), flags=re.MULTILINE)[1:]
    wrong = [
        text.splitlines()[0]
        for text in topics
        if text.splitlines()[0] and not ("**Why.**" in text and "**What to do.**" in text and "```" in text)
    ]
    assert not wrong, "\n".join(wrong)


def test_each_reason_of_a_failed_update_that_has_a_hint_is_explained(sections: Mapping[str, _Section]) -> None:
    codes = Messages().keys("functions/waits.py", "_HINTS")

    assert [code for code in codes if f"`{code}`" not in sections["update-failed"]] == []
    assert len(codes) > 5
