"""BuildKit's records of builds, which have all that a build is given except for its secrets."""

import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path

from ecr_lambda_deploy.docker.cache import CacheEntries
from ecr_lambda_deploy.model.errors import CancelledError
from ecr_lambda_deploy.model.images import BuildOrder
from ecr_lambda_deploy.model.secrets import secrets_of_addresses, secrets_of_entry

_TIMEOUT = 30  # seconds
_CANCELLED_TIMEOUT = 3  # seconds; a run that is cancelled has 7 in all
_PAUSE = 0.1  # seconds
_NOT_WRITTEN = "not found"  # of the record's lease [BuildKit, solver/llbsolver/history.go, HistoryQueue.delete]


def have_secrets(orders: Sequence[BuildOrder], caches: Sequence[CacheEntries]) -> bool:
    """Whether the records of builds would have a secret: anyone who reaches the builder can read them.

    Args:
        orders: the builds.
        caches: cache entries of each, such as those with the token of GitHub's cache service.
    """
    entries = [entry for cache in caches for entry in (*cache.imports, *cache.exports)]
    builds = [order.build for order in orders]
    texts = [text for build in builds for text in (*build.build_args.values(), *build.build_contexts.values())]
    found = chain(map(secrets_of_entry, entries), map(secrets_of_addresses, [*entries, *texts]))
    return any(chain.from_iterable(found))


@contextmanager
def without_records(program: str, environment: Mapping[str, str]) -> Iterator[None]:
    """Remove the records of all builds that a builder is given in the block, whether they succeed or not.

    A builder that keeps none, or that is gone, has none to remove.

    Args:
        program: path of buildx.
        environment: of a selected builder. Buildx notes each build there [buildx, localstate].
    """
    is_cancelled = False
    try:
        yield
    except (CancelledError, KeyboardInterrupt):
        is_cancelled = True
        raise
    finally:
        records = [path.name for path in Path(environment["BUILDX_CONFIG"]).glob("refs/*/*/*")]
        with suppress(subprocess.TimeoutExpired):
            if is_cancelled:
                _remove_when_written(records, program, environment)
            elif records:
                _remove(records, program, environment, timeout=_TIMEOUT)


def _remove_when_written(records: list[str], program: str, environment: Mapping[str, str]) -> None:
    """Remove the records of builds that were cancelled: a builder writes them when it has ended the builds."""
    deadline = time.monotonic() + _CANCELLED_TIMEOUT
    while records and (left := deadline - time.monotonic()) > 0:
        said = _remove(records, program, environment, timeout=left)
        records = [record for record in records if record in said and _NOT_WRITTEN in said]
        time.sleep(_PAUSE if records else 0)


def _remove(records: Sequence[str], program: str, environment: Mapping[str, str], *, timeout: float) -> str:
    """Ask the builder to remove records, and return its errors, which name those that it does not have."""
    command = [program, "history", "rm", *records]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False, timeout=timeout
    )
    return done.stderr
