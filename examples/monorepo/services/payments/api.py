"""Takes payments."""

from shop import Event, answer


def handler(event: Event, _context: object) -> dict[str, object]:
    """Accept a payment of more than nothing."""
    amount = event.get("amount", 0)
    return answer({"paid": amount}) if amount > 0 else answer("a payment has an amount", status=400)
