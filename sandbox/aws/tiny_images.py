"""Images that nobody runs, pushed by the registry protocol in milliseconds and without an engine."""

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import requests

from sandbox.aws import Aws

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def push_tiny_image(aws: Aws, repository: str, content: str) -> str:
    """Push an image for linux/amd64, of one layer with this content, and return its URI by digest.

    Args:
        aws: The account.
        repository: One of its repositories.
        content: The layer's content, which makes the digest unique.
    """
    token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    with requests.Session() as http:
        http.auth = user, password
        push = _Push(f"{aws.endpoint}/v2/{repository}", http)
        config = {"os": "linux", "architecture": "amd64", "config": {"Cmd": ["app.handler"]}}
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG} | push.blob(json.dumps(config).encode()),
            "layers": [{"mediaType": _LAYER} | push.blob(content.encode())],
        }
        return f"{aws.registry}/{repository}@{push.manifest(json.dumps(manifest).encode())}"


@dataclass(frozen=True, slots=True)
class _Push:
    url: str
    http: requests.Session

    def blob(self, content: bytes) -> dict[str, Any]:
        """Push a blob and return what describes it."""
        started = self.http.post(f"{self.url}/blobs/uploads/")
        started.raise_for_status()
        location = self.url.partition("/v2/")[0] + started.headers["Location"]
        self.http.put(location, params={"digest": _digest(content)}, data=content).raise_for_status()
        return {"digest": _digest(content), "size": len(content)}

    def manifest(self, content: bytes) -> str:
        """Push a manifest by its digest, and return that."""
        digest = _digest(content)
        answer = self.http.put(f"{self.url}/manifests/{digest}", data=content, headers={"Content-Type": _MANIFEST})
        answer.raise_for_status()
        return digest


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
