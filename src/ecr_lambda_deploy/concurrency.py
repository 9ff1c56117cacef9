"""Fan-out: calls run concurrently, all of them on one budget of threads.

The threads mostly wait, for AWS or for a program, so there may be many more than processors. Nested fan-outs must not
multiply them: a fan-out gets the threads that are free, and at least one. Its own thread only waits meanwhile, so the
number of working threads never exceeds the budget.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock, Semaphore
from typing import TypeVar

from ecr_lambda_deploy.model.errors import Failures

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_BUDGET = 160
_AT_ONCE = 32  # AWS allows 100 reads a second, and each takes 0.1 s: more threads would only wait for their turn
_POLL = 0.1  # seconds between two looks whether a lock is free

_free = Semaphore(_BUDGET)


def for_each(
    items: Iterable[_Item], act: Callable[[_Item], _Result], *, at_once: int = _AT_ONCE
) -> tuple[_Result, ...]:
    """Call a function for each item, concurrently, and return the results in the order of the items.

    Args:
        items: read completely before the first call.
        act: called once for each item.
        at_once: limit of concurrent calls; lower if each starts a program.

    Raises:
        DeployError: some calls failed. It is raised when all have ended, with all errors in the order of the items.
    """
    several = tuple(items)
    failures, results = Failures(), list[_Result]()
    with threads(min(at_once, len(several))) as pool:
        for future in [pool.submit(act, item) for item in several]:
            with failures.collected():
                results.append(future.result())
    failures.raise_if_any()
    return tuple(results)


@contextmanager
def beside(act: Callable[[], _Result]) -> Iterator[Future[_Result]]:
    """Call a function on another thread, concurrently with the block; wait for it at the end of the block.

    Args:
        act: its result or exception is that of the future.
    """
    with threads(1) as pool:
        yield pool.submit(act)


@contextmanager
def held(lock: Lock, sleep: Callable[[float], object]) -> Iterator[None]:
    """Hold a lock for the block: one thread asks, while others wait for its answer.

    Args:
        lock: that they share.
        sleep: of the run's clock, in seconds; cancelling ends it with an error, unlike a wait for the lock.
    """
    while not lock.acquire(blocking=False):
        sleep(_POLL)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def threads(at_once: int) -> Iterator[Executor]:
    """Take threads from the budget until the block and its tasks have ended.

    If an exception ends the block, tasks that have not begun are cancelled.

    Args:
        at_once: threads to take; fewer if fewer are free, but at least one.
    """
    taken = 0
    while taken < at_once and _free.acquire(blocking=False):
        taken += 1
    pool = ThreadPoolExecutor(max(taken, 1))
    try:
        yield pool
    except BaseException:
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        pool.shutdown()
        for _ in range(taken):
            _free.release()
