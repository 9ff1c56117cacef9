"""The phases of a run, as the log folds them and the summary lists them."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import Journal, Phase
from ecr_lambda_deploy.ports.ports import Ports


@contextmanager
def phase(title: str, ports: Ports, journal: Journal, *, is_folded: bool = True) -> Iterator[None]:
    """Fold what is printed within the block, if it is to be folded, and note how long it took.

    What ends the block ends the run before any function was changed.
    """
    started = ports.clock.now()
    try:
        with ports.log.group(title) if is_folded else nullcontext():
            yield
    except DeployError:
        journal.mark_unreached_as_skipped()
        raise
    finally:
        journal.phases.append(Phase(title=title, started=started, seconds=ports.clock.now() - started))
