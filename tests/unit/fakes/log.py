"""The job's log, in memory."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from ecr_lambda_deploy.model.errors import SourceLocation


class FakeLog:
    """Keeps every line with its kind, and the open group."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.groups: list[str] = []

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        self.groups.append(title)
        yield

    def folded(self, title: str, lines: Iterable[str]) -> None:
        self.lines += [("group", title), *(("folded", line) for line in lines)]

    def info(self, message: str) -> None:
        self.lines.append(("info", message))

    def failure(self, message: str) -> None:
        self.lines.append(("failure", message))

    def notice(self, message: str) -> None:
        self.lines.append(("notice", message))

    def warning(self, message: str, location: SourceLocation | None = None) -> None:
        self.lines.append(("warning", f"{message} {location}" if location else message))

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        self.lines.append(("error", f"{message} {location}" if location else message))

    def of_kind(self, kind: str) -> list[str]:
        return [message for its_kind, message in self.lines if its_kind == kind]
