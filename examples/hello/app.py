"""A Lambda function that greets."""

from typing import Any

GREETING = "hello"


def handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Greet whom the event names, or the world."""
    return {"message": f"{GREETING}, {event.get('name', 'world')}"}
