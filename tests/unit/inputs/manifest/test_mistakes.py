"""What can be wrong in a manifest: each mistake is told with its place and what would be right."""

import time
from collections.abc import Sequence
from contextlib import suppress
from operator import attrgetter

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.inputs.manifest.manifest import read_manifest
from ecr_lambda_deploy.inputs.manifest.tree import MOST_BYTES
from ecr_lambda_deploy.inputs.problems import Problem, TooManyProblemsError
from ecr_lambda_deploy.inputs.settings import ImageEntry


def _read(content: bytes | str) -> tuple[tuple[ImageEntry, ...], list[Problem]]:
    problems: list[Problem] = []
    entries: tuple[ImageEntry, ...] = ()
    with suppress(TooManyProblemsError):
        entries = read_manifest(
            content, file="deploy.yaml", variables={"stage": "dev", "region": "x"}, problems=problems
        )
    return entries, sorted(problems, key=attrgetter("place"))


def _places(problems: Sequence[Problem]) -> list[tuple[int, int]]:
    return [(problem.place.line, problem.place.column) for problem in problems if problem.place]


# Each makes everything else meaningless, and is the one problem.
_UNREADABLE: list[tuple[str, bytes | str, tuple[int, int], str]] = [
    ("a list that does not end", "version: 1\nimages: [a\n", (3, 1), "did not find expected ',' or ']'"),
    ("two colons", "version: 1\nimages: a: b\n", (2, 10), "mapping values are not allowed"),
    ("a list within a mapping", "version: 1\n- a\n", (2, 1), "that begins in line 1: did not find expected key"),
    ("a quote that does not end", "version: 1\nimages: 'a\n", (3, 1), "unexpected end of stream"),
    ("an escape that there is not", 'version: 1\nimages: "\\q"\n', (2, 10), "unknown escape character"),
    ("a tab", "version: 1\nimages:\n\ta: {}\n", (3, 1), "tab, which YAML does not allow: use spaces"),
    ("a tab after a value", "version: 1\nimages:\n  a: b\n\tc: {}\n", (4, 1), "indented with a tab"),
    ("a byte of Latin-1", "version: 1\nimages: {gr\xfc: {}}\n".encode("latin-1"), (2, 12), "0xfc is not UTF-8"),
    ("UTF-16", "version: 1\n".encode("utf-16"), (1, 1), "save the file as UTF-8"),
    ("a control character", "version: 1\nimages: {a\x07: {}}\n", (2, 11), "U+0007: remove it"),
    ("a line that ends in YAML alone", "version: 1\nimages: {} # a\x85b: 1\n", (2, 15), "U+0085: remove it"),
    ("a line that ends in a return", "version: 1\r\nimages: {} # a\rb: 1\n", (2, 15), "U+000D: remove it"),
    ("half a character", "version: 1 # \ud800\n", (1, 14), "U+D800"),
    ("two documents", "version: 1\n---\nversion: 1\n", (2, 1), "a manifest is a single document"),
    ("an alias of nothing", "version: 1\nimages: *all\n", (2, 9), "nothing before it has the anchor &all"),
    ("an alias of itself", "version: 1\nimages: &all [*all]\n", (2, 15), "has no end: write it out"),
    ("another YAML", "%YAML 3.0\n---\nversion: 1\n", (1, 1), "incompatible YAML document"),
    ("too long a file", "#" * (MOST_BYTES + 1), (1, 1), "longer than 1 MiB"),
    ("too long a file of bytes", b"#" * (MOST_BYTES + 1), (1, 1), "longer than 1 MiB"),
    ("nothing", "", (1, 1), "it is empty"),
    ("no more than a comment", "# version: 1\n", (1, 1), "with 'version' and 'images'; it is empty"),
    ("a list", "- a\n", (1, 1), "this is a list"),
    ("a text", "manifest\n", (1, 1), "this is a single value"),
]


@pytest.mark.parametrize(
    ("content", "place", "words"), [row[1:] for row in _UNREADABLE], ids=[m[0] for m in _UNREADABLE]
)
def test_what_cannot_be_read_is_the_one_problem(content: bytes | str, place: tuple[int, int], words: str) -> None:
    entries, problems = _read(content)

    assert entries == ()
    assert _places(problems) == [place]
    assert words in problems[0].text


_MISTAKES: list[tuple[str, str, tuple[int, int], str]] = [
    # The top of the file.
    ("no version", "images: {a: {}}\n", (1, 1), "add 'version: 1'"),
    ("another version", "version: 2\nimages: {a: {}}\n", (1, 1), "write 'version: 1'"),
    ("a version that is a list", "version: [1]\nimages: {a: {}}\n", (1, 1), "write 'version: 1'"),
    ("no images", "version: 1\n", (1, 1), "'images' is missing: it maps the name of each image"),
    ("empty images", "version: 1\nimages: {}\n", (2, 1), "'images' is an empty mapping"),
    ("images that are nothing", "version: 1\nimages:\n", (2, 1), "'images' is nothing: it maps the name"),
    ("images that are a list", "version: 1\nimages: [a]\n", (2, 1), "'images' is a list: it maps the name"),
    ("a key like another", "version: 1\nimages: {a: {}}\ndefault: {}\n", (3, 1), "did you mean 'defaults'?"),
    ("a key like none", "version: 1\nimages: {a: {}}\nx: {}\n", (3, 1), "there are version, defaults, images"),
    ("functions at the top", "version: 1\nimages: {a: {}}\nfunctions: [f]\n", (3, 1), "to an image."),
    ("a setting at the top", "version: 1\nimages: {a: {}}\ntags: [v1]\n", (3, 1), "to an image or 'defaults'."),
    ("an input at the top", "version: 1\nimages: {a: {}}\nmode: plan\n", (3, 1), "as an input of the action"),
    # Defaults.
    ("defaults that are a list", "version: 1\ndefaults: [a]\nimages: {a: {}}\n", (2, 11), "not a list"),
    ("functions in defaults", "version: 1\ndefaults: {functions: [f]}\nimages: {a: {}}\n", (2, 12), "to an image."),
    ("an image's URI in defaults", "version: 1\ndefaults: {image-uri: a}\nimages: {a: {}}\n", (2, 12), "to an image."),
    ("a source in defaults", "version: 1\ndefaults: {promote-from: a}\nimages: {a: {}}\n", (2, 12), "to an image."),
    ("a wrong default", "version: 1\ndefaults: {publish: on}\nimages: {a: {}, b: {}}\n", (2, 21), "not 'on'"),
    ("a prefix as a list", "version: 1\ndefaults: {repository-prefix: [a]}\nimages: {a: {}}\n", (2, 31), "a text"),
]  # fmt: skip

# Mistakes of an image whose settings begin in line 4, column 5.
_MISTAKES_OF_IMAGES: list[tuple[str, str, tuple[int, int], str]] = [
    ("a key in snake case", "smoke_event: {}", (4, 5), "is not a key of an image: did you mean 'smoke-event'?"),
    ("a key in camel case", "buildArgs: {}", (4, 5), "did you mean 'build-args'?"),
    ("a key like none", "colour: red", (4, 5), "names of the action's inputs"),
    ("a key of the file", "version: 1", (4, 5), "it belongs at the top of the file"),
    ("a name", "name: orders", (4, 5), "an image's name is its key in 'images'"),
    ("a prefix", "repository-prefix: shop/", (4, 5), "it belongs to 'defaults', and an image has 'repository'"),
    ("the Region", "aws-region: eu-west-1", (4, 5), "give it as an input of the action"),
    ("the role", "role-to-assume: arn", (4, 5), "give it as an input of the action"),
    ("functions by the input's name", "function-name: f", (4, 5), "an image has 'functions', a list"),
    ("a key twice", "target: a\ncontext: a\ntarget: b", (6, 5), "'target' is in line 4 already"),
    ("a number as a key", "build-args: {5: a}", (4, 18), "The key '5' is a number to YAML: put it in quotes"),
    ("a truth as a key", "build-args: {on: a}", (4, 18), "is true or false to YAML: put it in quotes"),
    ("a date as a key", "smoke-event: {2026-01-02: a}", (4, 19), "is a date to YAML"),
    ("nothing as a key", "labels: {~: a}", (4, 14), "is null to YAML"),
    ("a list as a key", "labels: {[a]: b}", (4, 14), "A key is a text, not a list"),
    ("a variable in a key", "labels: {a-${stage}: b}", (4, 14), "in values only: write it out"),
    ("a merge", "<<: {target: a}", (4, 5), "goes into 'defaults'"),
    ("a tag", "target: !Ref a", (4, 13), "The tag '!Ref' is not supported"),
    ("a tag that Python would run", "target: !!python/name:os.system a", (4, 13), "'!!python/name:os.system'"),
    ("a tag of a number", "wait-timeout: !!int '5'", (4, 19), "'!!int' is not supported: write the value without it"),
    ("a text that is a list", "context: [a]", (4, 14), "'context' is a text, not a list"),
    ("a text that is a mapping", "alias: {a: b}", (4, 12), "'alias' is a text, not a mapping"),
    ("yes", "publish: yes", (4, 14), "'publish' is true or false, not 'yes'"),
    ("a flag that is a number", "pull: 1", (4, 11), "'pull' is true or false, not '1'"),
    ("a flag that is a list", "pull: []", (4, 11), "'pull' is a text, not a list"),
    ("minutes", "wait-timeout: 10m", (4, 19), "a whole number of seconds, not '10m'"),
    ("half a second", "wait-timeout: 0.5", (4, 19), "a whole number of seconds, not '0.5'"),
    ("a choice that there is not", "cache: s3", (4, 12), "'cache' is one of auto, gha, off, not 's3'"),
    ("an architecture", "platform: arm64", (4, 15), "one of linux/amd64, linux/arm64, not 'arm64'"),
    ("lines that are a mapping", "tags: {a: b}", (4, 11), "a list, or a text with one per line, not a mapping"),
    ("an item that is a list", "tags: [v1, [a]]", (4, 16), "this item is a list"),
    ("an item that is nothing", "tags:\n  - v1\n  -", (6, 8), "this item is nothing"),
    ("an item that is a pair", "build-args:\n  - A: b", (5, 9), "this item is a mapping"),
    ("a pair that is a list", "build-args: {A: [b]}", (4, 21), "that of 'A' is a list"),
    ("a date", "smoke-event: {a: 2026-01-02}", (4, 22), "a date here, which JSON does not have: put it in quotes"),
    ("a number that JSON has not", "smoke-expect: [.nan]", (4, 20), "a number here that JSON does not have"),
    ("a number without digits", "smoke-expect: 0x_", (4, 19), "a number here that JSON does not have"),
    ("a number without end", f"smoke-expect: {'9' * 5000}", (4, 19), "a number here that JSON does not have"),
    ("parameters that are a list", "create-function: [a]", (4, 22), "'create-function' is a mapping, not a list"),
    ("a date among parameters", "create-function: {a: 2026-01-02}", (4, 26), "'create-function' holds a date"),
    ("a variable like another", "target: a-${stag}", (4, 13), "${stag} is not defined: did you mean ${stage}?"),
    ("a variable like none", "target: ${X}", (4, 13), "give it in the input 'vars', as a line X=VALUE"),
    ("a variable in JSON", "smoke-event: {a: [1, '${X}']}", (4, 26), "${X} is not defined"),
    ("a variable in parameters", "create-function: {Role: $${a}-${X}}", (4, 29), "${X} is not defined"),
    ("a variable in a pair", "build-args: {A: '${X}'}", (4, 21), "${X} is not defined"),
    ("a variable that does not end", "target: a${stage", (4, 13), "Write '$${' for a literal '${'"),
    ("a variable with a default", "target: ${stage:-dev}", (4, 13), "'${' does not begin a ${KEY} here"),
    ("a variable without a name", "target: ${}", (4, 13), "a KEY has letters, digits and _"),
    ("functions that are a text", "functions: f", (4, 16), "'functions' is a list of names"),
    ("a function that is nothing", "functions:\n  - f\n  -", (6, 8), "a mapping with a 'name', not nothing"),
    ("a function that is a list", "functions: [[f]]", (4, 17), "a mapping with a 'name', not a list"),
    ("a function without a name", "functions: [{alias: live}]", (4, 17), "no 'name'"),
    ("a function whose name is null", "functions: [{name: }]", (4, 24), "not nothing"),
    ("a context in a function", "functions: [{name: f, context: a}]", (4, 27), "to an image or 'defaults'."),
    ("a repository in a function", "functions: [{name: f, repository: a}]", (4, 27), "to an image or 'defaults'."),
    ("an input in a function", "functions: [{name: f, aws-region: a}]", (4, 27), "as an input of the action"),
    ("a key like another in a function", "functions: [{name: f, traffics: a}]", (4, 27), "did you mean 'traffic'?"),
    ("a key like none in a function", "functions: [{name: f, x: a}]", (4, 27), "there are name, publish, alias"),
    ("a wrong value in a function", "functions: [{name: f, on-failure: stop}]", (4, 39), "revert, keep, not 'stop'"),
    ("a function twice", "functions:\n  - f\n  - g\n  - f", (7, 9), "in line 5 already, for the image orders"),
    ("a function twice, by ARN", "functions: [f, 'arn:aws:lambda:r:1:function:f']", (4, 20), "in line 4 already"),
    ("a function twice, by a variable", "functions: [dev, '${stage}']", (4, 22), "'dev' is in line 4 already"),
    ("a variable in a function's name", "functions: [f-${X}]", (4, 17), "${X} is not defined"),
]  # fmt: skip


def _of_image(lines: str) -> str:
    return "version: 1\nimages:\n  orders:\n" + "".join(f"    {line}\n" for line in lines.splitlines())


_ALL = [*_MISTAKES, *((name, _of_image(lines), place, words) for name, lines, place, words in _MISTAKES_OF_IMAGES)]


@pytest.mark.parametrize(("content", "place", "words"), [row[1:] for row in _ALL], ids=[row[0] for row in _ALL])
def test_a_mistake_is_told_once_with_its_place(content: str, place: tuple[int, int], words: str) -> None:
    _, problems = _read(content)

    assert _places(problems) == [place]
    assert words in problems[0].text


@pytest.mark.parametrize("name", ["-orders", "a b", "'a/b'", "ü", "''", "a" * 129])
def test_names_that_no_image_has(name: str) -> None:
    _, problems = _read(f"version: 1\nimages:\n  {name}: {{}}\n")

    assert _places(problems) == [(3, 3)]
    assert "An image's name is letters, digits and ._-" in problems[0].text


@pytest.mark.parametrize("value", ["", "text", "[a]"])
def test_an_image_is_a_mapping(value: str) -> None:
    entries, problems = _read(f"version: 1\nimages:\n  a: {value}\n  b: {{}}\n")

    assert [entry.name for entry in entries] == ["b"]
    assert _places(problems) == [(3, 3)]
    assert "An image is a mapping, such as {context: services/orders, functions: [orders]}" in problems[0].text


def test_a_function_of_two_images_is_told_with_both() -> None:
    _, problems = _read("version: 1\nimages:\n  a: {functions: [f]}\n  b: {functions: [f]}\n")

    assert _places(problems) == [(4, 19)]
    assert "'f' is in line 3 already, for the image a: a function runs one image" in problems[0].text


def test_an_image_twice_is_told_with_both_lines() -> None:
    _, problems = _read("version: 1\nimages:\n  a: {}\n  b: {}\n  a: {}\n")

    assert [str(problem) for problem in problems] == [
        "deploy.yaml:5:3: 'a' is in line 3 already: remove one of the two."
    ]


def test_what_an_alias_repeats_is_told_once() -> None:
    _, problems = _read("version: 1\nimages:\n  a: {build-args: &x {A: [b]}}\n  b: {build-args: *x}\n")

    assert _places(problems) == [(3, 26)]


def test_what_is_wrong_with_a_text_is_told_at_its_alias() -> None:
    _, problems = _read(_of_image("target: &x live\npublish: *x"))

    assert _places(problems) == [(5, 14)]


def test_an_alias_of_functions_names_them_twice() -> None:
    _, problems = _read("version: 1\nimages:\n  a: {functions: &f [x, y]}\n  b: {functions: *f}\n")

    assert _places(problems) == [(3, 22), (3, 25)]


def test_ten_mistakes_are_told_at_once() -> None:
    content = """\
version: 3
defaults:
  functions: [x]
images:
  a b: {}
  orders:
    contxt: services/orders
    publish: maybe
    build-args: { LEVEL: [info] }
    functions:
      - orders-${stag}
      - { name: orders, aws-region: eu-west-1 }
  thumbnails:
    image-uri: [registry.example/thumbnails:v1]
    functions: [orders]
"""
    entries, problems = _read(content)

    places = [(1, 1), (3, 3), (5, 3), (7, 5), (8, 14), (9, 26), (11, 9), (12, 25), (14, 16), (15, 17)]
    assert _places(problems) == places
    assert [entry.name for entry in entries] == ["a b", "orders", "thumbnails"]


def test_what_is_right_is_used_beside_what_is_wrong() -> None:
    entries, problems = _read(_of_image("context: [a]\ntarget: api\nfunctions: [f, [g], h]"))

    assert len(problems) == 2
    assert entries[0].settings.given == {"target": "api", "repository": "orders"}
    assert [function.name for function in entries[0].functions] == ["f", "h"]


def test_problems_that_were_there_before_stay() -> None:
    problems = [Problem(text="'mode' is wrong.")]
    read_manifest("images: [", file="deploy.yaml", variables={}, problems=problems)

    assert [problem.place is None for problem in problems] == [True, False]


def test_secrets_are_not_told() -> None:
    _, problems = _read(
        _of_image("secrets: {token: [hidden]}\nsmoke-event: {auths: [2026-01-02, .inf]}\nset: [[hidden]]")
    )

    assert len(problems) == 4
    assert not [problem for problem in problems if "hidden" in problem.text or "2026" in problem.text]


_LAUGHS = "version: 1\nx0: &x0 [a, a, a, a, a, a, a, a, a]\n" + "".join(
    f"x{number}: &x{number} [{', '.join([f'*x{number - 1}'] * 9)}]\n" for number in range(1, 30)
)
_BOMBS = {
    "brackets": "[" * 100_000,
    "braces": "{a: " * 100_000,
    "dashes": "- " * 100_000,
    "questions": "? " * 100_000,
    "braces in an image": _of_image(f"smoke-event: {'{a: ' * 100_000}"),
    "laughs": _LAUGHS,
    "long texts, repeated": f"x: &x {'a' * 500_000}\ny: [{'*x, ' * 1000}]\n",
    "depth by aliases": "x0: &x0 [a]\n" + "".join(f"x{i}: &x{i} [*x{i - 1}]\n" for i in range(1, 99)),
    "many values": f"[{'a,' * 500_000}]",
    "many unknown keys": _of_image("".join(f"contex-{number}: a\n" for number in range(30_000))),
    "many wrong values": _of_image("smoke-event: [" + ".nan," * 60_000 + "]"),
    "one function, many times": _of_image(f"functions: [{'f,' * 60_000}]"),
    "many variables": _of_image("alias: " + "${stag}" * 100_000),
    "many different variables": _of_image("alias: " + "".join(f"${{stag{number}}}" for number in range(60_000))),
    "a long number": _of_image("smoke-event: " + "1:" * 400_000 + "1"),
    "quotes": "'" * 1_000_000,
    "tabs": "\t" * 1_000_000,
    "anchors": "&a " * 300_000,
    "open variables": "a: " + "${" * 500_000,
}  # fmt: skip


@pytest.mark.parametrize("content", _BOMBS.values(), ids=_BOMBS)
def test_nothing_takes_long(content: str) -> None:
    begin = time.process_time()
    _, problems = _read(content)

    assert time.process_time() - begin < 5
    assert 0 < len(problems) <= 101


_MANY = 20_000
_IMAGES = "images:\n" + "".join(f"  a{number}: {{}}\n" for number in range(_MANY))
_INHERITED = {
    "arguments": f"defaults: {{build-args: {{{', '.join(f'a{number}: x' for number in range(_MANY))}}}}}\n{_IMAGES}",
    "a prefix": f"defaults: {{repository-prefix: {'a' * 500_000}}}\n{_IMAGES}",
    "an event of functions": f"defaults: {{smoke-event: '[{'1,' * 200_000}1]'}}\n"
    f"images: {{a: {{functions: [{', '.join(f'f{number}' for number in range(_MANY))}]}}}}\n",
}


@pytest.mark.parametrize("content", _INHERITED.values(), ids=_INHERITED)
def test_what_images_and_functions_inherit_has_a_bound(content: str) -> None:
    entries, problems = _read(f"version: 1\n{content}")

    assert entries == ()
    assert [problem.text for problem in problems] == [
        "Here the manifest becomes too large, with all that its images and functions inherit."
    ]


def test_many_images_and_functions_inherit_what_is_short() -> None:
    defaults = "defaults: {alias: live, build-args: {A: b}, smoke-event: {a: 1}, repository-prefix: shop/}\n"

    entries, problems = _read(f"version: 1\n{defaults}{_IMAGES}")

    assert not problems
    assert len(entries) == _MANY


@pytest.mark.parametrize("name", ["publish", "wait-timeout", "platform"])
def test_a_mistake_shows_a_variable_and_not_the_beginning_of_its_value(name: str) -> None:
    problems: list[Problem] = []
    content = f"version: 1\nimages:\n  a:\n    {name}: ${{TOKEN}}\n"

    read_manifest(content, file="deploy.yaml", variables={"TOKEN": 80 * "s"}, problems=problems)

    assert len(problems) == 1
    assert problems[0].text.endswith("not '${TOKEN}'.")


def test_what_variables_stand_for_has_a_bound() -> None:
    problems: list[Problem] = []
    content = f"version: 1\nimages:\n  a:\n    tags: [{'$X,' * 50_000}]\n".replace("$X", "${X}")

    with suppress(TooManyProblemsError):
        read_manifest(content, file="deploy.yaml", variables={"X": 100_000 * "x"}, problems=problems)

    assert "Here the manifest becomes too large, with all that its ${KEY} stand for." in problems[0].text
    assert problems[0].place is not None
    assert problems[0].place.line == 4


def test_more_problems_than_anybody_reads_are_not_all_told() -> None:
    _, problems = _read(_of_image("".join(f"x{number}: a\n" for number in range(500))))

    assert len(problems) == 101
    assert "There may be more" in problems[-1].text


_PIECES = [
    "version: 1\n", "defaults:", "images:", "  orders:", "    context: a", "    functions:", "      - f", "\n", "{",
    "}", "[", "]", ",", ": ", "- ", "&a ", "*a", "!!int ", "!x ", "<<: *a", "'", '"', "${stage}", "${x", "$${y}", "|\n",
    "? ", "alias: null", "publish: yes", "wait-timeout: 5", "tags: [v1]", "build-args: {A: b}", "smoke-event: {a: 1}",
    "---\n", "create-function: {a: 1.5}", "2026-01-02", ".nan", "0x_", "\t", "\x00", "\x85", "\u2028", "\ufeff",
    "\\x41", "%YAML 1.1\n", "\U0010fffe", "\ud800", '"\\ud800"', '"\\Uffffffff"', "1:" * 200 + "1",
    "%YAML 1." + 5000 * "9" + "\n--- ",
]  # fmt: skip
_TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(_PIECES) | st.text(max_size=3), max_size=25).map("".join)


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader], ids=["Python", "C"])
def test_any_text_is_a_manifest_or_has_problems_with_places(
    loader: type[yaml.SafeLoader | yaml.CSafeLoader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecr_lambda_deploy.inputs.manifest.tree._LOADER", loader)

    @given(
        content=_TEXTS | _TEXTS.map(_of_image) | _TEXTS.map(lambda text: text.encode(errors="replace")) | st.binary()
    )
    @example(content="%YAML 1." + 5000 * "9" + "\n--- a")
    @example(content='"\\Uffffffff"')
    @example(content=_of_image('alias: "\\ud800"'))
    @settings(deadline=None, max_examples=300)
    def check(content: bytes | str) -> None:
        entries, problems = _read(content)
        assert entries or problems
        assert all(problem.place and problem.place.line > 0 and problem.place.column > 0 for problem in problems)

    check()
