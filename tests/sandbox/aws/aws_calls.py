"""What tests of the AWS emulator share: a client of its registry, functions, and refusals."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.aws import Aws

ACCOUNT, OTHER_ACCOUNT = "123456789012", "210987654321"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/function"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
GZIP_LAYER, ZSTD_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd"
ONCE = Config(retries={"total_max_attempts": 1})


@dataclass
class Registry:
    """A client of the registry protocol, with a password unless told otherwise."""

    aws: Aws
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.auth = password(self.aws)

    def url(self, path: str) -> str:
        return f"{self.aws.endpoint}/v2/{path}"

    def push_blob(self, repository: str, content: bytes) -> dict[str, Any]:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        started = self.http.post(self.url(f"{repository}/blobs/uploads/"))
        started.raise_for_status()
        location = self.aws.endpoint + started.headers["Location"]
        self.http.put(location, params={"digest": digest}, data=content).raise_for_status()
        return {"digest": digest, "size": len(content)}

    def push(self, repository: str, tag: str, content: str, layer_type: str = GZIP_LAYER) -> str:
        """Push an image of one layer with this content, and return its digest."""
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json"} | self.push_blob(repository, b"{}"),
            "layers": [{"mediaType": layer_type} | self.push_blob(repository, content.encode())],
        }
        answer = self.put(repository, tag, json.dumps(manifest))
        answer.raise_for_status()
        return answer.headers["Docker-Content-Digest"]

    def put(self, repository: str, reference: str, manifest: str, media_type: str = OCI_MANIFEST) -> requests.Response:
        headers = {"Content-Type": media_type}
        return self.http.put(self.url(f"{repository}/manifests/{reference}"), data=manifest, headers=headers)


def create_function(aws: Aws, name: str, image_uri: str, **settings: object) -> Any:  # noqa: ANN401 -- what boto3 gives
    return aws.client("lambda").create_function(
        FunctionName=name, Role=ROLE, PackageType="Image", Code={"ImageUri": image_uri}, **settings
    )


def wait_until_updated(aws: Aws, name: str, qualifier: str = "$LATEST") -> Any:  # noqa: ANN401 -- what boto3 gives
    """Wait until nothing is in progress, and return the configuration."""
    deadline = time.monotonic() + 30
    while True:
        config = aws.client("lambda").get_function_configuration(FunctionName=name, Qualifier=qualifier)
        if config["State"] != "Pending" and config["LastUpdateStatus"] != "InProgress":
            return config
        assert time.monotonic() < deadline, "the function is still being updated"
        time.sleep(0.05)


def password(aws: Aws, account: str | None = None) -> tuple[str, str]:
    token = aws.client("ecr", account).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, secret = base64.b64decode(token).decode().partition(":")
    return user, secret


def refusal(call: Callable[..., object], **parameters: object) -> tuple[str, str, int]:
    """Return code, text and status of the error that a call ends in."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error: Any = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def client_of(environment: dict[str, str], service: str) -> Any:  # noqa: ANN401 -- what boto3 gives
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment.get("AWS_SESSION_TOKEN"),
    )
