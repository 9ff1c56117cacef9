"""Shows what the shop sells."""

from shop import Event, answer


def handler(event: Event, _context: object) -> dict[str, object]:
    """Find the articles whose name begins as the event says."""
    articles = ("apple", "apricot", "banana")
    return answer([article for article in articles if article.startswith(event.get("query", ""))])
