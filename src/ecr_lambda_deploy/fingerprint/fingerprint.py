"""A fingerprint of everything that goes into a build.

Two builds with one fingerprint make the same image as far as their inputs decide it, so an image that is tagged with it
need not be built again. A build with an input that cannot be known has no fingerprint. What RUN fetches from the
network is as fresh as the last change of an input, as it is with Docker's layer cache.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.fingerprint.base_images import Inputs, inputs_of
from ecr_lambda_deploy.fingerprint.checkouts import CheckoutNotes, submodule_hint
from ecr_lambda_deploy.fingerprint.context import digest_of, unreadable
from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.sources import Sources, sources_in
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.images import Fingerprint, is_image_reference
from ecr_lambda_deploy.model.targets import Build, Platform

_SCHEME = 2  # raise it when the same inputs come to make another image
_PLATFORMS: tuple[Platform, ...] = ("linux/amd64", "linux/arm64")
IMAGE_CONTEXT = "docker-image://"
"""What a named context that is an image begins with."""

_REGISTRIES_ASKED = 8  # at a time
_LARGEST = 1024**2  # bytes of a Dockerfile, and of a .dockerignore


class BuildInputs:
    """The inputs of builds; a context or base image that several builds share is read once.

    Args:
        resolve: returns the digest that an image reference has now, or raises UnknownInputError; called in threads.
    """

    def __init__(self, resolve: Callable[[str], str]) -> None:
        self._resolve = Once(resolve)
        self._digest_of = Once(_digest_of)

    def read_ahead(self, build: Build) -> None:
        """Read what the fingerprint needs on every platform: the context, and the digests of base images.

        What cannot be known is left to `fingerprint`, which says so.
        """
        with suppress(UnknownInputError):
            on = [dockerfile_inputs(build, platform) for platform in _PLATFORMS]
            references = set.intersection(*(set(_references(build, inputs)) for inputs in on))
            contexts = set.intersection(*(set(_contexts(build, inputs).values()) for inputs in on))
            with beside(lambda: for_each(references, self._resolve, at_once=_REGISTRIES_ASKED)) as digests:
                for context in contexts:
                    self._digest_of(context)
            digests.result()

    def fingerprint(self, build: Build, platform: Platform) -> Fingerprint:
        """Compute the fingerprint of a build.

        Args:
            build: the build.
            platform: of the image.
        """
        try:
            inputs, images, hints = self._inputs(build, platform)
        except UnknownInputError as error:
            return Fingerprint(tag=None, reason=error.reason, hints=_hints_of_encoding(build))
        digest = sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
        return Fingerprint(tag=f"src-{digest}", hints=hints, images=images)

    def _inputs(
        self, build: Build, platform: Platform
    ) -> tuple[Mapping[str, object], tuple[str, ...], tuple[str, ...]]:
        """Return all inputs of a build, the references of its base images, and hints.

        Raises:
            UnknownInputError: something cannot be known.
        """
        _check_known(build)
        found = dockerfile_inputs(build, platform)
        references = _references(build, found)
        contexts = _contexts(build, found)
        # Registries are asked while the files are read.
        with beside(lambda: for_each(references, self._resolve, at_once=_REGISTRIES_ASKED)) as digests:
            inputs: dict[str, object] = {
                "scheme": _SCHEME,
                "platform": platform,
                "dockerfile": dockerfile_of(build),
                "contexts": {name: self._digest_of(context).digest for name, context in contexts.items()},
                "build-contexts": {name: value for name, value in build.build_contexts.items() if name not in contexts},
                "images": dict(zip(references, digests.result(), strict=True)),
                "target": build.target,
                "build-args": dict(build.build_args),
                "labels": dict(build.labels),
                "properties": dict(build.properties),
                "provenance": build.provenance,
                "sbom": build.sbom,
                "secrets": sorted(build.secrets),
            }
        if build.secrets_written:
            # What a file of the repository says decides what is built, as the Dockerfile does.
            inputs["secrets-written"] = build.secrets_written
        context = contexts[""]
        notes = self._digest_of(context).notes.hints(sets_modes="chmod" in dockerfile_of(build))
        hints = filter(None, (*_hints(build, context), submodule_hint(build.context, context.rules, _read), *notes))
        return inputs, tuple(references), tuple(hints)


class _Context(NamedTuple):
    """What a build can read in a folder."""

    folder: str
    rules: Dockerignore
    sources: Sources


def dockerfile_inputs(
    build: Build, platform: Platform, bases: Mapping[str, Sequence[Configuration]] | None = None
) -> Inputs:
    """Return what a build's Dockerfile takes.

    Args:
        build: the build.
        platform: of the image.
        bases: configurations of the images that stages start from, where they count.

    Raises:
        UnknownInputError: something cannot be known.
    """
    return inputs_of(
        dockerfile_of(build),
        target=build.target,
        build_args=build.build_args,
        platform=platform,
        bases=bases,
        named_contexts=build.build_contexts,
    )


def _references(build: Build, inputs: Inputs) -> list[str]:
    """Return the references of a build's base images, named contexts that are images among them.

    Raises:
        UnknownInputError: something cannot be known.
    """
    _, replacements = _named_contexts(build.build_contexts)
    references = [image for image in inputs.images if familiar(image) not in build.build_contexts] + replacements
    _check_references(references)
    return references


def _contexts(build: Build, inputs: Inputs) -> dict[str, _Context]:
    """Return the folders that a build reads, by the name of the context, which is empty for its own.

    Raises:
        UnknownInputError: something cannot be known.
    """
    folders, _ = _named_contexts(build.build_contexts)
    contexts = {"": _Context(str(build.context), _rules(build), sources_in(inputs.reads, ""))}
    for name, folder in folders.items():
        contexts[name] = _Context(folder, _rules_in(folder), sources_in(inputs.reads, name))
    return contexts


class _ContextRead(NamedTuple):
    """A context as it was read."""

    digest: str
    notes: CheckoutNotes


def _digest_of(context: _Context) -> _ContextRead:
    notes = CheckoutNotes()
    return _ContextRead(digest_of(*context, notes=notes), notes)


def _check_known(build: Build) -> None:
    """Make sure that a build has no inputs that this module does not read.

    Raises:
        UnknownInputError: it has one.
    """
    if "no-cache-filter" in build.properties:
        raise UnknownInputError("`set` has no-cache-filter, which runs steps again")
    if elsewhere := build.properties.keys() & {"args", "contexts", "dockerfile-inline"}:
        raise UnknownInputError(f"`set` has {min(elsewhere)}, which is not read")


def dockerfile_of(build: Build) -> str:
    """Return the text of a build's Dockerfile.

    Raises:
        UnknownInputError: it has none that can be read.
    """
    content = _read(build.dockerfile)
    if content is None:
        raise UnknownInputError(f"{build.dockerfile.name} is not a file")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UnknownInputError(f"{build.dockerfile.name} is not UTF-8") from None


def _named_contexts(build_contexts: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the folders by name, and the images.

    Raises:
        UnknownInputError: one is neither.
    """
    folders = {name: value for name, value in build_contexts.items() if value.startswith("/")}
    images = [value.removeprefix(IMAGE_CONTEXT) for value in build_contexts.values() if value.startswith(IMAGE_CONTEXT)]
    for name, value in build_contexts.items():
        if name not in folders and not value.startswith(IMAGE_CONTEXT):
            raise UnknownInputError(f"what the build context {name}={value} holds cannot be known")
    return folders, [image for image in images if image != "scratch"]


def _check_references(references: Iterable[str]) -> None:
    """Make sure that nothing else than an image's name goes to a registry or the engine.

    Raises:
        UnknownInputError: one is none, and BuildKit refuses it.
    """
    if wrong := next((one for one in references if not is_image_reference(one)), ""):
        raise UnknownInputError(f"{wrong[:100]!r} is not the name of an image")


def familiar(reference: str) -> str:
    """Return an image reference as BuildKit looks for it among the named contexts [dockerui/namedcontext.go]."""
    return reference.removeprefix("docker.io/").removeprefix("library/").removesuffix(":latest")


def _rules(build: Build) -> Dockerignore:
    """Read the .dockerignore that applies: the Dockerfile's own, if it has one, else the context's."""
    return _parsed(_specific_rules(build)) or _rules_in(str(build.context))


def _specific_rules(build: Build) -> Path:
    return build.dockerfile.with_name(f"{build.dockerfile.name}.dockerignore")


def _rules_in(context: str) -> Dockerignore:
    return _parsed(Path(context, ".dockerignore")) or Dockerignore()


def _parsed(path: Path) -> Dockerignore | None:
    content = _read(path)
    if content is None:
        return None
    try:
        return Dockerignore.parse(content)
    except UnknownInputError as error:
        raise UnknownInputError(f"{path.name}: {error}") from error


def _read(path: Path) -> bytes | None:
    """Return a file's content, or None if there is no such file.

    Raises:
        UnknownInputError: it cannot be read, is too large, is a symlink, which BuildKit follows only within the folder,
            or is a pipe or the like, which would be waited for.
    """
    try:
        kind = stat.S_IFMT(path.lstat().st_mode)
        if kind == stat.S_IFDIR:
            return None
        if kind != stat.S_IFREG:
            raise UnknownInputError(f"{path.name} is {'a symlink' if kind == stat.S_IFLNK else 'not a plain file'}")
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(path.name, error) from error
    if len(content) > _LARGEST:
        raise UnknownInputError(f"{path.name} has more than {_LARGEST} bytes")
    return content


def _hints_of_encoding(build: Build) -> tuple[str, ...]:
    """Return a line on a .dockerignore that BuildKit reads as patterns that match nothing."""
    for path in (_specific_rules(build), build.context / ".dockerignore"):
        with suppress(UnknownInputError):
            content = _read(path)
            if content is not None:
                is_utf_16 = b"\0" in content
                text = f"{path.name} is in UTF-16, so nothing is left out of the image by it: save it in UTF-8."
                return (text,) if is_utf_16 else ()
    return ()


def _hints(build: Build, context: _Context) -> tuple[str, ...]:
    is_excluded, _ = context.rules.match(".git", context.rules.root)
    if is_excluded or not context.sources.have(".git") or not os.path.lexists(build.context / ".git"):
        return ()
    return (
        "The image is built with .git of the context, so every commit is another build: add .git to .dockerignore.",
    )


Key = TypeVar("Key")
Value = TypeVar("Value")


class Once(Generic[Key, Value]):
    """A function that is called once for each key; threads that ask at the same time wait for the same answer.

    Args:
        find: the function; its exceptions are kept, too.
    """

    def __init__(self, find: Callable[[Key], Value]) -> None:
        self._find = find
        self._lock = Lock()
        self._answers: dict[Key, Future[Value]] = {}

    def __call__(self, key: Key) -> Value:
        """Return the answer, or raise the exception that the function raised."""
        with self._lock:
            known = self._answers.get(key)
            answer = self._answers.setdefault(key, Future())
        if known is None:
            try:
                answer.set_result(self._find(key))
            except BaseException as error:
                answer.set_exception(error)
                raise
        return answer.result()
