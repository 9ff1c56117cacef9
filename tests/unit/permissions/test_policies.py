import json
from typing import Any

import pytest

from ecr_lambda_deploy.permissions.policies import Names, Policy, grants, policy_of, size, statement_for
from ecr_lambda_deploy.permissions.roles import CREATE, PROMOTION_SOURCE, ROLES, Role
from ecr_lambda_deploy.permissions.table import TABLE, Feature, Resource

_NAMES = Names(
    region="eu-west-1",
    account="123456789012",
    functions=("orders", "mail"),
    repositories=("shop",),
    execution_roles=("service/orders",),
)
_LAMBDA = "arn:aws:lambda:eu-west-1:123456789012:function:"


def _statements(policy: Policy) -> dict[str, Any]:
    statements = policy["Statement"]
    assert isinstance(statements, list)
    return {statement["Sid"]: statement for statement in statements}


def test_resources_on_which_the_same_is_allowed_share_a_statement() -> None:
    policy = policy_of(grants((Feature.FUNCTION, Feature.CODE), _NAMES))

    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Functions",
                "Effect": "Allow",
                "Action": ["lambda:GetFunction", "lambda:UpdateFunctionCode"],
                "Resource": [_LAMBDA + "mail", _LAMBDA + "orders"],
            }
        ],
    }


def test_functions_with_features_of_their_own_have_statements_of_their_own() -> None:
    names = Names(region="eu-west-1", account="123456789012", functions=("orders",))
    others = Names(region="eu-west-1", account="123456789012", functions=("mail",))
    granted = [*grants((Feature.FUNCTION,), names), *grants((Feature.FUNCTION, Feature.CODE), others)]

    assert {name: one["Resource"] for name, one in _statements(policy_of(granted)).items()} == {
        "Functions": _LAMBDA + "mail",
        "Functions2": _LAMBDA + "orders",
    }


def test_what_is_optional_has_statements_that_can_be_left_out() -> None:
    granted = [*grants((Feature.REGISTRY, Feature.IMAGE, Feature.EXISTING_IMAGE), _NAMES)]
    whole, least = _statements(policy_of(granted)), _statements(policy_of(granted, has_optional=False))

    assert whole.keys() - least.keys() == {"OptionalRepositories"}
    assert whole["OptionalRepositories"]["Action"] == "ecr:DescribeImages"
    assert {name: whole[name] for name in least} == least


def test_what_one_feature_needs_is_not_optional_for_another() -> None:
    features = (Feature.COMMIT, Feature.IMAGE)

    assert list(_statements(policy_of(grants(features, _NAMES)))) == ["Repositories"]


def test_a_role_is_passed_to_lambda_alone() -> None:
    statements = _statements(policy_of(grants((Feature.CREATED_FUNCTION,), _NAMES)))

    assert statements["ExecutionRoles"] == {
        "Sid": "ExecutionRoles",
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "arn:aws:iam::123456789012:role/service/orders",
        "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    }


def test_of_what_has_no_name_nothing_is_allowed() -> None:
    assert policy_of(grants((Feature.BASE_IMAGE,), _NAMES)) == {"Version": "2012-10-17", "Statement": []}


def test_a_source_is_in_its_own_account_or_in_the_run_s() -> None:
    own = Names(region="eu-west-1", account="123456789012", source_functions=("orders",))
    other = Names(
        region="eu-west-1",
        account="123456789012",
        source_region="us-east-1",
        source_account="210987654321",
        source_functions=("orders",),
    )

    (mine,) = grants((Feature.PROMOTION,), own)
    (theirs,) = grants((Feature.PROMOTION,), other)
    assert mine.arn == _LAMBDA + "orders"
    assert theirs.arn == "arn:aws:lambda:us-east-1:210987654321:function:orders"


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.title)
def test_statements_have_names_of_their_own(role: Role) -> None:
    statements = role.policy()["Statement"]
    assert isinstance(statements, list)

    names = [statement["Sid"] for statement in statements]
    assert len({*names}) == len(names) > 0
    assert all(name.isalnum() for name in names)  # [IAM User Guide, IAM JSON policy elements: Sid]


def test_the_size_is_counted_without_white_space() -> None:
    assert size({"Version": "2012-10-17", "Statement": []}) == len('{"Version":"2012-10-17","Statement":[]}')


def test_every_role_may_do_what_its_features_need() -> None:
    text = json.dumps(CREATE.policy())

    assert all(need.action in text for need in TABLE if need.feature in CREATE.features)
    assert "123456789012" not in json.dumps(PROMOTION_SOURCE.policy())


@pytest.mark.parametrize("need", TABLE, ids=lambda need: f"{need.action} for {need.feature.name}")
def test_a_statement_for_what_was_refused_is_never_wider_than_the_table(need: Any) -> None:  # noqa: ANN401 # pytest's
    one = ("shop",)
    names = Names(
        region="eu-west-1",
        account="123456789012",
        functions=one,
        repositories=one,
        execution_roles=one,
        capacity_providers=one,
        source_functions=one,
        source_repositories=one,
        base_repositories=one,
        parameters=one,
        roles=one,
    )
    (arn,) = names.of(need.resource)

    assert statement_for(need.action, arn)["Resource"] == arn


def test_a_resource_is_an_arn_or_all() -> None:
    assert all(resource == "*" or resource.startswith("arn:{partition}:") for resource in Resource)
