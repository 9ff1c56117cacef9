"""What was pushed: by an engine that keeps images in its own store, or by BuildKit.

BuildKit says so in buildx's metadata when everything is done, and in its log when the push is.

Buildx leaves the push of such an engine's images to the engine, and then asks the registry in four requests for the
digest, which the engine has just told it [buildx, build.go, remoteDigestWithMoby]. So the engine is asked directly.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event
from typing import Any

from ecr_lambda_deploy.concurrency import beside, for_each
from ecr_lambda_deploy.docker.engine import connected, image_and_configuration
from ecr_lambda_deploy.model.documents import is_digest
from ecr_lambda_deploy.model.images import Authorization, BuildOrder
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.ports.images import PushedImage

_SILENCE = 900  # seconds, between two lines of the engine's answer
_AT_ONCE = 4  # images; the engine pushes several layers of each
_EXPORTING = re.compile(r"#(?P<step>\d+) (?:\[[\w-]+\] )?exporting to image")
_PUSHED = re.compile(
    r"#(?P<step>\d+) pushing manifest for (?P<uri>\S+)@(?P<digest>sha256:[0-9a-f]{64}) (?:[\d.]+s )?done"
)
_DONE = re.compile(r"#(?P<step>\d+) DONE [\d.]+s")


class PushFailedError(Exception):
    """An engine could not push, with the reason as a line of buildx's log."""


def push_by_engine(
    targets: Mapping[str, BuildOrder], login: Authorization, environment: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, PushedImage]:
    """Push images of an engine's own store, side by side, and return what it says of each, by the URI.

    Args:
        targets: the builds by target.
        login: for the registry.
        environment: names the engine.
        say: logs a line.

    Raises:
        PushFailedError: one could not be pushed.
        DeployError: the engine does not answer.
    """
    is_over = Event()

    def push(target: str) -> tuple[str, PushedImage] | PushFailedError:
        uri = targets[target].uri
        say(f"Pushing {uri} by the engine")
        try:
            digest = _push(uri, login, environment, is_over)
        except PushFailedError as error:
            return PushFailedError(f"ERROR: target {target}: failed to push {uri}: {error}")
        say(f"Pushed {uri}: {digest}")
        return uri, PushedImage(digest=digest, configurations=dict(image_and_configuration(uri, environment)))

    with beside(lambda: for_each(targets, push, at_once=_AT_ONCE)) as pushing:
        try:
            pushed = pushing.result()
        except BaseException:  # of a run that is cancelled; the engine ends a push when nobody listens
            is_over.set()
            raise
    for one in pushed:
        if isinstance(one, PushFailedError):
            raise one
    return dict(one for one in pushed if not isinstance(one, PushFailedError))


def pushed_by_buildkit(
    metadata: Mapping[str, Any], targets: Mapping[str, BuildOrder], environment: Mapping[str, str] | None
) -> dict[str, PushedImage]:
    """Return what BuildKit says that it has pushed, by the URI; nothing of an image of which it does not say it.

    Args:
        metadata: what buildx wrote.
        targets: the builds by target.
        environment: see `pushed_images`.
    """
    try:
        digests = {
            order.uri: metadata[target]["containerimage.digest"]
            for target, order in targets.items()
            if target in metadata
        }
    except (LookupError, TypeError):
        return {}
    return pushed_images({uri: digest for uri, digest in digests.items() if is_digest(digest)}, environment)


def pushed_images(digests: Mapping[str, str], environment: Mapping[str, str] | None) -> dict[str, PushedImage]:
    """Return images with what the engine knows of them, by the URI.

    Args:
        digests: of what was pushed, by the URI.
        environment: names the engine that has the images, too; None if none has.
    """
    return {
        uri: PushedImage(
            digest=digest,
            configurations={} if environment is None else dict(image_and_configuration(uri, environment)),
        )
        for uri, digest in digests.items()
    }


class PushLog:
    """Reads in what BuildKit prints which images it has pushed.

    A command of a Dockerfile prints nothing that is taken for it: its step has another name, and buildx puts the time
    before each of its lines [BuildKit, util/push, Push; util/progress/progressui, printer.go].

    Args:
        uris: of the images.

    Attributes:
        digests: of those that are pushed, by the URI.
    """

    def __init__(self, uris: Iterable[str]) -> None:
        self._awaited = {*uris}
        self._exports = dict[str, dict[str, str]]()  # what each export has pushed, until it is done
        self.digests = dict[str, str]()

    @property
    def is_complete(self) -> bool:
        """Whether all are pushed; false if there are none."""
        return bool(self._awaited) and self._awaited == self.digests.keys()

    def read(self, line: str) -> None:
        """Read one line."""
        if found := _EXPORTING.fullmatch(line):
            self._exports.setdefault(found["step"], {})
        elif found := _PUSHED.fullmatch(line):
            if found["step"] in self._exports and found["uri"] in self._awaited:
                self._exports[found["step"]][found["uri"]] = found["digest"]
        elif found := _DONE.fullmatch(line):
            self.digests |= self._exports.get(found["step"], {})


def _push(uri: str, login: Authorization, environment: Mapping[str, str], is_over: Event) -> str:
    """Have the engine push an image, and return the digest of its manifest.

    Raises:
        PushFailedError: it cannot.
        DeployError: the engine does not answer.
    """
    repository, _, tag = uri.rpartition(":")
    host = uri.partition("/")[0]
    login.check_host(host)
    auth = {"username": login.username, "password": login.password, "serveraddress": host}
    digest = ""
    with connected(environment, timeout=_SILENCE) as client, _lost_answers():
        for line in client.api.push(repository, tag=tag, stream=True, decode=True, auth_config=auth):
            if is_over.is_set():
                break
            if message := _message(line):
                raise PushFailedError(bounded(message))
            digest = _digest(line) or digest
    if not digest:
        raise PushFailedError("the engine has not said that it has pushed the image (EOF)")
    return digest


@contextmanager
def _lost_answers() -> Iterator[None]:
    """Make the SDK's errors of an answer that does not come to its end the registry's to be tried again."""
    from urllib3.exceptions import HTTPError

    try:
        yield
    except HTTPError as error:
        raise PushFailedError(f"the engine's answer has no end (EOF): {error}") from error


def _message(line: Mapping[str, Any]) -> str:
    return str(line.get("error") or "")


def _digest(line: Mapping[str, Any]) -> str:
    digest = (line.get("aux") or {}).get("Digest")
    return str(digest) if is_digest(digest) else ""
