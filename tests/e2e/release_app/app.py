"""A Lambda function that answers as its event asks."""

import time
from typing import Any

GREETING = "hello"


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Greet; or fail, or take long, if the event says so."""
    print(f"asked for {event}")  # noqa: T201 # a function's log
    if event.get("fail"):
        raise ValueError(event["fail"])
    time.sleep(event.get("seconds", 0))
    return {"message": f"{GREETING}, world", "state": {"is_ready": True, "sources": ["orders", "stock"]}}
