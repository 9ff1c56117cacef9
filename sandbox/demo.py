"""`make demo`: builds a function's image and invokes it, deploys a change, then finds nothing to do."""

import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.errors import SandboxError
from sandbox.runner import StepResult
from sandbox.sandbox import Sandbox, create_function, running_sandbox

_FUNCTION = "hello"
_EXAMPLE = Path(__file__).parent.parent / "examples/hello"


def main() -> int:
    """Run the demo; return 0 if every step did as expected."""
    started = time.monotonic()
    try:
        with running_sandbox(say=_say) as sandbox, TemporaryDirectory(prefix="demo-") as folder:
            workspace = Path(folder, "workspace")
            shutil.copytree(_EXAMPLE, workspace)
            _show(sandbox, workspace)
    except SandboxError as error:
        _say(f"The demo stopped: {error}")
        return 1
    _say(f"Done in {time.monotonic() - started:.0f} s.")
    return 0


def _show(sandbox: Sandbox, workspace: Path) -> None:
    _say("\n=== Before: infrastructure code has a repository, a first image and a function")
    sandbox.aws.client("ecr").create_repository(repositoryName=_FUNCTION, imageTagMutability="IMMUTABLE")
    first = _step(sandbox, workspace, {"mode": "build", "repository": _FUNCTION}, commit="1")
    create_function(sandbox.aws, _FUNCTION, first.outputs["image-uri"])
    _invoke(sandbox)

    _say("\n=== A push changes the code: one step deploys it")
    app = workspace / "app.py"
    app.write_text(app.read_text().replace('"hello"', '"good morning"'))
    second = _step(sandbox, workspace, {"function-name": _FUNCTION}, commit="2")
    _expect(second.outputs["changed"] == "true", "the second run changes the function")
    _expect("good morning" in _invoke(sandbox), "the function gives the new code's answer")

    _say("\n=== The same again: nothing to do")
    third = _step(sandbox, workspace, {"function-name": _FUNCTION}, commit="2")
    _expect(third.outputs["changed"] == "false", "the third run finds nothing to do")


def _step(sandbox: Sandbox, workspace: Path, inputs: Mapping[str, str], commit: str) -> StepResult:
    result = sandbox.runner.run(workspace, inputs, commit=commit * 40, show=lambda line: print(f"  {line}", flush=True))
    _say(f"\nThe step ended with {result.exit_code} after {result.seconds:.1f} s. Its outputs:")
    for name, value in result.outputs.items():
        _say(f"  {name}: {value!r}")
    _say("\nThe job summary:")
    _say("\n".join(f"  {line}" for line in result.summary.splitlines()))
    _expect(result.exit_code == 0, "the step succeeds")
    return result


def _invoke(sandbox: Sandbox) -> str:
    answer = sandbox.aws.client("lambda").invoke(FunctionName=_FUNCTION, Payload=b'{"name": "world"}')
    text: str = answer["Payload"].read().decode()
    _say(f"\nInvoked {_FUNCTION}: {text}")
    return text


def _expect(fact: bool, what: str) -> None:  # reads as a sentence
    if not fact:
        raise SandboxError(f"expected that {what}")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
