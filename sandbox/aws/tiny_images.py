"""Images that nobody runs, pushed by the registry protocol in milliseconds and without an engine."""

import base64
import gzip
import hashlib
import json
import tarfile
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import requests

from sandbox.aws import Aws

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def push_tiny_image(aws: Aws, repository: str, content: str) -> str:
    """Push an image for linux/amd64, of one layer with a file, and return its URI by digest.

    Args:
        aws: The account.
        repository: One of its repositories.
        content: The file's content, which makes the digest unique.
    """
    layer = _layer(content.encode())
    token = aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    with requests.Session() as http:
        http.auth = user, password
        push = _Push(f"{aws.endpoint}/v2/{repository}", http)
        config = {
            "os": "linux",
            "architecture": "amd64",
            "config": {"Cmd": ["app.handler"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG} | push.blob(json.dumps(config).encode()),
            "layers": [{"mediaType": _LAYER} | push.blob(gzip.compress(layer, mtime=0))],
        }
        return f"{aws.registry}/{repository}@{push.manifest(json.dumps(manifest).encode())}"


def _layer(content: bytes) -> bytes:
    """Return an archive with one file."""
    archive, file = BytesIO(), tarfile.TarInfo("content")
    file.size = len(content)
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(file, BytesIO(content))
    return archive.getvalue()


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
