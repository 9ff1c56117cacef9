"""The AWS emulator: ministack, behind a reverse proxy that is as strict as AWS.

`emulator.py` starts both and is what tests use. ministack runs in its own process (`ministack_process.py`) and accepts
much that Lambda and ECR refuse. Each difference that matters to the action is a rule in `rules/`, with its source.

The proxy (`proxy.py`) finds out which operation a request is (`operations.py`), logs the call, checks credentials and
permissions, and asks the rules in turn. A request that no rule answers goes to ministack unchanged (`upstream.py`).
Tests control the rest: they deny actions, inject faults (`calls.py`), hold calls (`holds.py`), and compare snapshots.
"""

from sandbox.aws.calls import Call, Fault
from sandbox.aws.emulator import Aws, running_aws
from sandbox.aws.holds import Held
from sandbox.aws.snapshot import Snapshot

__all__ = ["Aws", "Call", "Fault", "Held", "Snapshot", "running_aws"]
