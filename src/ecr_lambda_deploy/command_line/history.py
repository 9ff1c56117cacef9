"""The command `history`: the releases of functions, as the descriptions of their versions record them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.functions.history import Record, line_of_releases
from ecr_lambda_deploy.functions.reads import observe_with_versions
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.functions import ObservedFunction, PublishedVersion
from ecr_lambda_deploy.ports.ports import Ports

_MOST_SHOWN = 20  # versions of a function in the table; the JSON has all
_HEADINGS = ("", "version", "released", "commit", "by", "")
_COMMIT = 12  # digits


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known of a function's releases, newest first.

    Attributes:
        function: its name.
        alias: name of the alias that was asked for; empty without one.
        moved_by: who has moved it last, in words; empty if that is not recorded.
        releases: one for each version, as the JSON document has them.
    """

    function: str
    alias: str
    moved_by: str
    releases: tuple[Mapping[str, object], ...]


def read_histories(inputs: Inputs, ports: Ports) -> tuple[History, ...]:
    """Read the functions that the inputs name, side by side.

    Raises:
        DeployError: with every function that may not be read, or does not exist.
    """
    targets = [function for image in inputs.images for function in image.functions]
    return tuple(
        history_of(observed, alias=target.alias)
        for target, observed in zip(
            targets,
            for_each(targets, lambda target: observe_with_versions(target, ports.functions, ports.aliases)),
            strict=True,
        )
    )


def history_of(observed: ObservedFunction, *, alias: str = "") -> History:
    """Return the history of a function that was read with its versions.

    Args:
        observed: the function.
        alias: that was asked for.
    """
    line = {version.number for version in line_of_releases(observed)}
    newest = reversed(observed.versions)
    return History(
        function=observed.name,
        alias=alias,
        moved_by=Record.parse(observed.alias.description).by if observed.alias else "",
        releases=tuple(_release(version, observed, has_served=version.number in line) for version in newest),
    )


def document(histories: Sequence[History]) -> list[Mapping[str, object]]:
    """Return the histories for JSON."""
    return [
        {"function": one.function, "alias": one.alias, "alias_moved_by": one.moved_by, "releases": list(one.releases)}
        for one in histories
    ]


def table(histories: Sequence[History]) -> str:
    """Return the histories for a terminal."""
    return "\n\n".join("\n".join(_lines(one)) for one in histories)


def _release(version: PublishedVersion, observed: ObservedFunction, *, has_served: bool) -> Mapping[str, object]:
    record = Record.parse(version.description)
    share = observed.weights.get(version.number, 0.0)
    return {
        "version": version.number,
        "image_digest": f"sha256:{version.code_sha256}",
        "released": version.modified,  # which is what Lambda keeps of its publication
        "commit": record.full_commit,
        "repository": record.repository,
        "run": record.run,
        "by": record.by,
        "workflow": unquote(record.workflow),
        "mode": record.mode or ("deploy" if record.run else ""),
        "previous": record.previous,
        "serves": version.number == observed.version,
        "share": share,
        "has_served": has_served,
    }


def _lines(history: History) -> list[str]:
    by = f", moved last by {history.moved_by}".replace("by by hand", "by hand") if history.moved_by else ""
    title = f"{history.function}{f', alias {history.alias}{by}' if history.alias else ''}"
    if not history.releases:
        return [title, "  no published versions"]
    shown = [one for index, one in enumerate(history.releases) if index < _MOST_SHOWN or one["serves"]]
    rows = [_HEADINGS, *map(_row, shown)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    left = len(history.releases) - len(shown)
    return [title, *lines, *([f"   and {left} older ones: --json has them"] if left else [])]


def _row(release: Mapping[str, object]) -> tuple[str, ...]:
    share = release["share"]
    notes = [
        "serves" if release["serves"] else "",
        f"{share * 100:g} % of the traffic" if isinstance(share, float) and share else "",
        "rollback" if release["mode"] == "rollback" else "",
    ]
    workflow = f" of {release['workflow']}" if release["workflow"] else ""
    by = f"{release['by']}{workflow}" if release["by"] else "not by this action"
    return (
        "->" if release["serves"] else "",
        str(release["version"]),
        str(release["released"])[:16].replace("T", " "),
        str(release["commit"])[:_COMMIT],
        by,
        ", ".join(filter(None, notes)),
    )
