"""Rule 4: a list has one item a line, and a line ends at a line feed, nowhere else."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_lambda_deploy.inputs.lists import items_of
from ecr_lambda_deploy.inputs.manifest.manifest import read_manifest
from ecr_lambda_deploy.inputs.parse import parse_inputs
from ecr_lambda_deploy.inputs.problems import Problem
from ecr_lambda_deploy.inputs.table import TABLE, Shape
from ecr_lambda_deploy.model.errors import InputError
from tests.unit.inputs.given_inputs import parse, parse_build, problems_of

# What a terminal, a file or a protocol takes for the end of a line.
_LINE_ENDS = re.compile("[\n\r\v\f\x1c\x1d\x1e\x85]")
# What Unicode calls a separator, and a branch's name may hold.
_SEPARATORS = "\u2028\u2029\u00a0\u1680\u2003\u3000"
_CONTROLS = [chr(code) for code in (*range(0x20), 0x7F, *range(0x80, 0xA0)) if chr(code) not in "\t\n"]
_PIECES = st.sampled_from([*'"= \t\n', '""', "\r\n", "a", "A=b", *_SEPARATORS, *_CONTROLS])


def _right(given: str | list[str]) -> list[str]:
    return [item.text for item in items_of(given) if not item.wrong and item.text]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("a\nb", ["a", "b"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("\n  a b \t\n\n\tc\n", ["a b", "c"]),
        ("A=1,2", ["A=1,2"]),
        ('A="1"\nB=a "b" c', ['A="1"', 'B=a "b" c']),
        ('"A=1"', ["A=1"]),
        (' "A=""1"", 2" ', ['A="1", 2']),
        ('""""', ['"']),
        ('""', []),
        ("a\u2028b\u2029c", ["a\u2028b\u2029c"]),
        ("\u00a0a\u3000", ["\u00a0a\u3000"]),
        ('"a\nb"', ["a\nb"]),
        ('"A=1\r\n""2"" \n\n 3" \nB=4', ['A=1\n"2" \n\n 3', "B=4"]),
    ],
)
def test_items(text: str, items: list[str]) -> None:
    assert _right(text) == items
    assert not any(item.wrong for item in items_of(text))


@pytest.mark.parametrize("text", ['"a', '"a\nb', '"a"b', '"a" "b"', '"a""', '"', '"a",', '"a\nb"c\nd'])
def test_a_quote_ends_where_a_line_does(text: str) -> None:
    first = next(items_of(text))

    assert first.wrong == "begins with a quote, which does not end at the end of a line"
    assert [one.text for one in items_of(text)][1:] == [line.strip('"') for line in text.split("\n")[1:]]


def test_quotes_mean_nothing_in_what_is_a_list_already() -> None:
    assert _right(['"A=1"', '"', "a"]) == ['"A=1"', '"', "a"]


@given(given=st.text() | st.lists(_PIECES).map("".join) | st.lists(st.text() | st.lists(_PIECES).map("".join)))
@example("a\u2028b\x85c\vd\fe\x1cf")
@example("a\r")
@example(["a\nb"])
def test_rule_4_no_item_has_the_end_of_a_line_whatever_the_text(given: str | list[str]) -> None:
    items = list(items_of(given))

    quoted = isinstance(given, str) and '"' in given
    ends = _LINE_ENDS if not quoted else re.compile(_LINE_ENDS.pattern.replace("\n", ""))
    assert not [item for item in items if not item.wrong and ends.search(item.text)]
    # And nothing else makes two of one.
    most = given.count("\n") + 1 if isinstance(given, str) else len(given)
    assert len(items) == most or (quoted and len(items) < most)


@given(text=st.text(st.characters(exclude_categories=["Cc"], exclude_characters='" ') | st.just("\t"), min_size=1))
def test_rule_4_every_other_character_is_one_like_others(text: str) -> None:
    assert _right(f"x{text}x") == [f"x{text}x"]


_LISTS = [name for name, one in TABLE.items() if one.shape in {Shape.LINES, Shape.PAIRS, Shape.VALUES}]


@pytest.mark.parametrize("name", _LISTS)
def test_rule_4_a_control_character_is_an_error_in_every_list(workspace: Path, name: str) -> None:
    others = {"manifest": "deploy.yaml", "function-name": ""} if name in {"only", "vars"} else {}
    (workspace / "deploy.yaml").write_text("version: 1\nimages: {orders: {promote-from: f}}\n")
    for control in _CONTROLS:
        problems = problems_of(workspace, {**others, name: f"a=b\nc=d{control}e=f"})

        told = [problem for problem in problems if problem.startswith(f"'{name}' is a list")]
        assert told == [f"'{name}' is a list, and line 2 has the control character U+{ord(control):04X}."]


@pytest.mark.parametrize("control", ["\\0", "\\n", "\\r\\n", "\\x85", "\\e"])
@pytest.mark.parametrize("name", ["tags", "alarms", "set", "build-args", "labels", "secrets", "build-contexts"])
def test_rule_4_a_list_of_a_manifest_is_no_other(workspace: Path, name: str, control: str) -> None:
    (workspace / "deploy.yaml").write_text(
        f'version: 1\nimages: {{orders: {{{name}: ["a=b", "c=d{control}e=f"], functions: [f]}}}}\n'
    )
    problems = problems_of(workspace, {"manifest": "deploy.yaml", "function-name": ""})

    assert [one for one in problems if f"'{name}' is a list, and item 2 has the control character U+00" in one]


@pytest.mark.parametrize("separator", ["\u2028", "\u2029"])
@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("target: a # b{}target: c", "target", "a"),
        ("target: 'a{}b'", "target", "a{}b"),
        ('target: "a{}b"', "target", "a{}b"),
        ("target: a{}b", "target", "a{}b"),
        ("target: >-\n      a{}b", "target", "a{}b"),
        ("tags: |\n      a{}b\n      c", "tags", "a{}b\nc\n"),
    ],
)
def test_rule_4_a_line_of_a_manifest_ends_at_a_line_feed_too(line: str, name: str, value: str, separator: str) -> None:
    problems = list[Problem]()
    text = f"version: 1\nimages:\n  orders:\n    {line.format(separator)}\n    sbom: 'true'\n"
    (image,) = read_manifest(text, file="deploy.yaml", variables={}, problems=problems)

    assert not problems
    assert (image.settings.given[name], image.settings.given["sbom"]) == (value.format(separator), "true")
    assert image.settings.places["sbom"].line == text[: text.index("sbom")].count("\n") + 1


def test_a_branch_with_a_separator_in_its_name_is_one_argument(workspace: Path) -> None:
    build = parse_build(workspace, {"build-args": "BRANCH=a\u2028TARGET=evil\nB=1", "labels": "ref=a\u2029b=c"})

    assert build.build_args == {"BRANCH": "a\u2028TARGET=evil", "B": "1"}
    assert build.labels == {"ref": "a\u2029b=c"}


def test_a_branch_with_a_line_of_its_own_in_its_name_is_refused(workspace: Path) -> None:
    (problem,) = problems_of(workspace, {"build-args": "BRANCH=a\x85ACTIONS_RUNTIME_TOKEN"})

    assert problem == "'build-args' is a list, and line 1 has the control character U+0085."


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"build-args": "A=1\nB=2\nA=1"}, "'build-args' has the key 'A' twice."),
        ({"build-args": "A=1\nA"}, "'build-args' has the key 'A' twice."),
        ({"labels": "A=1\n A = 2"}, "'labels' has the key 'A' twice."),
        ({"build-contexts": "a=services\na=docker"}, "'build-contexts' has the key 'a' twice."),
        ({"secrets": "a=1\na=1"}, "'secrets' has the id 'a' twice."),
        ({"set": "shm-size=1m\nshm-size+=2m"}, "'set' has shm-size twice."),
        ({"set": "shm-size=1m\nshm-size=1m"}, "'set' has shm-size twice."),
        ({"set": "extra-hosts.db=10.0.0.1\nextra-hosts.db=10.0.0.2"}, "'set' has extra-hosts.db twice."),
    ],
)
def test_rule_4_a_key_is_given_once(workspace: Path, given: dict[str, str], problem: str) -> None:
    assert problems_of(workspace, given) == (problem,)


@pytest.mark.parametrize("form", ["[A=1, A=2]", "|\n      A=1\n      A=2", '{A: "1", A: "2"}'])
def test_rule_4_a_key_is_given_once_in_a_manifest(workspace: Path, form: str) -> None:
    (workspace / "deploy.yaml").write_text(
        f"version: 1\nimages:\n  orders:\n    build-args: {form}\n    functions: [f]\n"
    )
    (problem,) = problems_of(workspace, {"manifest": "deploy.yaml", "function-name": ""})

    assert "twice" in problem or "is in line 4 already" in problem


def test_rule_4_a_variable_is_given_once(workspace: Path) -> None:
    (workspace / "deploy.yaml").write_text("version: 1\nimages: {orders: {promote-from: f, functions: [f]}}\n")

    with pytest.raises(InputError, match="'vars' has the key 'stage' twice"):
        parse_inputs(
            {"manifest": "deploy.yaml", "vars": "stage=dev\nstage=prod"},
            {"GITHUB_WORKSPACE": str(workspace), "AWS_REGION": "eu-west-1"},
        )


def test_a_quoted_item_is_what_it_quotes(workspace: Path) -> None:
    """As in docker/build-push-action, whose inputs are moved here as they are."""
    given = {"build-args": '"A=""x"", y"\nB="z"', "tags": '"v1"'}

    assert parse_build(workspace, given).build_args == {"A": '"x", y', "B": '"z"'}
    assert parse(workspace, given).images[0].tags == ("v1",)


def test_a_value_of_a_mapping_may_span_lines(workspace: Path) -> None:
    (workspace / "deploy.yaml").write_text(
        "version: 1\nimages:\n  orders:\n    functions: [f]\n    build-args:\n      NOTES: |\n        a\n        b\n"
    )
    runner = {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": 40 * "c", "AWS_REGION": "eu-west-1"}
    (image,) = parse_inputs({"manifest": "deploy.yaml"}, runner).images

    assert getattr(image.source, "build_args", None) == {"NOTES": "a\nb\n"}


@pytest.mark.parametrize("name", ["build-args", "labels"])
def test_a_quoted_item_may_span_lines_where_its_value_may(workspace: Path, name: str) -> None:
    build = parse_build(workspace, {name: 'A=1\n"NOTE=line one\r\n  ""two"" = 2\n"\n"B=3"'})

    assert getattr(build, name.replace("-", "_")) == {"A": "1", "NOTE": 'line one\n  "two" = 2', "B": "3"}


@pytest.mark.parametrize("name", sorted({*_LISTS} - {"build-args", "labels"}))
def test_no_other_item_spans_lines(workspace: Path, name: str) -> None:
    others = {"manifest": "deploy.yaml", "function-name": ""} if name in {"only", "vars"} else {}
    (workspace / "deploy.yaml").write_text("version: 1\nimages: {orders: {promote-from: f}}\n")
    problems = problems_of(workspace, {**others, name: 'a=b\n"c=d\ne=f"'})

    assert f"'{name}' is a list, and line 2 has the control character U+000A." in problems


@pytest.mark.parametrize("name", ["build-args", "labels", "build-contexts"])
@pytest.mark.parametrize("entry", ['A"B=1', "'A=1'", 'A="1"\nA"="2"'])
def test_a_key_has_no_quote(workspace: Path, name: str, entry: str) -> None:
    told = [one for one in problems_of(workspace, {name: entry}) if one.startswith(f"'{name}' has a quote in a key")]

    assert told
    assert '"KEY=VALUE"' in told[0]


def test_lists_of_a_build_are_read_alike(workspace: Path) -> None:
    (workspace / "shared").mkdir()
    given = {
        "build-args": '"RELEASE=2024.1"',
        "labels": '"team=""orders"", EU"',
        "cache-from": '"type=registry,ref=example.com/cache"',
        "build-contexts": '"shared=shared"',
    }
    build = parse_build(workspace, given)

    assert build.build_args == {"RELEASE": "2024.1"}
    assert build.labels == {"team": '"orders", EU'}
    assert build.cache.imports == ("type=registry,ref=example.com/cache",)
    assert build.build_contexts == {"shared": str(workspace / "shared")}
