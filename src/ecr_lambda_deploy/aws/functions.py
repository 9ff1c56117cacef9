"""Lambda functions, by botocore."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from botocore.model import Shape, StructureShape
from botocore.validate import ParamValidator

from ecr_lambda_deploy.aws.errors import NotFoundError, RefusedError, probed, translated, translated_change
from ecr_lambda_deploy.aws.settings import settings_of
from ecr_lambda_deploy.model.errors import DeployError, MissingFunctionError, RevisionError, VersionLimitError
from ecr_lambda_deploy.model.functions import (
    LATEST,
    LONGEST_TIMEOUT,
    FunctionState,
    PublishedVersion,
    Status,
    is_number,
    name_of,
)
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture
from ecr_lambda_deploy.model.text import bounded

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import (
        FunctionCodeLocationTypeDef,
        FunctionConfigurationResponseTypeDef,
        FunctionConfigurationTypeDef,
    )

    from ecr_lambda_deploy.aws.session import Aws


NO_REVISION = "00000000-0000-0000-0000-000000000000"
"""No revision has this id, so Lambda answers a request that names it with PreconditionFailedException."""

# Parameters that a manifest must not give: the action sets them, or functions with images lack them [CreateFunction].
_RESERVED = {
    "Architectures": "the input 'platform' says it",
    "Code": "it is the image of this run",
    "FunctionName": "the input 'function-name' says it",
    "PackageType": "it is Image",
    "Publish": "the input 'publish' says it",
    "Handler": "the image's CMD, or ImageConfig, says it",
    "Layers": "images have none",
    "Runtime": "the image brings it",
}
_NOT_IN_CONFIGURATION = {"Tags"}  # of what GetFunction answers
_AFTER_VALUE = re.compile(r", (?:type: <class|valid )")  # in a message of botocore's


class LambdaFunctions:
    """Lambda functions of one account and Region.

    Args:
        aws: gives the client.
    """

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    def read(self, name: str, qualifier: str = "") -> FunctionState:
        """Call GetFunction."""
        arguments = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        try:
            with translated("lambda:GetFunction", name):
                answer = self._aws.functions().get_function(**arguments)
        except NotFoundError as error:
            what = f"version {qualifier} of the Lambda function {name}" if qualifier else f"Lambda function {name}"
            raise MissingFunctionError(
                f"There is no {what} in {self._aws.region}: {error.message}",
                "Look at the inputs 'function-name' and 'aws-region', and at the account of the credentials. "
                "A function that is still to be created needs an image first: push one with mode: build, or have the "
                "function created with the input 'create-function'.",
            ) from error
        return _state(name, answer.get("Configuration", {}), answer.get("Code", {}))

    def versions(self, name: str) -> tuple[PublishedVersion, ...]:
        """Call ListVersionsByFunction, page by page, and sort by number; versions without a number are passed over."""
        try:
            with translated("lambda:ListVersionsByFunction", name):
                pages = self._aws.functions().get_paginator("list_versions_by_function").paginate(FunctionName=name)
                listed = [version for page in pages for version in page.get("Versions", [])]
        except NotFoundError as error:
            raise MissingFunctionError(error.message) from error
        published = (
            PublishedVersion(
                number=version["Version"],
                code_sha256=version.get("CodeSha256", ""),
                description=version.get("Description", ""),
                modified=version.get("LastModified", ""),
            )
            for version in listed
            if is_number(version.get("Version", ""))
        )
        return tuple(sorted(published, key=lambda version: int(version.number)))

    def check_may_publish(self, name: str) -> None:
        """Ask for a version of a revision that does not exist: PublishVersion has no DryRun."""
        with probed("lambda:PublishVersion", name):
            self._aws.functions().publish_version(FunctionName=name, RevisionId=NO_REVISION)

    def check_creation(self, name: str, parameters: Mapping[str, object]) -> None:
        """Validate them against botocore's model of CreateFunction, and send nothing."""
        shape = self._aws.functions().meta.service_model.operation_model("CreateFunction").input_shape
        if shape is None:
            raise AssertionError("CreateFunction has parameters")
        problems = [f"{key} must not be given: {why}." for key, why in _RESERVED.items() if key in parameters]
        problems += _unknown(shape, parameters, "")
        given = {key: _masked(value) for key, value in parameters.items() if key not in _RESERVED}
        report = ParamValidator().validate({"FunctionName": name_of(name), "Code": {}, **given}, shape)
        lines = _without_values(report.generate_report()).split("\n")
        problems += [line for line in lines if line and "Unknown parameter" not in line]
        if problems:
            raise DeployError(
                "\n".join(["'create-function' is not what CreateFunction takes:", *(f"- {line}" for line in problems)]),
                "Names and types are those of the Lambda API reference, CreateFunction.",
                topic="wrong-inputs",
            )

    def differences(self, state: FunctionState, parameters: Mapping[str, object]) -> tuple[str, ...]:
        """Compare them with what GetFunction answered."""
        shown = {**state.configuration}
        image_config = shown.get("ImageConfigResponse")
        if isinstance(image_config, Mapping):
            shown["ImageConfig"] = image_config.get("ImageConfig", {})
        return tuple(
            key
            for key, value in parameters.items()
            if key not in _NOT_IN_CONFIGURATION and not _contains(shown.get(key), value)
        )

    def create(
        self, name: str, image: ImageReference, architecture: Architecture, parameters: Mapping[str, object]
    ) -> None:
        """Call CreateFunction."""
        given: dict[str, Any] = dict(parameters)
        with translated_change("lambda:CreateFunction", name):
            self._aws.functions().create_function(
                FunctionName=name,
                PackageType="Image",
                Code={"ImageUri": str(image)},
                Architectures=[architecture],
                **given,
            )

    def update_code(self, name: str, image: ImageReference, architecture: Architecture, *, revision_id: str) -> None:
        """Call UpdateFunctionCode."""
        with translated_change("lambda:UpdateFunctionCode", name):
            self._aws.functions().update_function_code(
                FunctionName=name,
                ImageUri=str(image),
                Architectures=[architecture],  # left out, it would mean x86_64 [UpdateFunctionCode]
                RevisionId=revision_id,
            )

    def publish_version(
        self, name: str, *, code_sha256: str, revision_id: str, description: str, as_latest: bool = False
    ) -> FunctionState:
        """Call PublishVersion."""
        to: dict[str, Any] = {"PublishTo": "LATEST_PUBLISHED"} if as_latest else {}
        try:
            with translated_change("lambda:PublishVersion", name):
                answer = self._aws.functions().publish_version(
                    FunctionName=name, CodeSha256=code_sha256, RevisionId=revision_id, Description=description, **to
                )
        except RefusedError as error:
            if error.code == "FunctionVersionsPerCapacityProviderLimitExceededException":
                raise VersionLimitError(error.message) from error
            if "CodeSHA256" in error.message:
                raise RevisionError(error.message) from error
            raise
        return _state(name, answer, {})


def _state(
    given: str,
    configuration: "FunctionConfigurationTypeDef | FunctionConfigurationResponseTypeDef",
    code: "FunctionCodeLocationTypeDef",
) -> FunctionState:
    """Return what GetFunction or PublishVersion answers; in the API's model all of its members may be absent.

    Args:
        given: name or ARN that was asked for.
        configuration: the function's, or the version's.
        code: where it is.
    """
    image_config = configuration.get("ImageConfigResponse", {}).get("ImageConfig", {})
    managed = configuration.get("CapacityProviderConfig", {}).get("LambdaManagedInstancesCapacityProviderConfig", {})
    return FunctionState(
        name=configuration.get("FunctionName", name_of(given)),
        arn=":".join(configuration.get("FunctionArn", given).split(":")[:7]),
        version=configuration.get("Version", LATEST),
        package_type=configuration.get("PackageType", "Zip"),
        architecture="arm64" if "arm64" in configuration.get("Architectures", []) else "x86_64",
        state=Status(
            value=configuration.get("State", "Active"),
            reason_code=configuration.get("StateReasonCode", ""),
            reason=bounded(configuration.get("StateReason", "")),
        ),
        update=Status(
            value=configuration.get("LastUpdateStatus", "Successful"),
            reason_code=configuration.get("LastUpdateStatusReasonCode", ""),
            reason=bounded(configuration.get("LastUpdateStatusReason", "")),
        ),
        image=ImageReference.parse(code.get("ResolvedImageUri", "")),
        code_sha256=configuration.get("CodeSha256", ""),
        revision_id=configuration.get("RevisionId", ""),
        description=configuration.get("Description", ""),
        has_entry_point=bool(image_config.get("EntryPoint") or image_config.get("Command")),
        timeout=_timeout(configuration),
        capacity_provider=managed.get("CapacityProviderArn", ""),
        is_durable="DurableConfig" in configuration,
        isolates_tenants=configuration.get("TenancyConfig", {}).get("TenantIsolationMode") == "PER_TENANT",
        configuration={**configuration},
        settings=settings_of(configuration),
    )


def _timeout(configuration: "FunctionConfigurationTypeDef | FunctionConfigurationResponseTypeDef") -> int:
    """Return the seconds that an invocation may take; of a durable function it is the whole execution.

    [Lambda developer guide, Invoking durable Lambda functions]
    """
    execution = configuration.get("DurableConfig", {}).get("ExecutionTimeout", 0)
    return max(configuration.get("Timeout", LONGEST_TIMEOUT), min(execution, LONGEST_TIMEOUT))


def _without_values(report: str) -> str:
    """Return botocore's messages without the values in them: they may be secret, so the log must not show them."""
    kept, *parts = report.split(", value: ")
    return kept + "".join(part[found.start() :] for part in parts if (found := _AFTER_VALUE.search(part)))


def _masked(value: object) -> object:
    """Return a value with asterisks for each text in it, as many as it has characters."""
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
    """Yield a sentence for each name that is not a parameter."""
    if not isinstance(shape, StructureShape) or not isinstance(value, Mapping):
        return
    for key, inner in value.items():
        if key in shape.members:
            yield from _unknown(shape.members[key], inner, f"{path}{key}.")
        else:
            close = get_close_matches(str(key), [*shape.members], n=1, cutoff=0.5)
            meant = f"did you mean {close[0]}?" if close else f"it has {', '.join(shape.members)}."
            yield f"{path}{key} is not a parameter; {meant}"


def _contains(shown: object, given: object) -> bool:
    if isinstance(shown, Mapping) and isinstance(given, Mapping):
        return all(_contains(shown.get(key), value) for key, value in given.items())
    return shown == given or (not shown and not given)
