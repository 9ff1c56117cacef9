"""Builds by the real buildx, on engine 20.10 and on a current one, pushed to a registry that behaves as ECR's does."""

import gzip
import json
import shutil
import subprocess
import time
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from ecr_lambda_deploy.docker.buildx import Buildx
from ecr_lambda_deploy.github.actions import Console
from ecr_lambda_deploy.model.errors import BuildError, DeployError
from ecr_lambda_deploy.model.images import Authorization, BuildOrder, ImageReference
from ecr_lambda_deploy.model.targets import Build, BuilderSettings, CacheSettings
from ecr_lambda_deploy.private_folders import PrivateFolders
from sandbox.aws import Aws, Fault
from sandbox.machine.debian_packages import programs
from sandbox.machine.engine import Engine
from sandbox.machine.process_watch import watched_processes
from tests.integration.buildkit_endpoint import BUILDCTL, buildkit_at_tcp
from tests.integration.certificates import Authority

_BUILDX = ("sid", ("docker-buildx",), ("usr/libexec/docker/cli-plugins/docker-buildx",))
# Notes the environment of each call, and what Docker configuration the call has, and then does what is wanted.
_RECORDING = """#!/bin/sh
env > {folder}/environment-$1-$$
stat -c %a "$DOCKER_CONFIG" > {folder}/mode-$1-$$
cp "$DOCKER_CONFIG/config.json" {folder}/config-$1-$$
exec {program} "$@"
"""
_BUSYBOX = ("bookworm", ("busybox-static",), ("bin/busybox",))


class ImpatientClock:
    """A clock on which waiting takes no time, though as much has passed."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> float:
        return time.monotonic() + sum(self.waits)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


@dataclass(slots=True, kw_only=True)
class Workshop:
    """A workspace, a repository and a builder.

    Attributes:
        workspace: folder with a Dockerfile.
        repository_uri: registry and repository.
        base: an image with a shell, in the same registry.
        aws: where the registry is.
        builder: what is tested.
        clock: by which it waits.
        logins: whether each login that it asked for was to be a fresh one.
    """

    workspace: Path
    repository_uri: str
    base: str
    aws: Aws
    builder: Buildx
    clock: "ImpatientClock"
    logins: list[bool]

    def write(self, dockerfile: str, **files: str) -> None:
        """Write the Dockerfile, its first line left out, and other files."""
        self.workspace.joinpath("Dockerfile").write_text(f"FROM {self.base}\n{dockerfile}")
        for name, content in files.items():
            self.workspace.joinpath(name).write_text(content)

    def order(
        self,
        *,
        present: ImageReference | None = None,
        may_overwrite: bool | None = True,
        **build: Any,  # noqa: ANN401 # the fields of Build
    ) -> BuildOrder:
        """Return the order for a build of the workspace."""
        return BuildOrder(
            build=Build(context=self.workspace, dockerfile=self.workspace / "Dockerfile", **build),
            platform="linux/amd64",
            labels={},
            repository_uri=self.repository_uri,
            tag=f"src-{uuid4().hex}",
            may_overwrite_cache=may_overwrite,
            present_image=present,
        )

    def push(self, **order: Any) -> ImageReference:  # noqa: ANN401 # see `order`
        """Build and push, and return what then is under the tag."""
        wanted = self.order(**order)
        pushed = self.builder.build_and_push([wanted])
        self.builder.finish()
        registry, _, repository = self.repository_uri.partition("/")
        digest = self.digests()[wanted.tag]
        assert pushed[wanted.uri].digest == digest, "whoever moves the tag afterwards changes nothing"
        return ImageReference(registry=registry, repository=repository, digest=digest)

    def digests(self) -> dict[str, str]:
        """Return the digest of each tag of the repository."""
        images = self.aws.client("ecr").describe_images(repositoryName=self.repository_uri.partition("/")[2])
        return {tag: image["imageDigest"] for image in images["imageDetails"] for tag in image.get("imageTags", ())}

    def contents(self, image: ImageReference) -> Iterator[str]:
        """Yield the manifest, the configuration with the image's history, and what the layers hold."""
        manifest = self.manifest(image)
        yield json.dumps(manifest)
        for blob in (manifest["config"], *manifest["layers"]):
            url = self.aws.client("ecr").get_download_url_for_layer(
                repositoryName=image.repository, layerDigest=blob["digest"]
            )["downloadUrl"]
            content = requests.get(url, timeout=10).content
            yield (content if blob is manifest["config"] else gzip.decompress(content)).decode(errors="replace")

    def manifest(self, image: ImageReference) -> dict[str, Any]:
        """Return an image's manifest."""
        found = self.aws.client("ecr").batch_get_image(
            repositoryName=image.repository, imageIds=[{"imageDigest": image.digest}]
        )
        return dict(json.loads(found["images"][0]["imageManifest"]))


Open = Callable[..., Workshop]


@pytest.fixture(scope="session")
def buildx() -> Path:
    """The program."""
    return programs(*_BUILDX) / "docker-buildx"


@pytest.fixture(scope="session")
def base(engine: Engine, aws: Aws, buildx: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small image with a shell, in the registry."""
    folder = tmp_path_factory.mktemp("base")
    shutil.copy(programs(*_BUSYBOX) / "busybox", folder)
    folder.joinpath("Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\n")
    aws.client("ecr").create_repository(repositoryName="base")
    config = tmp_path_factory.mktemp("docker")
    token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    config.joinpath("config.json").write_text(json.dumps({"auths": {aws.registry: {"auth": token}}}))
    reference = f"{aws.registry}/base:1"
    command = [str(buildx), "build", "--push", "--provenance=false", f"--tag={reference}", str(folder)]
    subprocess.run(command, env={**engine.environment(), "DOCKER_CONFIG": str(config)}, check=True, capture_output=True)
    return reference


@pytest.fixture
def open_workshop(aws: Aws, base: str, buildx: Path, tmp_path: Path) -> Iterator[Open]:
    """Make a workshop with an engine."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    private = tmp_path / "private"
    private.mkdir()
    repository = f"app-{uuid4().hex[:8]}"
    aws.client("ecr").create_repository(repositoryName=repository)

    def make(
        environment: Mapping[str, str],
        *,
        stale_logins: int = 0,
        endpoint: str = "",
        docker_auth: Mapping[str, object] | None = None,
        program: str = "",
    ) -> Workshop:
        clock = ImpatientClock()
        logins: list[bool] = []

        class Logins:
            def authorization(self, *, fresh: bool = False) -> Authorization:
                logins.append(fresh)
                answer = aws.client("ecr").get_authorization_token()["authorizationData"][0]
                username, _, password = b64decode(answer["authorizationToken"]).decode().partition(":")
                is_stale = len(logins) <= stale_logins
                return Authorization(registry=aws.registry, username=username, password="old" if is_stale else password)

            def login(self, host: str) -> Authorization | None:
                if host == aws.registry:
                    return self.authorization()
                if host.startswith("210987654325."):
                    raise DeployError("denied")
                is_ecr = ".dkr.ecr." in host
                return Authorization(registry=host, username="AWS", password="of the Region") if is_ecr else None

        builder = Buildx(
            workspace=workspace,
            environment=environment,
            console=Console(),
            logins=Logins(),
            settings=BuilderSettings(endpoint=endpoint, docker_auth=docker_auth or {}),
            clock=clock,
            folders=PrivateFolders(workspace, [private]),
            program=program or str(buildx),
        )
        return Workshop(
            workspace=workspace,
            repository_uri=f"{aws.registry}/{repository}",
            base=base,
            aws=aws,
            builder=builder,
            clock=clock,
            logins=logins,
        )

    yield make
    aws.reset_rules()


@pytest.fixture
def workshop(open_workshop: Open, each_engine: Engine) -> Workshop:
    """A workshop on each engine."""
    return open_workshop(each_engine.environment())


def test_a_build_is_pushed_as_a_single_image(workshop: Workshop) -> None:
    workshop.write("COPY app /\n", app="one")

    assert "layers" in workshop.manifest(workshop.push())


# Engine 20.10 has no BuildKit that others can use.
_ON_CURRENT = pytest.mark.parametrize("each_engine", ["current"], indirect=True)
_ONCE = "RUN busybox cat /proc/sys/kernel/random/uuid > /once\n"  # another layer each time that it runs


def test_the_cache_serves_an_engine_that_has_nothing(
    workshop: Workshop, open_workshop: Open, cold_engine: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    workshop.write(f"{_ONCE}COPY app /\n", app="one")
    first = workshop.push()
    cold = open_workshop(cold_engine)

    again = cold.push(present=first)
    assert "CACHED" in capfd.readouterr().out.partition("RUN busybox")[2]
    assert cold.manifest(again)["layers"] == workshop.manifest(first)["layers"]

    cold.write(f"{_ONCE}COPY app /\n", app="two")
    changed = cold.push(present=first)
    *kept, last = cold.manifest(changed)["layers"]
    assert kept == workshop.manifest(first)["layers"][:-1]
    assert last != workshop.manifest(first)["layers"][-1]


@_ON_CURRENT
def test_images_are_there_before_their_caches_are(
    workshop: Workshop, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """BuildKit goes on beside whoever runs the images, with the logins that it has."""
    workshop.write(_ONCE)
    orders = [replace(workshop.order(), name=name, tag=f"src-{name}") for name in ("orders", "stock")]
    workshop.aws.forget_calls()
    with workshop.aws.calls_taking(0.1):
        pushed = workshop.builder.build_and_push(orders)
        returned = time.monotonic()
        capfd.readouterr()
        assert workshop.builder.is_exporting
        workshop.builder.finish()

    calls = [call for call in workshop.aws.calls() if call.action == "registry:PutManifest"]
    caches = [call for call in calls if call.parameters["reference"].startswith("cache-")]
    assert len(caches) == 2
    assert all(call.at > returned for call in caches)
    assert {uri.rpartition(":")[2]: image.digest for uri, image in pushed.items()} == {
        tag: digest for tag, digest in workshop.digests().items() if tag.startswith("src-")
    }
    assert "writing cache image manifest" in capfd.readouterr().out
    assert not workshop.builder.is_exporting
    assert not [*tmp_path.joinpath("private").iterdir()]


def test_an_immutable_cache_tag_means_a_cache_within_the_image(
    workshop: Workshop, capfd: pytest.CaptureFixture[str]
) -> None:
    workshop.write(_ONCE)

    workshop.push(may_overwrite=False)

    assert "within the image" in capfd.readouterr().out
    assert all(tag.startswith("src-") for tag in workshop.digests())


def test_a_cache_that_cannot_be_found_fails_no_build(workshop: Workshop) -> None:
    workshop.write(_ONCE)
    missing = f"type=registry,ref={workshop.repository_uri}-missing:cache"

    workshop.push(cache=CacheSettings(imports=(missing,)))


def test_a_cache_that_cannot_be_kept_fails_no_build(workshop: Workshop, each_engine: Engine) -> None:
    workshop.write(_ONCE)
    cache = CacheSettings(exports=(f"type=registry,ref={workshop.repository_uri}-missing:cache",))

    if each_engine.containerd_store:
        workshop.push(cache=cache)
    else:
        with pytest.raises(DeployError, match="Cache export is not supported") as caught:
            workshop.push(cache=cache)
        assert "newer" in caught.value.hint


def test_secrets_reach_the_build_and_nothing_else(
    workshop: Workshop, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    token, lines = f"token-{uuid4().hex}", f'first-{uuid4().hex}\nse"c,o=nd-{uuid4().hex} ${{HOME}}\n'
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    digests = [sha256(value.encode()).hexdigest() for value in (token, lines)]
    workshop.write(
        "RUN --mount=type=secret,id=token --mount=type=secret,id=more"
        f" echo '{digests[0]}  /run/secrets/token' | busybox sha256sum -c"
        f" && echo '{digests[1]}  /run/secrets/more' | busybox sha256sum -c\n"
    )
    with watched_processes() as sightings:
        image = workshop.push(secrets={"token": token, "more": lines})

    values = [token, *lines.split()]
    assert any("buildx" in arguments for arguments in sightings.arguments)
    seen = [*sightings.arguments, capfd.readouterr().out, *workshop.contents(image)]
    seen += [path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert [value for value in values if any(value in text for text in seen)] == []
    assert {path.name for path in tmp_path.iterdir()} == {"workspace", "private"}
    assert not [*tmp_path.joinpath("private").iterdir()]


def test_a_wrong_secret_is_noticed_by_the_test_above(workshop: Workshop) -> None:
    workshop.write("RUN --mount=type=secret,id=token echo 0 /run/secrets/token | busybox sha256sum -c\n")

    with pytest.raises(DeployError, match="Dockerfile:2: RUN"):
        workshop.push(secrets={"token": "secret"})


def test_cache_mounts_are_kept_from_one_build_to_the_next(workshop: Workshop) -> None:
    workshop.write("COPY app /\nRUN --mount=type=cache,target=/kept echo one > /kept/one\n", app=uuid4().hex)
    workshop.push()
    workshop.write("COPY app /\nRUN --mount=type=cache,target=/kept busybox test -f /kept/one\n")

    workshop.push()


def test_heredocs_work_on_a_each_engine(workshop: Workshop, each_engine: Engine) -> None:
    workshop.write("RUN <<END\nbusybox cat /bin/sh > /copy\nEND\n")

    if each_engine.containerd_store:
        workshop.push()
    else:
        with pytest.raises(DeployError, match="dockerfile parse error"):
            workshop.push()


def test_named_contexts(workshop: Workshop, each_engine: Engine) -> None:
    folder = workshop.workspace / "shared"
    folder.mkdir()
    folder.joinpath("file").write_text("shared")
    workshop.write("COPY --from=shared file /\n")
    contexts = {"shared": str(folder)}

    if each_engine.containerd_store:
        workshop.push(build_contexts=contexts)
    else:
        with pytest.raises(DeployError) as caught:
            workshop.push(build_contexts=contexts)
        assert "newer" in caught.value.hint


def test_attestations_make_an_index(workshop: Workshop, each_engine: Engine) -> None:
    workshop.write(_ONCE)

    if each_engine.containerd_store:
        manifest = workshop.manifest(workshop.push(provenance="mode=max"))
        assert [entry["platform"]["os"] for entry in manifest["manifests"]] == ["linux", "unknown"]
    else:
        with pytest.raises(DeployError) as caught:
            workshop.push(provenance="mode=max")
        assert "newer" in caught.value.hint


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        pytest.param("PutManifest", {"times": 5, "status": 500}, id="500"),
        pytest.param("PutManifest", {"times": 5, "status": 429}, id="429"),
        pytest.param("PutManifest", {"times": 3, "reset": True}, id="reset"),
        pytest.param("InitiateUpload", {"times": 3, "status": 503}, id="503 of a layer"),
        pytest.param("PutManifest", {"delay": 3}, id="slow"),
    ],
)
def test_a_push_outlives_what_passes(workshop: Workshop, action: str, fault: dict[str, Any]) -> None:
    workshop.write(_ONCE)
    workshop.aws.inject(Fault(action=f"registry:{action}", **fault))

    workshop.push(cache=CacheSettings(mode="off"))


def test_a_push_that_never_succeeds_is_given_up_after_a_minute(
    open_workshop: Open, engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    workshop = open_workshop(engine.environment())
    workshop.write(_ONCE)
    workshop.aws.inject(Fault(action="registry:PutManifest", times=10_000, status=503))

    with pytest.raises(DeployError) as caught:
        workshop.push(cache=CacheSettings(mode="off"))
    assert "503" in caught.value.message
    assert "again" in caught.value.hint
    assert 30 <= sum(workshop.clock.waits) <= 60
    assert capfd.readouterr().out.count("Trying again in") == len(workshop.clock.waits)
    assert workshop.digests() == {}


def test_a_login_that_has_expired_is_renewed_once(open_workshop: Open, each_engine: Engine) -> None:
    workshop = open_workshop(each_engine.environment(), stale_logins=1)
    workshop.write("COPY app /\n", app="one")

    workshop.push()
    assert workshop.logins == [False, True]


def test_a_login_that_is_refused_is_renewed_only_once(open_workshop: Open, each_engine: Engine) -> None:
    workshop = open_workshop(each_engine.environment(), stale_logins=10)
    workshop.write("COPY app /\n", app="one")

    with pytest.raises(DeployError):
        workshop.push()
    assert workshop.logins == [False, True]
    assert workshop.clock.waits == []


def test_what_fails_for_good_is_not_tried_again(workshop: Workshop) -> None:
    workshop.write("RUN echo 503 Service Unavailable, connection reset, unexpected EOF && false\n")

    with pytest.raises(DeployError, match="exit code: 1"):
        workshop.push()
    assert workshop.clock.waits == []
    assert workshop.logins == [False]


def test_the_engine_s_own_platform_is_known_without_buildx(open_workshop: Open, each_engine: Engine) -> None:
    builder = open_workshop(each_engine.environment(), program="/nonexistent").builder

    assert builder.check_engine(None) == builder.check_engine("linux/amd64") == "linux/amd64"


def test_a_platform_that_the_engine_may_not_run_is_told_before(
    workshop: Workshop, capfd: pytest.CaptureFixture[str]
) -> None:
    assert workshop.builder.check_engine("linux/arm64") == "linux/arm64"
    printed = capfd.readouterr().out
    assert "::notice title=ecr-lambda-deploy::The builder runs programs for linux/amd64" in printed
    assert "and for linux/arm64 perhaps not" in printed


@_ON_CURRENT
def test_what_buildkit_warns_of_is_annotated_once(workshop: Workshop, capfd: pytest.CaptureFixture[str]) -> None:
    workshop.write("ENV A 1\nRUN true\n")
    workshop.push()

    annotation = "::warning title=ecr-lambda-deploy,file=Dockerfile,line=2::LegacyKeyValueFormat: "
    assert capfd.readouterr().out.count(annotation) == 1


@_ON_CURRENT
def test_a_dockerfile_with_crlf_has_its_warnings_and_reasons(
    workshop: Workshop, capfd: pytest.CaptureFixture[str]
) -> None:
    workshop.write("ENV A 1\r\nRUN true\r\n")
    workshop.push()
    assert "::warning title=ecr-lambda-deploy,file=Dockerfile,line=2::LegacyKeyValueFormat: " in capfd.readouterr().out

    workshop.write("RUN <<END\r\ncd .\r\nEND\r\n")
    with pytest.raises(BuildError) as caught:
        workshop.push()
    assert "`Dockerfile text eol=lf`" in caught.value.hint


@pytest.fixture
def container(each_engine: Engine, tmp_path: Path) -> Iterator[str]:
    """The name of a container such as docker/setup-buildx-action leaves on the engine."""
    script = tmp_path / "buildctl"
    script.write_text(BUILDCTL)
    script.chmod(0o755)
    name = f"buildx_buildkit_builder-{uuid4()}0"
    mounts = {"/var/run/docker.sock": each_engine.socket, "/usr/local/bin/buildctl": script}
    options = [f"--volume={source}:{target}" for target, source in mounts.items()]
    each_engine.docker(
        "run", "--detach", "--network=none", f"--name={name}", *options, "python:3.13-alpine", "sleep", "600"
    )
    yield name
    each_engine.docker("rm", "--force", name)


@_ON_CURRENT
def test_a_buildkit_elsewhere_builds_without_an_engine(open_workshop: Open, each_engine: Engine) -> None:
    with buildkit_at_tcp(each_engine.socket) as endpoint:
        workshop = open_workshop({"DOCKER_HOST": "unix:///nonexistent"}, endpoint=endpoint)
        workshop.write(_ONCE)

        assert workshop.builder.check_engine(None) == workshop.builder.check_engine("linux/amd64") == "linux/amd64"
        workshop.push()

        assert sorted(tag.partition("-")[0] for tag in workshop.digests()) == ["cache", "src"]
        assert workshop.builder.check_engine("linux/arm64") == "linux/arm64"


@_ON_CURRENT
def test_a_builder_s_container_on_the_engine_builds(open_workshop: Open, each_engine: Engine, container: str) -> None:
    workshop = open_workshop(each_engine.environment(), endpoint=f"docker-container://{container}")
    workshop.write(_ONCE)

    assert workshop.builder.check_engine("linux/amd64") == "linux/amd64"
    workshop.push()


@_ON_CURRENT
def test_rule_10_a_buildkit_elsewhere_is_reached_by_tls(
    open_workshop: Open, each_engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    authority = Authority()
    client = authority.issue("client")
    given = {"CACERT": authority.certificate, "CERT": client.certificate, "KEY": client.key}
    variables = {f"BUILDER_NODE_0_AUTH_TLS_{name}": text for name, text in given.items()}
    with buildkit_at_tcp(each_engine.socket, authority.server_context(tmp_path)) as endpoint:
        workshop = open_workshop(variables, endpoint=endpoint)
        workshop.write(_ONCE)
        workshop.push()

        assert workshop.builder.check_engine("linux/amd64") == "linux/amd64"
        others = {**variables, "BUILDER_NODE_0_AUTH_TLS_CACERT": Authority().certificate}
        for environment in ({}, others):
            with pytest.raises(DeployError, match="does not answer as BuildKit does"):
                open_workshop(environment, endpoint=endpoint).builder.check_engine("linux/amd64")
        for missing in ("CACERT", "CERT", "KEY"):
            name = f"BUILDER_NODE_0_AUTH_TLS_{missing}"
            incomplete = {one: text for one, text in variables.items() if one != name}
            with pytest.raises(DeployError, match=f"{name} is missing"):
                open_workshop(incomplete, endpoint=endpoint).builder.check_engine("linux/amd64")
    assert "without TLS" not in capfd.readouterr().out
    assert not [*tmp_path.joinpath("private").iterdir()]


def test_rule_10_a_builder_without_tls_is_warned_of_once(
    open_workshop: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    builder = open_workshop({}, endpoint="tcp://0.0.0.0:1").builder
    for _ in range(2):
        with pytest.raises(DeployError, match="cannot be reached"):
            builder.check_engine(None)

    assert (
        capfd.readouterr().out.count(
            "::warning title=ecr-lambda-deploy::The builder tcp://0.0.0.0:1 is reached without TLS"
        )
        == 1
    )


@_ON_CURRENT
def test_rule_10_every_call_of_buildx_has_a_listed_environment_and_a_private_configuration(
    open_workshop: Open, each_engine: Engine, buildx: Path, tmp_path: Path
) -> None:
    record, hostile = tmp_path / "record", tmp_path / "hostile"
    for folder in (record, hostile):
        folder.mkdir()
    hostile.joinpath("config.json").write_text('{"credsStore": "hostile"}')
    hostile.joinpath("docker-credential-hostile").symlink_to("/bin/false")
    program = tmp_path / "buildx"
    program.write_text(_RECORDING.format(folder=record, program=buildx))
    program.chmod(0o755)
    environment = {
        "PATH": str(hostile),
        "HOME": str(hostile),
        "TMPDIR": str(hostile),
        "DOCKER_CONFIG": str(hostile),
        "BUILDX_BUILDER": "hostile",
        "BUILDX_CONFIG": str(hostile),
        "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "DOCKER_HOST": "unix:///nonexistent",
    }
    with buildkit_at_tcp(each_engine.socket) as endpoint:
        workshop = open_workshop(environment, endpoint=endpoint, program=str(program))
        workshop.write("COPY app /\n", app="one")
        workshop.builder.check_engine("linux/amd64")
        workshop.builder.fingerprints([(workshop.order().build, "linux/amd64")])
        workshop.push()

    calls = {path.name.split("-")[1] for path in record.iterdir()}
    assert calls == {"create", "inspect", "bake"}
    listed = {"PATH", "DOCKER_CONFIG", "DOCKER_HOST", "BUILDX_CONFIG", "BUILDX_BUILDER", "BUILDX_GIT_INFO"}
    listed |= {"BUILDX_METADATA_WARNINGS", "BUILDX_METADATA_PROVENANCE"}
    for path in record.glob("environment-*"):
        seen = dict(line.partition("=")[::2] for line in path.read_text().splitlines())
        assert seen.keys() - {"PWD", "_", "SHLVL", "OLDPWD"} <= listed
        assert not [value for value in seen.values() if "hostile" in value]
    assert {path.read_text() for path in record.glob("mode-*")} == {"700\n"}
    auths = {path.name.split("-")[1]: {*json.loads(path.read_text())["auths"]} for path in record.glob("config-*")}
    own = {workshop.aws.registry}
    assert auths == {"create": set(), "inspect": set(), "bake": own}
    assert {path.name for path in hostile.iterdir()} == {"config.json", "docker-credential-hostile"}


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1 cannot be reached: .*refused"),
        ("docker-container://buildx_buildkit_absent0", "container buildx_buildkit_absent0 is missing"),
        ("docker-container://absent", "not one that `docker buildx create` made"),
    ],
)
def test_a_builder_that_is_not_there_is_found_before(
    open_workshop: Open, engine: Engine, endpoint: str, words: str
) -> None:
    workshop = open_workshop(engine.environment(), endpoint=endpoint)

    with pytest.raises(DeployError, match=words):
        workshop.builder.check_engine(None)


def test_what_is_no_buildkit_is_no_builder(open_workshop: Open, aws: Aws) -> None:
    workshop = open_workshop({}, endpoint=f"tcp://127.0.0.1:{aws.registry.partition(':')[2]}")

    with pytest.raises(DeployError, match="does not answer as BuildKit does"):
        workshop.builder.check_engine(None)


def test_a_base_image_s_digest_is_the_registry_s(
    workshop: Workshop, open_workshop: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    """A tag of the repository serves as the base of another build, which no engine is asked for."""
    workshop.write(_ONCE)
    tags = {}
    for _ in range(2):
        other = open_workshop({"DOCKER_HOST": "unix:///nonexistent"})  # a run asks once
        workshop.write(f"{_ONCE}COPY app /\n", app=uuid4().hex)
        order = replace(workshop.order(cache=CacheSettings(mode="off")), tag="base")
        workshop.builder.build_and_push([order])
        other.workspace.joinpath("Dockerfile").write_text(f"FROM {workshop.repository_uri}:base\n")
        other.workspace.joinpath("app").unlink()
        workshop.aws.forget_calls()
        tags[workshop.digests()["base"]] = other.builder.fingerprints([(other.order().build, "linux/amd64")])[0].tag

        # Once without a login, and with the one that the challenge asks for: a GET would count as a pull elsewhere.
        calls = [call.action for call in workshop.aws.calls() if call.service == "registry"]
        assert calls == ["registry:HeadManifest"] * 2

    assert None not in tags.values()
    assert len(set(tags.values())) == len(tags) == 2
    assert "stands in" not in capfd.readouterr().out


def test_a_digest_that_neither_registry_nor_engine_tells_means_a_build(
    open_workshop: Open, engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    image = f"localhost:1/only-here:{uuid4().hex}"
    engine.docker("tag", "python:3.13-alpine", image)
    on_engine, without = open_workshop(engine.environment()), open_workshop({"DOCKER_HOST": "unix:///none"})
    (on_engine.workspace / "Dockerfile").write_text(f"FROM {image}\n")

    (known,) = on_engine.builder.fingerprints([(on_engine.order().build, "linux/amd64")])
    (unknown,) = without.builder.fingerprints([(without.order().build, "linux/amd64")])

    engine.docker("rmi", image)
    assert known.tag
    assert not known.is_of_registries
    assert f"{image}; the engine's own copy stands in for it" in capfd.readouterr().out
    assert unknown.tag is None
    assert unknown.reason.startswith(f"nobody tells the digest of {image}; its registry: ConnectionError")


def test_a_private_base_image_takes_the_credentials_that_are_given(
    open_workshop: Open, each_engine: Engine, aws: Aws
) -> None:
    """The same registry under another name is one that the run's own credentials are not for."""
    host = f"127.0.0.1:{aws.registry.partition(':')[2]}"
    token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    auths = {host: {"auth": token}, aws.registry: {"auth": "d3Jvbmc6d3Jvbmc="}}
    with_credentials = open_workshop(each_engine.environment(), docker_auth={"auths": auths})
    without = open_workshop(each_engine.environment())
    without.base = with_credentials.base = f"{host}/base:1"
    with_credentials.write("COPY app /\n", app=uuid4().hex)

    with pytest.raises(DeployError) as caught:
        without.push()
    assert "'docker-auth'" in caught.value.hint
    with_credentials.push()


_KEEPING = '#!/bin/sh\n[ "$1" = bake ] && cp "$DOCKER_CONFIG/config.json" {folder} && cat > /dev/null\ntrue\n'


@_ON_CURRENT
def test_the_login_goes_to_each_host_of_ecr_that_the_build_names(
    open_workshop: Open, each_engine: Engine, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """None of them is asked: the program only keeps the configuration that it gets."""
    program = tmp_path / "keeping"
    program.write_text(_KEEPING.format(folder=tmp_path))
    program.chmod(0o755)
    hosts = [f"21098765432{number}.dkr.ecr.eu-west-1.amazonaws.com" for number in range(6)]
    given = {hosts[4]: {"auth": "Z2l2ZW46bG9naW4="}}
    workshop = open_workshop(each_engine.environment(), program=str(program), docker_auth={"auths": given})
    (workshop.workspace / "Dockerfile").write_text(
        f"ARG ACCOUNT\nFROM {hosts[0]}/base:1 AS base\nFROM ${{ACCOUNT}}{hosts[1][12:]}/base\n"
        f"COPY --from={hosts[2]}/tools / /\nCOPY --from=other / /\nCOPY --from={hosts[4]}/given / /\n"
        f"COPY --from={hosts[5]}/refused / /\nADD https://example.com/x /\n"
    )

    workshop.builder.build_and_push(
        [
            workshop.order(
                build_args={"ACCOUNT": hosts[1][:12]},
                build_contexts={"other": f"docker-image://{hosts[3]}/context"},
                cache=CacheSettings(mode="off"),
            )
        ]
    )

    auths = json.loads((tmp_path / "config.json").read_text())["auths"]
    assert auths.keys() == {workshop.aws.registry, *hosts[:5]}
    assert auths[hosts[4]] == given[hosts[4]]
    assert {b64decode(auths[host]["auth"]) for host in hosts[:4]} == {b"AWS:of the Region"}
    assert f"ECR gives no login for {hosts[5]}: denied" in capfd.readouterr().out


def _orders(workshop: Workshop, **dockerfiles: str) -> dict[str, BuildOrder]:
    """Return an order for each Dockerfile, whose first line is left out."""
    orders = {}
    for name, text in dockerfiles.items():
        path = workshop.workspace / f"{name}.Dockerfile"
        path.write_text(f"FROM {workshop.base}\n{text}")
        order = workshop.order(cache=CacheSettings(mode="off"))
        orders[name] = replace(order, name=name, tag=f"src-{name}", build=replace(order.build, dockerfile=path))
    return orders


def _layers(workshop: Workshop, tag: str) -> list[str]:
    registry, _, repository = workshop.repository_uri.partition("/")
    image = ImageReference(registry=registry, repository=repository, digest=workshop.digests()[tag])
    return [layer["digest"] for layer in workshop.manifest(image)["layers"]]


def test_what_several_images_have_in_common_is_built_once(workshop: Workshop) -> None:
    first, second = (f"{_ONCE}RUN echo {name} > /name\n" for name in ("orders", "stock"))
    workshop.builder.build_and_push([*_orders(workshop, orders=first, stock=second).values()])

    assert {*workshop.digests()} == {"src-orders", "src-stock"}
    orders, stock = (_layers(workshop, tag) for tag in ("src-orders", "src-stock"))
    assert orders[:-1] == stock[:-1]
    assert orders[-1] != stock[-1]


def test_the_one_of_several_that_cannot_be_built_is_named(workshop: Workshop) -> None:
    orders = _orders(workshop, orders="RUN echo 1 > /one\n", stock="RUN echo 2 > /two\nRUN false\n")

    with pytest.raises(BuildError, match=r"stock.Dockerfile:3: RUN false") as caught:
        workshop.builder.build_and_push([*orders.values()])
    assert caught.value.uri == orders["stock"].uri
    assert caught.value.location is not None
    assert "src-stock" not in workshop.digests()


def test_the_one_of_several_whose_tag_stays_on_other_content_is_named(workshop: Workshop) -> None:
    before = _orders(workshop, stock="RUN echo before > /stock\n")
    workshop.builder.build_and_push([*before.values()])
    digest = workshop.digests()["src-stock"]
    repository = workshop.repository_uri.partition("/")[2]
    workshop.aws.client("ecr").put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    orders = _orders(workshop, orders="RUN echo 1 > /orders\n", stock="RUN echo after > /stock\n")

    with pytest.raises(BuildError) as caught:
        workshop.builder.build_and_push([*orders.values()])
    assert caught.value.uri == orders["stock"].uri
    assert workshop.digests()["src-stock"] == digest


def test_what_is_pushed_to_an_immutable_tag_again_is_there_already(workshop: Workshop, each_engine: Engine) -> None:
    """As after an answer that was lost. BuildKit asks for the tag first; engine 20.10 pushes, and ECR refuses."""
    workshop.aws.client("ecr").put_image_tag_mutability(
        repositoryName=workshop.repository_uri.partition("/")[2], imageTagMutability="IMMUTABLE"
    )
    workshop.write("COPY app /\n", app="one")
    order = workshop.order(cache=CacheSettings(mode="off"))
    workshop.builder.build_and_push([order])
    if each_engine.containerd_store:
        workshop.builder.build_and_push([order])
    else:
        with pytest.raises(BuildError, match="the tag is immutable") as caught:
            workshop.builder.build_and_push([order])
        assert (caught.value.uri, caught.value.is_tag_taken) == (order.uri, True)


def test_secrets_of_several_images_stay_apart(workshop: Workshop) -> None:
    mounted = 'RUN --mount=type=secret,id=token test "$(busybox cat /run/secrets/token)" = '
    orders = _orders(workshop, orders=f"{mounted}one\n", stock=f"{mounted}two\n")
    secrets = {"orders": "one", "stock": "two"}

    workshop.builder.build_and_push(
        [replace(order, build=replace(order.build, secrets={"token": secrets[name]})) for name, order in orders.items()]
    )
    assert {*workshop.digests()} == {"src-orders", "src-stock"}
