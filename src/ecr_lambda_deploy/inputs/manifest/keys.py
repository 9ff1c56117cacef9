"""The keys of a manifest, and where a misplaced key belongs."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from ecr_lambda_deploy.inputs.table import TABLE, Scope

_SETTINGS = tuple(name for name, one in TABLE.items() if one.is_in_manifest)

FILE_KEYS = ("version", "defaults", "images")
IMAGE_KEYS = (*_SETTINGS, "functions")
FUNCTION_KEYS = ("name", *(name for name in _SETTINGS if TABLE[name].scope is Scope.FUNCTION))
EXISTING_KEYS = ("image-uri", "promote-from")
"""The keys that name an existing image, in place of a build."""
DEFAULTS_KEYS = (*(name for name in _SETTINGS if name not in EXISTING_KEYS), "repository-prefix")
IMAGE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_PLACES = {
    **dict.fromkeys(FILE_KEYS, "it belongs at the top of the file"),
    **dict.fromkeys(("functions", *EXISTING_KEYS), "it belongs to an image"),
    "name": "it belongs to a function, and an image's name is its key in 'images'",
    "repository-prefix": "it belongs to 'defaults', and an image has 'repository'",
    "function-name": "an image has 'functions', a list",
}
_PLACES_BY_SCOPE = {
    Scope.RUN: "give it as an input of the action",
    Scope.BUILD: "it belongs to an image or 'defaults'",
    Scope.IMAGE: "it belongs to an image or 'defaults'",
    Scope.FUNCTION: "it belongs to a function, an image or 'defaults'",
}


def given_in(name: str) -> str:
    """Return where a manifest has what an input of the action is for."""
    if name == "function-name":
        return "name it in 'functions' of an image"
    return "give it in 'defaults'" if name in DEFAULTS_KEYS else "give it in an image"


def hint(key: str, keys: Sequence[str]) -> str:
    """Return what to do about a key that does not belong in its mapping.

    Args:
        key: the wrong key.
        keys: the keys of that mapping.
    """
    if key in _PLACES:
        return f"{_PLACES[key]}."
    if key in TABLE and TABLE[key].reserved:
        return f"{TABLE[key].refusal} as an input of the action."
    if key in TABLE:
        return f"{_PLACES_BY_SCOPE[TABLE[key].scope]}."
    most = 100  # characters; comparing longer texts takes long
    if close := get_close_matches(key[:most].lower().replace("_", "-"), keys, n=1):
        return f"did you mean '{close[0]}'?"
    few = 12
    return f"there are {', '.join(keys)}." if len(keys) <= few else "its keys have the names of the action's inputs."
