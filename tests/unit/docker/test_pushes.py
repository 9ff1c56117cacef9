"""What an engine says of a push, line by line, and BuildKit in buildx's metadata; real ones in tests/integration."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound
from urllib3.exceptions import ProtocolError

from ecr_lambda_deploy.docker.metadata import read_metadata
from ecr_lambda_deploy.docker.pushes import PushFailedError, PushLog, push_by_engine, pushed_by_buildkit
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Authorization, BuildOrder
from ecr_lambda_deploy.ports.images import PushedImage
from tests.unit.fakes.examples import NEW, OLD, REGISTRY
from tests.unit.fakes.world import BUILD

_LOGIN = Authorization(registry=REGISTRY, username="AWS", password="secret")
_CONFIG = f"sha256:{64 * 'c'}"
_PUSHED = [{"status": "Pushed", "id": "a"}, {"aux": {"Tag": "src-1", "Digest": NEW.digest, "Size": 7}}]


class _Engine:
    """An engine's client: what it answers to a push, and the image that it has."""

    def __init__(self) -> None:
        self.api = self.images = self
        self.lines: list[object] = []
        self.attrs: Mapping[str, Any] | None = None
        self.pushed: list[tuple[str, str, object]] = []

    def push(self, repository: str, *, tag: str, auth_config: object, **_: object) -> Iterator[object]:
        self.pushed.append((repository, tag, auth_config))
        for line in self.lines:
            if isinstance(line, Exception):
                raise line
            yield line

    def get(self, _: str) -> "_Engine":
        if self.attrs is None:
            raise ImageNotFound("no such image")
        return self

    def close(self) -> None:
        pass


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> _Engine:
    engine = _Engine()
    monkeypatch.setattr(docker, "from_env", lambda **_: engine)
    return engine


def _targets(host: str = REGISTRY) -> dict[str, BuildOrder]:
    order = BuildOrder(build=BUILD, platform="linux/amd64", labels={}, repository_uri=f"{host}/orders", tag="src-1")
    return {"image": order}


def _push(host: str = REGISTRY) -> dict[str, PushedImage]:
    return push_by_engine(_targets(host), _LOGIN, {}, lambda _: None)


def test_the_engine_says_the_digest_and_has_the_configuration(engine: _Engine) -> None:
    engine.lines = [*_PUSHED]
    engine.attrs = {"Id": _CONFIG, "Os": "linux", "Architecture": "arm64", "Config": {"Cmd": ["app.handler"]}}
    (pushed,) = _push().values()

    assert pushed.digest == NEW.digest
    assert pushed.configurations[_CONFIG].platform == "linux/arm64"
    assert pushed.configurations[_CONFIG].has_entry_point
    login = {"username": "AWS", "password": "secret", "serveraddress": REGISTRY}
    assert engine.pushed == [(f"{REGISTRY}/orders", "src-1", login)]


def test_a_configuration_that_the_engine_does_not_have_is_not_known(engine: _Engine) -> None:
    engine.lines = [*_PUSHED]

    assert [*_push().values()] == [PushedImage(digest=NEW.digest)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([{"errorDetail": {"message": "denied: no"}, "error": "denied: no"}, *_PUSHED], "denied: no"),
        ([], "EOF"),
        ([{"aux": {"Digest": "latest"}}], "EOF"),
        ([{"aux": None}], "EOF"),
        ([ProtocolError("Connection broken")], "EOF.*Connection broken"),
    ],
)
def test_a_push_that_fails_is_told_as_in_the_log_of_buildx(engine: _Engine, lines: list[object], reason: str) -> None:
    engine.lines = lines

    with pytest.raises(
        PushFailedError, match=rf"^ERROR: target image: failed to push {REGISTRY}/orders:src-1: .*{reason}"
    ):
        _push()


def test_no_login_is_given_for_a_host_that_is_not_the_registry_s(engine: _Engine) -> None:
    with pytest.raises(DeployError, match="no host of the registry"):
        _push("registry.example.com")
    assert engine.pushed == []


def _read(folder: Path, content: object, environment: Mapping[str, str] | None = None) -> Mapping[str, PushedImage]:
    (folder / "metadata").write_text(content if isinstance(content, str) else json.dumps(content))
    return pushed_by_buildkit(read_metadata(folder / "metadata"), _targets(), environment)


def test_buildkit_says_the_digest_and_an_engine_beside_it_the_configuration(engine: _Engine, tmp_path: Path) -> None:
    engine.attrs = {"Id": NEW.digest, "Os": "linux", "Architecture": "amd64"}
    said = {"image": {"containerimage.digest": NEW.digest}, "other": {"containerimage.digest": NEW.digest}}

    assert _read(tmp_path, said) == {f"{REGISTRY}/orders:src-1": PushedImage(digest=NEW.digest)}
    (pushed,) = _read(tmp_path, said, {}).values()
    assert pushed.configurations[NEW.digest].platform == "linux/amd64"


@pytest.mark.parametrize(
    "content",
    ["", "[", "[]", "5", "{}", {"image": None}, {"image": {}}, {"image": {"containerimage.digest": 5}}, 100_000 * "["],
)
def test_what_does_not_say_a_digest_says_nothing(tmp_path: Path, content: object) -> None:
    assert _read(tmp_path, content) == {}
    assert pushed_by_buildkit(read_metadata(tmp_path / "absent"), _targets(), None) == {}


def _log(*uris: str, text: str) -> PushLog:
    log = PushLog(uris)
    for line in text.splitlines():
        log.read(line)
    return log


_URI = f"{REGISTRY}/orders:src-1"
_OTHER = f"{REGISTRY}/stock:src-2"
_BEGUN = f"""#10 exporting to image
#10 exporting manifest {NEW.digest} 0.0s done
#10 naming to {_URI} done
#10 pushing layers 2.0s done
#10 pushing manifest for {_URI}@{NEW.digest}
"""
_HALF = _BEGUN + f"#10 pushing manifest for {_URI}@{NEW.digest} 1.0s done\n"


def test_buildkit_says_while_it_still_works_what_it_has_pushed() -> None:
    log = _log(_URI, text=_HALF + "#10 DONE 3.3s")

    assert (log.is_complete, log.digests) == (True, {_URI: NEW.digest})
    others = f"#12 [stock] exporting to image\n#12 pushing manifest for {_OTHER}@{OLD.digest} done\n#12 DONE 0.1s"
    assert not _log(_URI, _OTHER, text=_HALF + "#10 DONE 3.3s").is_complete
    both = _log(_URI, _OTHER, text=f"{_HALF.replace('#10 exporting', '#10 [orders] exporting')}{others}\n#10 DONE 3.3s")
    assert (both.is_complete, both.digests) == (True, {_URI: NEW.digest, _OTHER: OLD.digest})


@pytest.mark.parametrize(
    "text",
    [
        _HALF,  # not done
        _HALF + "#11 DONE 3.3s",
        _BEGUN + "#10 DONE 3.3s",
        _BEGUN + f"#10 pushing manifest for {_URI} 1.0s done\n#10 DONE 3.3s",  # an old BuildKit says no digest
        _BEGUN + f"#10 pushing manifest for {_URI}@{NEW.digest} 1.0s error: denied\n#10 ERROR: denied\n#10 DONE 1.0s",
        _HALF.replace(_URI, _OTHER) + "#10 DONE 3.3s",
        # What a command prints, and what is named like it.
        "\n".join(f"#9 0.1 {line}" for line in _HALF.splitlines()) + "\n#9 0.2 #9 DONE 3.3s\n#9 DONE 1.0s",
        "\n".join(f"… {line}" for line in _HALF.splitlines()) + "\n#10 DONE 3.3s",
        _HALF.replace("exporting to image", "[2/2] RUN exporting to image") + "#10 DONE 3.3s",
    ],
)
def test_what_does_not_say_that_all_is_pushed_says_nothing(text: str) -> None:
    assert not _log(_URI, text=text).is_complete
    assert not _log(text=_HALF + "#10 DONE 3.3s").is_complete
