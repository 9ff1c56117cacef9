"""Reading inputs as a workflow gives them: `function-name: orders-api` and what a test gives besides."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.parse import Inputs, parse_inputs
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.targets import Build

COMMIT = 40 * "c"


def parse(workspace: Path, given: Mapping[str, str], **environment: str) -> Inputs:
    """Return the inputs, in a workspace and with more environment variables."""
    runner = {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": COMMIT, "AWS_REGION": "eu-west-1"}
    return parse_inputs({"function-name": "orders-api", **given}, {**runner, **environment})


def parse_build(workspace: Path, given: Mapping[str, str], **environment: str) -> Build:
    """Return how an image is built that is not there already."""
    source = parse(workspace, given, **environment).images[0].source
    assert isinstance(source, Build)
    return source


def problems_of(workspace: Path, given: Mapping[str, str], **environment: str) -> tuple[str, ...]:
    """Return what is wrong with the inputs; something has to be."""
    with pytest.raises(InputError) as caught:
        parse(workspace, given, **environment)
    return caught.value.problems
