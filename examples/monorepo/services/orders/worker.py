"""Works on orders that were placed or cancelled."""

from typing import Any

from shop import Event, each_message


def handler(event: Event, _context: object) -> dict[str, list[dict[str, str]]]:
    """Work on the orders of a queue."""
    return each_message(event, follow)


def follow(message: dict[str, Any]) -> None:
    """Tell where an order has got to."""
    print(f"order {message['order']} is {message['state']}")  # noqa: T201 # what is printed is the function's log
