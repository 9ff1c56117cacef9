import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import CancelledError


@pytest.fixture
def cancelled() -> RunnerCancelling:
    cancelling = RunnerCancelling()
    cancelling._cancelled.set()  # noqa: SLF001 # as the signal's thread does
    return cancelling


def test_cancelling_ends_the_sleep_of_other_threads(cancelled: RunnerCancelling) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(SystemClock(cancelled).sleep, 10).result()

    assert time.monotonic() - start < 5


def test_a_run_that_is_not_cancelled_goes_on() -> None:
    cancelling = RunnerCancelling()
    with cancelling.polled():
        cancelling.check()
        SystemClock(cancelling).sleep(0)


def test_a_shielded_thread_continues_after_cancelling(cancelled: RunnerCancelling) -> None:
    clock = SystemClock(cancelled)
    with cancelled.polled():
        with cancelled.shield():
            cancelled.check()
            clock.sleep(0.01)
        with pytest.raises(CancelledError):
            cancelled.check()
        with pytest.raises(CancelledError):
            clock.sleep(0.01)


def test_other_threads_are_not_shielded(cancelled: RunnerCancelling) -> None:
    with cancelled.shield(), ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(SystemClock(cancelled).sleep, 0.01).result()
    with cancelled.shield(), ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(cancelled.check).result()


def test_only_the_signal_interrupts_the_sleep_of_the_main_thread(cancelled: RunnerCancelling) -> None:
    """An exception raised while a lock is taken would leave the lock held."""
    SystemClock(cancelled).sleep(0.01)
