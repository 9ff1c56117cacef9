"""The files that a folder gives to a build, as one digest."""

import errno
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from threading import Event

from ecr_lambda_deploy.concurrency import threads
from ecr_lambda_deploy.fingerprint.checkouts import LFS_POINTER, CheckoutNotes
from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore, Matches
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.sources import Sources

_BATCH = 16  # files that a thread hashes at a time: with fewer, the hand-over costs more than hashing
_CHUNK = 1 << 20  # bytes read at a time
_EVERYTHING = Sources()
_CAPABILITIES = "security.capability"  # the one extended attribute that layers keep [containerd, archive/tar.go]


@dataclass(slots=True)
class _Folder:
    """A folder that is being walked.

    Attributes:
        path: relative to the context.
        entries: those not walked yet.
        matches: which patterns match it.
        is_read: whether all that it holds is read.
        is_sent: whether it has been yielded; an excluded folder is sent with the first entry that is not excluded.
    """

    path: str
    entries: Iterator["os.DirEntry[str]"]
    matches: Matches
    is_read: bool
    is_sent: bool


class SymlinkError(Exception):
    """A path that is read is a symlink, or leads through one."""


def digest_of(
    context: str,
    rules: Dockerignore,
    sources: Sources = _EVERYTHING,
    *,
    workers: int | None = None,
    notes: CheckoutNotes | None = None,
) -> str:
    """Compute a digest of the files that a build can read: of all, where it reads one by a symlink.

    It covers path, type, permissions and content of each, as BuildKit's cache does. Like that, it ignores times and
    owners; and the mode of the context itself, which is not sent.

    Args:
        context: path of the folder.
        rules: of its .dockerignore.
        sources: what the Dockerfile reads.
        workers: threads that read; by default one for each processor.
        notes: gets what is looked at.

    Raises:
        UnknownInputError: something cannot be read.
    """
    workers, notes = workers or os.cpu_count() or 1, notes or CheckoutNotes()
    try:
        return _digest_of(context, walk(context, rules, sources), workers, notes)
    except SymlinkError:
        notes.forget()
        return _digest_of(context, walk(context, rules), workers, notes)


def _digest_of(context: str, paths: Iterator[str], workers: int, notes: CheckoutNotes) -> str:
    digest = sha256()
    reading = _Reading(context, notes)
    with threads(workers) as pool:
        try:
            for record in _ahead(pool, reading.records, _batches(paths), limit=4 * workers):
                digest.update(record)
        finally:
            reading.stop.set()
    return digest.hexdigest()


def walk(context: str, rules: Dockerignore, sources: Sources = _EVERYTHING) -> Iterator[str]:
    """Yield the paths that BuildKit would send, relative to the context, in an order that depends on names alone.

    Raises:
        UnknownInputError: a folder cannot be read.
        SymlinkError: what is sent depends on where a symlink leads.
    """
    folders = [_Folder("", _entries(context, ""), rules.root, is_read=sources.are_everything, is_sent=True)]
    while folders:
        folder = folders[-1]
        entry = next(folder.entries, None)
        if entry is None:
            folders.pop()
            continue
        path = f"{folder.path}/{entry.name}" if folder.path else entry.name
        is_read = folder.is_read or sources.have(path)
        if not is_read and not sources.may_have_below(path):
            continue
        is_excluded, matches = rules.match(path, folder.matches)
        if not folder.is_read and not is_excluded and entry.is_symlink():
            raise SymlinkError(path)
        is_sent = is_read and not is_excluded
        if is_sent:
            for parent in folders:
                if not parent.is_sent:
                    parent.is_sent = True
                    yield parent.path
            yield path
        if entry.is_dir(follow_symlinks=False) and not (is_excluded and not rules.may_include_below(path)):
            entries = _entries(context, path, is_sent=is_sent)
            folders.append(_Folder(path, entries, matches, is_read=is_read, is_sent=is_sent))


def shown(path: str) -> str:
    """Return a path in a printable form; its bytes may not be UTF-8."""
    return os.fsencode(path).decode(errors="backslashreplace")


def unreadable(path: str, error: OSError) -> UnknownInputError:
    """Return the error for a file that cannot be read."""
    return UnknownInputError(f"{shown(path) or 'the context'} cannot be read: {error.strerror}")


def _entries(context: str, path: str, *, is_sent: bool = True) -> Iterator["os.DirEntry[str]"]:
    try:
        with os.scandir(f"{context}/{path}") as entries:
            return iter(sorted(entries, key=lambda entry: entry.name))
    except PermissionError as error:
        if not is_sent:  # which BuildKit ignores
            return iter(())
        raise unreadable(path, error) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _batches(paths: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(paths, _BATCH)):
        yield batch


def _ahead(
    pool: Executor, function: Callable[[list[str]], bytes], batches: Iterable[list[str]], *, limit: int
) -> Iterator[bytes]:
    """Map in order, with a limited number of calls waiting: Executor.map would list the whole context first."""
    waiting: deque[Future[bytes]] = deque()
    for batch in batches:
        waiting.append(pool.submit(function, batch))
        if len(waiting) >= limit:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads a context; its methods run in many threads.

    Attributes:
        context: path of the folder.
        notes: gets what is looked at.
        stop: set when the result is no longer needed.
    """

    context: str
    notes: CheckoutNotes
    stop: Event = field(default_factory=Event)

    def records(self, paths: list[str]) -> bytes:
        """Return the records of paths, which the digest is made of.

        Raises:
            UnknownInputError: one cannot be read.
        """
        return b"".join(map(self._record, paths))

    def _record(self, path: str) -> bytes:
        full_path = f"{self.context}/{path}"
        try:
            status = os.lstat(full_path)
            kind = stat.S_IFMT(status.st_mode)
            content, beginning = b"", b""
            if kind == stat.S_IFREG:
                content, beginning = self._content(full_path)
            elif kind == stat.S_IFLNK:
                content = os.fsencode(os.readlink(full_path))  # noqa: PTH115 # Path would normalize it
            elif kind in (stat.S_IFBLK, stat.S_IFCHR):
                content = str(status.st_rdev).encode()
        except OSError as error:
            raise unreadable(path, error) from error
        self.notes.see(path, status.st_mode, beginning)
        name = os.fsencode(path)
        return b"%o %d %b %d %b\n" % (status.st_mode, len(name), name, len(content), content)

    def _content(self, full_path: str) -> tuple[bytes, bytes]:
        """Return a digest of a file's content and capabilities, and what the file begins with."""
        # A file may have become a symlink or a FIFO since it was listed: do not follow it, do not wait for it.
        descriptor = os.open(full_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            digest, beginning = sha256(), b""
            while (chunk := os.read(descriptor, _CHUNK)) and not self.stop.is_set():
                beginning = beginning or chunk[: len(LFS_POINTER)]
                digest.update(chunk)
            return digest.digest() + _capabilities(descriptor), beginning
        finally:
            os.close(descriptor)


def _capabilities(descriptor: int) -> bytes:
    try:
        return os.getxattr(descriptor, _CAPABILITIES)
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP):
            return b""
        raise
