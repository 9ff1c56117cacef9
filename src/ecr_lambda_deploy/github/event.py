"""What the event that started the workflow run says, of which GitHub has no variable."""

from dataclasses import dataclass
from pathlib import Path

from ecr_lambda_deploy.model.json_text import parse_json

DELETED = "a deleted fork"
_MOST_BYTES = 25_000_000  # of a payload [GitHub documentation, webhook events and payloads]
_MOST_CHARACTERS = 255  # of a branch's name; a repository's has fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What is known of an event; what it does not say is empty.

    Attributes:
        default_branch: of the repository.
        head: `owner/name` of the repository that a pull request comes from, or `DELETED`.
    """

    default_branch: str = ""
    head: str = ""


def read_event(path: str) -> Event:
    """Read the file that GITHUB_EVENT_PATH names. Whatever is in it, or if there is none, this ends well."""
    try:
        if not path or not Path(path).is_file():
            return Event()
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES + 1)
        payload: object = parse_json(text) if len(text) <= _MOST_BYTES else None
    except (OSError, ValueError):
        return Event()
    head = _text(payload, "pull_request", "head", "repo", "full_name")
    return Event(
        default_branch=_text(payload, "repository", "default_branch"),
        head=head or (DELETED if isinstance(_value(payload, "pull_request", "head"), dict) else ""),
    )


def _text(payload: object, *keys: str) -> str:
    value = _value(payload, *keys)
    return value if isinstance(value, str) and len(value) <= _MOST_CHARACTERS and value.isprintable() else ""


def _value(payload: object, *keys: str) -> object:
    for key in keys:
        payload = payload.get(key) if isinstance(payload, dict) else None
    return payload
