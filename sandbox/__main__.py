"""`python -m sandbox`: keeps a sandbox running until Ctrl-C, to work with by hand."""

import signal
from pathlib import Path
from shlex import quote

from sandbox.sandbox import running_sandbox

with running_sandbox() as sandbox:
    variables = {**sandbox.engine.environment(), **sandbox.aws.environment(role="developer")}
    print("\n".join(f"export {name}={quote(value)}" for name, value in variables.items()))
    print(f"Paste these lines into another shell in {Path.cwd()}; end the sandbox with Ctrl-C.", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})
