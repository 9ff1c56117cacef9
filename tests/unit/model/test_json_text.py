import json
import time

import pytest

from ecr_lambda_deploy.model.json_text import DEEPEST, NestingError, check_nesting, parse_json


def _nested(levels: int, begin: str = "[", end: str = "]") -> str:
    return begin * levels + "1" + end * levels


@pytest.mark.parametrize(
    "text",
    [
        "1",
        '{"a": [1, {"b": null}]}',
        _nested(DEEPEST),
        _nested(DEEPEST, '{"a":', "}"),
        json.dumps([_nested(5000), "{" * 5000, '"[[' * 5000, "\\" * 5001]),
        json.dumps([[[index]] for index in range(1000)]),
        json.dumps({"]": ["[" * 300] * 300}),
    ],
)
def test_a_document_of_some_levels_is_parsed(text: str) -> None:
    assert parse_json(text) == json.loads(text)
    assert parse_json(text.encode("utf-16")) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        _nested(DEEPEST + 1),
        _nested(9000),
        _nested(9000, '{"a":', "}"),
        _nested(150, '{"a":[', "]}"),
        1_000_000 * "[",
        '["\\"]", ' + _nested(DEEPEST),
        "]" * 10 + _nested(DEEPEST + 11),
    ],
)
def test_a_deeper_one_is_refused_before_it_is_parsed(text: str) -> None:
    for content in (text, text.encode()):
        with pytest.raises(NestingError, match="it is nested too deeply: more than 200 levels"):
            parse_json(content)


@pytest.mark.parametrize("content", ["", "[" * DEEPEST, "[1,]", b"\xff[", '{"a": ' + 5000 * "1" + "}"])
def test_what_is_no_json_is_a_value_error(content: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_json(content)
    assert not isinstance(caught.value, NestingError)


@pytest.mark.parametrize(
    "text", [300 * "[]" + 3_000_000 * '\\"', 300 * "[]" + '"' + 3_000_000 * '\\"', 3_000_000 * "[]"]
)
def test_a_text_without_an_end_takes_no_longer_than_another(text: str) -> None:
    started = time.monotonic()
    check_nesting(text)
    assert time.monotonic() - started < 20
