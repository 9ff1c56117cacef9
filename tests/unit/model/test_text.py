"""The text of others in messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_lambda_deploy.model.text import bounded


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", ""), ("abcd", "abcd"), ("abcde", "abcd… (5 characters)"), ("é\ud800\U0001f600", "é?\U0001f600")],
)
def test_what_is_too_long_is_cut_and_what_no_file_takes_is_replaced(text: str, expected: str) -> None:
    assert bounded(text, 4) == expected


@given(st.text(st.characters(), max_size=40))
def test_rule_6_any_text_has_a_bound_and_can_be_written(text: str) -> None:
    shown = bounded(text, 10)

    assert len(shown) <= 10 + len("… (40 characters)")
    assert shown.encode().decode() == shown
