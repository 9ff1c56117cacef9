"""The job summary where there is less room, such as in a comment on a pull request: its beginning, made whole."""

import re
from dataclasses import dataclass

from ecr_lambda_deploy.model.run import WorkflowRun

_FENCE = re.compile(r"(?P<quote>(?:> ?)*)(?P<fence>`{3,})(?P<language>[^`]*)")
_DETAILS = re.compile(r"<(?P<slash>/?)details>")  # text of others has backslashes in it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """What a line has opened and a later one has to close.

    Attributes:
        closing: what closes it.
        line: the index of the line that has opened it.
        is_chart: whether GitHub draws what is in it: a part of a drawing is none.
    """

    closing: str
    line: int
    is_chart: bool = False


def excerpt(markdown: str, run: WorkflowRun, *, most: int) -> str:
    """Return Markdown of so many bytes at most: if it is longer, its first lines, and where all of it is.

    What is open where it ends is closed: code blocks, also those in quotes, and `<details>`.

    Args:
        markdown: the job summary.
        run: whose summary it is.
        most: bytes.
    """
    if len(markdown.encode()) <= most:
        return markdown
    address = f"{run.server_url}/{run.repository}/actions/runs/{run.run_id}" if run.server_url and run.run_id else ""
    where = f"[the summary of the job]({address})" if address else "the summary of the job"
    end = f"\n\nThis is the beginning; {where} has all of it.\n"
    kept, opened = list[str](), tuple[_Open, ...]()
    left = most - len(end.encode())
    for index, line in enumerate(markdown.splitlines()):
        left -= len(line.encode()) + 1
        after = _opened_after(line, index, opened)
        if left < sum(len(one.closing) + 1 for one in after):
            break
        kept.append(line)
        opened = after
    if opened and opened[-1].is_chart:
        kept, opened = kept[: opened[-1].line], opened[:-1]
    return "\n".join([*kept, *(one.closing for one in reversed(opened))]).rstrip() + end


def _opened_after(line: str, index: int, opened: tuple[_Open, ...]) -> tuple[_Open, ...]:
    """Return what is open after a line, the innermost last."""
    fence = _FENCE.fullmatch(line)
    inner = opened[-1].closing.lstrip("> ") if opened else ""
    if inner.startswith("`"):
        is_end = fence is not None and not fence["language"].strip() and len(fence["fence"]) >= len(inner)
        return opened[:-1] if is_end else opened
    if fence is not None:
        closing, is_chart = fence["quote"] + fence["fence"], fence["language"] == "mermaid"
        return (*opened, _Open(closing=closing, line=index, is_chart=is_chart))
    for found in _DETAILS.finditer(line):
        opened = opened[:-1] if found["slash"] else (*opened, _Open(closing="\n</details>", line=index))
    return opened
