"""Parameters of Systems Manager: names, types, versions, and who may read and write them."""

import pytest

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ACCOUNT, ONCE, client_of, refusal

_URI = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/orders@sha256:" + 64 * "a"


def test_a_parameter_is_written_and_read_and_a_missing_one_has_no_message(aws: Aws) -> None:
    client = aws.client("ssm", config=ONCE)
    assert refusal(client.get_parameter, Name="/shop/missing") == ("ParameterNotFound", "", 400)
    for version, value in enumerate((_URI, _URI + "b"), start=1):
        made = client.put_parameter(Name="/shop/orders", Type="String", Value=value, Overwrite=True)
        assert made["Version"] == version
        found = client.get_parameter(Name="/shop/orders")["Parameter"]
        assert (found["Type"], found["Value"], found["Version"]) == ("String", value, version)
    code = refusal(client.put_parameter, Name="/shop/orders", Type="String", Value=_URI)[0]
    assert code == "ParameterAlreadyExists"


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("shop/orders", "ValidationException", "sub-paths divided by slash symbol"),
        ("/shop//orders", "ValidationException", "sub-paths divided by slash symbol"),
        ("/shop/a b", "ValidationException", "sub-paths divided by slash symbol"),
        ("ssm-orders", "ValidationException", "can't be prefixed with"),
        ("/AWS/orders", "AccessDeniedException", "No access to reserved parameter name"),
        (16 * "/a", "HierarchyLevelLimitExceededException", "15 levels"),
        ("/" + 961 * "a", "ValidationException", "length"),
    ],
)
def test_names_are_refused_that_aws_refuses(aws: Aws, name: str, code: str, text: str) -> None:
    client = aws.client("ssm", config=ONCE)
    refused = refusal(client.put_parameter, Name=name, Type="String", Value=_URI, Overwrite=True)
    assert (refused[0], text in refused[1], refused[2]) == (code, True, 400)


@pytest.mark.parametrize("name", ["orders", 15 * "/a", "/" + 960 * "a"])
def test_other_names_are_taken(aws: Aws, name: str) -> None:
    client = aws.client("ssm", config=ONCE)
    client.put_parameter(Name=name, Type="String", Value=_URI, Overwrite=True)
    assert client.get_parameter(Name=name)["Parameter"]["Value"] == _URI


@pytest.mark.parametrize("kind", ["StringList", "SecureString"])
def test_a_parameter_keeps_its_type(aws: Aws, kind: str) -> None:
    client, name = aws.client("ssm", config=ONCE), f"/shop/{kind}"
    client.put_parameter(Name=name, Type=kind, Value="one")
    refused = refusal(client.put_parameter, Name=name, Type="String", Value=_URI, Overwrite=True)
    assert refused[0] == "HierarchyTypeMismatchException"
    client.put_parameter(Name=name, Value="two", Overwrite=True)
    found = client.get_parameter(Name=name, WithDecryption=True)["Parameter"]
    assert (found["Type"], found["Value"]) == (kind, "two")


def test_the_oldest_of_a_hundred_versions_goes_unless_it_has_a_label(aws: Aws) -> None:
    client, name = aws.client("ssm", config=ONCE), "/shop/labelled"
    for value in map(str, range(100)):
        client.put_parameter(Name=name, Type="String", Value=value, Overwrite=True)
    client.label_parameter_version(Name=name, ParameterVersion=1, Labels=["first"])
    refused = refusal(client.put_parameter, Name=name, Type="String", Value="100", Overwrite=True)
    assert refused[0] == "ParameterMaxVersionLimitExceeded"
    assert "Version 1, the oldest version, can't be deleted because it has a label" in refused[1]
    client.label_parameter_version(Name=name, ParameterVersion=100, Labels=["first"])
    assert client.put_parameter(Name=name, Type="String", Value="100", Overwrite=True)["Version"] == 101


@pytest.mark.parametrize(("name", "resource"), [("/shop/orders", "/shop/orders"), ("orders", "/orders")])
def test_a_denied_call_names_the_parameter(aws: Aws, name: str, resource: str) -> None:
    client = client_of(aws.environment(), "ssm")
    for action, call, more in (
        ("ssm:GetParameter", client.get_parameter, {}),
        ("ssm:PutParameter", client.put_parameter, {"Value": _URI}),
    ):
        aws.deny(action)
        code, text, _ = refusal(call, Name=name, **more)
        assert code == "AccessDeniedException"
        assert f"{action} on resource: arn:aws:ssm:{aws.region}:{ACCOUNT}:parameter{resource} because" in text
