"""The templates of setup/ are what their generator writes, and allow what every feature of a deployment needs."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from ecr_lambda_deploy.permissions.table import Feature

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


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """The module that writes them."""
    spec = importlib.util.spec_from_file_location("setup_generate", _FOLDER / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_templates_are_what_the_generator_writes(generator: ModuleType) -> None:
    assert (_FOLDER / "cloudformation.yaml").read_text(encoding="utf-8") == generator.cloudformation()
    assert (_FOLDER / "terraform/policies.json.tftpl").read_text(encoding="utf-8") == generator.terraform()


def test_every_feature_is_allowed_by_one_parameter_or_left_out_on_purpose(generator: ModuleType) -> None:
    allowed = [feature for features in generator.GROUPS.values() for feature in features]

    assert len(allowed) == len({*allowed})
    assert {*allowed} | _LEFT_OUT == {*Feature}
    assert not {*allowed} & _LEFT_OUT


def test_both_templates_ask_for_the_same_features(generator: ModuleType) -> None:
    parameters = yaml.safe_load((_FOLDER / "cloudformation.yaml").read_text(encoding="utf-8"))["Parameters"]
    module = (_FOLDER / "terraform/main.tf").read_text(encoding="utf-8")

    assert {*generator.GROUPS} - {"Deploy"} <= {*parameters}
    assert all(f"    {group} " in module for group in generator.GROUPS)
