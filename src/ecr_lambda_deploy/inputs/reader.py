"""Reads a setting as a text, a flag, a number and so on, and collects problems."""

import errno
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ecr_lambda_deploy.inputs.checkout import checked_out
from ecr_lambda_deploy.inputs.environment import is_credential
from ecr_lambda_deploy.inputs.files import is_within, read_plain
from ecr_lambda_deploy.inputs.lists import CONTROLS, Item, items_of, name_of
from ecr_lambda_deploy.inputs.problems import Problem, note
from ecr_lambda_deploy.inputs.settings import Settings
from ecr_lambda_deploy.inputs.table import INPUTS, TABLE
from ecr_lambda_deploy.model.images import ecr_hosts

_KEY = re.compile(rf"[^ \t=\"'{CONTROLS}]+")
_LINE_FEED = "\n"
_NOT_IN_VALUES = re.compile(rf"(?!\n)[{CONTROLS}]")


@dataclass(slots=True)
class Events:
    """The JSON of each `smoke-event` that was read, empty if it is wrong: thousands of functions may share a large one.

    Attributes:
        texts: by what is given.
        size: characters of all together.
    """

    texts: dict[str, str] = field(default_factory=dict)
    size: int = 0


class InputReader:
    """Reads settings and collects problems.

    Args:
        settings: of the action's inputs, or of an image or a function in a manifest.
        environment: the step's environment variables.
        problems: collects the problems.

    Attributes:
        events: those that were read so far.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str], problems: list[Problem]) -> None:
        self._settings = settings
        self._environment = environment
        self.problems = problems
        self.events = Events()
        self._commits: dict[Path, str] = {}  # by folder
        self._checkouts: dict[Path, str] = {}  # by repository

    def for_settings(self, settings: Settings) -> "InputReader":
        """Return a reader of other settings that collects in the same list."""
        reader = InputReader(settings, self._environment, self.problems)
        reader.events, reader._commits, reader._checkouts = self.events, self._commits, self._checkouts
        return reader

    @property
    def workspace(self) -> Path:
        """The folder that paths are relative to."""
        return Path(self._environment.get("GITHUB_WORKSPACE") or ".").absolute()

    def commit_at(self, folder: Path) -> str:
        """Return the commit that is checked out where a folder is, or else the one that the run is for; may be empty.

        They differ where the checkout step names a `ref` of its own.
        """
        if folder not in self._commits:
            commit = checked_out(folder, self.workspace, self._checkouts)
            self._commits[folder] = commit or self._environment.get("GITHUB_SHA", "")
        return self._commits[folder]

    @property
    def agent(self) -> str:
        """Path of the SSH agent's socket; may be empty."""
        return self._environment.get("SSH_AUTH_SOCK", "")

    def place(self, path: str) -> Path:
        """Return a path in the workspace, from one that is relative to it, or is that on the runner's machine.

        `github.workspace` is the path there; the runner replaces it only at the beginning of an input [actions/runner,
        ContainerInfo.TranslateToContainerPath; GitHub documentation, RUNNER_WORKSPACE].
        """
        place = Path(self.workspace, path)
        folder, repository = self._environment.get("RUNNER_WORKSPACE"), self._environment.get("GITHUB_REPOSITORY", "")
        outside = Path(folder, repository.rpartition("/")[2]) if folder and repository else None
        is_outside = outside is not None and place.is_relative_to(outside)
        return self.workspace / place.relative_to(outside) if outside and is_outside else place

    @property
    def region(self) -> str:
        """The environment's AWS Region; may be empty."""
        return self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION") or ""

    def step_variable(self, name: str, key: str) -> str | None:
        """Return the step's variable that a setting names; None if there is none, or the setting may not have it.

        This is the only way in which what is given selects a part of the environment. It is closed to a manifest, which
        is a file like others, and to credentials.

        Args:
            name: of the setting.
            key: name of the variable.
        """
        if self.is_in_manifest:
            text = f"has no value for {key!r}, and a manifest takes none from the environment: write {key}: ${{{key}}}"
            self.problem(name, f"{text}, and give {key}=VALUE in the input 'vars'.")
        elif is_credential(key):
            self.problem(name, f"does not take {key!r} from the environment: that is for the step alone.")
        else:
            return self._environment.get(key)
        return None

    @property
    def checkout_hint(self) -> str:
        """A hint to add if a file or folder is missing; empty unless the whole workspace is empty."""
        text = " The workspace is empty: is an actions/checkout step missing before this one?"
        return "" if any(self.workspace.glob("*")) else text

    def written(self, name: str) -> str:
        """Return what a manifest has for a setting before `${KEY}` is replaced; empty where that does not count."""
        return self._settings.written.get(name, "")

    @property
    def is_in_manifest(self) -> bool:
        """Whether the settings are from a manifest."""
        return self._settings.place is not None

    def problem(self, name: str, text: str) -> None:
        """Note a problem with a setting; one that many inherit is noted once.

        Args:
            name: of the setting.
            text: the message after the name.

        Raises:
            TooManyProblemsError: there are too many problems.
        """
        settings = self._settings
        place = settings.places.get(name, settings.place) if name in settings.given else settings.place
        note(self.problems, place, f"'{name}' {text}")

    def conflict(self, names: Sequence[str], text: str) -> None:
        """Note that settings do not go together, for each owner: what it inherits may be right for others.

        Args:
            names: of the settings.
            text: the message after the first name.

        Raises:
            TooManyProblemsError: there are too many problems.
        """
        settings, place = self._settings, self._settings.nearest(*names)
        owner = f" of {settings.owner}" if settings.owner else ""
        text = f"'{names[0]}'{owner} {text}"
        for name in filter(self.is_given, names):
            there = settings.places.get(name)
            if place and there and there.line != place.line:
                text += f" '{name}' is in line {there.line}."
        note(self.problems, place, text)

    def replaced(self, name: str) -> str:
        """Return where a manifest has, at an outer level, what a setting replaces: `line 3`; empty for none."""
        place = self._settings.replaced.get(name)
        return f"line {place.line}" if place else ""

    def exclude(self, names: Iterable[str], what: str) -> None:
        """Note a problem with each of these settings that is given, since it does not go with `what`."""
        for name in names:
            if self.is_given(name):
                self.problem(name, f"does not go with {what}.")

    def is_given(self, name: str) -> bool:
        """Whether a setting is given; the runner passes an input's default like a given value."""
        return name in self._settings.given if self.is_in_manifest else self.text(name) != INPUTS[name]

    def is_in_workspace(self, name: str, path: Path) -> bool:
        """Whether a path is inside the workspace after symbolic links are followed; if not, note that.

        The path need not exist.

        Args:
            name: of the setting.
            path: absolute.

        Raises:
            ValueError: the path holds a NUL.
        """
        workspace = self.workspace
        if self.contains(path):
            return True
        shown = path.relative_to(workspace) if path.is_relative_to(workspace) else path
        self.problem(name, f"{str(shown)!r} leaves the workspace.")
        return False

    def contains(self, path: Path) -> bool:
        """Whether a path, which need not exist, is inside the workspace after symbolic links are followed.

        Raises:
            ValueError: the path holds a NUL.
        """
        return is_within(path, self.workspace)

    def read_file(self, name: str, path: Path, *, most: int) -> bytes | None:
        """Return the beginning of a file in the workspace; None if it is outside, which is noted.

        Args:
            name: of the setting.
            path: absolute.
            most: bytes that are read.

        Raises:
            OSError: it cannot be read, or is no plain file: a pipe would have no end.
            ValueError: the path holds a NUL.
        """
        return read_plain(path, most=most) if self.is_in_workspace(name, path) else None

    def text(self, name: str) -> str:
        """Return a setting as text, or its default."""
        match self._settings.given.get(name, ""):
            case str() as value:
                return value.strip() or INPUTS[name]
            case tuple() as items:
                return "\n".join(items)
            case mapping:
                return json.dumps(mapping)

    def texts(self, name: str) -> list[str]:
        """Return the items of a list that YAML has, or the text that is given instead."""
        is_list = isinstance(self._settings.given.get(name), tuple)
        return [item.text for item in self.items(name)] if is_list else [self.text(name)]

    def items(self, name: str) -> list[Item]:
        """Return the items of a list without empty ones; note a problem with each wrong one."""
        given = self._settings.given.get(name, "")
        items = list(items_of(given if isinstance(given, str | tuple) else ()))
        if not TABLE[name].spans_lines:
            items = [
                item._replace(wrong=f"has the control character {name_of(_LINE_FEED)}")
                if _LINE_FEED in item.text
                else item
                for item in items
            ]
        for item in items:
            if item.wrong:
                self.problem(name, f"is a list, and {item.place} {item.wrong}.")
        return [item for item in items if item.text and not item.wrong]

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the items of a list without empty ones and duplicates."""
        return tuple(dict.fromkeys(item.text for item in self.items(name)))

    def flag(self, name: str) -> bool:
        """Return whether a setting is true."""
        value = self.text(name).lower()
        if value not in {"true", "false"}:
            self.problem(name, f"is true or false, not {self.text(name)!r}.")
        return value == "true"

    def choice(self, name: str) -> str:
        """Return a setting that is one of its choices in the table, or its default if it is not."""
        value, choices = self.text(name), TABLE[name].choices
        if not value or value in choices:
            return value
        self.problem(name, f"is one of {', '.join(choices)}, not {value!r}.")
        return INPUTS[name]

    def seconds(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number of seconds from `least` to `most`; None if none or a wrong one is given."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
            self.problem(name, f"is a whole number of seconds from {least} to {most}, not {value!r}.")
            return None
        return int(value)

    def matching(self, name: str, pattern: re.Pattern[str], description: str) -> str:
        """Return a setting that must match a pattern if it is given; a wrong one is returned all the same.

        Args:
            name: of the setting.
            pattern: for the whole text.
            description: what the pattern stands for, in words.
        """
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            before, at, rest = value.rpartition("@")
            is_digest_missing = not rest and before.startswith(tuple(f"{host}/" for host in ecr_hosts(before)))
            is_login = at and before and not is_digest_missing  # perhaps, before a host
            shown = f"***@{rest}" if is_login else value
            self.problem(name, f"is {description}, not {shown!r}.")
        return value

    def pairs(self, name: str) -> dict[str, str | None]:
        """Return a mapping, or the KEY=VALUE items of a list as one; None for a key without a value."""
        if (mapping := self.mapping(name)) is not None:
            return {key: self._value(name, key, value) for key, value in mapping.items()}
        pairs: dict[str, str | None] = {}
        for item in self.items(name):
            key, equals, value = item.text.partition("=")
            key = key.rstrip(" \t")
            if not {"'", '"'}.isdisjoint(key):
                text = f'has a quote in a key, in {item.place}: what is quoted is the whole entry, as in "KEY=VALUE".'
                self.problem(name, text)
            elif not _KEY.fullmatch(key):
                self.problem(name, f"holds KEY=VALUE lines; {item.place} is not one.")
            elif key in pairs:
                self.problem(name, f"has the key {key!r} twice.")
            else:
                pairs[key] = value if equals else None
        return pairs

    def _value(self, name: str, key: str, value: object) -> str | None:
        """Return the value that a mapping has for a key; it may span lines."""
        text = None if value is None else str(value)
        if not _KEY.fullmatch(key):
            self.problem(name, f"has keys without blanks, quotes and '='; {key!r} is not one.")
        elif found := _NOT_IN_VALUES.search(text or ""):
            self.problem(name, f"has for {key!r} the control character {name_of(found[0])}.")
        return text

    def values(self, name: str) -> dict[str, str]:
        """Return pairs that all have a value; note a problem with each that has none."""
        pairs = self.pairs(name)
        for key in (key for key, value in pairs.items() if value is None):
            self.problem(name, f"holds KEY=VALUE lines; {key!r} has no value.")
        return {key: value for key, value in pairs.items() if value is not None}

    def mapping(self, name: str) -> Mapping[str, object] | None:
        """Return a setting that is given as a mapping; None for a text."""
        given = self._settings.given.get(name, "")
        return given if isinstance(given, Mapping) else None


def why_unreadable(error: OSError) -> str:
    """Return why a path cannot be read, in words."""
    is_loop = error.errno == errno.ELOOP
    return "its symbolic links form a loop; fix them" if is_loop else error.strerror or str(error)
