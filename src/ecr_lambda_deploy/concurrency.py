"""Fan-out: many things side by side, all of them on one budget of threads.

Threads mostly wait here, for AWS or for a program, so there may be many more than processors; but side by side within
side by side must not multiply. Whoever fans out takes the threads that are free, and gets one at least: its own thread
only waits meanwhile, so no more than the budget are ever at work.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Semaphore
from typing import TypeVar

from ecr_lambda_deploy.model.errors import Failures

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_BUDGET = 160
_AT_ONCE = 32  # AWS answers 100 reads a second, each within a tenth of one: more would only wait for their turn

_free = Semaphore(_BUDGET)


def for_each(
    items: Iterable[_Item], act: Callable[[_Item], _Result], *, at_once: int = _AT_ONCE
) -> tuple[_Result, ...]:
    """Do something for each item, side by side, and return the results in the items' order.

    Args:
        items: read at once.
        act: called once for each.
        at_once: calls at the same time, at most; fewer where each starts a program.

    Raises:
        DeployError: when all calls have ended, with all that failed, in the items' order.
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
    """Do something on another thread beside the block, which ends when both have.

    Args:
        act: what it returns or raises is the result of the future.
    """
    with threads(1) as pool:
        yield pool.submit(act)


@contextmanager
def threads(at_once: int) -> Iterator[Executor]:
    """Take threads from the budget for as long as the block lasts, and what was given to them.

    What has not begun when an exception ends the block does not begin.

    Args:
        at_once: threads that are wanted; there may be fewer.
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
