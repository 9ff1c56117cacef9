"""What is said of images and functions, before it is read: by the action's inputs, or by a manifest."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ecr_lambda_deploy.inputs.problems import Place

Given = str | tuple[str, ...] | Mapping[str, object]
"""A setting as it is given: a text, or what only a manifest can give, a list of texts or a mapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings by name, the nearest of each.

    Attributes:
        given: what is given; the rest has its default.
        places: where each stands in a manifest, and what unsets it; None for an input of the action.
        own: names of those that the owner says itself; others it inherits.
        owner: what they are said of, such as `the image 'orders'`; empty outside a manifest.
        place: of the owner; None outside a manifest.
    """

    given: Mapping[str, Given]
    places: Mapping[str, Place | None] = field(default_factory=dict)
    own: Collection[str] = ()
    owner: str = ""
    place: Place | None = None

    def nearest(self, *names: str) -> Place | None:
        """Return where the owner itself says one of some settings, else its own place."""
        return next((self.places[name] for name in names if name in self.own), self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionEntry:
    """A function that is to run an image.

    Attributes:
        name: function name or ARN, as it is given.
        settings: the function's own, over those of its image, over the defaults; its place is the name's.
    """

    name: str
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """An image and its functions; the action's own inputs make one without a name.

    Attributes:
        name: in the manifest; empty outside one.
        settings: the image's own, over the defaults.
        functions: in order.
    """

    name: str
    settings: Settings
    functions: tuple[FunctionEntry, ...]
