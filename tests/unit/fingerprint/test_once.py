from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from ecr_lambda_deploy.fingerprint.fingerprint import Once


def test_what_many_threads_ask_for_is_found_once() -> None:
    asked: list[str] = []
    go_on = Event()

    def find(key: str) -> str:
        asked.append(key)
        assert go_on.wait(10)
        return key.upper()

    once = Once(find)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(once, key) for key in ("a", "b", "a", "a", "b", "a", "b", "a")]
        go_on.set()
        assert [answer.result() for answer in answers] == list("ABAABABA")
    assert sorted(asked) == ["a", "b"]


def test_an_error_is_everybody_s() -> None:
    asked: list[int] = []

    def find(key: int) -> int:
        asked.append(key)
        raise LookupError(f"no {key}")

    once = Once(find)
    for _ in range(3):
        with pytest.raises(LookupError, match="no 5"):
            once(5)
    assert asked == [5]
