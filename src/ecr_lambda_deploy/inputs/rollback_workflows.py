"""Finds the repository's own way to undo a release: workflows that roll back with this action, started by hand.

They are ordinary files of the checkout. What they say is shown as text of others, and decides nothing.
"""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import yaml

from ecr_lambda_deploy.inputs.files import read_plain
from ecr_lambda_deploy.inputs.manifest.tree import entries, is_null, read_yaml
from ecr_lambda_deploy.inputs.problems import Problem, TooManyProblemsError
from ecr_lambda_deploy.model.run import RollbackWorkflow

_FOLDER = ".github/workflows"
_MOST_FILES = 100
_MOST_BYTES = 64 * 1024
_LONGEST = 200  # characters of an input's value
_ON = re.compile(r"^on(?= *:)", re.MULTILINE)  # a boolean to YAML 1.1, and a text to GitHub


def rollback_workflows(workspace: Path, action: str) -> tuple[RollbackWorkflow, ...]:
    """Return the workflows of a checkout that roll back with this action when they are started by hand.

    Whatever is in the files, this ends well.

    Args:
        workspace: the checkout.
        action: this action, as `owner/name@ref`; a workflow may use another version of it.
    """
    repository = action.partition("@")[0].casefold()
    found = list[RollbackWorkflow]()
    for path in _files(workspace / _FOLDER):
        with suppress(OSError, ValueError, TooManyProblemsError):
            content = read_plain(path, most=_MOST_BYTES + 1)
            if len(content) <= _MOST_BYTES and b"rollback" in content and b"workflow_dispatch" in content:
                found += _workflows(content.decode(), path.name, repository)
    return tuple(found)


def _files(folder: Path) -> list[Path]:
    """Return the plain files of a folder that are workflows, sorted by name; none of a folder that is not there."""
    with suppress(OSError), os.scandir(folder) as listed:
        names = [one.name for one in islice(listed, _MOST_FILES) if one.is_file(follow_symlinks=False)]
        return [folder / name for name in sorted(names) if name.endswith((".yml", ".yaml")) and name.isprintable()]
    return []


def _workflows(text: str, file: str, repository: str) -> Iterator[RollbackWorkflow]:
    """Yield a workflow for each of its steps that rolls back with the action."""
    problems = list[Problem]()
    root = read_yaml(_ON.sub('"on"', text), file=file, problems=problems)
    inputs = _dispatch_inputs(_value(root, "on"))
    if inputs is None:
        return
    for job in _values(_value(root, "jobs")):
        steps = _value(job, "steps")
        for step in steps.value if isinstance(steps, yaml.SequenceNode) else ():
            given = {name: _text(value) for name, value in _pairs(_value(step, "with"))}
            used = _text(_value(step, "uses")).partition("@")[0].casefold()
            if used == repository and given.get("mode") == "rollback":
                yield RollbackWorkflow(
                    file=file,
                    given={name: value for name, value in given.items() if len(value) <= _LONGEST},
                    inputs=tuple(name for name, _ in inputs),
                    required=tuple(name for name, one in inputs if _is_required(one)),
                )


def _dispatch_inputs(events: yaml.Node | None) -> list[tuple[str, yaml.Node]] | None:
    """Return the inputs with which a workflow is started by hand; None if it cannot be."""
    if isinstance(events, yaml.MappingNode):
        known = dict(_pairs(events))
        return list(_pairs(_value(known["workflow_dispatch"], "inputs"))) if "workflow_dispatch" in known else None
    named = events.value if isinstance(events, yaml.SequenceNode) else [events]
    return [] if "workflow_dispatch" in map(_text, named) else None


def _is_required(declared: yaml.Node) -> bool:
    default = _value(declared, "default")
    return _text(_value(declared, "required")) == "true" and (default is None or is_null(default))


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        yield from ((key, entry.value) for key, entry in entries(node).items())


def _values(node: yaml.Node | None) -> Iterator[yaml.Node]:
    yield from (value for _, value in _pairs(node))


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    return dict(_pairs(node)).get(key)


def _text(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
