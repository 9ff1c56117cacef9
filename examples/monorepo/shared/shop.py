"""What all services of the shop share."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Event = Mapping[str, Any]


def answer(body: object, *, status: int = 200) -> dict[str, object]:
    """Return a response as API Gateway and function URLs take it."""
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


def each_message(event: Event, work: Callable[[Any], None]) -> dict[str, list[dict[str, str]]]:
    """Do some work for each message of an SQS event, and return those that are to be delivered again."""
    failed: list[dict[str, str]] = []
    records: Iterable[Event] = event.get("Records", [])
    for record in records:
        try:
            work(json.loads(record["body"]))
        except (KeyError, ValueError) as error:
            print(f"{record['messageId']}: {error!r}")  # noqa: T201 # what is printed is the function's log
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
