"""What a question to AWS is asked with: clients, names of its own, and one image to ask about."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import boto3
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

PREFIX = "ecr-lambda-deploy-live"
_AUDIENCE = "sts.amazonaws.com"
POLL = 0.25  # seconds between two looks
_PATIENCE = 600  # seconds, for one change of Lambda's
_OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_OCI_INDEX = "application/vnd.oci.image.index.v1+json"


@dataclass(slots=True, kw_only=True)
class Lab:
    """An account to ask, and the names of what this run makes there.

    Attributes:
        name: of the function and of the repository; other functions have it as a prefix.
        client: makes a client of boto3 for a service.
        execution_role: ARN of the role that the functions run with; it needs no permission.
        digest: of the image that the scenarios have pushed; empty before.
    """

    name: str
    client: Callable[[str], Any]
    execution_role: str
    digest: str = ""
    _login: Mapping[str, str] = field(default_factory=dict)

    @property
    def broken(self) -> str:
        """Name of the function whose creation is to fail."""
        return f"{self.name}-broken"

    @property
    def login(self) -> Mapping[str, str]:
        """ECR's authorization: `proxyEndpoint` and `authorizationToken`."""
        if not self._login:
            self._login = self.client("ecr").get_authorization_token()["authorizationData"][0]
        return self._login

    @property
    def registry(self) -> str:
        """The registry's host."""
        return urlsplit(self.login["proxyEndpoint"]).netloc

    def uri(self, digest: str, host: str = "") -> str:
        """Return the URI of an image by digest."""
        return f"{host or self.registry}/{self.name}@{digest}"

    def manifest(self) -> dict[str, Any]:
        """Return the manifest of the image, in OCI's format whatever pushed it."""
        answer = self.client("ecr").batch_get_image(repositoryName=self.name, imageIds=[{"imageDigest": self.digest}])
        manifest: dict[str, Any] = json.loads(answer["images"][0]["imageManifest"])
        config = {**manifest["config"], "mediaType": "application/vnd.oci.image.config.v1+json"}
        layer = "application/vnd.oci.image.layer.v1.tar+gzip"
        layers = [{**one, "mediaType": layer} for one in manifest["layers"]]
        return {"schemaVersion": 2, "mediaType": _OCI_MANIFEST, "config": config, "layers": layers}

    def put(self, manifest: Mapping[str, Any], tag: str = "") -> tuple[str, int]:
        """Put a manifest into the repository, and return its digest and size; without a tag only an index names it."""
        text = json.dumps(manifest)
        named = {"imageTag": tag} if tag else {}
        answer = self.client("ecr").put_image(
            repositoryName=self.name, imageManifest=text, imageManifestMediaType=str(manifest["mediaType"]), **named
        )
        return str(answer["image"]["imageId"]["imageDigest"]), len(text.encode())

    def put_index(self, tag: str) -> tuple[str, str]:
        """Put an index whose one image has no tag, and return the digests of both."""
        member, size = self.put({**self.manifest(), "annotations": {"org.opencontainers.image.title": tag}})
        platform = {"os": "linux", "architecture": "amd64"}
        entry = {"mediaType": _OCI_MANIFEST, "digest": member, "size": size, "platform": platform}
        index, _ = self.put({"schemaVersion": 2, "mediaType": _OCI_INDEX, "manifests": [entry]}, tag)
        return index, member

    def update(self, uri: str, name: str = "") -> str:
        """Have the function run an image, and return what Lambda answers: `accepted`, or a refusal."""
        function = name or self.name
        return self.answer(lambda: self.client("lambda").update_function_code(FunctionName=function, ImageUri=uri))

    def settled(self, name: str = "") -> Mapping[str, Any]:
        """Return what GetFunction says once Lambda has finished with the function."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            answer: Mapping[str, Any] = self.client("lambda").get_function(FunctionName=name or self.name)
            state = answer["Configuration"]
            if state["State"] != "Pending" and state.get("LastUpdateStatus") != "InProgress":
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(f"Lambda has not finished with {name or self.name} after {_PATIENCE} s")
            time.sleep(POLL)

    @staticmethod
    def answer(call: Callable[[], object]) -> str:
        """Return `accepted`, or code, status and text of the refusal."""
        try:
            call()
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return f"{error.response['Error']['Code']} (HTTP {status}): {error.response['Error']['Message']}"
        return "accepted"

    def remove(self) -> list[str]:
        """Delete everything that may be there, and return what could not be deleted."""
        deletions: dict[str, Callable[[], object]] = {
            f"function {name}": lambda name=name: self.client("lambda").delete_function(FunctionName=name)  # type: ignore[misc] # mypy gives a lambda's default no type
            for name in (self.name, self.broken)
        }
        deletions[f"repository {self.name}"] = lambda: self.client("ecr").delete_repository(
            repositoryName=self.name, force=True
        )
        answers = {what: self.answer(deletion) for what, deletion in deletions.items()}
        gone = ("accepted", "ResourceNotFoundException", "RepositoryNotFoundException")
        return [f"{what}: {answer}" for what, answer in answers.items() if not answer.startswith(gone)]


def session(environment: Mapping[str, str]) -> boto3.Session:
    """Return a session with the job's credentials, or with those of `LIVE_ROLE` for its OIDC token.

    Args:
        environment: of the job.
    """
    region = environment["AWS_REGION"]
    if not environment.get("LIVE_ROLE"):
        return boto3.Session(region_name=region)
    token = requests.get(
        environment["ACTIONS_ID_TOKEN_REQUEST_URL"],
        params={"audience": _AUDIENCE},
        headers={"Authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        timeout=10,
    ).json()["value"]
    sts = boto3.client("sts", region_name=region, config=Config(signature_version=UNSIGNED))
    answer = sts.assume_role_with_web_identity(
        RoleArn=environment["LIVE_ROLE"], RoleSessionName=PREFIX, WebIdentityToken=token
    )
    return boto3.Session(
        aws_access_key_id=answer["Credentials"]["AccessKeyId"],
        aws_secret_access_key=answer["Credentials"]["SecretAccessKey"],
        aws_session_token=answer["Credentials"]["SessionToken"],
        region_name=region,
    )
