"""The phases of a run: groups of the log, and rows of the summary."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import Journal, Phase
from ecr_lambda_deploy.ports.ports import Ports


@contextmanager
def phase(title: str, ports: Ports, journal: Journal, *, is_folded: bool = True) -> Iterator[None]:
    """Record a phase of the run, which lasts as long as the block.

    An error that ends the block ends the run: functions that no stage has reached are recorded as skipped.

    Args:
        title: of the phase.
        ports: the clock and the log.
        journal: where the phase is recorded.
        is_folded: whether the log shows the phase as a group.
    """
    started = ports.clock.now()
    try:
        if not is_folded:
            ports.log.info(title)  # as a heading
        with ports.log.group(title) if is_folded else nullcontext():
            yield
    except DeployError:
        journal.mark_unreached_as_skipped()
        raise
    finally:
        journal.phases.append(Phase(title=title, started=started, seconds=ports.clock.now() - started))
