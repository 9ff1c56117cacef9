"""Settings of images and functions as given, by the action's inputs or by a manifest, before they are checked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ecr_lambda_deploy.inputs.problems import Place

Given = str | tuple[str, ...] | Mapping[str, object]
"""A setting's value: a text or, from a manifest only, a list of texts or a mapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of an image or a function, its own and those that it inherits.

    Attributes:
        given: values by name; a setting that is missing here has its default.
        places: of the settings in a manifest, also of those that are unset with null.
        own: names of the owner's own settings; it inherits the others.
        replaced: places of what settings stand in place of, at an outer level, by name.
        written: of what `${KEY}` is replaced in, and nothing else decides, the text as the manifest has it, by name.
        owner: in words, such as `the image 'orders'`; empty outside a manifest.
        place: of the owner; None outside a manifest.
    """

    given: Mapping[str, Given]
    places: Mapping[str, Place] = field(default_factory=dict)
    own: Collection[str] = ()
    replaced: Mapping[str, Place] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    place: Place | None = None

    def nearest(self, *names: str) -> Place | None:
        """Return the place of the first of these settings that is the owner's own, or else the owner's place."""
        return next((self.places[name] for name in names if name in self.own), self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionEntry:
    """A function as it is given, before it is checked.

    Attributes:
        name: function name or ARN.
        settings: the function's own, over those of its image, over the defaults; its place is the name's.
    """

    name: str
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """An image and its functions as they are given, before they are checked.

    Attributes:
        name: in the manifest; empty for the one image of the action's own inputs.
        settings: the image's own, over the defaults.
        functions: in order.
    """

    name: str
    settings: Settings
    functions: tuple[FunctionEntry, ...]
