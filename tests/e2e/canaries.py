"""A canary in each place of a step that may hold a secret, and what a search for them must not find."""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from sandbox.runner import ACTION_IMAGE
from tests.e2e.jobs import Job
from tests.e2e.other_hosts import OtherHost, other_host

_UNNAMED = ("GITHUB_TOKEN", "DEPLOY_TOKEN", "RUNNER_TOKEN")
_DOCKERFILE = """FROM {private}/base:1 AS private
FROM public.ecr.aws/lambda/python:3.13
COPY --from=private /word ./private
COPY --from={open}/base:1 /word ./open
{add}COPY app.py ./
RUN --mount=type=secret,id=npm test -s /run/secrets/npm && env | sort
{last}CMD ["app.handler"]
"""


@dataclass(frozen=True, kw_only=True)
class Canaries:
    """What a step is given, and the hosts that it deals with.

    Attributes:
        inputs: those of a build.
        environment: of the step.
        masked: the secrets that the action has to mask; the runner or the workflow has masked the others.
        of_builds: those of them that are in inputs.
        unmasked: those others.
        recorded: the secrets that BuildKit's record of a build has: in arguments and caches.
        hosts: by what they are to the step.
        meant: the secrets that a host may be told, by the host's name.
    """

    inputs: Mapping[str, str]
    environment: Mapping[str, str]
    masked: frozenset[str]
    of_builds: frozenset[str]
    unmasked: frozenset[str]
    recorded: frozenset[str]
    hosts: Mapping[str, OtherHost]
    meant: Mapping[str, frozenset[str]]

    @property
    def all(self) -> frozenset[str]:
        """Every secret."""
        return self.masked | self.unmasked

    def to_mask(self, mode: str) -> frozenset[str]:
        """Return the secrets that the action has to mask in a mode: a rollback has none of a build."""
        return self.masked - self.of_builds if mode == "rollback" else self.masked

    def write_dockerfile(self, job: Job, *, fails: bool, adds: bool) -> None:
        """Have the job build from images of these hosts, with a secret.

        Args:
            job: of the workspace.
            fails: whether the last step fails.
            adds: whether it adds a file of a host: then its inputs cannot be known, and no registry is asked for them.
        """
        addresses = {name: host.address for name, host in self.hosts.items()}
        add = f"ADD http://{addresses['open']}/file ./file\n" if adds else ""
        last = "RUN env | sort && false\n" if fails else ""
        (job.workspace / "Dockerfile").write_text(_DOCKERFILE.format(**addresses, add=add, last=last))


@contextmanager
def canaries(job: Job, credentials: Mapping[str, str]) -> Iterator[Canaries]:
    """Run the hosts until the block ends, and put a canary of the job into each secret that a step may be given.

    Args:
        job: the canaries have its name.
        credentials: the variables by which the step gets AWS's credentials.
    """
    named = {
        name: f"canary-{name}-{job.name}" for name in ("npm", "docker", "index", "cache", "proxy", "runtime", "tls")
    }
    unnamed = {name: f"canary-{name}-{job.name}" for name in _UNNAMED}
    with ExitStack() as stack:
        hosts = {
            "private": stack.enter_context(other_host(login=f"user:{named['docker']}")),
            "proxy": stack.enter_context(other_host()),
            "github": stack.enter_context(other_host()),
            "open": (opened := stack.enter_context(other_host())),
            "cache": stack.enter_context(other_host(tokens_from=opened.address)),
        }
        auth = b64encode(f"user:{named['docker']}".encode()).decode()
        inputs = {
            "secrets": f"npm={named['npm']}",
            "docker-auth": json.dumps({"auths": {hosts["private"].address: {"auth": auth}}}),
            "build-args": f"INDEX=https://user:{named['index']}@packages.example/simple",
            "cache-from": f"type=registry,ref={hosts['cache'].address}/none:none,token={named['cache']}",
            "create-repository": "true",
        }
        runner = {
            "ACTIONS_RUNTIME_TOKEN": named["runtime"],
            "ACTIONS_RESULTS_URL": f"http://{hosts['github'].address}/",
            "BUILDER_NODE_0_AUTH_TLS_KEY": named["tls"],
            "HTTPS_PROXY": f"http://user:{named['proxy']}@{hosts['proxy'].address}",
            "NO_PROXY": "localhost,127.0.0.1",
        }
        secret = (
            *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        )
        yield Canaries(
            inputs=inputs,
            environment={**credentials, **runner, **unnamed},
            masked=frozenset([*named.values(), *(credentials[name] for name in secret if name in credentials)]),
            of_builds=frozenset(named[name] for name in ("npm", "docker", "index", "cache")),
            recorded=frozenset(named[name] for name in ("index", "cache", "runtime")),
            unmasked=frozenset(unnamed.values()),
            hosts=hosts,
            meant={
                "private": frozenset([named["docker"]]),
                "proxy": frozenset([named["proxy"]]),
                "github": frozenset([named["runtime"]]),
            },
        )


def forms(secret: str) -> Iterator[str]:
    """Yield a secret as it is, and as it looks within a text that is encoded as base64, wherever it begins there."""
    yield secret
    for before in range(3):
        size = 8 * (before + len(secret.encode()))
        encoded = b64encode(bytes(before) + secret.encode()).decode()
        yield encoded[-(-8 * before // 6) : size // 6]


def found(secrets: Iterable[str], texts: Iterable[str]) -> set[str]:
    """Return the secrets that are in one of the texts, in any form."""
    sought = {form: secret for secret in secrets for form in forms(secret)}
    return {secret for text in texts for form, secret in sought.items() if form in text}


def texts_in(folders: Iterable[Path]) -> Iterator[str]:
    """Yield the names and the content of the files in folders."""
    for folder in folders:
        for path in folder.rglob("*"):
            yield str(path)
            if path.is_file():
                yield path.read_bytes().decode(errors="replace")


def pushed(job: Job, *, without: str) -> Iterator[str]:
    """Yield what the job's repository holds: manifests, configurations and layers, of images and of caches.

    Args:
        job: the repository has its name, if there is one.
        without: an image, `REGISTRY/REPOSITORY@DIGEST`, whose layers are left out.
    """
    repository, ecr = job.name, job.aws.client("ecr")
    if repository not in {one["repositoryName"] for one in ecr.describe_repositories()["repositories"]}:
        return
    known = {blob["digest"] for blob in _blobs(json.loads(_manifest(job, *without.partition("/")[2].split("@"))))}
    ids = ecr.list_images(repositoryName=repository)["imageIds"]
    for digest in {one["imageDigest"] for one in ids}:
        text = _manifest(job, repository, digest)
        yield text
        for blob in _blobs(json.loads(text)):
            if blob["digest"] not in known:
                known.add(blob["digest"])
                content = _blob(job, repository, blob["digest"])
                yield (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode(errors="replace")


def _blobs(manifest: Mapping[str, list[dict[str, str]] | dict[str, str]]) -> Iterator[dict[str, str]]:
    for key in ("config", "layers"):
        part = manifest.get(key, [])
        yield from [part] if isinstance(part, dict) else part


def _manifest(job: Job, repository: str, digest: str) -> str:
    found = job.aws.client("ecr").batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    return str(found["images"][0]["imageManifest"])


def _blob(job: Job, repository: str, digest: str) -> bytes:
    answer = job.aws.client("ecr").get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    return requests.get(answer["downloadUrl"], timeout=10).content


def records(job: Job) -> Iterator[str]:
    """Yield what the engine keeps of builds: its records of them, and what it knows of its cache.

    A record that is removed may stay in the database's file, so the records are asked for.
    """
    root = Path(job.engine.docker("info", "--format={{.DockerRootDir}}").strip())
    yield (root / "buildkit/cache.db").read_bytes().decode(errors="replace")
    newest = "buildx history ls --no-trunc --format '{{.Ref}}' | head -n 4"
    script = f"for record in $({newest}); do buildx history inspect --format json $record; done"
    options = [f"--volume={job.engine.socket}:/var/run/docker.sock", "--entrypoint=sh", "--rm"]
    if job.engine.containerd_store:  # 20.10 keeps no records
        yield job.engine.docker("run", *options, ACTION_IMAGE, "-c", script)
