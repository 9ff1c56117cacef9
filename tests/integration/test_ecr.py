"""ECR's repositories against moto; and, for answers that moto never gives, against botocore's own stubs.

moto has no GetDownloadUrlForLayer, so reading an image to its end is tested with the sandbox's AWS. And it is known to
be wrong in this: a tag that is taken in an immutable repository gets ImageAlreadyExistsException, which ECR keeps for
an image that has the tag already; ECR's own is ImageTagAlreadyExistsException [PutImage, Errors].
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from botocore.stub import Stubber

from ecr_lambda_deploy.adapters.ecr import EcrRepositories
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.model import ImageReference, PushedImage
from tests.integration.aws_in_memory import ACCOUNT, REGION, REGISTRY, Traffic, aws_of, client, recorded_aws

_OCI = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_ABSENT = ImageReference(registry=REGISTRY, repository="orders", digest=f"sha256:{64 * 'a'}")
_IMAGE = PushedImage(reference=_ABSENT, manifest="{}", media_type=_OCI, platform="linux/amd64")


@pytest.fixture
def traffic(monkeypatch: pytest.MonkeyPatch) -> Iterator[Traffic]:
    with recorded_aws(monkeypatch) as traffic:
        yield traffic


@pytest.fixture
def repositories(traffic: Traffic) -> EcrRepositories:
    return EcrRepositories(aws_of(traffic), traffic.mask)


@pytest.fixture
def ecr(traffic: Traffic) -> Any:  # noqa: ANN401 # boto3's clients are made at run time
    """An owner's client, after the repository orders was created."""
    assert traffic.events == []
    owner = client("ecr")
    owner.create_repository(repositoryName="orders")
    return owner


@pytest.fixture
def stubbed(traffic: Traffic) -> Iterator[tuple[EcrRepositories, Stubber]]:
    aws = aws_of(traffic)
    with Stubber(aws.ecr()) as stubber:
        yield EcrRepositories(aws, traffic.mask), stubber
        stubber.assert_no_pending_responses()


def _put(ecr: Any, tag: str, *, media_type: str = _OCI, content: str = "a") -> PushedImage:  # noqa: ANN401
    manifest = json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": {"digest": f"sha256:{64 * content}"}})
    digest = f"sha256:{sha256(manifest.encode()).hexdigest()}"
    ecr.put_image(repositoryName="orders", imageManifest=manifest, imageTag=tag, imageDigest=digest)
    reference = ImageReference(registry=REGISTRY, repository="orders", digest=digest)
    return PushedImage(reference=reference, manifest=manifest, media_type=media_type, platform="linux/amd64")


def _digest_of(ecr: Any, tag: str) -> str:  # noqa: ANN401
    (image,) = ecr.describe_images(repositoryName="orders", imageIds=[{"imageTag": tag}])["imageDetails"]
    return str(image["imageDigest"])


def test_the_registry_is_the_one_that_the_authorization_names(repositories: EcrRepositories) -> None:
    authorization = repositories.authorization()

    assert repositories.registry() == authorization.registry == REGISTRY
    assert (authorization.username, authorization.password) == ("AWS", f"{ACCOUNT}-auth-token")


def test_the_authorization_is_asked_for_once(repositories: EcrRepositories, traffic: Traffic) -> None:
    assert repositories.authorization() is repositories.authorization()
    assert len(traffic.requests()) == 1


@pytest.mark.usefixtures("ecr")
def test_an_empty_repository_exists(repositories: EcrRepositories) -> None:
    repositories.check_exists("orders")


@pytest.mark.usefixtures("ecr")
def test_a_repository_that_does_not_exist_comes_with_the_command_that_creates_it(repositories: EcrRepositories) -> None:
    with pytest.raises(DeployError, match=f"There is no ECR repository other in {REGION}") as caught:
        repositories.check_exists("other")

    assert f"aws ecr create-repository --region {REGION} --repository-name other" in caught.value.hint


def test_a_repository_that_may_not_be_read_comes_with_the_statement_that_allows_it(
    stubbed: tuple[EcrRepositories, Stubber],
) -> None:
    repositories, stubber = stubbed
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/orders"
    message = f"User: x is not authorized to perform: ecr:BatchGetImage on resource: {arn} because no policy allows it"
    stubber.add_client_error("batch_get_image", "AccessDeniedException", message)

    with pytest.raises(DeployError) as caught:
        repositories.check_exists("orders")

    assert f'{{"Effect": "Allow", "Action": "ecr:BatchGetImage", "Resource": "{arn}"}}' in caught.value.hint


_PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]


@pytest.mark.parametrize(
    ("principal", "actions", "effect", "expected"),
    [
        ({"Service": "lambda.amazonaws.com"}, _PULL, "Allow", True),
        ({"Service": ["ecs.amazonaws.com", "lambda.amazonaws.com"]}, _PULL, "Allow", True),
        ({"Service": "lambda.amazonaws.com"}, "ecr:*", "Allow", True),
        ({"Service": "lambda.amazonaws.com"}, ["ecr:Batch*", "ecr:Get*"], "Allow", True),
        ("*", _PULL, "Allow", True),
        ({"Service": "lambda.amazonaws.com"}, _PULL[:1], "Allow", False),
        ({"Service": "lambda.amazonaws.com"}, _PULL, "Deny", False),
        ({"Service": "ecs.amazonaws.com"}, _PULL, "Allow", False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, _PULL, "Allow", False),
    ],
)
def test_whether_lambda_may_pull_is_in_the_policy(
    repositories: EcrRepositories,
    ecr: Any,  # noqa: ANN401
    principal: object,
    actions: object,
    effect: str,
    expected: bool,
) -> None:
    statement = {"Effect": effect, "Principal": principal, "Action": actions}
    ecr.set_repository_policy(
        repositoryName="orders", policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )

    assert repositories.may_lambda_pull("orders") is expected


@pytest.mark.usefixtures("ecr")
def test_without_a_policy_lambda_may_not_pull(repositories: EcrRepositories) -> None:
    assert repositories.may_lambda_pull("orders") is False


def test_a_policy_that_may_not_be_read_says_nothing(stubbed: tuple[EcrRepositories, Stubber]) -> None:
    repositories, stubber = stubbed
    stubber.add_client_error("get_repository_policy", "AccessDeniedException", "not authorized")

    assert repositories.may_lambda_pull("orders") is None


@pytest.mark.usefixtures("ecr")
def test_an_image_that_is_not_there_is_told_in_ecr_s_words(repositories: EcrRepositories) -> None:
    with pytest.raises(DeployError, match="Requested image not found"):
        repositories.read_image(_ABSENT)


def test_an_index_is_no_image_that_lambda_runs(repositories: EcrRepositories, ecr: Any) -> None:  # noqa: ANN401
    index = _put(ecr, "v1", media_type=_INDEX)

    with pytest.raises(DeployError, match=_INDEX.replace("+", r"\+")) as caught:
        repositories.read_image(index.reference)

    assert "attestations" in caught.value.hint


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(stubbed: tuple[EcrRepositories, Stubber]) -> None:
    repositories, stubber = stubbed
    stubber.add_response("batch_get_image", {"images": [{"imageManifest": "{}"}], "failures": []})

    with pytest.raises(DeployError, match="has the digest sha256:44136fa355b3678a1146ad16f7e8649e"):
        repositories.read_image(_ABSENT)


def test_a_tag_is_added_to_a_digest(repositories: EcrRepositories, ecr: Any) -> None:  # noqa: ANN401
    image = _put(ecr, "src-1")

    assert repositories.add_tag(image, "v1")
    assert _digest_of(ecr, "v1") == _digest_of(ecr, "src-1") == image.reference.digest


def test_a_tag_that_the_image_has_is_there_already(repositories: EcrRepositories, ecr: Any) -> None:  # noqa: ANN401
    image = _put(ecr, "v1")

    assert repositories.add_tag(image, "v1")


def test_a_mutable_tag_moves(repositories: EcrRepositories, ecr: Any) -> None:  # noqa: ANN401
    _put(ecr, "v1", content="a")
    image = _put(ecr, "src-2", content="b")

    assert repositories.add_tag(image, "v1")
    assert _digest_of(ecr, "v1") == image.reference.digest


def test_an_immutable_tag_stays(stubbed: tuple[EcrRepositories, Stubber]) -> None:
    repositories, stubber = stubbed
    stubber.add_client_error("put_image", "ImageTagAlreadyExistsException", "The image tag 'v1' already exists")

    assert repositories.add_tag(_IMAGE, "v1") is False


def test_other_refusals_of_a_tag_are_errors(stubbed: tuple[EcrRepositories, Stubber]) -> None:
    repositories, stubber = stubbed
    stubber.add_client_error("put_image", "LimitExceededException", "too many tags")

    with pytest.raises(DeployError, match="LimitExceededException: too many tags"):
        repositories.add_tag(_IMAGE, "v1")
