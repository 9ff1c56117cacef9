"""The stages of a Dockerfile: the images, stages and files that each needs.

The parser is a port of BuildKit's, which knows heredocs, parser directives and continued lines; the package
dockerfile-parse takes the text of a heredoc for instructions.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from e2b_dockerfile_utils import DockerfileAst, DockerfileInstruction, ShellLex, parse_dockerfile_ast

from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.sources import EVERYTHING, Read, copied, mounted
from ecr_lambda_deploy.fingerprint.words import Certain, bounded, expanded, is_short, short
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.targets import Platform

_BUILDER_PLATFORM = re.compile(r"\$\{?BUILD(PLATFORM|OS|OSVERSION|ARCH|VARIANT)\b")
_REMOTE = re.compile(r".*://|[\w-]+@[\w.-]+:|github\.com/")
_MOST_INHERITED = 100_000  # variables
_MOST_TRIGGERS = 1000  # of ONBUILD, in all stages together


@dataclass(slots=True)
class Stage:
    """A build stage.

    Attributes:
        images: images that it is based on, copies from or mounts.
        stages: numbers of the stages that it needs.
        reads: what it reads in the build's own context, and in what may be a named one.
        unknown: why it has an input that cannot be known; empty if it has none.
        base: the image that it starts from; empty for another stage.
        base_stage: number of the stage that it starts from; None for an image.
        platform: that its FROM gives, as it is written; empty for none.
        line: of its FROM.
        is_replaced: whether a named context takes its place, so that its instructions do not run.
        environment: what variables stand for in its next instruction.
        settings: those variables that stages based on it get although they have an argument of that name.
        certain: names of the variables that stand for just that, whatever a base image brings.
    """

    images: list[str] = field(default_factory=list)
    stages: list[int] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    unknown: str = ""
    base: str = ""
    base_stage: int | None = None
    platform: str = ""
    line: int = 0
    is_replaced: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    certain: set[str] = field(default_factory=set)


class StageReader:
    """Reads the stages of a Dockerfile.

    A named context takes the place of a stage of its name, as of an image [BuildKit, dockerfile2llb, namedContext].

    Raises:
        ValueError: BuildKit refuses it.
        UnknownInputError: see `inputs_of`.
    """

    def __init__(
        self,
        ast: DockerfileAst,
        target: str,
        build_args: Mapping[str, str],
        platform: Platform,
        bases: Mapping[str, Sequence[Configuration]],
        named_contexts: Collection[str],
    ) -> None:
        self._escape = ast.escape_token
        self._named_contexts = named_contexts
        self._build_args = build_args
        self._bases = bases
        self._inherited_count = 0
        self._trigger_count = 0
        self._stages: list[Stage] = []
        self._numbers: dict[str, int] = {}
        last_name = next((name for name in map(_stage_name, reversed(ast.instructions)) if name is not None), "")
        self._arguments = _predefined(platform, target or last_name or "default", build_args)
        for instruction in ast.instructions:
            self._read(instruction)

    def needed(self, target: str) -> list[Stage]:
        """Return the stages that a target needs, itself included."""
        waiting, seen = [self._number_of(target)], dict[int, None]()
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen[number] = None
                waiting += self._stages[number].stages
        return [self._stages[number] for number in seen]

    def last(self, target: str) -> Stage:
        """Return the stage that brings the base of a target's image."""
        stage = self._stages[self._number_of(target)]
        while stage.base_stage is not None:
            stage = self._stages[stage.base_stage]
        return stage

    def platform_of(self, stage: Stage, builder_platform: Callable[[], Platform]) -> str:
        """Return the platform that FROM gives; empty if it gives none."""
        if not _BUILDER_PLATFORM.search(stage.platform):
            return self._expand(stage.platform)
        own = _predefined(builder_platform(), "", {})
        of_builder = {name.replace("TARGET", "BUILD"): value for name, value in own.items()}
        given = {name: value for name, value in self._build_args.items() if name in of_builder}
        return expanded(stage.platform, {**self._arguments, **of_builder, **given}, self._escape)

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
            case _ if self._stages[-1].is_replaced:
                pass
            case _:
                self._read_in_stage(instruction)

    def _read_in_stage(self, instruction: DockerfileInstruction) -> None:
        match instruction.name:
            case "COPY":
                for source in filter(None, _flags(instruction, "from")):
                    self._use(source)
                self._stages[-1].reads += copied(instruction, self._certain_value)
            case "RUN":
                for image in _mounted(_flags(instruction, "mount")):
                    self._use(image)
                self._stages[-1].reads += mounted(instruction, self._certain_value)
            case "ADD":
                self._read_add(instruction)
                self._stages[-1].reads += copied(instruction, self._certain_value)
            case "ONBUILD":
                self._stages[-1].unknown = "what ONBUILD triggers take cannot be known"
            case "ARG":
                self._read_arguments(instruction)
            case "ENV":
                self._read_settings(instruction)

    def _read_from(self, instruction: DockerfileInstruction) -> None:
        name = _stage_name(instruction)
        base = self._expand(instruction.args[0])
        if not base:
            raise ValueError(f"FROM {instruction.args[0]} names no image")
        stage = Stage(
            platform=next(iter(_flags(instruction, "platform")), ""),
            line=instruction.start_line,
            is_replaced=bool(name) and name in self._named_contexts,
        )
        self._stages.append(stage)
        if stage.is_replaced and name:
            base = name
        if base in self._numbers and not stage.is_replaced:
            stage.base_stage = self._numbers[base]
            stage.stages.append(stage.base_stage)
            parent = self._stages[stage.base_stage]
            stage.settings = dict(parent.settings)
            stage.environment = self._inherited(parent.environment | parent.settings)
            stage.certain = parent.certain & parent.settings.keys()
        else:
            stage.base = base
            stage.images.append(base)
            stage.reads.append(Read(base, EVERYTHING))
            for configuration in self._bases.get(base, ()):
                self._read_base(stage, configuration)
        if name:
            stage.reads.append(Read(name, EVERYTHING))  # a named context takes the stage's place
            self._numbers[name] = len(self._stages) - 1

    def _read_base(self, stage: Stage, base: Configuration) -> None:
        """Read what a base image brings: its ENV, and its ONBUILD as if it stood after FROM.

        Raises:
            UnknownInputError: these are too many.
        """
        settings = dict(setting.partition("=")[::2] for setting in base.environment)
        stage.certain -= {name for name, value in settings.items() if stage.settings.get(name, value) != value}
        stage.certain |= {name for name, value in settings.items() if name not in stage.settings and is_short(value)}
        stage.settings |= {name: short(value) for name, value in settings.items()}
        stage.environment |= self._inherited(stage.settings)
        self._trigger_count += len(base.triggers)
        if self._trigger_count > _MOST_TRIGGERS:
            raise UnknownInputError(f"its base images have more than {_MOST_TRIGGERS} ONBUILD triggers")
        for trigger in base.triggers:
            for instruction in parse_dockerfile_ast(bounded(trigger)).instructions:
                if instruction.name in {"FROM", "ONBUILD"}:
                    raise ValueError(f"{instruction.name} is no ONBUILD trigger")
                self._read_in_stage(instruction)

    def _inherited(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return variables for one stage more.

        Raises:
            UnknownInputError: there are too many, in all stages together.
        """
        self._inherited_count += len(variables)
        if self._inherited_count > _MOST_INHERITED:
            raise UnknownInputError(f"its stages inherit more than {_MOST_INHERITED} variables")
        return dict(variables)

    def _read_arguments(self, instruction: DockerfileInstruction) -> None:
        """Read ARG in a stage: a build argument, or a default, or else an argument that stands before all stages.

        Versions of BuildKit differ in which of several variables of a name wins, so none of them is certain.
        """
        stage = self._stages[-1]
        for word in instruction.args:
            name, has_default, default = word.partition("=")
            is_certain = name not in stage.environment and not _is_expanded(name)
            self._forget(name)
            if name in self._build_args:
                value = self._build_args[name]
                stage.environment[name] = short(value)
                is_certain = is_certain and is_short(value)
            elif has_default:
                is_certain = is_certain and len(instruction.args) == 1 and self._is_certain(default)
                stage.environment[name] = self._value(default)
            elif name in self._arguments:
                stage.environment[name] = self._arguments[name]
            else:
                continue
            if is_certain:
                stage.certain.add(name)

    def _read_settings(self, instruction: DockerfileInstruction) -> None:
        """Read ENV; the parser gives name, value and `=` of each."""
        words = dict(zip(instruction.args[::3], instruction.args[1::3], strict=True))
        given = {name: self._value(value) for name, value in words.items()}
        certain = {name for name, value in words.items() if not _is_expanded(name) and self._is_certain(value)}
        stage = self._stages[-1]
        for name in words:
            self._forget(name)
        stage.certain |= certain
        stage.environment |= given
        stage.settings |= given

    def _forget(self, name: str) -> None:
        """Take a variable for uncertain; all of them, if the name has variables itself."""
        certain = self._stages[-1].certain
        if _is_expanded(name):
            certain.clear()
        certain.discard(name)

    def _certain_value(self, word: str) -> str:
        """Return what a word in a stage stands for.

        Raises:
            UnknownInputError: that depends on the base image, or on the version of BuildKit.
            ValueError: BuildKit refuses it.
        """
        stage = self._stages[-1]
        return expanded(word, Certain(stage.environment, stage.certain), self._escape)

    def _is_certain(self, word: str) -> bool:
        try:
            self._certain_value(word)
        except (UnknownInputError, ValueError):
            return False
        return True

    def _value(self, word: str) -> str:
        """Return what a word in a stage stands for; nothing where that cannot be known."""
        try:
            return expanded(word, self._stages[-1].environment, self._escape)
        except (UnknownInputError, ValueError):
            return ""

    def _read_global_arguments(self, instruction: DockerfileInstruction) -> None:
        for word in instruction.args:
            name, has_default, default = word.partition("=")
            if name in self._build_args:
                self._arguments[name] = bounded(self._build_args[name])
            elif has_default:
                self._arguments[name] = self._expand(default)

    def _expand(self, word: str) -> str:
        """Return a word before or in FROM, with the arguments that it knows."""
        if _BUILDER_PLATFORM.search(bounded(word)):
            raise UnknownInputError(f"{word} depends on the builder's own platform")
        return expanded(word, self._arguments, self._escape)

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
        checksums = _flags(instruction, "checksum")
        if any(map(self._value, checksums)):
            return
        lack = "whose --checksum is empty" if checksums else "without --checksum"
        lexer = ShellLex(self._escape)
        for source in map(lexer.process_word, instruction.args[:-1]):
            # A slash before the variable shows that the source is a path, unless the variable brings the second of `://`.
            known, variable, _ = source.partition("$")
            if _REMOTE.match(known) or (variable and ("/" not in known or known.endswith(":/"))):
                self._stages[-1].unknown = f"ADD {source} {lack} can bring something else each time"


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


def _is_expanded(name: str) -> bool:
    """Whether the name of a variable may stand for another one."""
    return not name.replace("_", "a").isalnum()


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
