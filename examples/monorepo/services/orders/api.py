"""Takes orders."""

from shop import Event, answer


def handler(event: Event, _context: object) -> dict[str, object]:
    """Accept an order that names its items."""
    if event.get("ping"):
        return answer("pong")
    items = event.get("items", [])
    return answer({"accepted": len(items)}, status=202) if items else answer("an order has items", status=400)
