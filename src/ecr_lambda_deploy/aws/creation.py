"""Creates Lambda functions, with parameters that are checked against boto3's own model of Lambda."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from botocore.model import Shape, StructureShape
from botocore.validate import ParamValidator

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import name_of
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


# What the action itself says of a function, and what functions with images do not have [CreateFunction].
_OWN = {
    "Architectures": "the input 'platform' says it",
    "Code": "it is the image of this run",
    "FunctionName": "the input 'function-name' says it",
    "PackageType": "it is Image",
    "Publish": "the input 'publish' says it",
    "Handler": "the image's CMD, or ImageConfig, says it",
    "Layers": "images have none",
    "Runtime": "the image brings it",
}
# What a person may not want in a log, in botocore's words; text within is masked already.
_VALUE = re.compile(r", value: .*?(?=, (?:type: <class|valid ))", re.DOTALL)
# Not part of what GetFunction shows as the configuration.
_NOT_SHOWN = {"Tags"}


def check(client: "LambdaClient", name: str, parameters: Mapping[str, object]) -> None:
    """Make sure that parameters of CreateFunction are such.

    Args:
        client: has the model.
        name: of the function.
        parameters: by their names in the API.

    Raises:
        DeployError: with everything that is wrong.
    """
    shape = client.meta.service_model.operation_model("CreateFunction").input_shape
    if shape is None:
        raise AssertionError("CreateFunction has parameters")
    problems = [f"{own} is not to be given: {why}." for own, why in _OWN.items() if own in parameters]
    problems += _unknown(shape, parameters, "")
    given = {key: _masked(value) for key, value in parameters.items() if key not in _OWN}
    whole = {"FunctionName": name_of(name), "Code": {}, **given}
    report = ParamValidator().validate(whole, shape)
    lines = _VALUE.sub("", report.generate_report()).split("\n")
    problems += [line for line in lines if line and "Unknown parameter" not in line]
    if problems:
        raise DeployError(
            "\n".join(["'create-function' is not what CreateFunction takes:", *(f"- {line}" for line in problems)]),
            "Names and types are those of the Lambda API reference, CreateFunction.",
        )


def _masked(value: object) -> object:
    """Return a value with every text in it as long as before and without what it says."""
    match value:
        case str():
            return "*" * len(value)
        case list():
            return [_masked(item) for item in value]
        case dict():
            return {key: _masked(item) for key, item in value.items()}
        case _:
            return value


def _unknown(shape: Shape, value: object, path: str) -> Iterator[str]:
    """Yield a sentence for each name that the API does not have."""
    if not isinstance(shape, StructureShape) or not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if key in shape.members:
            yield from _unknown(shape.members[key], inner, f"{path}{key}.")
        else:
            close = get_close_matches(str(key), [*shape.members], n=1, cutoff=0.5)
            meant = f"did you mean {close[0]}?" if close else f"it has {', '.join(shape.members)}."
            yield f"{path}{key} is not a parameter; {meant}"


def create(
    client: "LambdaClient",
    name: str,
    image: ImageReference,
    architecture: Architecture,
    parameters: Mapping[str, object],
) -> None:
    """Start the creation of a function from an image.

    Raises:
        ClientError: Lambda refuses.
    """
    given: dict[str, Any] = dict(parameters)
    client.create_function(
        FunctionName=name, PackageType="Image", Code={"ImageUri": str(image)}, Architectures=[architecture], **given
    )


def differences(configuration: Mapping[str, object], parameters: Mapping[str, object]) -> tuple[str, ...]:
    """Return the names of parameters that a function has otherwise, their values kept out: they may be secret."""
    shown = {**configuration}
    image_config = configuration.get("ImageConfigResponse")
    if isinstance(image_config, Mapping):
        shown["ImageConfig"] = image_config.get("ImageConfig", {})
    return tuple(
        key for key, value in parameters.items() if key not in _NOT_SHOWN and not _contains(shown.get(key), value)
    )


def _contains(shown: object, given: object) -> bool:
    if isinstance(shown, Mapping) and isinstance(given, Mapping):
        return all(_contains(shown.get(key), value) for key, value in given.items())
    return shown == given or (not shown and not given)
