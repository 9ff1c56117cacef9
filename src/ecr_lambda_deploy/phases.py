"""The phases of a run, as the log folds them and the summary lists them."""

from collections.abc import Iterator
from contextlib import contextmanager

from ecr_lambda_deploy.model import Journal
from ecr_lambda_deploy.ports import Outside


@contextmanager
def phase(title: str, outside: Outside, journal: Journal) -> Iterator[None]:
    """Fold what is printed within the block, and note how long it took."""
    started = outside.clock.now()
    try:
        with outside.log.group(title):
            yield
    finally:
        journal.phases.append((title, outside.clock.now() - started))
