"""Builds of folders by the BuildKit of an engine, many in one session."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.machine.engine import Engine
from sandbox.runner import ACTION_IMAGE


def build(engine: Engine, folder: Path, targets: Mapping[str, Mapping[str, object]]) -> dict[str, Path | None]:
    """Build targets, and return an archive of each image's files; None for one that BuildKit refuses.

    Args:
        engine: where they are built.
        folder: that all of their files are in.
        targets: as bake has them, by name; without output.
    """
    archives = {name: folder / f"{name}.tar" for name in targets}
    definition = {name: {**target, "output": [f"type=tar,dest={archives[name]}"]} for name, target in targets.items()}
    (folder / "bake.json").write_text(json.dumps({"target": definition}))
    mounts = [f"--volume={engine.socket}:/var/run/docker.sock", f"--volume={folder}:{folder}"]
    command = ["bake", f"--file={folder}/bake.json", "--progress=plain", *targets]
    try:
        engine.docker("run", "--rm", *mounts, "--entrypoint=buildx", ACTION_IMAGE, *command)
    except SandboxError as error:
        named = set(re.findall(r"\btarget (\S+): failed to solve", str(error))) & targets.keys()
        refused = named or ({next(iter(targets))} if len(targets) == 1 else set[str]())
        if refused:
            rest = {name: target for name, target in targets.items() if name not in refused}
            return dict.fromkeys(refused) | (build(engine, folder, rest) if rest else {})
        names = list(targets)
        halves = names[: len(names) // 2], names[len(names) // 2 :]
        built = [build(engine, folder, {name: targets[name] for name in half}) for half in halves]
        return built[0] | built[1]
    return {**archives}
