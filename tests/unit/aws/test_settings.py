"""The settings of a function that a version is published with."""

from collections.abc import Mapping

import botocore.session
import pytest
from botocore.model import StructureShape

from ecr_lambda_deploy.aws.settings import OF_ITS_OWN, SETTINGS, settings_of

_SHAPE = botocore.session.get_session().get_service_model("lambda").shape_for("FunctionConfiguration")


def test_of_each_member_somebody_has_decided() -> None:
    assert isinstance(_SHAPE, StructureShape)
    assert {*_SHAPE.members} == SETTINGS | OF_ITS_OWN
    assert set() == SETTINGS & OF_ITS_OWN


def test_what_may_be_updated_is_a_setting() -> None:
    model = botocore.session.get_session().get_service_model("lambda")
    update = model.operation_model("UpdateFunctionConfiguration").input_shape
    assert update is not None
    shown = {"ImageConfig": "ImageConfigResponse"}
    assert {shown.get(name, name) for name in update.members} - SETTINGS == {
        *("FunctionName", "RevisionId", "Description"),  # the first two name what is updated
    }


@pytest.mark.parametrize("member", sorted(OF_ITS_OWN))
def test_what_each_version_has_of_its_own_is_no_setting(member: str) -> None:
    assert settings_of({member: "x"}) == {}


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"Timeout": 3, "Role": "r"}, {"Timeout": "3", "Role": '"r"'}),
        (
            {"Environment": {"Variables": {"A": "1", "B": ""}}},
            {"Environment.Variables.A": '"1"', "Environment.Variables.B": '""'},
        ),
        ({"ImageConfigResponse": {"ImageConfig": {"Command": ["b", "a"]}}}, {"ImageConfig.Command": '["b", "a"]'}),
        (
            {"VpcConfig": {"SubnetIds": ["b", "a"], "SecurityGroupIds": [], "VpcId": ""}},
            {"VpcConfig.SubnetIds": '["a", "b"]'},
        ),
        ({"SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"}}, {}),
        (
            {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}},
            {"SnapStart.ApplyOn": '"PublishedVersions"'},
        ),
        ({"DeadLetterConfig": {}, "Layers": [], "KMSKeyArn": None}, {}),
        (
            {"FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt"}]},
            {"FileSystemConfigs": '[{"Arn": "a", "LocalMountPath": "/mnt"}]'},
        ),
        (
            {"Environment": {"Error": {"ErrorCode": "AccessDenied", "Message": "m"}}},
            {"Environment.Error.ErrorCode": '"AccessDenied"', "Environment.Error.Message": '"m"'},
        ),
        ({"NewMember": 1}, {}),
    ],
)
def test_settings_have_names_and_values(configuration: Mapping[str, object], expected: Mapping[str, str]) -> None:
    assert settings_of(configuration) == expected
