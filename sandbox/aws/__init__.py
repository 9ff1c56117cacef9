"""The AWS emulator: ministack in a process of its own, behind a reverse proxy that is as strict as AWS.

ministack accepts much that Lambda and ECR do not. Each difference that matters to the action is one `Rule`, with the
source of the fact beside it; they stand in the tables `RULES` of the modules, which `proxy.RULES` puts in order. A
request that no rule answers goes to ministack as it came.
"""

from sandbox.aws.calls import Call, Fault
from sandbox.aws.emulator import Aws, running_aws
from sandbox.aws.holds import Held
from sandbox.aws.snapshot import Snapshot

__all__ = ["Aws", "Call", "Fault", "Held", "Snapshot", "running_aws"]
