"""A manifest's YAML -> a tree that knows where everything stands."""

import re

import yaml

from ecr_lambda_deploy.inputs.manifest.nodes import Node
from ecr_lambda_deploy.inputs.manifest.tree import Tree, UnreadableError, place_of
from ecr_lambda_deploy.inputs.problems import Place, Problem, note

MOST_BYTES = 1024 * 1024
"""What is longer is no manifest."""

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

# All but YAML's printable characters [YAML 1.1, 5.1], and among those the byte order mark and the two that stand for
# braces below.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010fffd]")
# Within {…} and […] YAML takes the braces of a plain ${KEY} for a mapping's, and refuses them. It never takes a brace
# right after a dollar there, so all of these are hidden from it.
_REFERENCE = re.compile(r"\$\{[^{}\[\],\s\"']*\}")
_HIDDEN = str.maketrans("{}", "\U0010fffe\U0010ffff")
_SHOWN = {0x10FFFE: "{", 0x10FFFF: "}"}


def read_yaml(content: bytes | str, *, file: str, problems: list[Problem]) -> Node | None:
    """Read a document of YAML.

    Args:
        content: of the file.
        file: its path, for places.
        problems: where what is wrong with it is collected.

    Returns:
        its tree; None for what cannot be read at all, which is then the one problem with it.

    Raises:
        TooManyProblemsError: there are more problems than anybody would read.
    """
    before = len(problems)
    try:
        text = _decoded(content, file)
        hidden = _REFERENCE.sub(lambda found: found[0].translate(_HIDDEN), text)
        try:
            return Tree(file, _SHOWN, problems).build(yaml.parse(hidden, Loader=_LOADER))
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # the latter for escapes of no character
            raise _not_yaml(error, text, file) from None
    except UnreadableError as error:
        del problems[before:]
        note(problems, error.place, error.text)
    return None


def _not_yaml(error: Exception, text: str, file: str) -> UnreadableError:
    """Return what is wrong, in the parser's own words."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return UnreadableError(f"This is not YAML: {error}.", place_of(None, file))
    place = place_of(error.problem_mark or error.context_mark, file)
    lines = text.splitlines()
    if place.line <= len(lines) and re.match(" *\t", lines[place.line - 1]):
        return UnreadableError("This line is indented with a tab, which YAML does not take: use spaces.", place)
    begin = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    context = f"{error.context}{begin}: " if error.context else ""
    return UnreadableError(f"This is not YAML: {context}{error.problem}.".translate(_SHOWN), place)


def _decoded(content: bytes | str, file: str) -> str:
    """Return the text of a file.

    Raises:
        UnreadableError: it is too long, is not UTF-8, or holds what no text holds.
    """
    if len(content) > MOST_BYTES:
        text = "The manifest is longer than 1 MiB: it is to name images and functions, and to hold no data."
        raise UnreadableError(text, _place_after("", file))
    try:
        text = content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError as error:
        place = _place_after(error.object[: error.start].decode(), file)
        byte = f"0x{error.object[error.start]:02x}"
        raise UnreadableError(f"The byte {byte} is not UTF-8: save the file as UTF-8.", place) from None
    text = text.removeprefix("\ufeff")
    if found := _UNPRINTABLE.search(text):
        place = _place_after(text[: found.start()], file)
        raise UnreadableError(f"YAML does not take the character U+{ord(found[0]):04X}: remove it.", place)
    return text


def _place_after(text: str, file: str) -> Place:
    """Return where the file goes on after a text that it begins with."""
    lines = f"{text}.".splitlines()
    return Place(file=file, line=len(lines), column=len(lines[-1]))
