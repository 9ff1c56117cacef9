"""Pushes small images to the sandbox's registry by its protocol, and lets the product's adapters see its AWS."""

import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import pytest
import requests

from ecr_lambda_deploy.aws.rates import RequestPriority
from ecr_lambda_deploy.aws.session import Aws as Credentials
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import RoleToAssume
from sandbox.aws import Aws

OTHER_ACCOUNT = "210987654321"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
GZIP_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass
class Pusher:
    """Pushes to the repositories of one account.

    Attributes:
        aws: where they are.
        account: None for the usual one.
        authorization: its token for the registry; empty to ask for one in the usual Region.
    """

    aws: Aws
    account: str | None = None
    authorization: str = ""

    def image(  # what an image is made of
        self,
        repository: str,
        reference: str = "",
        *,
        platform: str = "linux/amd64",
        content: str = "content",
        config_type: str = OCI_CONFIG,
        media_type: str = OCI_MANIFEST,
        configuration: str = "",
        **settings: object,
    ) -> str:
        """Push an image of one layer under a tag, or by its digest alone, and return its digest.

        Its configuration has these settings, unless it is given as a whole.
        """
        system, _, architecture = platform.partition("/")
        config = {"os": system, "architecture": architecture, "config": settings}
        manifest = {
            "schemaVersion": 2,
            "mediaType": media_type,
            "config": {"mediaType": config_type} | self._blob(repository, configuration or json.dumps(config)),
            "layers": [{"mediaType": GZIP_LAYER} | self._blob(repository, content)],
        }
        return self.manifest(repository, reference, manifest)

    def index(self, repository: str, reference: str, members: Mapping[str, str], *, media_type: str = OCI_INDEX) -> str:
        """Push an index of images by platform, as BuildKit makes it: with an attestation for each."""
        manifests: list[dict[str, Any]] = []
        for platform, digest in members.items():
            system, architecture, *variant = platform.split("/")
            stated = {"os": system, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
            manifests.append({"mediaType": OCI_MANIFEST, "digest": digest, "size": 1, "platform": stated})
            attestation = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest}
            manifests.append(manifests[-1] | {"platform": {"os": "unknown", "architecture": "unknown"}})
            manifests[-1] |= {"annotations": attestation}
        return self.manifest(
            repository, reference, {"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}
        )

    def manifest(self, repository: str, reference: str, manifest: Mapping[str, Any]) -> str:
        """Push a manifest as it is, and return its digest."""
        body = json.dumps(manifest).encode()
        digest = _digest(body)
        self._call(
            requests.put,
            f"{repository}/manifests/{reference or digest}",
            data=body,
            headers={"Content-Type": manifest["mediaType"]},
        )
        return digest

    def _blob(self, repository: str, text: str) -> dict[str, Any]:
        content = text.encode()
        started = self._call(requests.post, f"{repository}/blobs/uploads/")
        location = started.headers["Location"].removeprefix("/v2/")
        self._call(requests.put, location, params={"digest": _digest(content)}, data=content)
        return {"digest": _digest(content), "size": len(content)}

    def _call(self, method: Callable[..., requests.Response], path: str, **arguments: Any) -> requests.Response:  # noqa: ANN401 # those of requests
        answer = method(f"{self.aws.endpoint}/v2/{path}", auth=self.login, timeout=10, **arguments)
        answer.raise_for_status()
        return answer

    @cached_property
    def login(self) -> tuple[str, str]:
        """User and password."""
        token = self.authorization
        if not token:
            answer = self.aws.client("ecr", self.account).get_authorization_token()
            token = answer["authorizationData"][0]["authorizationToken"]
        user, _, password = b64decode(token).decode().partition(":")
        return user, password


def credentials_of(
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    *,
    masked: list[str] | None = None,
    role: RoleToAssume | None = None,
    environment: Mapping[str, str] | None = None,
) -> Credentials:
    """Return the product's view of this AWS, with the credentials of an environment."""
    for name, value in (environment if environment is not None else aws.environment()).items():
        monkeypatch.setenv(name, value)
    secrets = masked if masked is not None else []
    return Credentials(
        region=aws.region,
        role=role,
        id_token=lambda _: "",
        mask=secrets.append,
        clock=SystemClock(RunnerCancelling()),
        priority=RequestPriority(),
        run=WorkflowRun(),
        environment={},
    )


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"
