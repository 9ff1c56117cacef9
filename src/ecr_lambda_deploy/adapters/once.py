"""What several ask for at the same time is found out once."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Once(Generic[Key, Value]):
    """A function whose answers are kept; who asks while it is being found out waits for the same answer.

    Args:
        find: the function; what it raises is kept too.
    """

    def __init__(self, find: Callable[[Key], Value]) -> None:
        self._find = find
        self._lock = Lock()
        self._answers: dict[Key, Future[Value]] = {}

    def __call__(self, key: Key) -> Value:
        """Return the answer, or raise what it was not found for."""
        with self._lock:
            known = self._answers.get(key)
            answer = self._answers.setdefault(key, Future())
        if known is None:
            try:
                answer.set_result(self._find(key))
            except BaseException as error:
                answer.set_exception(error)
                raise
        return answer.result()
