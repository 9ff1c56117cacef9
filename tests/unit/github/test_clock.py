import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import CancelledError


def _cancelled() -> SystemClock:
    clock = SystemClock()
    clock._cancelled.set()  # noqa: SLF001 # as the signal's thread does
    return clock


def test_no_other_thread_sleeps_on_where_only_the_main_one_is_interrupted() -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(_cancelled().sleep, 10).result()

    assert time.monotonic() - start < 5


def test_what_takes_something_back_waits_although_the_run_is_cancelled() -> None:
    clock = _cancelled()
    with clock.polled():
        with clock.undisturbed():
            assert clock.rank == 0
            clock.sleep(0.01)
        with pytest.raises(CancelledError):
            clock.sleep(0.01)
    assert clock.rank == 2


def test_only_the_thread_that_takes_something_back_is_undisturbed() -> None:
    clock = _cancelled()
    with clock.undisturbed(), ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(clock.sleep, 0.01).result()
