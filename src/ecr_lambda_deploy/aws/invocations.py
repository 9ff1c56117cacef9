"""Invocations of Lambda functions, by boto3."""

from base64 import b64decode
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.errors import DeniedError, RefusedError, translated
from ecr_lambda_deploy.model.errors import MissingFunctionError
from ecr_lambda_deploy.ports.functions import Response

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws


class LambdaInvocations:
    """Invocations of the functions of one account and Region.

    Args:
        aws: gives the client.
    """

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    def check_may_invoke(self, name: str) -> None:
        """Have Lambda check an invocation without making it [Invoke, InvocationType].

        Raises:
            MissingFunctionError: there is no such function.
            DeployError: it may not be invoked.
        """
        try:
            with translated("lambda:InvokeFunction", name):
                self._aws.functions().invoke(
                    FunctionName=name, Qualifier="$LATEST", InvocationType="DryRun", Payload=b"{}"
                )
        except DeniedError:
            raise
        except RefusedError as error:
            if error.code == "ResourceNotFoundException":
                raise MissingFunctionError(error.message) from error
            # Whatever else it is, of a function that is not active for example, the caller was not refused.

    def invoke(self, name: str, qualifier: str, event: str) -> Response:
        """Invoke a function once, and wait for its answer for as long as a function may run.

        Raises:
            DeployError: Lambda did not run it.
        """
        with translated("lambda:InvokeFunction", f"{name}:{qualifier}"):
            answer = self._aws.invoking_functions().invoke(
                FunctionName=name, Qualifier=qualifier, LogType="Tail", Payload=event.encode()
            )
            payload = answer["Payload"].read()
        return Response(
            payload=payload.decode(errors="replace"),
            error=answer.get("FunctionError", ""),
            log=b64decode(answer.get("LogResult", "")).decode(errors="replace"),
        )
