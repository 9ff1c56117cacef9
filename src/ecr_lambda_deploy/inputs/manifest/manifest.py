"""A manifest, a file that names images and their functions, becomes an `ImageEntry` for each image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import yaml

from ecr_lambda_deploy.inputs.manifest.keys import (
    DEFAULTS_KEYS,
    EXISTING_KEYS,
    FILE_KEYS,
    FUNCTION_KEYS,
    IMAGE_KEYS,
    IMAGE_NAME,
    hint,
)
from ecr_lambda_deploy.inputs.manifest.tree import MOST_BYTES, Entry, entries, is_null, noun, read_yaml, shown
from ecr_lambda_deploy.inputs.manifest.values import ValueReader
from ecr_lambda_deploy.inputs.problems import Place, Problem, TooManyProblemsError
from ecr_lambda_deploy.inputs.settings import FunctionEntry, Given, ImageEntry, Settings
from ecr_lambda_deploy.inputs.table import TABLE, Scope, Shape

_MOST_INHERITED = 20 * MOST_BYTES  # characters, counted for each image and function that inherits them
_IMAGES = "it maps the name of each image to its settings, such as {orders: {context: services/orders}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    """A setting as it is given at one level: defaults, image or function.

    Attributes:
        value: None for null, which unsets what an outer level gives.
        place: of its key.
        size: characters of the value.
        written: the text of secrets before anything is replaced in it.
        replaced: place of the setting of an outer level that it stands in place of; None if there is none.
    """

    value: Given | None
    place: Place
    size: int
    written: str = ""
    replaced: Place | None = None

    @classmethod
    def of(cls, value: Given | None, place: Place, written: str = "") -> Self:
        size = len(value if isinstance(value, str) else repr(value)) + len(written)
        return cls(value=value, place=place, size=size, written=written)


def read_manifest(
    content: bytes | str,
    *,
    file: str,
    variables: Mapping[str, str],
    problems: list[Problem],
) -> tuple[ImageEntry, ...]:
    """Read a manifest.

    Args:
        content: of the file; more than `MOST_BYTES` is a problem.
        file: its path, for places.
        variables: the values of `${KEY}` by key.
        problems: collects the problems.

    Returns:
        the images in the order of the file, with every setting that is right.

    Raises:
        TooManyProblemsError: there are more problems than anybody would read.
    """
    root = read_yaml(content, file=file, problems=problems)
    return _Manifest(ValueReader(file, variables, problems)).read(root) if root is not None else ()


class _Manifest:
    """Reads a manifest's nodes.

    Args:
        values: reads values, and collects problems.
    """

    def __init__(self, values: ValueReader) -> None:
        self._values = values
        self._defaults: dict[str, _Setting] = {}
        self._prefix = ""
        self._inherited = 0  # characters so far
        self._named: dict[str, tuple[Place, str]] = {}  # the place and the image's name of each function so far

    def read(self, root: yaml.Node) -> tuple[ImageEntry, ...]:
        """Return the images."""
        if not isinstance(root, yaml.MappingNode):
            what = "it is empty" if is_null(root) else f"this is {noun(root)}"
            self._values.problem(root, f"A manifest is a mapping with 'version' and 'images'; {what}.")
            return ()
        self._read_settings(root, FILE_KEYS, "a manifest")
        self._check_version(root)
        self._read_defaults(entries(root).get("defaults"))
        images = entries(root).get("images")
        if images is None:
            self._values.problem(root, f"'images' is missing: {_IMAGES}.")
            return ()
        if not isinstance(images.value, yaml.MappingNode) or not entries(images.value):
            what = "an empty mapping" if isinstance(images.value, yaml.MappingNode) else noun(images.value)
            self._values.problem(images.key, f"'images' is {what}: {_IMAGES}.")
            return ()
        read = [self._read_image(name, entry) for name, entry in entries(images.value).items()]
        return tuple(image for image in read if image is not None)

    def _check_version(self, root: yaml.MappingNode) -> None:
        version = entries(root).get("version")
        if version is None:
            self._values.problem(root, "'version' is missing: add 'version: 1'.")
        elif not isinstance(version.value, yaml.ScalarNode) or version.value.value != "1":
            self._values.problem(version.key, "'version' must be 1, the only version: write 'version: 1'.")

    def _read_defaults(self, entry: Entry | None) -> None:
        if entry is None or is_null(entry.value):
            return
        node = entry.value
        if not isinstance(node, yaml.MappingNode):
            self._values.problem(node, f"'defaults' is a mapping of settings for all images, not {noun(node)}.")
            return
        self._defaults = self._read_settings(node, DEFAULTS_KEYS, "'defaults'")
        prefix = entries(node).get("repository-prefix")
        if prefix and not is_null(prefix.value):
            self._prefix = self._values.text("repository-prefix", prefix.value) or ""

    def _read_image(self, name: str, entry: Entry) -> ImageEntry | None:
        if not IMAGE_NAME.fullmatch(name):
            text = "is letters, digits and ._-, begins with a letter or digit, and has 128 of them at most"
            self._values.problem(entry.key, f"An image's name {text}; {shown(name)} is not one.")
        node = entry.value
        if not isinstance(node, yaml.MappingNode):
            text = (
                f"An image is a mapping, such as {{context: services/orders, functions: [orders]}}, not {noun(node)}."
            )
            self._values.problem(entry.key, text)
            return None
        own = self._read_settings(node, IMAGE_KEYS, "an image")
        is_built = not any(_has_text(own, key) for key in EXISTING_KEYS)
        inherited = {
            given: setting
            for given, setting in self._defaults.items()
            if is_built or TABLE[given].scope is not Scope.BUILD
        }
        settings = _nearest(inherited, own)
        if not _has_text(settings, "repository"):
            settings["repository"] = _Setting.of(self._prefix + name, self._values.place(entry.key))
        self._count(settings, own, entry.key)
        return ImageEntry(
            name=name,
            settings=_settings(settings, own, f"the image {shown(name)}", self._values.place(entry.key)),
            functions=self._read_functions(name, entries(node).get("functions"), settings),
        )

    def _read_functions(
        self, image_name: str, entry: Entry | None, settings: Mapping[str, _Setting]
    ) -> tuple[FunctionEntry, ...]:
        if entry is None or is_null(entry.value):
            return ()
        if not isinstance(entry.value, yaml.SequenceNode):
            text = f"'functions' is a list of names, or of mappings with a 'name', not {noun(entry.value)}."
            self._values.problem(entry.value, text)
            return ()
        given = {name: setting for name, setting in settings.items() if TABLE[name].scope is Scope.FUNCTION}
        read = [self._read_function(image_name, node, given) for node in entry.value.value]
        return tuple(function for function in read if function is not None)

    def _read_function(
        self, image_name: str, node: yaml.Node, settings: Mapping[str, _Setting]
    ) -> FunctionEntry | None:
        own: Mapping[str, _Setting] = {}
        named = node
        if isinstance(node, yaml.MappingNode):
            own = self._read_settings(node, FUNCTION_KEYS, "a function")
            if "name" not in entries(node):
                self._values.problem(node, "The function has no 'name': add 'name: …'.")
                return None
            named = entries(node)["name"].value
        if is_null(named) or not isinstance(named, yaml.ScalarNode):
            self._values.problem(named, f"A function is a name, or a mapping with a 'name', not {noun(named)}.")
            return None
        name = self._values.text("name", named)
        if name is None or not self._is_new(image_name, name, named):
            return None
        owner, merged = f"the function {shown(name)}", _nearest(settings, own)
        self._count(merged, own, named)
        return FunctionEntry(name=name, settings=_settings(merged, own, owner, self._values.place(named)))

    def _count(self, merged: Mapping[str, _Setting], own: Mapping[str, _Setting], node: yaml.Node) -> None:
        """Count what an owner inherits: each reads it anew, so a short file can take hours and fill the memory.

        Raises:
            TooManyProblemsError: it is too much, which is noted; nothing else matters then.
        """
        self._inherited += sum(setting.size for name, setting in merged.items() if name not in own)
        if self._inherited > _MOST_INHERITED:
            text = "Here the manifest becomes too large, with all that its images and functions inherit."
            self._values.problem(node, text)
            raise TooManyProblemsError

    def _is_new(self, image_name: str, name: str, node: yaml.Node) -> bool:
        """Whether no function before has this name; if one has, note a problem."""
        plain = name.rpartition(":")[2] if name.startswith("arn:") else name
        if plain not in self._named:
            self._named[plain] = (self._values.place(node), image_name)
            return True
        place, other = self._named[plain]
        text = f"The function {shown(plain)} is in line {place.line} already, for the image {other}"
        self._values.problem(node, f"{text}: a function runs one image, and is named once.")
        return False

    def _read_settings(self, node: yaml.MappingNode, keys: Sequence[str], owner: str) -> dict[str, _Setting]:
        """Return the settings of a mapping; note a problem for each key that does not belong there.

        Args:
            node: the mapping.
            keys: the keys that it can have.
            owner: of the keys, in words.
        """
        settings: dict[str, _Setting] = {}
        for name, entry in entries(node).items():
            if name not in keys:
                self._values.problem(entry.key, f"{shown(name)} is not a key of {owner}: {hint(name, keys)}")
            elif name in TABLE:
                value = None if is_null(entry.value) else self._values.setting(name, entry.value)
                if value is not None or is_null(entry.value):
                    is_secret = TABLE[name].shape is Shape.SECRETS
                    written = self._values.written(entry.value) if is_secret else ""
                    settings[name] = _Setting.of(value, self._values.place(entry.key), written)
        return settings


def _has_text(settings: Mapping[str, _Setting], name: str) -> bool:
    """Whether a text is given that is not blank; a blank one stands for none, as in the action's inputs."""
    value = settings[name].value if name in settings else None
    return isinstance(value, str) and bool(value.strip())


def _nearest(inherited: Mapping[str, _Setting], own: Mapping[str, _Setting]) -> dict[str, _Setting]:
    """Return what an owner inherits, and its own settings in place of those."""
    replacing = {
        name: replace(setting, replaced=inherited[name].place) if name in inherited else setting
        for name, setting in own.items()
    }
    return {**inherited, **replacing}


def _settings(merged: Mapping[str, _Setting], own: Mapping[str, _Setting], owner: str, place: Place) -> Settings:
    """Return the settings of an owner.

    Args:
        merged: the owner's own settings and those that it inherits.
        own: the owner's own settings.
        owner: in words.
        place: of the owner.
    """
    return Settings(
        given={name: setting.value for name, setting in merged.items() if setting.value is not None},
        places={name: setting.place for name, setting in merged.items()},
        own=own.keys(),
        replaced={name: setting.replaced for name, setting in merged.items() if setting.replaced},
        written={name: setting.written for name, setting in merged.items() if setting.written},
        owner=owner,
        place=place,
    )
