"""ECR's repositories and images, by the sandbox's AWS; what it never answers comes from botocore's stubs."""

import json
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from ecr_lambda_deploy.aws.ecr import EcrRepositories
from ecr_lambda_deploy.aws.ecr_images import EcrImages
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.errors import ArchivedError, DeployError, TagLimitError
from ecr_lambda_deploy.model.images import ImageReference, Layer, RegistryImage
from sandbox.aws import Aws, Fault, running_aws
from sandbox.machine.engine import running_engine
from tests.integration.registry_client import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    GZIP_LAYER,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Pusher,
    credentials_of,
)

_ACCOUNT = "123456789012"
_DIGEST = f"sha256:{64 * 'a'}"


@pytest.fixture(scope="module")
def running() -> Iterator[Aws]:
    with running_engine() as engine, running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
        yield aws


@pytest.fixture
def aws(running: Aws) -> Aws:
    running.reset_rules()
    running.forget_calls()
    return running


@pytest.fixture(scope="module")
def pusher(running: Aws) -> Pusher:
    return Pusher(running)


@pytest.fixture
def masked() -> list[str]:
    return []


@pytest.fixture
def repositories(aws: Aws, monkeypatch: pytest.MonkeyPatch, masked: list[str]) -> EcrRepositories:
    return EcrRepositories(credentials_of(aws, monkeypatch, masked=masked), masked.append)


@pytest.fixture
def name() -> str:
    """A repository that does not exist yet."""
    return f"shop/{uuid4().hex}"


@pytest.fixture
def repository(aws: Aws, name: str) -> str:
    aws.client("ecr").create_repository(repositoryName=name)
    aws.forget_calls()
    return name


@pytest.fixture
def stubbed(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[EcrRepositories, Stubber]]:
    credentials = credentials_of(aws, monkeypatch)
    repositories = EcrRepositories(credentials, lambda _: None)
    repositories.registry()
    with Stubber(credentials.ecr()) as stubber:
        yield repositories, stubber
        stubber.assert_no_pending_responses()


def _actions(aws: Aws) -> list[str]:
    return [call.action for call in aws.calls()]


def _tags(aws: Aws, repository: str) -> dict[str, str]:
    images = aws.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    return {tag: image["imageDigest"] for image in images for tag in image.get("imageTags", ())}


# --- the authorization -----------------------------------------------------------------------------------------------


def test_the_registry_is_the_one_that_the_authorization_names(aws: Aws, repositories: EcrRepositories) -> None:
    authorization = repositories.authorization()

    assert authorization.registry == aws.registry
    assert repositories.registry() == (aws.registry, aws.registry)
    assert authorization.username == "AWS"
    assert _actions(aws) == ["GetAuthorizationToken"]


def test_a_fresh_authorization_is_another_one(aws: Aws, repositories: EcrRepositories, masked: list[str]) -> None:
    first, second = repositories.authorization(), repositories.authorization(fresh=True)

    assert first.password != second.password
    assert repositories.authorization() is second
    assert {first.password, second.password} <= set(masked)
    assert [b64decode(token).decode() for token in masked[::2]] == [f"AWS:{word}" for word in masked[1::2]]
    assert len(_actions(aws)) == 2


# --- tags ------------------------------------------------------------------------------------------------------------


def test_the_digests_of_tags_are_found_at_once(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str
) -> None:
    one, two = (pusher.image(repository, tag, content=tag) for tag in ("v1", "v2"))
    index = pusher.index(repository, "both", {"linux/amd64": one})
    aws.forget_calls()

    found = repositories.find_tags(repository, ["v1", "missing", "both", "v2", "v1"])

    assert found == {"v1": one, "both": index, "v2": two}
    assert _actions(aws) == ["BatchGetImage"]


def test_more_tags_than_one_call_takes_are_looked_up_in_several(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str
) -> None:
    digest = pusher.image(repository, "last")
    aws.forget_calls()

    assert repositories.find_tags(repository, [*(f"missing-{number}" for number in range(100)), "last"]) == {
        "last": digest
    }
    assert _actions(aws) == ["BatchGetImage"] * 2


def test_a_missing_repository_differs_from_an_empty_one(repositories: EcrRepositories, repository: str) -> None:
    assert repositories.find_tags(repository, []) == {}
    assert repositories.find_tags(repository, ["v1"]) == {}
    assert repositories.find_tags("missing", ["v1"]) is None
    assert repositories.find_tags("missing", []) is None


def test_a_missing_repository_comes_with_two_ways_out(aws: Aws, repositories: EcrRepositories) -> None:
    error = repositories.missing("shop/orders")

    assert "There is no ECR repository shop/orders" in error.message
    assert "'create-repository: true'" in error.hint
    assert f"\naws ecr create-repository --region {aws.region} --repository-name shop/orders" in error.hint


def test_a_repository_that_may_not_be_read_comes_with_the_statement_that_allows_it(
    aws: Aws, repositories: EcrRepositories, repository: str
) -> None:
    aws.deny("ecr:BatchGetImage")
    with pytest.raises(DeployError) as caught:
        repositories.find_tags(repository, ["v1"])

    arn = f"arn:aws:ecr:{aws.region}:{_ACCOUNT}:repository/{repository}"
    assert f'{{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "{arn}"}}' in caught.value.hint


def test_other_failures_of_a_look_up_are_no_absence(stubbed: tuple[EcrRepositories, Stubber]) -> None:
    repositories, stubber = stubbed
    failure = {"imageId": {"imageTag": "v1"}, "failureCode": "KmsError", "failureReason": "The key is disabled"}
    stubber.add_response("batch_get_image", {"images": [], "failures": [failure]})

    with pytest.raises(DeployError, match="KmsError: The key is disabled"):
        repositories.find_tags("orders", ["v1"])


# --- images ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("media_type", "config_type"), [(OCI_MANIFEST, OCI_CONFIG), (DOCKER_MANIFEST, DOCKER_CONFIG)])
def test_an_image_is_read_by_tag_and_by_digest(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str, media_type: str, config_type: str
) -> None:
    digest = pusher.image(
        repository, "v1", platform="linux/arm64", media_type=media_type, config_type=config_type, Cmd=["app.handler"]
    )

    image = repositories.read_image(repository, "v1", "linux/arm64")

    assert image.reference == ImageReference(registry=aws.registry, repository=repository, digest=digest)
    assert (image.media_type, image.platform, image.has_entry_point) == (media_type, "linux/arm64", True)
    assert image.layers == (Layer(media_type=GZIP_LAYER, size=len("content")),)
    assert json.loads(image.manifest)["layers"][0]["size"] == len("content")
    assert repositories.read_image(repository, digest, "linux/arm64") == image

    config = json.loads(image.manifest)["config"]["digest"]
    for known, platform in ((digest, "linux/s390x"), (config, "linux/s390x"), (_DIGEST, "linux/arm64")):
        aws.forget_calls()
        told = {known: Configuration(platform="linux/s390x")}
        assert repositories.read_image(repository, digest, "linux/arm64", told).platform == platform
        reads = [call.action for call in aws.calls() if call.service == "ecr"]
        assert reads == (["BatchGetImage"] if known != _DIGEST else ["BatchGetImage", "GetDownloadUrlForLayer"])


def test_the_manifest_of_a_tag_that_was_looked_up_is_not_asked_for_again(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str
) -> None:
    digest = pusher.image(repository, "v1", Cmd=["app.handler"])
    repositories.registry()  # asks for the authorization
    assert repositories.find_tags(repository, ["v1", "v2"]) == {"v1": digest}

    for reads in (["GetDownloadUrlForLayer"], ["BatchGetImage", "GetDownloadUrlForLayer"]):
        aws.forget_calls()
        image = repositories.read_image(repository, digest, "linux/amd64")
        assert f"sha256:{sha256(image.manifest.encode()).hexdigest()}" == image.reference.digest == digest
        assert [call.action for call in aws.calls() if call.service == "ecr"] == reads


@pytest.mark.parametrize(
    ("settings", "expected"), [({}, False), ({"Entrypoint": ["/app"]}, True), ({"Entrypoint": [], "Cmd": None}, False)]
)
def test_an_entry_point_is_an_entrypoint_or_a_command(
    pusher: Pusher, repositories: EcrRepositories, repository: str, settings: dict[str, Any], *, expected: bool
) -> None:
    pusher.image(repository, "v1", **settings)

    assert repositories.read_image(repository, "v1", "linux/amd64").has_entry_point is expected


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_INDEX])
def test_an_index_yields_the_image_for_the_platform(
    pusher: Pusher, repositories: EcrRepositories, repository: str, media_type: str
) -> None:
    amd, arm = (pusher.image(repository, platform=platform) for platform in ("linux/amd64", "linux/arm64"))
    members = {"linux/arm64/v8": arm, "linux/amd64": amd}
    index = pusher.index(repository, "both", members, media_type=media_type)

    for reference in ("both", index):
        assert repositories.read_image(repository, reference, "linux/amd64").reference.digest == amd
        assert repositories.read_image(repository, reference, "linux/arm64").platform == "linux/arm64"


def test_an_index_without_the_platform_says_what_it_holds(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str
) -> None:
    arm = pusher.image(repository, platform="linux/arm64")
    pusher.index(repository, "arm", {"linux/arm64/v8": arm})
    with pytest.raises(DeployError) as caught:
        repositories.read_image(repository, "arm", "linux/amd64")

    assert caught.value.message == (
        f"{aws.registry}/{repository}:arm is an index without an image for linux/amd64. It holds:\n"
        f"- linux/arm64/v8: {arm}"
    )


def test_an_artifact_is_no_image(pusher: Pusher, repositories: EcrRepositories, repository: str) -> None:
    cache = "application/vnd.buildkit.cacheconfig.v0"
    pusher.image(repository, "cache", config_type=cache)

    with pytest.raises(DeployError, match=f"is no container image, but {cache}"):
        repositories.read_image(repository, "cache", "linux/amd64")


def test_an_image_that_is_missing_is_reported_in_ecr_s_words(
    aws: Aws, repositories: EcrRepositories, repository: str
) -> None:
    with pytest.raises(DeployError) as caught:
        repositories.read_image(repository, "v1", "linux/amd64")
    assert caught.value.message == (
        f"ECR does not have the image {aws.registry}/{repository}:v1: ImageNotFound: Requested image not found."
    )


@pytest.mark.parametrize("is_hidden", [False, True])
def test_an_archived_image_is_found_and_refused_whether_ecr_gives_its_manifest_or_not(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str, *, is_hidden: bool
) -> None:
    digest = pusher.image(repository, "v1")
    reference = ImageReference(registry=aws.registry, repository=repository, digest=digest)
    aws.archive_image(repository, digest)

    with aws.archived_manifests_hidden() if is_hidden else nullcontext():
        assert repositories.find_tags(repository, ["v1", "v2"]) == {"v1": digest}
        assert repositories.tags(repository) == {"v1": digest}
        with pytest.raises(ArchivedError, match=f"The image {digest} of {repository} is archived") as caught:
            repositories.check_available(reference)
        assert f"--repository-name {repository} --image-id imageDigest={digest} --target" in caught.value.hint
        aws.deny("ecr:DescribeImages")
        assert repositories.find_tags(repository, ["v1"]) == {"v1": "" if is_hidden else digest}
        if is_hidden:
            with pytest.raises(ArchivedError, match=f"The image v1 of {repository} is archived") as caught:
                repositories.read_image(repository, "v1", "linux/amd64")
            assert "--image-id imageTag=v1" in caught.value.hint


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(stubbed: tuple[EcrRepositories, Stubber]) -> None:
    repositories, stubber = stubbed
    stubber.add_response("batch_get_image", {"images": [{"imageManifest": "{}"}], "failures": []})

    with pytest.raises(DeployError, match="has the digest sha256:44136fa355b3678a1146ad16f7e8649e"):
        repositories.read_image("orders", _DIGEST, "linux/amd64")


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"reset": True}])
def test_a_fault_in_passing_is_survived(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str, fault: dict[str, Any]
) -> None:
    digest = pusher.image(repository, "v1")
    for action in ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"):
        aws.inject(Fault(action=action, times=2, **fault))

    assert repositories.read_image(repository, "v1", "linux/amd64").reference.digest == digest


def test_a_longer_fault_is_survived_by_many_calls_at_once(
    aws: Aws, repositories: EcrRepositories, repository: str
) -> None:
    aws.inject(Fault(action="ecr:BatchGetImage", times=50, status=500))
    with ThreadPoolExecutor(12) as pool:
        calls = [pool.submit(repositories.find_tags, repository, ["v1"]) for _ in range(12)]

    assert [call.result() for call in calls] == [{}] * 12


class _Storage(HTTPServer):
    """Stands for S3: refuses requests for a blob with the statuses that a test sets, and then serves it.

    Attributes:
        refusals: HTTP statuses.
        content: the blob.
        has_end: whether it ends after the content; if not, it is sent again and again.
    """

    refusals: list[int]
    content: bytes
    has_end: bool


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, _Storage)
        self.send_response(self.server.refusals.pop(0) if self.server.refusals else 200)
        if self.server.has_end:
            self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)
        with suppress(OSError):  # its reader is gone
            while not self.server.has_end:
                self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def storage() -> Iterator[_Storage]:
    with _Storage(("127.0.0.1", 0), _Answer) as server:
        server.refusals, server.content, server.has_end = [], b'{"os": "linux", "architecture": "arm64"}', True
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@dataclass
class _Download:
    """An image whose configuration is in a storage; and the waits between the tries to get it."""

    images: EcrImages
    digest: str
    waits: list[float]

    def read(self) -> RegistryImage:
        return self.images.read_image("orders", self.digest, "linux/arm64")


def _described(content: bytes) -> dict[str, Any]:
    return {
        "mediaType": OCI_CONFIG,
        "digest": f"sha256:{sha256(content).hexdigest()}",
        "size": len(content),
    }


@pytest.fixture
def download(aws: Aws, monkeypatch: pytest.MonkeyPatch, storage: _Storage) -> Iterator[_Download]:
    config = _described(storage.content)
    text = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []})
    credentials, waits = credentials_of(aws, monkeypatch), list[float]()
    images = EcrImages(credentials, lambda: "registry.example", sleep=waits.append)
    with Stubber(credentials.ecr()) as stubber:
        stubber.add_response("batch_get_image", {"images": [{"imageManifest": text}], "failures": []})
        url = f"http://127.0.0.1:{storage.server_port}/blob?signature=secret"
        for _ in range(20):
            stubber.add_response("get_download_url_for_layer", {"downloadUrl": url})
        yield _Download(images, f"sha256:{sha256(text.encode()).hexdigest()}", waits)


def test_a_download_is_tried_again(storage: _Storage, download: _Download) -> None:
    storage.refusals = [503, 429, 500]

    assert download.read().platform == "linux/arm64"
    assert len(download.waits) == 3


def test_a_download_that_keeps_failing_is_given_up_after_a_minute(storage: _Storage, download: _Download) -> None:
    storage.refusals = [503] * 20
    with pytest.raises(DeployError, match="after several tries: HTTP status 503") as caught:
        download.read()

    assert 60 <= sum(download.waits) <= 90
    assert "secret" not in str(caught.value)


def test_a_download_that_is_refused_is_not_tried_again(storage: _Storage, download: _Download) -> None:
    storage.refusals = [403]
    with pytest.raises(DeployError, match="cannot be read: HTTP status 403") as caught:
        download.read()

    assert download.waits == []
    assert "secret" not in str(caught.value)


def test_a_storage_out_of_reach_is_reported_without_the_address(storage: _Storage, download: _Download) -> None:
    storage.shutdown()
    storage.server_close()
    with pytest.raises(DeployError, match="after several tries: ConnectionError") as caught:
        download.read()

    assert "secret" not in str(caught.value)


def test_a_download_that_is_not_what_its_digest_says_is_refused(storage: _Storage, download: _Download) -> None:
    storage.content = b"{}"

    with pytest.raises(DeployError, match=r"the configuration .* has the digest sha256:44136fa355b3678a"):
        download.read()


def test_rule_6_no_more_of_a_blob_is_read_than_is_announced(storage: _Storage, download: _Download) -> None:
    storage.has_end = False
    with pytest.raises(DeployError, match="is longer than the 40 bytes that its manifest announces"):
        download.read()


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        ({"config": _described(b"") | {"size": 5 * 1024**2}}, "is said to have 5242880 bytes"),
        ({"config": _described(b"") | {"size": "7"}}, 'the size of config is "7"'),
        ({"config": _described(b"") | {"digest": "latest"}}, 'digest is "latest"'),
        ({"config": _described(b""), "layers": ["x"]}, r"layers\[0\] is \"x\", not an object"),
        ({"config": [1]}, "config is a list of 1, not an object"),
        ({"mediaType": OCI_INDEX, "manifests": [{}]}, r"manifests\[0\] has no digest"),
        ({"mediaType": 5}, "mediaType is 5"),
        ([], "the whole of it is a list of 0"),
        (None, "nested too deeply"),
    ],
)
def test_rule_6_a_manifest_that_is_not_as_specified_is_refused(
    stubbed: tuple[EcrRepositories, Stubber], manifest: object, why: str
) -> None:
    repositories, stubber = stubbed
    whole = {"mediaType": OCI_MANIFEST, "layers": []} | manifest if isinstance(manifest, dict) else manifest
    text = json.dumps(whole) if whole is not None else 100_000 * "["
    stubber.add_response("batch_get_image", {"images": [{"imageManifest": text}], "failures": []})

    with pytest.raises(DeployError, match=why):
        repositories.read_image("orders", f"sha256:{sha256(text.encode()).hexdigest()}", "linux/amd64")


# --- adding tags -----------------------------------------------------------------------------------------------------


def test_a_tag_is_added_to_a_digest(aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str) -> None:
    digest = pusher.image(repository, "src-1")
    image = repositories.read_image(repository, "src-1", "linux/amd64")

    assert repositories.add_tag(image, "v1")
    assert repositories.add_tag(image, "v1")
    assert _tags(aws, repository) == {"src-1": digest, "v1": digest}


def test_an_image_out_of_an_index_gets_a_tag_of_its_own(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str
) -> None:
    digest = pusher.image(repository)
    index = pusher.index(repository, "both", {"linux/amd64": digest})

    assert repositories.add_tag(repositories.read_image(repository, "both", "linux/amd64"), "v1")
    assert _tags(aws, repository) == {"both": index, "v1": digest}


def test_a_mutable_tag_moves_and_an_immutable_one_stays(
    aws: Aws, pusher: Pusher, repositories: EcrRepositories, repository: str
) -> None:
    old, new = pusher.image(repository, "v1", content="old"), pusher.image(repository, "src-2", content="new")
    image = repositories.read_image(repository, "src-2", "linux/amd64")

    aws.client("ecr").put_image_tag_mutability(repositoryName=repository, imageTagMutability="IMMUTABLE")
    assert repositories.add_tag(image, "v1") is False
    assert _tags(aws, repository)["v1"] == old
    assert repositories.add_tag(image, "v2") is repositories.add_tag(image, "v2") is True
    aws.client("ecr").put_image_tag_mutability(repositoryName=repository, imageTagMutability="MUTABLE")
    assert repositories.add_tag(image, "v1") is True
    assert _tags(aws, repository)["v1"] == new


def _image_without_repository() -> RegistryImage:
    return RegistryImage(
        reference=ImageReference(registry="registry.example", repository="orders", digest=_DIGEST),
        manifest="{}",
        media_type=OCI_MANIFEST,
        platform="linux/amd64",
        layers=(),
        has_entry_point=True,
    )


@pytest.mark.parametrize(
    ("message", "is_of_image"),
    [
        ("Adding tag 'v1' to an image exceeds the maximum allowed number of tags per image which is '1000'", True),
        ("The repository has too many images", False),
    ],
)
def test_a_limit_is_recognized(stubbed: tuple[EcrRepositories, Stubber], message: str, is_of_image: bool) -> None:
    repositories, stubber = stubbed
    stubber.add_client_error("put_image", "LimitExceededException", message)

    with pytest.raises(TagLimitError, match=f"LimitExceededException: {message}") as caught:
        repositories.add_tag(_image_without_repository(), "v1")
    assert caught.value.is_of_image is is_of_image
    assert "Images per repository" in caught.value.hint


def test_other_refusals_of_a_tag_are_errors(stubbed: tuple[EcrRepositories, Stubber]) -> None:
    repositories, stubber = stubbed
    stubber.add_client_error("put_image", "LayersNotFoundException", "no such layer")

    with pytest.raises(DeployError, match="LayersNotFoundException: no such layer"):
        repositories.add_tag(_image_without_repository(), "v1")


# --- repositories ----------------------------------------------------------------------------------------------------


def test_a_repository_is_created_as_promised(aws: Aws, repositories: EcrRepositories, name: str) -> None:
    repositories.create(name)

    ecr = aws.client("ecr")
    (created,) = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert created["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert created["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "cache-*"}]
    assert created["imageScanningConfiguration"] == {"scanOnPush": True}
    (rule,) = json.loads(ecr.get_lifecycle_policy(repositoryName=name)["lifecyclePolicyText"])["rules"]
    assert (rule["selection"]["tagStatus"], rule["selection"]["countNumber"]) == ("untagged", 14)
    assert repositories.may_lambda_pull(name) is True
    assert repositories.may_overwrite(name, "v1") is False
    assert repositories.may_overwrite(name, "cache-main") is True
    assert repositories.expiring_rule(name, ["src-1"]) == ""


def test_a_repository_that_another_run_creates_is_left_to_it(
    aws: Aws, repositories: EcrRepositories, repository: str
) -> None:
    repositories.create(repository)

    assert _actions(aws) == ["CreateRepository"]


def test_a_creation_that_is_denied_creates_nothing(aws: Aws, repositories: EcrRepositories, name: str) -> None:
    aws.deny("ecr:CreateRepository")
    with pytest.raises(DeployError) as caught:
        repositories.create(name)

    assert '"Action": "ecr:CreateRepository"' in caught.value.hint
    assert repositories.find_tags(name, ["v1"]) is None


@pytest.mark.parametrize(
    ("action", "command"),
    [("SetRepositoryPolicy", "set-repository-policy"), ("PutLifecyclePolicy", "put-lifecycle-policy")],
)
def test_a_repository_that_could_not_be_completed_comes_with_the_command_that_is_left(
    aws: Aws, repositories: EcrRepositories, name: str, action: str, command: str
) -> None:
    aws.deny(f"ecr:{action}")
    with pytest.raises(DeployError) as caught:
        repositories.create(name)

    assert f"The ECR repository {name} was created, but is not complete: ecr:{action}" in caught.value.message
    assert f'"Action": "ecr:{action}"' in caught.value.hint
    assert f"\naws ecr {command} --region {aws.region} --repository-name {name} --" in caught.value.hint
    assert repositories.find_tags(name, ["v1"]) == {}


@pytest.mark.parametrize(
    ("mutability", "tag", "expected"),
    [
        ("MUTABLE", "v1", True),
        ("IMMUTABLE", "cache-main", False),
        ("IMMUTABLE_WITH_EXCLUSION", "v1", False),
        ("IMMUTABLE_WITH_EXCLUSION", "cache-main", True),
        ("MUTABLE_WITH_EXCLUSION", "v1", True),
        ("MUTABLE_WITH_EXCLUSION", "cache-main", False),
    ],
)
def test_whether_a_tag_may_be_overwritten(
    stubbed: tuple[EcrRepositories, Stubber], mutability: str, tag: str, *, expected: bool
) -> None:
    repositories, stubber = stubbed
    described: dict[str, Any] = {"repositoryName": "orders", "imageTagMutability": mutability}
    if "EXCLUSION" in mutability:
        described["imageTagMutabilityExclusionFilters"] = [{"filterType": "WILDCARD", "filter": "cache-*"}]
    stubber.add_response("describe_repositories", {"repositories": [described]}, {"repositoryNames": ["orders"]})

    assert repositories.may_overwrite("orders", tag) is expected


def test_what_may_not_be_read_is_not_known(aws: Aws, repositories: EcrRepositories, repository: str) -> None:
    for action in ("GetRepositoryPolicy", "DescribeRepositories", "GetLifecyclePolicy"):
        aws.deny(f"ecr:{action}")

    assert repositories.may_lambda_pull(repository) is None
    assert repositories.may_overwrite(repository, "v1") is None
    assert repositories.expiring_rule(repository, ["v1"]) == ""


def test_without_policies_lambda_may_not_pull_and_nothing_expires(
    repositories: EcrRepositories, repository: str
) -> None:
    assert repositories.may_lambda_pull(repository) is False
    assert repositories.expiring_rule(repository, ["v1"]) == ""


def test_the_rule_that_could_remove_an_image_is_named(aws: Aws, repositories: EcrRepositories, repository: str) -> None:
    rule = {
        "rulePriority": 3,
        "description": "Keep five",
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5},
        "action": {"type": "expire"},
    }
    aws.client("ecr").put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": [rule]}))

    assert (
        repositories.expiring_rule(repository, ["v1"])
        == "rule 3 of the lifecycle policy (Keep five) deletes any image."
    )
