"""The images that a Dockerfile builds from.

The parser is a port of BuildKit's, which knows heredocs, parser directives and continued lines; the package
dockerfile-parse takes the text of a heredoc for instructions.
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from e2b_dockerfile_utils import DockerfileAst, DockerfileInstruction, ShellLex, parse_dockerfile_ast

from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.model.targets import Platform

_FRONTENDS = ("dockerfile", "dockerfile-upstream")
_SYNTAX = re.compile(r"#\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
_BUILDER_PLATFORM = re.compile(r"\$\{?BUILD(PLATFORM|OS|OSVERSION|ARCH|VARIANT)\b")
_REMOTE = re.compile(r".*://|[\w-]+@[\w.-]+:|github\.com/")
_SUBSTITUTION = re.compile(r"\$\{(?:\w+|[^\w}])(?P<operator>[#%/])(?P<pattern>[^}]*)")
_LONGEST = 4096  # characters of a word, of what it stands for, and of a parser directive: of any image's reference


@dataclass(slots=True)
class _Stage:
    """A build stage.

    Attributes:
        images: images that it is based on, copies from or mounts.
        stages: numbers of the stages that it needs.
        unknown: why it has an input that cannot be known; empty if it has none.
    """

    images: list[str] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    unknown: str = ""


def images_of(dockerfile: str, *, target: str, build_args: Mapping[str, str], platform: Platform) -> tuple[str, ...]:
    """Find the images that a build uses, its frontend's included.

    Args:
        dockerfile: its text.
        target: stage to build; empty for the last one.
        build_args: build arguments.
        platform: of the build.

    Returns:
        references as they are written, with arguments filled in, each once.

    Raises:
        UnknownInputError: the result depends on something that has no digest.
    """
    _check_directives(dockerfile)
    try:
        ast = parse_dockerfile_ast(dockerfile)
        needed = list(_StageReader(ast, target, build_args, platform).needed(target))
    except (ValueError, csv.Error, RecursionError) as error:
        raise UnknownInputError(f"the Dockerfile cannot be read: {error}") from error
    images = [image for stage in needed for image in stage.images if image != "scratch"]
    if unknown := next((stage.unknown for stage in needed if stage.unknown), ""):
        raise UnknownInputError(unknown, images)
    return tuple(dict.fromkeys([*_frontends(dockerfile, build_args), *images]))


def _check_directives(dockerfile: str) -> None:
    """Make sure that the parser reads the directives in time: it backtracks where one has many blanks.

    Raises:
        UnknownInputError: one is too long.
    """
    for line in dockerfile.removeprefix("\ufeff").split("\n"):
        if not line.lstrip().startswith("#"):
            break
        if len(line) > _LONGEST:
            raise UnknownInputError(f"a comment before the first instruction is longer than {_LONGEST} characters")


def _frontends(dockerfile: str, build_args: Mapping[str, str]) -> Iterator[str]:
    """Yield the frontend's image, where one is named.

    Versions of BuildKit differ in which comments may stand before `# syntax=`, so each such line counts.

    Raises:
        UnknownInputError: it is not Docker's, so what it reads may not be a Dockerfile.
    """
    found = [build_args["BUILDKIT_SYNTAX"].split()[0]] if build_args.get("BUILDKIT_SYNTAX", "").strip() else []
    for line in dockerfile.removeprefix("\ufeff").split("\n"):
        if not line.startswith("#"):
            break
        if directive := _SYNTAX.match(line):
            found.append(directive[1])
    for image in found:
        folder, _, name = image.partition("@")[0].rpartition("/")
        if not f"/{folder}".endswith("/docker") or name.partition(":")[0] not in _FRONTENDS:
            raise UnknownInputError(f"what the frontend {image} reads cannot be known")
        yield image


class _StageReader:
    """Reads the stages of a Dockerfile.

    Raises:
        ValueError: BuildKit refuses it.
        UnknownInputError: see `images_of`.
    """

    def __init__(self, ast: DockerfileAst, target: str, build_args: Mapping[str, str], platform: Platform) -> None:
        self._escape = ast.escape_token
        self._build_args = build_args
        self._stages: list[_Stage] = []
        self._numbers: dict[str, int] = {}
        last_name = next((name for name in map(_stage_name, reversed(ast.instructions)) if name is not None), "")
        self._arguments = _predefined(platform, target or last_name or "default", build_args)
        for instruction in ast.instructions:
            self._read(instruction)

    def needed(self, target: str) -> Iterator[_Stage]:
        """Yield the stages that a target needs, itself included."""
        waiting, seen = [self._number_of(target)], set[int]()
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                waiting += self._stages[number].stages
                yield self._stages[number]

    def _number_of(self, target: str) -> int:
        if not self._stages:
            raise ValueError("it has no FROM")
        if not target:
            return len(self._stages) - 1
        if target.lower() in self._numbers:
            return self._numbers[target.lower()]
        if target.isdecimal() and int(target) < len(self._stages):  # older versions of BuildKit
            return int(target)
        raise ValueError(f"it has no stage {target!r}")

    def _read(self, instruction: DockerfileInstruction) -> None:
        match instruction.name:
            case "FROM":
                self._read_from(instruction)
            case "ARG" if not self._stages:
                self._read_global_arguments(instruction)
            case _ if not self._stages:
                raise ValueError(f"{instruction.name} stands before the first FROM")
            case "COPY":
                for source in filter(None, _flags(instruction, "from")):
                    self._use(source)
            case "RUN":
                for image in _mounted(_flags(instruction, "mount")):
                    self._use(image)
            case "ADD":
                self._read_add(instruction)
            case "ONBUILD":
                self._stages[-1].unknown = "what ONBUILD triggers take cannot be known"

    def _read_from(self, instruction: DockerfileInstruction) -> None:
        name = _stage_name(instruction)
        base = self._expand(instruction.args[0])
        if not base:
            raise ValueError(f"FROM {instruction.args[0]} names no image")
        stage = _Stage()
        if base in self._numbers:
            stage.stages.append(self._numbers[base])
        else:
            stage.images.append(base)
        self._stages.append(stage)
        if name:
            self._numbers[name] = len(self._stages) - 1

    def _read_global_arguments(self, instruction: DockerfileInstruction) -> None:
        for word in instruction.args:
            name, has_default, default = word.partition("=")
            if name in self._build_args:
                self._arguments[name] = _bounded(self._build_args[name])
            elif has_default:
                self._arguments[name] = self._expand(default)

    def _expand(self, word: str) -> str:
        if _BUILDER_PLATFORM.search(_bounded(word)):
            raise UnknownInputError(f"{word} depends on the builder's own platform")
        _check_substitutions(word)
        return _bounded(ShellLex(self._escape, env=self._arguments, skip_unset_env=False).process_word(word))

    def _use(self, source: str) -> None:
        """Add what a stage copies or mounts from."""
        stage = self._stages[-1]
        if "$" in source:
            raise ValueError(f"`from` takes no variables: {source}")
        number = int(source) if source.isdecimal() else self._numbers.get(source.lower())
        if number is None:
            stage.images.append(source)
        elif number < len(self._stages):
            stage.stages.append(number)
        else:
            raise ValueError(f"there is no stage {source} before this one")

    def _read_add(self, instruction: DockerfileInstruction) -> None:
        if any(_flags(instruction, "checksum")):
            return
        lexer = ShellLex(self._escape)
        for source in map(lexer.process_word, instruction.args[:-1]):
            # A slash before the variable shows that the source is a path, unless the variable brings the second of `://`.
            known, variable, _ = source.partition("$")
            if _REMOTE.match(known) or (variable and ("/" not in known or known.endswith(":/"))):
                self._stages[-1].unknown = f"ADD {source} without --checksum can bring something else each time"


def _bounded(word: str) -> str:
    """Return a word that may be replaced: of words that double each other, a few lines would fill the memory.

    Raises:
        UnknownInputError: it is too long.
    """
    if len(word) > _LONGEST:
        raise UnknownInputError(f"what {word[:40]}… stands for is longer than {_LONGEST} characters")
    return word


def _check_substitutions(word: str) -> None:
    """Make sure that what a word removes or replaces is found in time: the lexer makes a backtracking expression of it.

    Raises:
        UnknownInputError: a pattern has more than the one wildcard that takes linear time, or is not plain to see.
    """
    for operator, pattern in _SUBSTITUTION.findall(word):
        if pattern.count("*") > (operator != "/") or not {"$", "\\", "`"}.isdisjoint(pattern):
            raise UnknownInputError(f"what {word} removes or replaces is not read")


def _stage_name(instruction: DockerfileInstruction) -> str | None:
    """Return the name that FROM gives its stage, empty if it gives none; None for another instruction."""
    if instruction.name != "FROM":
        return None
    match instruction.args:
        case [_]:
            return ""
        case [_, keyword, name] if keyword.lower() == "as":
            return name.lower()
        case _:
            raise ValueError("FROM takes `IMAGE` or `IMAGE AS NAME`")


def _flags(instruction: DockerfileInstruction, name: str) -> list[str]:
    return [flag.partition("=")[2] for flag in instruction.flags if flag.startswith(f"--{name}=")]


def _mounted(mounts: Sequence[str]) -> Iterator[str]:
    """Yield what `RUN --mount=…,from=…` mounts from."""
    for fields in csv.reader(mounts):
        for name, _, value in (item.partition("=") for item in fields):
            if name.lower() == "from" and value:
                yield value


def _predefined(platform: Platform, stage: str, build_args: Mapping[str, str]) -> dict[str, str]:
    """Return the arguments that FROM knows without ARG [Dockerfile reference, automatic platform arguments]."""
    system, _, architecture = platform.partition("/")
    arguments = {
        "TARGETPLATFORM": platform,
        "TARGETOS": system,
        "TARGETARCH": architecture,
        "TARGETVARIANT": "",
        "TARGETOSVERSION": "",
        "TARGETSTAGE": stage,
    }
    return arguments | {name: value for name, value in build_args.items() if name in arguments}
