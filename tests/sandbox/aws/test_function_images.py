"""Which images Lambda takes, and which permissions it needs to pull them."""

import hashlib
import json
from typing import Any

import requests

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import (
    ACCOUNT,
    OCI_INDEX,
    OCI_MANIFEST,
    OTHER_ACCOUNT,
    ROLE,
    ZSTD_LAYER,
    Registry,
    create_function,
    password,
    refusal,
    wait_until_updated,
)


def test_an_image_of_another_account_needs_its_permission(
    aws: Aws, registry: Registry, repository: str, name: str
) -> None:
    elsewhere = aws.client("lambda", OTHER_ACCOUNT)
    registry.push(repository, "v1", "one")
    create: dict[str, Any] = {"FunctionName": name, "Role": ROLE, "PackageType": "Image"}
    create["Code"] = {"ImageUri": f"{aws.registry}/{repository}:v1"}
    text = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
    assert refusal(elsewhere.create_function, **create) == ("AccessDeniedException", text, 403)
    allowed = [{"Service": "lambda.amazonaws.com"}, {"AWS": f"arn:aws:iam::{OTHER_ACCOUNT}:root"}]
    statements = [{"Effect": "Allow", "Principal": principal, "Action": "ecr:*"} for principal in allowed]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.client("ecr").set_repository_policy(repositoryName=repository, policyText=policy)
    created = elsewhere.create_function(**create)
    assert created["FunctionArn"] == f"arn:aws:lambda:{aws.region}:{OTHER_ACCOUNT}:function:{name}"
    pushed = requests.post(registry.url(f"{repository}/blobs/uploads/"), auth=password(aws, OTHER_ACCOUNT), timeout=10)
    assert pushed.status_code == 404


def test_lambda_lets_itself_into_a_repository_if_the_caller_may(
    aws: Aws, registry: Registry, repository: str, name: str
) -> None:
    registry.push(repository, "v1", "one")
    image_uri = f"{aws.registry}/{repository}:v1"
    aws.deny("ecr:SetRepositoryPolicy")
    assert refusal(create_function, aws=aws, name=name, image_uri=image_uri) == (
        "AccessDeniedException",
        "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
        403,
    )
    aws.allow("ecr:SetRepositoryPolicy")
    create_function(aws, name, image_uri)
    policy = aws.client("ecr").get_repository_policy(repositoryName=repository)["policyText"]
    assert json.loads(policy)["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    wait_until_updated(aws, name)


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
    invalid = "Source image {} is not valid. Provide a valid source image."
    expected = {
        f"{ACCOUNT}.dkr-ecr.{aws.region}.on.aws/{repository}:v2": invalid,
        f"{ACCOUNT}.dkr.ecr-fips.{aws.region}.amazonaws.com/{repository}:v2": invalid,
        f"{base}:v2@{digest}": invalid,
        "public.ecr.aws/lambda/python:3.13": invalid,
        f"{base}:v9": "Source image {} does not exist. Provide a valid source image.",
        f"{aws.registry}/missing:v2": "Source image {} does not exist. Provide a valid source image.",
        f"{base}:index": "The image manifest, config or layer media type for the source image {} is not supported.",
    }
    for image_uri, text in expected.items():
        code = refusal(aws.client("lambda").update_function_code, FunctionName=function, ImageUri=image_uri)
        assert code == ("InvalidParameterValueException", text.format(image_uri), 400)
        assert refusal(create_function, aws=aws, name="refused", image_uri=image_uri) == code
    assert aws.snapshot() == before
    for host in (f"{ACCOUNT}.dkr.ecr.{aws.region}.amazonaws.com", aws.registry.replace("localhost", "127.0.0.1")):
        aws.client("lambda").update_function_code(FunctionName=function, ImageUri=f"{host}/{repository}:v2")
        wait_until_updated(aws, function)
        shown = aws.client("lambda").get_function(FunctionName=function)["Code"]
        assert shown["ResolvedImageUri"] == f"{host}/{repository}@{digest}"


def test_a_layer_that_lambda_cannot_read_fails_the_update_later(
    aws: Aws, registry: Registry, repository: str, function: str
) -> None:
    before = aws.snapshot()
    digest = registry.push(repository, "zstd", "compressed otherwise", ZSTD_LAYER)
    updated = aws.client("lambda").update_function_code(
        FunctionName=function, ImageUri=f"{aws.registry}/{repository}@{digest}"
    )
    assert updated["LastUpdateStatus"] == "InProgress"
    after = wait_until_updated(aws, function)
    layer = f"sha256:{hashlib.sha256(b'compressed otherwise').hexdigest()}"
    assert (after["LastUpdateStatus"], after["LastUpdateStatusReasonCode"]) == ("Failed", "InvalidImage")
    assert after["LastUpdateStatusReason"] == f"ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest {layer}"
    assert aws.snapshot() == before
