"""Writes what is made of the product's table of permissions: `PYTHONPATH=src python setup/generate.py`.

`cloudformation.yaml` is made of `cloudformation.template`, and `terraform/policies.json.tftpl` whole.
"""
# ruff: noqa: INP001 # a script, not a package

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ecr_lambda_deploy.aws.ecr_policies import lifecycle_policy, repository_policy
from ecr_lambda_deploy.permissions.policies import Names, grants, policy_of
from ecr_lambda_deploy.permissions.table import Feature

_FOLDER = Path(__file__).parent

GROUPS: Mapping[str, tuple[Feature, ...]] = {
    "Deploy": (
        Feature.FUNCTION,
        Feature.VERSIONS,
        Feature.URL,
        Feature.CODE,
        Feature.PUBLISH,
        Feature.REGISTRY,
        Feature.IMAGE,
        Feature.EXISTING_IMAGE,
        Feature.PUSH,
        Feature.TAG,
        Feature.CACHE,
        Feature.USED_REPOSITORY,
        Feature.CHANGED_REPOSITORY,
        Feature.ROLLBACK,
        Feature.ROLLBACK_TO_IMAGE,
        Feature.COMMIT,
        Feature.SHORT_COMMIT,
    ),
    "Alias": (
        Feature.ALIAS,
        Feature.ALIAS_URL,
        Feature.MOVED_ALIAS,
        Feature.NEW_ALIAS,
        Feature.FIRST_RELEASE_BY_ALIAS,
    ),
    "SmokeTest": (Feature.SMOKE_TEST,),
    "Traffic": (Feature.ALARMS, Feature.ERROR_RATES),
    "CreateFunction": (Feature.CREATED_FUNCTION, Feature.FUNCTION_TAGS),
    "CreateRepository": (Feature.CREATED_REPOSITORY,),
    "SsmParameters": (Feature.PARAMETER, Feature.WRITTEN_PARAMETER, Feature.PARAMETER_OF_ROLLBACK),
}
"""Which features each parameter of the templates allows; `Deploy` is always allowed, rollbacks with it."""

_CLOUDFORMATION = Names(
    region="${AWS::Region}",
    account="${AWS::AccountId}",
    partition="${AWS::Partition}",
    functions=("${FunctionNames}",),
    repositories=("${RepositoryNames}",),
    execution_roles=("${NewExecutionRole}",),
    parameters=("${SsmParameters}",),
)
_TERRAFORM = Names(
    region="${region}",
    account="${account}",
    partition="${partition}",
    functions=("${function_names}",),
    repositories=("${repository_names}",),
    execution_roles=("${execution_role}",),
    parameters=("${ssm_parameters}",),
)


def policies(names: Names) -> dict[str, Any]:
    """Return the policy of each group."""
    return {group: json.loads(json.dumps(policy_of(grants(features, names)))) for group, features in GROUPS.items()}


def cloudformation() -> str:
    """Return the text of `cloudformation.yaml`."""
    optional = [group for group in GROUPS if group != "Deploy"]
    conditions = {f"Has{group}": _condition(group) for group in optional}
    resources = {
        f"{group}Policy": {
            "Type": "AWS::IAM::Policy",
            **({} if group == "Deploy" else {"Condition": f"Has{group}"}),
            "Properties": {
                "PolicyName": group,
                "Roles": [{"Ref": "DeployRole"}],
                "PolicyDocument": _substituted(policy),
            },
        }
        for group, policy in policies(_CLOUDFORMATION).items()
    }
    pull = json.loads(repository_policy("arn:PARTITION:ecr:REGION:ACCOUNT:repository/x"), object_hook=_with_variables)
    repository = {
        "LifecyclePolicy": {"LifecyclePolicyText": lifecycle_policy()},
        "RepositoryPolicyText": _substituted(pull),
    }
    parts = {
        "{conditions}": _indented(conditions, 2),
        "{policies}": _indented(resources, 2),
        "{repository}": _indented(repository, 6),
    }
    text = (_FOLDER / "cloudformation.template").read_text(encoding="utf-8")
    for marker, part in parts.items():
        text = text.replace(marker, part)
    return text


def terraform() -> str:
    """Return the text of `terraform/policies.json.tftpl`."""
    return json.dumps(policies(_TERRAFORM), indent=2) + "\n"


def _condition(group: str) -> dict[str, Any]:
    if group == "SsmParameters":
        return {"Fn::Not": [{"Fn::Equals": [{"Ref": group}, ""]}]}
    return {"Fn::Equals": [{"Ref": group}, "true"]}


def _substituted(value: Any) -> Any:  # noqa: ANN401 # JSON
    """Have CloudFormation replace what is in braces."""
    match value:
        case str() if "${" in value:
            return {"Fn::Sub": value}
        case Mapping():
            return {key: _substituted(item) for key, item in value.items()}
        case list():
            return [_substituted(item) for item in value]
        case _:
            return value


def _with_variables(part: dict[str, Any]) -> dict[str, Any]:
    """Put CloudFormation's variables, which have colons, where words stand in for them."""
    words = {"PARTITION": "${AWS::Partition}", "REGION": "${AWS::Region}", "ACCOUNT": "${AWS::AccountId}"}
    return {
        key: re.sub("|".join(words), lambda word: words[word[0]], value) if isinstance(value, str) else value
        for key, value in part.items()
    }


def _indented(value: Mapping[str, Any], spaces: int) -> str:
    dumped = yaml.safe_dump(value, sort_keys=False, width=110)
    return textwrap.indent(dumped.rstrip("\n"), spaces * " ")


if __name__ == "__main__":
    (_FOLDER / "cloudformation.yaml").write_text(cloudformation(), encoding="utf-8")
    (_FOLDER / "terraform/policies.json.tftpl").write_text(terraform(), encoding="utf-8")
