"""Keeps the stock."""

from typing import Any

from shop import Event, each_message


def handler(event: Event, _context: object) -> dict[str, list[dict[str, str]]]:
    """Work on the orders of a queue."""
    return each_message(event, reserve)


def reserve(message: dict[str, Any]) -> None:
    """Reserve what an order names."""
    print(f"{len(message['items'])} items are reserved")  # noqa: T201 # what is printed is the function's log
