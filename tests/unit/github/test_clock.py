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


def test_no_other_thread_sleeps_on_where_only_the_main_one_is_interrupted(cancelled: RunnerCancelling) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(SystemClock(cancelled).sleep, 10).result()

    assert time.monotonic() - start < 5


def test_a_run_that_is_not_cancelled_goes_on() -> None:
    cancelling = RunnerCancelling()
    with cancelling.polled():
        cancelling.check()
        SystemClock(cancelling).sleep(0)


def test_what_takes_something_back_goes_on_although_the_run_is_cancelled(cancelled: RunnerCancelling) -> None:
    clock = SystemClock(cancelled)
    with cancelled.polled():
        with cancelled.shield():
            cancelled.check()
            clock.sleep(0.01)
        with pytest.raises(CancelledError):
            cancelled.check()
        with pytest.raises(CancelledError):
            clock.sleep(0.01)


def test_only_the_thread_that_takes_something_back_is_shielded(cancelled: RunnerCancelling) -> None:
    with cancelled.shield(), ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(SystemClock(cancelled).sleep, 0.01).result()
    with cancelled.shield(), ThreadPoolExecutor(1) as pool, pytest.raises(CancelledError):
        pool.submit(cancelled.check).result()


def test_the_main_thread_sleeps_on_where_the_signal_interrupts_it(cancelled: RunnerCancelling) -> None:
    """An exception that comes out of a lock would leave it held."""
    SystemClock(cancelled).sleep(0.01)
