"""The sandbox's AWS refuses what AWS refuses, in its words, and really runs what it accepts."""

import hashlib
import io
import json
import os
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from sandbox.aws import Aws, Fault, running_aws
from sandbox.machine.engine import Engine
from tests.integration.strict.strict_aws import (
    ACCOUNT,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ONCE,
    OTHER_ACCOUNT,
    ROLE,
    ZSTD_LAYER,
    Registry,
    client_of,
    create_function,
    password,
    refusal,
    settle,
)


def empty_zip() -> bytes:
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    return content.getvalue()


# --- credentials -----------------------------------------------------------------------------------------------------


def test_credentials_of_the_environment_are_a_session_of_the_role(aws: Aws) -> None:
    identity = client_of(aws.environment(), "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ecr-lambda-deploy"
    assert identity["Account"] == ACCOUNT


def test_unknown_incomplete_and_expired_credentials_are_refused(aws: Aws) -> None:
    environment = aws.environment()
    invalid = ("UnrecognizedClientException", "The security token included in the request is invalid.", 403)
    unknown = environment | {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}
    assert refusal(client_of(unknown, "lambda").list_functions) == invalid
    no_token = {key: value for key, value in environment.items() if key != "AWS_SESSION_TOKEN"}
    assert refusal(client_of(no_token, "ecr").describe_repositories) == invalid
    aws.expire(environment["AWS_ACCESS_KEY_ID"])
    expired = ("ExpiredTokenException", "The security token included in the request is expired", 403)
    assert refusal(client_of(environment, "ecr").get_authorization_token) == expired


def oidc_token(aws: Aws, audience: str) -> str:
    environment = aws.oidc_environment()
    answer = requests.get(
        f"{environment['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}",
        headers={"Authorization": f"Bearer {environment['ACTIONS_ID_TOKEN_REQUEST_TOKEN']}"},
        timeout=10,
    )
    answer.raise_for_status()
    return str(answer.json()["value"])


def anonymous_sts(aws: Aws) -> Any:  # noqa: ANN401 -- what boto3 gives
    unsigned = Config(signature_version="unset")
    return boto3.client("sts", endpoint_url=aws.endpoint, region_name=aws.region, config=unsigned)


def test_an_oidc_token_gives_credentials_of_the_role(aws: Aws) -> None:
    assumed = anonymous_sts(aws).assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/ci/deploy",
        RoleSessionName="run",
        WebIdentityToken=oidc_token(aws, "sts.amazonaws.com"),
    )
    environment = aws.environment() | {
        "AWS_ACCESS_KEY_ID": assumed["Credentials"]["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": assumed["Credentials"]["SecretAccessKey"],
        "AWS_SESSION_TOKEN": assumed["Credentials"]["SessionToken"],
    }
    identity = client_of(environment, "sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/run"


def test_an_oidc_token_for_another_audience_or_of_another_issuer_is_refused(aws: Aws) -> None:
    call, role = anonymous_sts(aws).assume_role_with_web_identity, f"arn:aws:iam::{ACCOUNT}:role/deploy"
    token = oidc_token(aws, "elsewhere")
    code, text, _ = refusal(call, RoleArn=role, RoleSessionName="run", WebIdentityToken=token)
    assert (code, text) == ("InvalidIdentityToken", "Incorrect token audience")
    forged = oidc_token(aws, "sts.amazonaws.com")[:-4] + "AAAA"
    code, _, _ = refusal(call, RoleArn=role, RoleSessionName="run", WebIdentityToken=forged)
    assert code == "InvalidIdentityToken"
    no_bearer = requests.get(aws.oidc_environment()["ACTIONS_ID_TOKEN_REQUEST_URL"], timeout=10)
    assert no_bearer.status_code == 401


def test_a_role_of_another_account_sees_that_account(aws: Aws, repository: str) -> None:
    chained = client_of(aws.environment(), "sts").assume_role(
        RoleArn=f"arn:aws:iam::{OTHER_ACCOUNT}:role/deploy", RoleSessionName="run"
    )["Credentials"]
    environment = aws.environment() | {
        "AWS_ACCESS_KEY_ID": chained["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": chained["SecretAccessKey"],
        "AWS_SESSION_TOKEN": chained["SessionToken"],
    }
    ecr = client_of(environment, "ecr")
    code, text, _ = refusal(ecr.describe_repositories, repositoryNames=[repository])
    assert code == "RepositoryNotFoundException"
    assert text == (f"The repository with name '{repository}' does not exist in the registry with id '{OTHER_ACCOUNT}'")
    arn = ecr.create_repository(repositoryName=repository)["repository"]["repositoryArn"]
    assert arn == f"arn:aws:ecr:{aws.region}:{OTHER_ACCOUNT}:repository/{repository}"


# --- the registry ----------------------------------------------------------------------------------------------------


def test_the_registry_wants_the_password_of_the_token(aws: Aws) -> None:
    data = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == f"http://{aws.registry}"
    assert data["expiresAt"].timestamp() == pytest.approx(time.time() + 12 * 3600, abs=60)
    user, secret = password(aws)
    for auth, status in ((None, 401), ((user, "wrong"), 401), (("someone", secret), 401), ((user, secret), 200)):
        answer = requests.get(f"{aws.endpoint}/v2/", auth=auth, timeout=10)
        assert answer.status_code == status
        assert answer.headers.get("WWW-Authenticate", "").startswith("Basic realm=") == (status == 401)


def test_a_push_makes_no_repository(aws: Aws, registry: Registry) -> None:
    answer = registry.http.post(registry.url("nobody/made/this/blobs/uploads/"))
    assert answer.status_code == 404
    assert answer.json()["errors"][0] == {
        "code": "NAME_UNKNOWN",
        "message": f"The repository with name 'nobody/made/this' does not exist in the registry with id '{ACCOUNT}'",
    }
    assert aws.client("ecr").describe_repositories()["repositories"] is not None


def test_a_pushed_image_is_found_by_tag_and_by_digest(aws: Aws, registry: Registry, repository: str) -> None:
    digest = registry.push(repository, "v1", "one")
    pushed = registry.http.get(registry.url(f"{repository}/manifests/v1"))
    answer = aws.client("ecr").batch_get_image(
        repositoryName=repository,
        imageIds=[{"imageTag": "v1"}, {"imageDigest": digest}, {"imageTag": "missing"}],
        acceptedMediaTypes=[OCI_MANIFEST, DOCKER_MANIFEST],
    )
    assert [image["imageId"]["imageDigest"] for image in answer["images"]] == [digest, digest]
    for image in answer["images"]:
        assert image["imageManifest"].encode() == pushed.content
        assert image["imageManifestMediaType"] == OCI_MANIFEST
        assert f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}" == digest
    assert [failure["failureCode"] for failure in answer["failures"]] == ["ImageNotFound"]
    refused = aws.client("ecr").batch_get_image(
        repositoryName=repository, imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[DOCKER_MANIFEST]
    )
    assert refused["images"] == []


def test_a_layer_can_be_downloaded_without_credentials(aws: Aws, registry: Registry, repository: str) -> None:
    content = os.urandom(3 << 20)
    digest = registry.push_blob(repository, content)["digest"]
    found = aws.client("ecr").get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    assert requests.get(found["downloadUrl"], timeout=10).content == content
    assert requests.get(found["downloadUrl"], timeout=10).status_code == 403
    code, _, _ = refusal(
        aws.client("ecr").get_download_url_for_layer, repositoryName=repository, layerDigest="sha256:" + "0" * 64
    )
    assert code == "LayersNotFoundException"


# --- repositories and images -----------------------------------------------------------------------------------------


def test_repository_uris_name_the_registry(aws: Aws, repository: str) -> None:
    described = aws.client("ecr").describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert described["repositoryUri"] == f"{aws.registry}/{repository}"


def test_missing_things_are_reported_in_ecr_s_words(aws: Aws, repository: str) -> None:
    ecr = aws.client("ecr")
    missing = "does not exist in the registry with id '123456789012'"
    assert refusal(ecr.list_images, repositoryName="missing")[:2] == (
        "RepositoryNotFoundException",
        f"The repository with name 'missing' {missing}",
    )
    assert refusal(ecr.create_repository, repositoryName=repository)[0] == "RepositoryAlreadyExistsException"
    assert refusal(ecr.get_repository_policy, repositoryName=repository)[:2] == (
        "RepositoryPolicyNotFoundException",
        (
            f"Repository policy does not exist for the repository with name '{repository}' in the registry with id "
            f"'{ACCOUNT}'"
        ),
    )
    assert refusal(ecr.describe_images, repositoryName=repository, imageIds=[{"imageTag": "v9"}])[:2] == (
        "ImageNotFoundException",
        (
            "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within the repository with name "
            f"'{repository}' in the registry with id '{ACCOUNT}'"
        ),
    )


def test_put_image_adds_a_tag_that_api_and_registry_find(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "v1", "one")
    manifest = registry.http.get(registry.url(f"{repository}/manifests/v1")).text
    again = {"repositoryName": repository, "imageManifest": manifest, "imageManifestMediaType": OCI_MANIFEST}
    put = ecr.put_image(**again, imageTag="release")
    assert put["image"]["imageId"] == {"imageDigest": digest, "imageTag": "release"}
    for reference in ("release", digest):
        answer = registry.http.get(registry.url(f"{repository}/manifests/{reference}"))
        assert (answer.text, answer.headers["Docker-Content-Digest"]) == (manifest, digest)
    listed = ecr.list_images(repositoryName=repository)["imageIds"]
    assert {image["imageTag"] for image in listed if image["imageDigest"] == digest} == {"v1", "release"}
    assert refusal(ecr.put_image, **again, imageTag="release")[:2] == (
        "ImageAlreadyExistsException",
        (
            f"Image with digest '{digest}' and tag 'release' already exists in the repository with name '{repository}' "
            f"in registry with id '{ACCOUNT}'"
        ),
    )
    other = again | {"imageDigest": "sha256:" + "0" * 64}
    assert refusal(ecr.put_image, **other, imageTag="other")[0] == "ImageDigestDoesNotMatchException"


def test_after_a_tag_moved_lists_show_where_it_is(aws: Aws, registry: Registry, repository: str) -> None:
    ecr = aws.client("ecr")
    old, new = registry.push(repository, "latest", "old"), registry.push(repository, "latest", "new")
    listed = ecr.list_images(repositoryName=repository)["imageIds"]
    assert sorted(listed, key=str) == sorted(
        [{"imageDigest": old}, {"imageDigest": new, "imageTag": "latest"}], key=str
    )
    described = {
        image["imageDigest"]: image for image in ecr.describe_images(repositoryName=repository)["imageDetails"]
    }
    assert "imageTags" not in described[old]
    assert described[new]["imageTags"] == ["latest"]


def test_deleting_a_tag_leaves_the_image_and_its_other_tags(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "one", "same")
    assert registry.push(repository, "two", "same") == digest
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": "one"}])
    assert ecr.list_images(repositoryName=repository)["imageIds"] == [{"imageDigest": digest, "imageTag": "two"}]
    ecr.batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []
    assert registry.http.get(registry.url(f"{repository}/manifests/{digest}")).status_code == 404


def test_a_repository_made_anew_is_empty(aws: Aws, registry: Registry, repository: str) -> None:
    ecr, digest = aws.client("ecr"), registry.push(repository, "v1", "one")
    code, text, _ = refusal(ecr.delete_repository, repositoryName=repository)
    assert code == "RepositoryNotEmptyException"
    assert text == (
        f"The repository with name '{repository}' in registry with id '{ACCOUNT}' cannot be deleted because it still "
        "contains images"
    )
    deleted = ecr.delete_repository(repositoryName=repository, force=True)["repository"]
    assert deleted["repositoryUri"] == f"{aws.registry}/{repository}"
    assert refusal(ecr.list_images, repositoryName=repository)[0] == "RepositoryNotFoundException"
    ecr.create_repository(repositoryName=repository)
    assert registry.http.get(registry.url(f"{repository}/manifests/{digest}")).status_code == 404


@pytest.mark.parametrize("change", ["at-creation", "later"])
def test_immutable_tags_stay_and_excluded_ones_move(aws: Aws, registry: Registry, change: str) -> None:
    ecr, name = aws.client("ecr"), f"tests/immutable-{change}"
    setting: dict[str, Any] = {
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "cache*"}],
    }
    ecr.create_repository(repositoryName=name, **(setting if change == "at-creation" else {}))
    if change == "later":
        ecr.put_image_tag_mutability(repositoryName=name, **setting)
    described = ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    assert {key: described[key] for key in setting} == setting
    first = registry.push(name, "v1", "first")
    assert registry.push(name, "v1", "first") == first
    assert registry.push(name, "cache-main", "first") != registry.push(name, "cache-main", "second")
    manifest = registry.http.get(registry.url(f"{name}/manifests/cache-main")).text
    text = (
        f"The image tag 'v1' already exists in the '{name}' repository and cannot be overwritten because the tag is "
        "immutable."
    )
    pushed = registry.put(name, "v1", manifest)
    assert (pushed.status_code, pushed.json()["errors"][0]) == (400, {"code": "TAG_INVALID", "message": text})
    put = {"repositoryName": name, "imageManifest": manifest, "imageManifestMediaType": OCI_MANIFEST}
    assert refusal(ecr.put_image, **put, imageTag="v1")[:2] == ("ImageTagAlreadyExistsException", text)
    assert registry.http.head(registry.url(f"{name}/manifests/v1")).headers["Docker-Content-Digest"] == first


# --- functions -------------------------------------------------------------------------------------------------------


def test_a_new_function_is_pending_and_then_active(aws: Aws, registry: Registry, repository: str) -> None:
    digest = registry.push(repository, "v1", "one")
    name, image_uri = "new-function", f"{aws.registry}/{repository}:v1"
    created = create_function(aws, name, image_uri)
    assert (created["State"], created["CodeSha256"], created["Architectures"]) == ("Pending", digest[7:], ["x86_64"])
    conflict = "The operation cannot be performed at this time. The function is currently in the following state: "
    invoke = aws.client("lambda", config=ONCE).invoke
    assert refusal(invoke, FunctionName=name) == ("ResourceConflictException", conflict + "Pending", 409)
    settled = settle(aws, name)
    assert settled["State"] == "Active"
    assert settled["RevisionId"] != created["RevisionId"]
    code = aws.client("lambda").get_function(FunctionName=name)["Code"]
    assert code["ImageUri"] == image_uri
    assert code["ResolvedImageUri"] == f"{aws.registry}/{repository}@{digest}"


def test_a_tag_is_resolved_once(aws: Aws, registry: Registry, repository: str, function: str) -> None:
    before = aws.snapshot()
    new = registry.push(repository, "v1", "pushed again")
    assert aws.snapshot() == before
    updated = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1", Architectures=["arm64"]
    )
    assert (updated["LastUpdateStatus"], updated["State"]) == ("InProgress", "Active")
    assert updated["CodeSha256"] == new[7:]
    settled = settle(aws, function)
    assert (settled["LastUpdateStatus"], settled["Architectures"]) == ("Successful", ["arm64"])
    assert settled["RevisionId"] != updated["RevisionId"]
    assert aws.snapshot() != before
    omitted = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}@{new}"
    )
    assert omitted["Architectures"] == ["x86_64"]
    settle(aws, function)


def test_an_image_of_another_account_needs_its_permission(aws: Aws, registry: Registry, repository: str) -> None:
    elsewhere = aws.client("lambda", OTHER_ACCOUNT)
    registry.push(repository, "v1", "one")
    create: dict[str, Any] = {"FunctionName": "abroad", "Role": ROLE, "PackageType": "Image"}
    create["Code"] = {"ImageUri": f"{aws.registry}/{repository}:v1"}
    text = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
    assert refusal(elsewhere.create_function, **create) == ("AccessDeniedException", text, 403)
    allowed = [{"Service": "lambda.amazonaws.com"}, {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}]
    statements = [{"Effect": "Allow", "Principal": principal, "Action": "ecr:*"} for principal in allowed]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.client("ecr").set_repository_policy(repositoryName=repository, policyText=policy)
    created = elsewhere.create_function(**create)
    assert created["FunctionArn"] == f"arn:aws:lambda:{aws.region}:{OTHER_ACCOUNT}:function:abroad"
    pushed = requests.post(registry.url(f"{repository}/blobs/uploads/"), auth=password(aws, OTHER_ACCOUNT), timeout=10)
    assert pushed.status_code == 404


def test_only_a_single_image_of_this_registry_is_taken(
    aws: Aws, registry: Registry, repository: str, function: str
) -> None:
    digest = registry.push(repository, "v2", "two")
    member = {
        "mediaType": OCI_MANIFEST,
        "digest": digest,
        "size": 1,
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [member]})
    registry.put(repository, "index", index, OCI_INDEX).raise_for_status()
    base, before = f"{aws.registry}/{repository}", aws.snapshot()
    expected = {
        f"{base}:v2@{digest}": "Source image {} is not valid. Provide a valid source image.",
        "public.ecr.aws/lambda/python:3.13": "Source image {} is not valid. Provide a valid source image.",
        f"{base}:v9": "Source image {} does not exist. Provide a valid source image.",
        f"{aws.registry}/missing:v2": "Source image {} does not exist. Provide a valid source image.",
        f"{base}:index": "The image manifest, config or layer media type for the source image {} is not supported.",
    }
    for image_uri, text in expected.items():
        code = refusal(aws.client("lambda").update_function_code, FunctionName=function, ImageUri=image_uri)
        assert code == ("InvalidParameterValueException", text.format(image_uri), 400)
        assert refusal(create_function, aws=aws, name="refused", image_uri=image_uri) == code
    assert aws.snapshot() == before


def test_a_layer_that_lambda_cannot_read_fails_the_update_later(
    aws: Aws, registry: Registry, repository: str, function: str
) -> None:
    before = aws.snapshot()
    digest = registry.push(repository, "zstd", "compressed otherwise", ZSTD_LAYER)
    updated = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}@{digest}"
    )
    assert updated["LastUpdateStatus"] == "InProgress"
    settled = settle(aws, function)
    layer = f"sha256:{hashlib.sha256(b'compressed otherwise').hexdigest()}"
    assert (settled["LastUpdateStatus"], settled["LastUpdateStatusReasonCode"]) == ("Failed", "InvalidImage")
    assert (
        settled["LastUpdateStatusReason"] == f"ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest {layer}"
    )
    assert aws.snapshot() == before


def test_an_update_can_be_made_to_fail_once(aws: Aws, registry: Registry, repository: str, function: str) -> None:
    image_uri, before = f"{aws.registry}/{repository}@{registry.push(repository, 'v2', 'two')}", aws.snapshot()
    aws.fail_update(function, "ImageAccessDenied", "Lambda may not pull it")
    aws.client("lambda").update_function_code(FunctionName=function, ImageUri=image_uri)
    settled = settle(aws, function)
    reason = (settled["LastUpdateStatusReasonCode"], settled["LastUpdateStatusReason"])
    assert (settled["LastUpdateStatus"], reason) == ("Failed", ("ImageAccessDenied", "Lambda may not pull it"))
    assert aws.snapshot() == before
    aws.client("lambda").update_function_code(FunctionName=function, ImageUri=image_uri)
    assert settle(aws, function)["LastUpdateStatus"] == "Successful"


def test_nothing_changes_during_an_update(aws: Aws, repository: str, function: str) -> None:
    client, image_uri = aws.client("lambda", config=ONCE), f"{aws.registry}/{repository}:v1"
    client.update_function_code(FunctionName=function, ImageUri=image_uri)
    arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{function}"
    conflict = "The operation cannot be performed at this time. An update is in progress for resource: " + arn
    for call, parameters in (
        (client.update_function_code, {"ImageUri": image_uri}),
        (client.update_function_configuration, {"MemorySize": 256}),
        (client.publish_version, {}),
    ):
        refused = refusal(call, FunctionName=function, **parameters)
        assert refused == ("ResourceConflictException", conflict, 409)
    settle(aws, function)
    client.update_function_configuration(FunctionName=function, MemorySize=256)
    assert refusal(client.update_function_code, FunctionName=function, ImageUri=image_uri)[1] == conflict
    assert settle(aws, function)["MemorySize"] == 256


def test_of_two_updates_at_once_one_is_refused(aws: Aws, repository: str, function: str) -> None:
    def update(client: Any) -> int:  # noqa: ANN401 -- boto3's client
        try:
            client.update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1")
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    clients = [aws.client("lambda", config=ONCE) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(update, clients)) == [200, 409, 409, 409]
    settle(aws, function)


def test_a_stale_revision_and_another_package_type_are_refused(aws: Aws, repository: str, function: str) -> None:
    client, image_uri = aws.client("lambda"), f"{aws.registry}/{repository}:v1"
    for call, parameters in (
        (client.update_function_code, {"ImageUri": image_uri}),
        (client.update_function_configuration, {"MemorySize": 256}),
        (client.publish_version, {}),
    ):
        code, text, status = refusal(call, FunctionName=function, RevisionId="stale", **parameters)
        assert (code, status) == ("PreconditionFailedException", 412)
        assert text.startswith("The RevisionId provided does not match the latest RevisionId")
    client.create_function(
        FunctionName="zipped", Role=ROLE, Runtime="python3.13", Handler="app.handler", Code={"ZipFile": empty_zip()}
    )
    settle(aws, "zipped")
    imaged = refusal(client.update_function_code, FunctionName="zipped", ImageUri=image_uri)
    assert imaged[1] == "Please don't provide ImageUri when updating a function with packageType Zip."
    zipped = refusal(client.update_function_code, FunctionName=function, ZipFile=b"zip")
    assert zipped[1] == "Please provide ImageUri when updating a function with packageType Image."
    current = client.get_function_configuration(FunctionName=function)["RevisionId"]
    client.update_function_code(FunctionName=function, ImageUri=image_uri, RevisionId=current)
    settle(aws, function)


def test_a_deleted_function_is_gone(aws: Aws, repository: str, function: str) -> None:
    aws.client("lambda").publish_version(FunctionName=function)
    aws.client("lambda").delete_function(FunctionName=function)
    assert function not in aws.snapshot().functions
    assert refusal(aws.client("lambda").get_function, FunctionName=function)[0] == "ResourceNotFoundException"
    create_function(aws, function, f"{aws.registry}/{repository}:v1")
    settle(aws, function)
    assert aws.client("lambda").publish_version(FunctionName=function)["State"] == "Pending"


def test_a_dry_run_changes_nothing(aws: Aws, registry: Registry, repository: str, function: str) -> None:
    digest, before = registry.push(repository, "v2", "two"), aws.snapshot()
    client = aws.client("lambda")
    revision = client.get_function_configuration(FunctionName=function)["RevisionId"]
    answer = client.update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v2", DryRun=True)
    assert answer["CodeSha256"] == digest[7:]
    config = client.get_function_configuration(FunctionName=function)
    assert (config["RevisionId"], config["LastUpdateStatus"]) == (revision, "Successful")
    assert aws.snapshot() == before


def test_lambda_lets_itself_into_a_repository_if_the_caller_may(aws: Aws, registry: Registry, repository: str) -> None:
    registry.push(repository, "v1", "one")
    image_uri = f"{aws.registry}/{repository}:v1"
    aws.deny("ecr:SetRepositoryPolicy")
    assert refusal(create_function, aws=aws, name="pulling", image_uri=image_uri) == (
        "AccessDeniedException",
        "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
        403,
    )
    aws.allow("ecr:SetRepositoryPolicy")
    create_function(aws, "pulling", image_uri)
    policy = aws.client("ecr").get_repository_policy(repositoryName=repository)["policyText"]
    assert json.loads(policy)["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    settle(aws, "pulling")


# --- versions and aliases --------------------------------------------------------------------------------------------


def test_a_version_is_published_only_of_something_new(aws: Aws, repository: str, function: str) -> None:
    client = aws.client("lambda")
    first = client.publish_version(FunctionName=function, Description="first")
    assert (first["Version"], first["State"]) == ("1", "Pending")
    assert settle(aws, function, "1")["State"] == "Active"
    again = client.publish_version(FunctionName=function, Description="again")
    assert (again["Version"], again["Description"]) == ("1", "first")
    client.update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1")
    settle(aws, function)
    second = client.publish_version(FunctionName=function, Description="second")
    assert (second["Version"], second["CodeSha256"]) == ("2", first["CodeSha256"])
    versions = client.list_versions_by_function(FunctionName=function)["Versions"]
    assert [(version["Version"], version["Description"]) for version in versions[1:]] == [
        ("1", "first"),
        ("2", "second"),
    ]


def test_publishing_checks_the_code_and_the_description(aws: Aws, function: str) -> None:
    client = aws.client("lambda")
    current = client.get_function_configuration(FunctionName=function)["CodeSha256"]
    assert refusal(client.publish_version, FunctionName=function, CodeSha256="0" * 64)[:2] == (
        "InvalidParameterValueException",
        (
            f"CodeSHA256 ({'0' * 64}) is different from current CodeSHA256 in $LATEST ({current}). Please try again "
            "with the CodeSHA256 in $LATEST."
        ),
    )
    code, text, _ = refusal(client.publish_version, FunctionName=function, Description="d" * 257)
    assert code == "ValidationException"
    assert text.endswith("Member must have length less than or equal to 256")
    published = client.publish_version(FunctionName=function, CodeSha256=current, Description="d" * 256)
    assert published["Version"] == "1"


def test_an_alias_points_to_versions_that_exist(aws: Aws, function: str) -> None:
    client = aws.client("lambda")
    arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{function}"
    missing = ("ResourceNotFoundException", f"Function not found: {arn}:7", 404)
    assert refusal(client.create_alias, FunctionName=function, Name="live", FunctionVersion="7") == missing
    client.publish_version(FunctionName=function)
    created = client.create_alias(FunctionName=function, Name="live", FunctionVersion="1", Description="release")
    assert aws.snapshot().aliases[function] == {"live": {"FunctionVersion": "1", "Description": "release"}}
    weights = {"AdditionalVersionWeights": {"7": 0.1}}
    assert refusal(client.update_alias, FunctionName=function, Name="live", RoutingConfig=weights) == missing
    stale = refusal(client.update_alias, FunctionName=function, Name="live", FunctionVersion="1", RevisionId="stale")
    assert stale[::2] == ("PreconditionFailedException", 412)
    assert client.get_alias(FunctionName=function, Name="live")["RevisionId"] == created["RevisionId"]


# --- invocations -----------------------------------------------------------------------------------------------------


def test_a_function_runs_the_image_of_its_digest(
    aws: Aws, repository: str, build: Callable[[Aws, str, str, str], str]
) -> None:
    client, name, base = aws.client("lambda", config=ONCE), "running", f"{aws.registry}/{repository}"

    def invoke(qualifier: str = "$LATEST") -> Any:  # noqa: ANN401 -- what boto3 gives
        answer = client.invoke(FunctionName=name, Qualifier=qualifier, Payload=b'{"n": 1}')
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    create_function(aws, name, f"{base}@{build(aws, repository, 'v1', 'one')}", Timeout=20)
    settle(aws, name)
    assert invoke() == {"text": "one", "event": {"n": 1}}
    assert "" in {call.access_key for call in aws.calls() if call.action == "registry:GetManifest"}
    client.publish_version(FunctionName=name)
    settle(aws, name, "1")
    client.update_function_code(FunctionName=name, ImageUri=f"{base}@{build(aws, repository, 'v2', 'two')}")
    assert invoke()["text"] == "one"
    settle(aws, name)
    assert (invoke()["text"], invoke("1")["text"]) == ("two", "one")
    client.publish_version(FunctionName=name)
    settle(aws, name, "2")
    client.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}},
    )
    assert {invoke("live")["text"] for _ in range(20)} == {"one", "two"}


def test_an_inactive_version_cannot_be_invoked_at_once(aws: Aws, function: str) -> None:
    aws.set_state(function, "Inactive", ("Idle", "The function has been idle."))
    client = aws.client("lambda", config=ONCE)
    shown = client.get_function_configuration(FunctionName=function)
    assert (shown["State"], shown["StateReasonCode"]) == ("Inactive", "Idle")
    code, text, _ = refusal(client.invoke, FunctionName=function)
    assert (code, text.rpartition(" ")[2]) == ("ResourceConflictException", "Inactive")
    assert settle(aws, function)["State"] == "Active"


def test_what_no_rule_is_about_is_ministack_s(aws: Aws) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="errors",
        Namespace="AWS/Lambda",
        MetricName="Errors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="errors", StateValue="ALARM", StateReason="a test")
    alarm = cloudwatch.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]
    assert alarm["StateValue"] == "ALARM"
    assert alarm["AlarmArn"] == f"arn:aws:cloudwatch:{aws.region}:{ACCOUNT}:alarm:errors"
    assert [(call.service, call.action, call.changing) for call in aws.calls()] == [
        ("monitoring", "PutMetricAlarm", True),
        ("monitoring", "SetAlarmState", True),
        ("monitoring", "DescribeAlarms", False),
    ]


# --- what tests control ----------------------------------------------------------------------------------------------


def test_denied_actions_are_refused_in_iam_s_words(aws: Aws, repository: str, function: str) -> None:
    environment, image_uri = aws.environment(), f"{aws.registry}/{repository}:v1"
    user = f"User: arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ecr-lambda-deploy is not authorized to perform: "
    reason = " because no identity-based policy allows the {} action"
    function_arn = f"arn:aws:lambda:{aws.region}:{ACCOUNT}:function:{function}"
    repository_arn = f"arn:aws:ecr:{aws.region}:{ACCOUNT}:repository/{repository}"
    functions, ecr = client_of(environment, "lambda"), client_of(environment, "ecr")

    def denied(action: str, resource: str) -> str:
        return f"{user}{action} on resource: {resource}{reason.format(action)}"

    aws.deny("lambda:UpdateFunctionCode")
    refused = refusal(functions.update_function_code, FunctionName=function, ImageUri=image_uri)
    assert refused == ("AccessDeniedException", denied("lambda:UpdateFunctionCode", function_arn), 403)
    aws.deny("ecr:DescribeImages")
    refused = refusal(ecr.describe_images, repositoryName=repository)
    assert refused[:2] == ("AccessDeniedException", denied("ecr:DescribeImages", repository_arn))
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    aws.deny("ecr:InitiateLayerUpload")
    answer = requests.post(
        f"{aws.endpoint}/v2/{repository}/blobs/uploads/", headers={"Authorization": f"Basic {token}"}, timeout=10
    )
    assert answer.status_code == 403
    assert answer.json()["errors"][0] == {
        "code": "DENIED",
        "message": denied("ecr:InitiateLayerUpload", repository_arn),
    }
    aws.reset_rules()
    functions.update_function_code(FunctionName=function, ImageUri=image_uri)
    settle(aws, function)


def test_faults_happen_to_the_next_calls_of_an_action(aws: Aws, registry: Registry, repository: str) -> None:
    ecr = aws.client("ecr", config=ONCE)
    aws.inject(Fault(action="ecr:ListImages", status=429, times=2))
    for _ in range(2):
        assert refusal(ecr.list_images, repositoryName=repository) == ("ThrottlingException", "Rate exceeded", 429)
    assert ecr.list_images(repositoryName=repository)["imageIds"] == []
    aws.inject(Fault(action="ListImages", reset=True))
    with pytest.raises(ConnectionClosedError):
        ecr.list_images(repositoryName=repository)
    aws.inject(Fault(action="registry:PutManifest", status=500))
    assert registry.put(repository, "v1", "{}").status_code == 500
    aws.inject(Fault(action="registry:HeadManifest", delay=0.3))
    started = time.monotonic()
    assert registry.http.head(registry.url(f"{repository}/manifests/v1")).status_code == 404
    assert time.monotonic() - started >= 0.3
    assert [call.status for call in aws.calls() if call.action == "ListImages"][:3] == [429, 429, 200]


def test_a_fault_can_be_any_error(aws: Aws, registry: Registry, repository: str) -> None:
    registry.push(repository, "v1", "one")
    text = "The role defined for the function cannot be assumed by Lambda."
    aws.inject(Fault(action="lambda:CreateFunction", code="InvalidParameterValueException", text=text))
    image_uri = f"{aws.registry}/{repository}:v1"
    refused = refusal(create_function, aws=aws, name="roles", image_uri=image_uri)
    assert refused == ("InvalidParameterValueException", text, 400)
    assert create_function(aws, "roles", image_uri)["State"] == "Pending"
    settle(aws, "roles")
    aws.inject(Fault(action="GetFunction", code="ResourceNotFoundException", text="gone", status=404))
    refused = refusal(aws.client("lambda").get_function, FunctionName="roles")
    assert refused == ("ResourceNotFoundException", "gone", 404)


def test_the_call_log_tells_who_called_what_in_order(aws: Aws, registry: Registry, repository: str) -> None:
    environment = aws.environment()
    registry.push(repository, "v1", "one")
    aws.forget_calls()
    functions = client_of(environment, "lambda")
    refusal(functions.get_function, FunctionName="missing", Qualifier="live")
    refusal(functions.update_function_code, FunctionName="missing", ImageUri="image")
    registry.http.get(registry.url(f"{repository}/manifests/v1"))
    registry.put(repository, "v2", "{}")
    calls = [(call.service, call.action, call.status, call.changing) for call in aws.calls()]
    assert calls == [
        ("lambda", "GetFunction", 404, False),
        ("lambda", "UpdateFunctionCode", 404, True),
        ("registry", "registry:GetManifest", 200, False),
        ("registry", "registry:PutManifest", 201, True),
    ]
    assert aws.calls()[0].parameters == {"FunctionName": "missing", "Qualifier": "live"}
    assert aws.calls()[0].access_key == environment["AWS_ACCESS_KEY_ID"] != aws.calls()[2].access_key


def test_nothing_is_left_when_it_stops(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    children = ["ps", "-o", "pid=,comm=", f"--ppid={os.getpid()}"]
    before = subprocess.run(children, capture_output=True, text=True, check=True).stdout.count("python")
    ports = []

    def interrupted() -> None:
        with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
            ports.append(int(aws.registry.rpartition(":")[2]))
            assert aws.snapshot().functions == {}
            assert list(tmp_path.iterdir()) != []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", ports[0])) != 0
    assert list(tmp_path.iterdir()) == []
    assert subprocess.run(children, capture_output=True, text=True, check=True).stdout.count("python") == before
