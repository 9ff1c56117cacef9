"""Updates that Lambda refuses at once."""

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, ONCE, ROLE, refusal, wait_until_updated

_STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the "
    "latest Revision Id"
)


def empty_zip() -> bytes:
    content = io.BytesIO()
    zipfile.ZipFile(content, "w").close()
    return content.getvalue()


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
    wait_until_updated(aws, function)
    client.update_function_configuration(FunctionName=function, MemorySize=256)
    assert refusal(client.update_function_code, FunctionName=function, ImageUri=image_uri)[1] == conflict
    assert wait_until_updated(aws, function)["MemorySize"] == 256


def test_of_two_updates_at_once_one_is_refused(aws: Aws, repository: str, function: str) -> None:
    def update(client: Any) -> str:  # noqa: ANN401 -- boto3's client
        try:
            client.update_function_code(FunctionName=function, ImageUri=f"{aws.registry}/{repository}:v1")
        except ClientError as error:
            return f"{error.response['ResponseMetadata']['HTTPStatusCode']} {error.response['Error']['Message']}"
        return ""

    clients = [aws.client("lambda", config=ONCE) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        accepted, *refused = sorted(pool.map(update, clients))
    assert accepted == ""
    for text in refused:
        assert text.startswith("409 ")
        assert "An update is in progress" in text or "due to a concurrent update operation" in text
    wait_until_updated(aws, function)


def test_a_role_that_is_new_is_refused_in_three_ways(aws: Aws, repository: str, function: str) -> None:
    role, image_uri = f"{ROLE}-new", f"{aws.registry}/{repository}:v1"
    aws.add_new_role(role)
    creation = {"FunctionName": f"{function}-2", "PackageType": "Image", "Code": {"ImageUri": image_uri}, "Role": role}
    for words in ("cannot be assumed by Lambda", "does not have permissions", "is invalid for CreateGrant"):
        code, text, status = refusal(aws.client("lambda").create_function, **creation)
        assert (code, status) == ("InvalidParameterValueException", 400)
        assert words in text
    assert aws.client("lambda").create_function(**creation)["State"] == "Pending"


def test_a_stale_revision_and_another_package_type_are_refused(aws: Aws, repository: str, function: str) -> None:
    client, image_uri = aws.client("lambda"), f"{aws.registry}/{repository}:v1"
    for call, parameters in (
        (client.update_function_code, {"ImageUri": image_uri}),
        (client.update_function_configuration, {"MemorySize": 256}),
        (client.publish_version, {}),
    ):
        code, text, status = refusal(call, FunctionName=function, RevisionId="stale", **parameters)
        assert (code, status) == ("PreconditionFailedException", 412)
        assert text == _STALE
    zipped = f"{function}-zip"
    client.create_function(
        FunctionName=zipped, Role=ROLE, Runtime="python3.13", Handler="app.handler", Code={"ZipFile": empty_zip()}
    )
    wait_until_updated(aws, zipped)
    imaged = refusal(client.update_function_code, FunctionName=zipped, ImageUri=image_uri)
    assert imaged[1] == "Please don't provide ImageUri when updating a function with packageType Zip."
    with_a_zip = refusal(client.update_function_code, FunctionName=function, ZipFile=b"zip")
    assert with_a_zip[1] == "Please provide ImageUri when updating a function with packageType Image."
    current = client.get_function_configuration(FunctionName=function)["RevisionId"]
    client.update_function_code(FunctionName=function, ImageUri=image_uri, RevisionId=current)
    wait_until_updated(aws, function)
