"""Lambda functions, by boto3."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws import creation
from ecr_lambda_deploy.aws.errors import DeniedError, RefusedError, translated, translated_conflicts
from ecr_lambda_deploy.model.errors import MissingFunctionError, RevisionError
from ecr_lambda_deploy.model.functions import FunctionState, PublishedVersion, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionCodeLocationTypeDef, FunctionConfigurationTypeDef

    from ecr_lambda_deploy.aws.session import Aws


NO_REVISION = "00000000-0000-0000-0000-000000000000"
"""No revision has this id, so Lambda answers a request that names it with PreconditionFailedException."""


class LambdaFunctions:
    """Lambda functions of one account and Region.

    Args:
        aws: gives the client.
    """

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    def read(self, name: str, qualifier: str = "") -> FunctionState:
        """Read a function, or the version that `qualifier` names.

        Raises:
            MissingFunctionError: there is none.
            DeployError: it may not be read.
        """
        arguments = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        try:
            with translated("lambda:GetFunction", name):
                answer = self._aws.functions().get_function(**arguments)
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            what = f"version {qualifier} of the Lambda function {name}" if qualifier else f"Lambda function {name}"
            raise MissingFunctionError(
                f"There is no {what} in {self._aws.region}: {error.message}",
                "Look at the inputs 'function-name' and 'aws-region', and at the account of the credentials. "
                "A function that is still to be created needs an image first: push one with mode: build, or have the "
                "function created with the input 'create-function'.",
            ) from error
        return _state(answer["Configuration"], answer.get("Code", {}))

    def versions(self, name: str) -> tuple[PublishedVersion, ...]:
        """Return the published versions, oldest first.

        Raises:
            MissingFunctionError: there is no such function.
            DeployError: they may not be listed.
        """
        try:
            with translated("lambda:ListVersionsByFunction", name):
                pages = self._aws.functions().get_paginator("list_versions_by_function").paginate(FunctionName=name)
                listed = [version for page in pages for version in page["Versions"]]
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise MissingFunctionError(error.message) from error
        published = (
            PublishedVersion(
                number=version["Version"],
                code_sha256=version["CodeSha256"],
                description=version.get("Description", ""),
            )
            for version in listed
            if version["Version"] != "$LATEST"
        )
        return tuple(sorted(published, key=lambda version: int(version.number)))

    def check_may_publish(self, name: str) -> None:
        """Ask for a version of a revision that does not exist: Lambda refuses the caller before the revision.

        PublishVersion has no DryRun; without this, a missing permission would show only after the code was updated.

        Raises:
            DeployError: it may not.
        """
        try:
            with translated("lambda:PublishVersion", name):
                self._aws.functions().publish_version(FunctionName=name, RevisionId=NO_REVISION)
        except DeniedError:
            raise
        except RefusedError:
            pass  # whatever else it is, the caller was not refused

    def check_creation(self, name: str, parameters: Mapping[str, object]) -> None:
        """Make sure that a function could be created with these parameters, as far as Lambda's own model tells.

        Raises:
            DeployError: with every parameter that is wrong, and the nearest right name.
        """
        creation.check(self._aws.functions(), name, parameters)

    def differences(self, state: FunctionState, parameters: Mapping[str, object]) -> tuple[str, ...]:
        """Return the names of CreateFunction's parameters that a function has otherwise."""
        return creation.differences(state.configuration, parameters)

    def create(
        self, name: str, image: ImageReference, architecture: Architecture, parameters: Mapping[str, object]
    ) -> None:
        """Start the creation of a function; it goes on after the call.

        Raises:
            RevisionError: there is one by now.
            InProgressError: Lambda cannot assume the function's role yet.
            DeployError: Lambda refuses.
        """
        with translated_conflicts(), translated("lambda:CreateFunction", name):
            creation.create(self._aws.functions(), name, image, architecture, parameters)

    def update_code(self, name: str, image: ImageReference, architecture: Architecture, *, revision_id: str) -> None:
        """Start an update of the code of `$LATEST`; it goes on after the call.

        Raises:
            InProgressError: Lambda is busy with another change.
            RevisionError: it is another revision by now.
            DeployError: Lambda refuses the image, or the caller.
        """
        with translated_conflicts(), translated("lambda:UpdateFunctionCode", name):
            self._aws.functions().update_function_code(
                FunctionName=name,
                ImageUri=str(image),
                Architectures=[architecture],  # left out, it would mean x86_64 [UpdateFunctionCode]
                RevisionId=revision_id,
            )

    def publish_version(self, name: str, *, code_sha256: str, revision_id: str, description: str) -> str:
        """Publish `$LATEST` as a version and return its number; its code must still be `code_sha256`.

        Raises:
            InProgressError: Lambda is busy with another change.
            RevisionError: it is another revision, or other code, by now.
            DeployError: Lambda refuses.
        """
        try:
            with translated_conflicts(), translated("lambda:PublishVersion", name):
                answer = self._aws.functions().publish_version(
                    FunctionName=name, CodeSha256=code_sha256, RevisionId=revision_id, Description=description
                )
        except RefusedError as error:
            if "CodeSHA256" in error.message:
                raise RevisionError(error.message) from error
            raise
        return answer["Version"]


def _state(configuration: "FunctionConfigurationTypeDef", code: "FunctionCodeLocationTypeDef") -> FunctionState:
    image_config = configuration.get("ImageConfigResponse", {}).get("ImageConfig", {})
    return FunctionState(
        name=configuration["FunctionName"],
        arn=":".join(configuration["FunctionArn"].split(":")[:7]),
        version=configuration.get("Version", "$LATEST"),
        package_type=configuration.get("PackageType", "Zip"),
        architecture="arm64" if "arm64" in configuration.get("Architectures", []) else "x86_64",
        state=Status(
            value=configuration.get("State", "Active"),
            reason_code=configuration.get("StateReasonCode", ""),
            reason=configuration.get("StateReason", ""),
        ),
        update=Status(
            value=configuration.get("LastUpdateStatus", "Successful"),
            reason_code=configuration.get("LastUpdateStatusReasonCode", ""),
            reason=configuration.get("LastUpdateStatusReason", ""),
        ),
        image=ImageReference.parse(code.get("ResolvedImageUri", "")),
        code_sha256=configuration.get("CodeSha256", ""),
        revision_id=configuration.get("RevisionId", ""),
        description=configuration.get("Description", ""),
        has_entry_point=bool(image_config.get("EntryPoint") or image_config.get("Command")),
        configuration={**configuration},
    )
