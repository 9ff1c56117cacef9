"""Parameters of Systems Manager, by botocore."""

from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.errors import RefusedError, translated
from ecr_lambda_deploy.model.errors import DeployError

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws


class SystemsManagerParameters:
    """Parameters of one account and Region.

    Args:
        aws: gives the client.
    """

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    def read(self, name: str) -> str:
        """Call GetParameter."""
        try:
            with translated("ssm:GetParameter", name):
                parameter = self._aws.parameters().get_parameter(Name=name)["Parameter"]
        except RefusedError as error:
            if error.code != "ParameterNotFound":
                raise
            return ""
        if parameter["Type"] != "String":
            raise DeployError(
                f"The parameter {name} has the type {parameter['Type']}, which cannot hold the image's URI.",
                "Systems Manager changes no parameter's type: delete it, or name another one in 'ssm-parameter'. "
                "Infrastructure code reads a String; a SecureString it would read encrypted, or not at all.",
                topic="wrong-type-of-a-parameter",
            )
        return str(parameter["Value"])

    def put(self, name: str, value: str) -> None:
        """Call PutParameter."""
        with translated("ssm:PutParameter", name):
            self._aws.parameters().put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
