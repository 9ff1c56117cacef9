"""Tells customers what has become of their orders."""

from typing import Any

from shop import Event, each_message


def handler(event: Event, _context: object) -> dict[str, list[dict[str, str]]]:
    """Work on the notifications of a queue."""
    return each_message(event, send)


def send(message: dict[str, Any]) -> None:
    """Send a notification."""
    print(f"{message['to']}: {message['text']}")  # noqa: T201 # what is printed is the function's log
