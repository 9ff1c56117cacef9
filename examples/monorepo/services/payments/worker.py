"""Works on payments that were settled or refunded."""

from typing import Any

from shop import Event, each_message


def handler(event: Event, _context: object) -> dict[str, list[dict[str, str]]]:
    """Work on the payments of a queue."""
    return each_message(event, book)


def book(message: dict[str, Any]) -> None:
    """Book a payment."""
    print(f"{message['amount']} for the order {message['order']}")  # noqa: T201 # what is printed is the function's log
