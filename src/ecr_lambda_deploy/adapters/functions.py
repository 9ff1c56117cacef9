"""Lambda functions, by boto3."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_lambda_deploy.adapters.aws_errors import RefusedError, translated
from ecr_lambda_deploy.errors import DeployError, InProgressError
from ecr_lambda_deploy.function_model import FunctionState, PublishedVersion, Status
from ecr_lambda_deploy.image_model import ImageReference
from ecr_lambda_deploy.wanted import Architecture

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import FunctionCodeLocationTypeDef, FunctionConfigurationTypeDef

    from ecr_lambda_deploy.adapters.credentials import Aws

# No revision has this id, so Lambda answers a request that names it with PreconditionFailedException.
_NO_REVISION = "00000000-0000-0000-0000-000000000000"
_PULL_STATEMENT = (
    '{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, '
    '"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}'
)


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
            DeployError: it does not exist, or may not be read.
        """
        arguments = {"FunctionName": name} | ({"Qualifier": qualifier} if qualifier else {})
        try:
            with translated("lambda:GetFunction", name):
                answer = self._aws.functions().get_function(**arguments)
        except RefusedError as error:
            if error.code != "ResourceNotFoundException":
                raise
            raise DeployError(
                f"There is no Lambda function {name} in {self._aws.region}: {error.message}",
                "Look at the inputs 'function-name' and 'aws-region', and at the account of the credentials. "
                "A function that is still to be created needs an image first: push one with mode: build.",
            ) from error
        return _state(answer["Configuration"], answer.get("Code", {}))

    def newest_version(self, name: str) -> PublishedVersion | None:
        """Return the version published last; None if none ever was.

        Raises:
            DeployError: the versions may not be listed.
        """
        with translated("lambda:ListVersionsByFunction", name):
            pages = self._aws.functions().get_paginator("list_versions_by_function").paginate(FunctionName=name)
            published = [version for page in pages for version in page["Versions"] if version["Version"] != "$LATEST"]
        if not published:
            return None
        newest = max(published, key=lambda version: int(version["Version"]))
        return PublishedVersion(number=newest["Version"], code_sha256=newest["CodeSha256"])

    def check_may_publish(self, name: str) -> None:
        """Ask for a version of a revision that does not exist: Lambda refuses the caller before the revision.

        PublishVersion has no DryRun; without this, a missing permission would show only after the code was updated.

        Raises:
            DeployError: it may not.
        """
        try:
            with translated("lambda:PublishVersion", name):
                self._aws.functions().publish_version(FunctionName=name, RevisionId=_NO_REVISION)
        except RefusedError as error:
            if error.code not in {"PreconditionFailedException", "ResourceConflictException"}:
                raise

    def update_code(self, name: str, image: ImageReference, architecture: Architecture) -> None:
        """Start an update of the code of `$LATEST`; it goes on after the call.

        Raises:
            InProgressError: Lambda is busy with another change.
            DeployError: Lambda refuses the image, or the caller.
        """
        with _conflicts_apart(), translated("lambda:UpdateFunctionCode", name):
            self._aws.functions().update_function_code(
                FunctionName=name,
                ImageUri=str(image),
                Architectures=[architecture],  # left out, it would mean x86_64 [UpdateFunctionCode]
            )

    def publish_version(self, name: str, code_sha256: str, description: str) -> str:
        """Publish `$LATEST` as a version and return its number; its code must still be `code_sha256`.

        Raises:
            InProgressError: Lambda is busy with another change.
            DeployError: Lambda refuses.
        """
        with _conflicts_apart(), translated("lambda:PublishVersion", name):
            answer = self._aws.functions().publish_version(
                FunctionName=name, CodeSha256=code_sha256, Description=description
            )
        return answer["Version"]


@contextmanager
def _conflicts_apart() -> Iterator[None]:
    """Tell a change that is in progress from other refusals, and a missing pull permission too."""
    try:
        yield
    except RefusedError as error:
        if error.code == "ResourceConflictException" and "in progress" in error.message:
            raise InProgressError(error.message, error.hint) from error
        if "ECR permissions" in error.message or "access the ECR image" in error.message:
            raise DeployError(
                error.message, f"Add this statement to the policy of the repository:\n{_PULL_STATEMENT}"
            ) from error
        raise


def _state(configuration: "FunctionConfigurationTypeDef", code: "FunctionCodeLocationTypeDef") -> FunctionState:
    image_config = configuration.get("ImageConfigResponse", {}).get("ImageConfig", {})
    return FunctionState(
        name=configuration["FunctionName"],
        arn=configuration["FunctionArn"],
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
        has_entry_point=bool(image_config.get("EntryPoint") or image_config.get("Command")),
    )
