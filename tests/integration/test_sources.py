"""Existing images: by URI or served by a function, of this account and others, and their copies, by the real buildx."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from botocore.stub import Stubber

from ecr_lambda_deploy.aws.ecr import EcrRepositories
from ecr_lambda_deploy.aws.session import Aws as Credentials
from ecr_lambda_deploy.aws.sources import EcrSources
from ecr_lambda_deploy.docker.imagetools import ImageTools
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import RoleToAssume, ServedImage
from ecr_lambda_deploy.private_folders import PrivateFolders
from sandbox.aws import Aws, Fault, running_aws
from sandbox.machine.debian_packages import programs
from sandbox.machine.engine import running_engine
from tests.integration.aws_in_memory import ENVIRONMENT_KEY, ROLE, aws_of, recorded_aws
from tests.integration.registry_client import OTHER_ACCOUNT, Pusher, credentials_of

_ACCOUNT = "123456789012"
_BUILDX = ("sid", ("docker-buildx",), ("usr/libexec/docker/cli-plugins/docker-buildx",))
_RECORDING = '#!/bin/sh\nprintf "%s\\n" "$*" >> {folder}/arguments\nenv > {folder}/environment\nexec {program} "$@"\n'


@pytest.fixture(scope="module")
def running() -> Iterator[Aws]:
    with (
        running_engine() as engine,
        running_aws(docker_host=engine.environment()["DOCKER_HOST"], update_seconds=0.0) as aws,
    ):
        yield aws


@pytest.fixture
def aws(running: Aws) -> Aws:
    running.reset_rules()
    running.forget_calls()
    return running


@dataclass(kw_only=True)
class Desk:
    """What is tested, and what it did.

    Attributes:
        credentials: what it asks AWS with.
        sources: what is tested.
        target: where it copies to.
        folder: holds the arguments and the environment that buildx was started with.
        masked: secrets.
        waits: seconds between one try of a copy and the next; faults are over after the first one.
    """

    credentials: Credentials
    sources: EcrSources
    target: EcrRepositories
    folder: Path
    masked: list[str]
    waits: list[float] = field(default_factory=list)

    def started(self) -> list[str]:
        """Return the command lines of buildx."""
        return self.folder.joinpath("arguments").read_text().splitlines()


def _desk(aws: Aws, monkeypatch: pytest.MonkeyPatch, folder: Path, **credentials: Any) -> Desk:  # noqa: ANN401 # see `credentials_of`
    program = folder / "buildx"
    program.write_text(_RECORDING.format(folder=folder, program=programs(*_BUILDX) / "docker-buildx"))
    program.chmod(0o755)
    masked, waits = list[str](), list[float]()

    def wait(seconds: float) -> None:
        waits.append(seconds)
        aws.reset_rules()

    product = credentials_of(aws, monkeypatch, masked=masked, **credentials)
    target = EcrRepositories(product, masked.append)
    environment = {"PATH": "/usr/bin:/bin", "DOCKER_HOST": "unix:///nowhere", "AWS_SECRET_ACCESS_KEY": "secret"}
    tools = ImageTools(environment=environment, folders=PrivateFolders(folder), program=str(program), sleep=wait)
    sources = EcrSources(product, target=target, copy_image=tools.copy, mask=masked.append)
    return Desk(credentials=product, sources=sources, target=target, folder=folder, masked=masked, waits=waits)


@pytest.fixture
def desk(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    return _desk(aws, monkeypatch, tmp_path)


def _repository(aws: Aws, account: str = _ACCOUNT) -> str:
    name = f"shop/{uuid4().hex}"
    aws.client("ecr", account).create_repository(repositoryName=name)
    return name


def _function(aws: Aws, image_uri: str, account: str = _ACCOUNT) -> str:
    """Create a function, and return its ARN."""
    client = aws.client("lambda", account)
    created = client.create_function(
        FunctionName=uuid4().hex,
        Role=f"arn:aws:iam::{account}:role/function",
        PackageType="Image",
        Code={"ImageUri": image_uri},
    )
    client.get_waiter("function_active_v2").wait(FunctionName=created["FunctionName"])
    return str(created["FunctionArn"])


def _reference(aws: Aws, repository: str, digest: str) -> ImageReference:
    return ImageReference(registry=aws.registry, repository=repository, digest=digest)


# --- functions -------------------------------------------------------------------------------------------------------


def test_the_image_of_a_function_an_alias_and_a_version_is_found(aws: Aws, desk: Desk) -> None:
    repository, pusher, client = _repository(aws), Pusher(aws), aws.client("lambda")
    old, new = (pusher.image(repository, tag, content=tag) for tag in ("v1", "v2"))
    arn = _function(aws, f"{aws.registry}/{repository}:v1")
    name = arn.rpartition(":")[2]
    client.publish_version(FunctionName=name, Description="commit=c0ffee")
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    client.update_function_code(FunctionName=name, ImageUri=f"{aws.registry}/{repository}:v2")
    client.get_waiter("function_updated_v2").wait(FunctionName=name)

    for function in (name, arn):
        for qualifier, digest in (("", new), ("$LATEST", new), ("1", old), ("live", old)):
            served = desk.sources.served_image(ServedImage(function=function, qualifier=qualifier))
            expected = "commit=c0ffee" if qualifier in {"1", "live"} else ""
            assert (served.image, served.description) == (_reference(aws, repository, digest), expected)


def test_a_missing_function_or_qualifier_is_an_error(aws: Aws, desk: Desk) -> None:
    repository = _repository(aws)
    Pusher(aws).image(repository, "v1")
    name = _function(aws, f"{aws.registry}/{repository}:v1").rpartition(":")[2]

    for source in (ServedImage(function="missing"), ServedImage(function=name, qualifier="live")):
        with pytest.raises(DeployError, match=rf"There is no {source.function}.* to promote from") as caught:
            desk.sources.served_image(source)
        assert "'promote-from'" in caught.value.hint


def test_a_function_that_may_not_be_read_comes_with_the_statement_that_allows_it(aws: Aws, desk: Desk) -> None:
    aws.deny("lambda:GetFunction")
    with pytest.raises(DeployError) as caught:
        desk.sources.served_image(ServedImage(function="orders"))

    assert '"Action": "lambda:GetFunction"' in caught.value.hint


@pytest.mark.parametrize(
    ("configuration", "code", "message"),
    [
        ({"PackageType": "Zip"}, {}, "has no image to promote: its package type is Zip"),
        ({"PackageType": "Image"}, {}, "does not say which image orders:live runs"),
    ],
)
def test_a_function_without_an_image_is_an_error(
    desk: Desk, configuration: dict[str, str], code: dict[str, str], message: str
) -> None:
    with Stubber(desk.credentials.functions()) as stubber:
        stubber.add_response("get_function", {"Configuration": configuration, "Code": code})
        with pytest.raises(DeployError, match=message):
            desk.sources.served_image(ServedImage(function="orders", qualifier="live"))


def test_of_a_function_on_managed_instances_what_its_calls_run_is_promoted(desk: Desk) -> None:
    capacity = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": "arn:aws:lambda:a:1:b:c"}}
    arn = f"arn:aws:lambda:eu-west-1:{_ACCOUNT}:function:orders"
    configuration = {"FunctionArn": arn, "PackageType": "Image", "CapacityProviderConfig": capacity}
    uris = [f"{_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:{digit * 64}" for digit in "ab"]
    with Stubber(desk.credentials.functions()) as stubber:
        for uri, qualifier in zip(uris, ({}, {"Qualifier": "$LATEST.PUBLISHED"}), strict=True):
            answer = {"Configuration": configuration, "Code": {"ResolvedImageUri": uri}}
            stubber.add_response("get_function", answer, {"FunctionName": "orders", **qualifier})
        assert str(desk.sources.served_image(ServedImage(function="orders")).image) == uris[1]


# --- images ----------------------------------------------------------------------------------------------------------


def test_an_image_is_named_by_tag_or_digest_and_of_both_the_digest_counts(aws: Aws, desk: Desk) -> None:
    repository, pusher = _repository(aws), Pusher(aws)
    one, two = (pusher.image(repository, tag, content=tag) for tag in ("v1", "v2"))
    uri = f"{aws.registry}/{repository}"

    for name, digest in ((":v1", one), (f"@{two}", two), (f":v1@{two}", two)):
        assert desk.sources.resolve(uri + name, "linux/amd64").reference == _reference(aws, repository, digest)


def test_an_index_yields_the_image_for_the_platform(aws: Aws, desk: Desk) -> None:
    repository, pusher = _repository(aws), Pusher(aws)
    arm = pusher.image(repository, platform="linux/arm64")
    pusher.index(repository, "both", {"linux/amd64": pusher.image(repository), "linux/arm64/v8": arm})

    image = desk.sources.resolve(f"{aws.registry}/{repository}:both", "linux/arm64")
    assert (image.reference.digest, image.platform) == (arm, "linux/arm64")


def test_a_missing_image_or_repository_is_an_error(aws: Aws, desk: Desk) -> None:
    repository = _repository(aws)
    with pytest.raises(DeployError, match=r"ECR does not have the image .*:v1: ImageNotFound"):
        desk.sources.resolve(f"{aws.registry}/{repository}:v1", "linux/amd64")
    with pytest.raises(DeployError, match=r"The repository of .*/missing:v1 does not exist"):
        desk.sources.resolve(f"{aws.registry}/missing:v1", "linux/amd64")


@pytest.mark.parametrize(
    "uri", ["public.ecr.aws/lambda/python:3.13", "docker.io/library/python:3.13", "localhost:1/shop/orders:v1"]
)
def test_other_registries_come_with_the_command_that_copies(aws: Aws, desk: Desk, uri: str) -> None:
    with pytest.raises(DeployError, match="private ECR repositories only") as caught:
        desk.sources.resolve(uri, "linux/amd64")

    assert f"docker buildx imagetools create --tag {aws.registry}/REPOSITORY:TAG {uri}" in caught.value.hint


@pytest.mark.parametrize("uri", ["orders", "registry.example/orders", "registry.example/orders@sha256:abc"])
def test_what_names_no_image_is_refused(desk: Desk, uri: str) -> None:
    with pytest.raises(DeployError, match="does not name an image"):
        desk.sources.resolve(uri, "linux/amd64")


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ("210987654321.dkr.ecr.eu-west-1.amazonaws.com", None),
        ("210987654321.dkr-ecr.eu-west-1.on.aws", None),
        ("210987654321.dkr.ecr-fips.eu-west-1.amazonaws.com", "210987654321.dkr.ecr.eu-west-1.amazonaws.com"),
        ("210987654321.dkr.ecr.cn-north-1.amazonaws.com.cn", None),
    ],
)
def test_a_host_tells_the_account_and_the_region(aws: Aws, desk: Desk, host: str, named: str | None) -> None:
    region = host.split(".")[3] if ".dkr.ecr" in host else host.split(".")[2]
    repository = f"shop/{uuid4().hex}"
    owner = aws.session(OTHER_ACCOUNT).client("ecr", endpoint_url=aws.endpoint, region_name=region)
    owner.create_repository(repositoryName=repository)
    token = owner.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    pusher = Pusher(aws, OTHER_ACCOUNT, authorization=token)
    digest = pusher.image(repository, "v1")
    aws.forget_calls()

    image = desk.sources.resolve(f"{host}/{repository}:v1", "linux/amd64")

    assert image.reference == ImageReference(registry=named or host, repository=repository, digest=digest)
    reads = [call for call in aws.calls() if call.service == "ecr" and call.action != "GetAuthorizationToken"]
    assert {call.parameters["registryId"] for call in reads} == {OTHER_ACCOUNT}
    assert [call.action for call in reads] == ["BatchGetImage", "GetDownloadUrlForLayer", "DescribeImages"]


@pytest.mark.parametrize(("status", "message"), [("ARCHIVED", "is archived"), ("ACTIVATING", "is just being restored")])
def test_an_image_that_ecr_has_put_away_is_refused(aws: Aws, desk: Desk, status: str, message: str) -> None:
    repository = _repository(aws)
    digest = Pusher(aws).image(repository, "v1")
    desk.credentials.ecr().meta.events.register(
        "after-call.ecr.DescribeImages", lambda parsed, **_: parsed["imageDetails"][0].update(imageStatus=status)
    )
    with pytest.raises(DeployError, match=f"The image {digest} of {repository} {message}") as caught:
        desk.sources.resolve(f"{aws.registry}/{repository}:v1", "linux/amd64")

    assert (f"update-image-storage-class --repository-name {repository}" in caught.value.hint) == (status == "ARCHIVED")


def test_an_archived_image_whose_manifest_ecr_hides_is_refused(aws: Aws, desk: Desk) -> None:
    repository = _repository(aws)
    digest = Pusher(aws).image(repository, "v1")
    aws.archive_image(repository, digest)
    for name in (":v1", f"@{digest}"):
        with (
            aws.archived_manifests_hidden(),
            pytest.raises(DeployError, match=f"The image {name[1:]} of {repository} is archived") as caught,
        ):
            desk.sources.resolve(f"{aws.registry}/{repository}{name}", "linux/amd64")
        assert f"update-image-storage-class --repository-name {repository}" in caught.value.hint


def test_a_status_that_may_not_be_read_stops_nothing(aws: Aws, desk: Desk) -> None:
    repository = _repository(aws)
    digest = Pusher(aws).image(repository, "v1")
    aws.deny("ecr:DescribeImages")

    assert desk.sources.resolve(f"{aws.registry}/{repository}:v1", "linux/amd64").reference.digest == digest


@pytest.mark.parametrize(
    ("host", "is_role"),
    [
        (f"{_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", True),
        (f"{_ACCOUNT}.dkr-ecr.eu-west-1.on.aws", True),
        (f"{_ACCOUNT}.dkr.ecr.us-east-2.amazonaws.com", True),
        (f"{OTHER_ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", False),
    ],
)
def test_other_accounts_are_read_with_the_environment_s_credentials(
    monkeypatch: pytest.MonkeyPatch, host: str, *, is_role: bool
) -> None:
    with recorded_aws(monkeypatch) as traffic:
        product = aws_of(traffic, ROLE)
        target = EcrRepositories(product, traffic.mask)
        sources = EcrSources(product, target=target, copy_image=lambda *_: None, mask=traffic.mask)
        with pytest.raises(DeployError, match=r"The repository of .*/orders:v1 does not exist"):
            sources.resolve(f"{host}/orders:v1", "linux/amd64")
        account, *_, region = host.partition(".on.aws")[0].removesuffix(".amazonaws.com").split(".")
        arn = f"arn:aws:lambda:{region}:{account}:function:orders"
        with pytest.raises(DeployError, match="There is no arn"):
            sources.served_image(ServedImage(function=arn))

    *_, read_image, read_function = traffic.requests()
    for request in (read_image, read_function):
        assert (ENVIRONMENT_KEY not in request.signature) == is_role
        assert f"/{region}/" in request.signature


# --- copies ----------------------------------------------------------------------------------------------------------


def _pulled(aws: Aws, repository: str, manifest: str) -> dict[str, Any]:
    """Return a manifest as the registry has it, after a look whether its blobs are there."""
    login = Pusher(aws).login
    answer = requests.get(f"{aws.endpoint}/v2/{repository}/manifests/{manifest}", auth=login, timeout=10)
    answer.raise_for_status()
    content: dict[str, Any] = answer.json()
    for blob in (content["config"], *content["layers"]):
        url = f"{aws.endpoint}/v2/{repository}/blobs/{blob['digest']}"
        assert len(requests.get(url, auth=login, timeout=10).content) == blob["size"]
    return content


def test_the_image_of_another_account_s_function_is_copied_by_digest(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    role = RoleToAssume(
        arn=f"arn:aws:iam::{_ACCOUNT}:role/deploy", is_chained=True, session_name="deploy", duration_seconds=None
    )
    desk = _desk(aws, monkeypatch, tmp_path, role=role, environment=aws.environment(account=OTHER_ACCOUNT))
    theirs, ours = _repository(aws, OTHER_ACCOUNT), _repository(aws)
    digest = Pusher(aws, OTHER_ACCOUNT).image(theirs, "v1", Cmd=["app.handler"])
    arn = _function(aws, f"{aws.registry}/{theirs}:v1", OTHER_ACCOUNT)
    served = desk.sources.served_image(ServedImage(function=arn))
    image = desk.sources.resolve(str(served.image), "linux/amd64")
    aws.forget_calls()
    desk.sources.copy(image.reference, f"{aws.registry}/{ours}:promoted")

    assert image.reference == _reference(aws, theirs, digest)
    assert desk.target.find_tags(ours, ["promoted"]) == {"promoted": digest}
    assert "manifests" not in _pulled(aws, ours, "promoted")


def test_a_copy_shows_no_secret_and_needs_no_engine(aws: Aws, desk: Desk) -> None:
    source, destination = _repository(aws), _repository(aws)
    digest = Pusher(aws).image(source, "v1")
    desk.sources.copy(_reference(aws, source, digest), f"{aws.registry}/{destination}:v1")

    environment = dict(
        line.partition("=")[::2] for line in desk.folder.joinpath("environment").read_text().splitlines()
    )
    options = f"--prefer-index=false --tag={aws.registry}/{destination}:v1"
    assert desk.started() == [f"imagetools create {options} -- {aws.registry}/{source}@{digest}"]
    assert environment.keys() - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PATH", "DOCKER_CONFIG", "BUILDX_CONFIG"}
    assert not Path(environment["DOCKER_CONFIG"]).exists()
    assert not Path(environment["BUILDX_CONFIG"]).exists()
    assert desk.target.authorization().password in desk.masked


def test_a_copy_that_fails_in_passing_is_tried_again(aws: Aws, desk: Desk) -> None:
    source, destination = _repository(aws), _repository(aws)
    digest = Pusher(aws).image(source, "v1")
    aws.inject(Fault(action="registry:PutManifest", times=20, reset=True))
    desk.sources.copy(_reference(aws, source, digest), f"{aws.registry}/{destination}:v1")

    assert desk.waits == [0.5]
    assert len(desk.started()) == 2


def test_a_copy_that_is_refused_is_not_tried_again(aws: Aws, desk: Desk) -> None:
    source, destination = _repository(aws), _repository(aws)
    digest = Pusher(aws).image(source, "v1")
    aws.deny("ecr:PutImage")
    with pytest.raises(DeployError, match=r"could not be copied to .*: 403 Forbidden") as caught:
        desk.sources.copy(_reference(aws, source, digest), f"{aws.registry}/{destination}:v1")

    assert desk.waits == []
    assert '"Action": "ecr:PutImage"' in caught.value.hint


def test_a_tag_that_cannot_move_ends_the_copy(aws: Aws, desk: Desk) -> None:
    source, destination, pusher = _repository(aws), _repository(aws), Pusher(aws)
    digest = pusher.image(source, "v1", content="new")
    pusher.image(destination, "v1", content="old")
    aws.client("ecr").put_image_tag_mutability(repositoryName=destination, imageTagMutability="IMMUTABLE")

    with pytest.raises(DeployError, match=r"could not be copied to .*: 400 Bad Request"):
        desk.sources.copy(_reference(aws, source, digest), f"{aws.registry}/{destination}:v1")
    for _ in range(2):  # what another run has copied already is no reason to fail
        desk.sources.copy(_reference(aws, source, digest), f"{aws.registry}/{destination}:v2")


def test_a_copy_that_is_not_there_afterwards_is_an_error(aws: Aws, desk: Desk) -> None:
    source, destination = _repository(aws), _repository(aws)
    digest = Pusher(aws).image(source, "v1")
    desk.folder.joinpath("buildx").write_text("#!/bin/sh\n")

    with pytest.raises(DeployError, match=f"{digest} was copied to .*{destination}:v1, but that is missing"):
        desk.sources.copy(_reference(aws, source, digest), f"{aws.registry}/{destination}:v1")
