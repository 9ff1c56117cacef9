"""The templates of setup/ are what their generator writes, and allow what every feature of a deployment needs."""

from pathlib import Path

import yaml

from ecr_lambda_deploy.permissions.table import Feature
from setup.generate import GROUPS, cloudformation, terraform

_FOLDER = Path(__file__).parents[2] / "setup"
# Whose permissions are another role's, or depend on names that the templates do not ask for.
_LEFT_OUT = {
    Feature.PLATFORM,
    Feature.ON_MANAGED_INSTANCES,
    Feature.MANAGED_INSTANCES,
    Feature.SOURCE_IMAGE,
    Feature.PROMOTION,
    Feature.PROMOTED_VERSION,
    Feature.BASE_IMAGE,
    Feature.CHAINING,
}


def test_the_templates_are_what_the_generator_writes() -> None:
    assert (_FOLDER / "cloudformation.yaml").read_text(encoding="utf-8") == cloudformation()
    assert (_FOLDER / "terraform/policies.json.tftpl").read_text(encoding="utf-8") == terraform()


def test_every_feature_is_allowed_by_one_parameter_or_left_out_on_purpose() -> None:
    allowed = [feature for features in GROUPS.values() for feature in features]

    assert len(allowed) == len({*allowed})
    assert {*allowed} | _LEFT_OUT == {*Feature}
    assert not {*allowed} & _LEFT_OUT


def test_both_templates_ask_for_the_same_features() -> None:
    parameters = yaml.safe_load((_FOLDER / "cloudformation.yaml").read_text(encoding="utf-8"))["Parameters"]
    module = (_FOLDER / "terraform/main.tf").read_text(encoding="utf-8")

    assert {*GROUPS} - {"Deploy"} <= {*parameters}
    assert all(f"    {group} " in module for group in GROUPS)
