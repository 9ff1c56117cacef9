"""Invocations of Lambda functions, by botocore."""

from base64 import b64decode
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ecr_lambda_deploy.aws.errors import DeniedError, NotFoundError, RefusedError, translated
from ecr_lambda_deploy.model.errors import DeployError, MissingFunctionError
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.ports.functions import Response

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws

_LARGEST = 6 * 1024**2 + 1024  # bytes of a response; Lambda has 6 MB [Lambda quotas], and says more of an error


# By the code of an answer that means that the function was not run [Lambda API reference, Invoke].
_HINTS = {
    "TooManyRequestsException": (
        "The function was not run: as many of its invocations as are allowed at once are running. Look at its "
        "reserved concurrency (0 lets none run): aws lambda get-function-concurrency --function-name {0}; and, where "
        "it has none, at what the account has left: aws lambda get-account-settings. Then run this job again."
    ),
    "ENILimitReachedException": "Have AWS raise the quota of network interfaces of the VPC, or remove unused ones.",
    "SubnetIPAddressLimitReachedException": "Give the function subnets with free addresses.",
    "ResourceNotReadyException": "Its connection to the VPC is not there again yet: run this job again in a minute.",
}


class LambdaInvocations:
    """Invocations of the functions of one account and Region.

    Args:
        aws: gives the client.
    """

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws

    def check_may_invoke(self, name: str) -> None:
        """Call Invoke as a dry run."""
        try:
            with translated("lambda:InvokeFunction", name):
                self._aws.functions().invoke(
                    FunctionName=name, Qualifier="$LATEST", InvocationType="DryRun", Payload=b"{}"
                )
        except NotFoundError as error:
            raise MissingFunctionError(error.message) from error
        except DeniedError:
            raise
        except RefusedError:
            pass  # IAM allows it; Lambda may refuse for another reason, such as a function that is not active

    def invoke(self, name: str, qualifier: str, event: str, *, timeout: float) -> Response:
        """Call Invoke, with a client that waits as long; it is sent again only if the function was not run."""
        try:
            with translated("lambda:InvokeFunction", f"{name}:{qualifier}"):
                answer = self._aws.invoking_functions(timeout).invoke(
                    FunctionName=name, Qualifier=qualifier, LogType="Tail", Payload=event.encode()
                )
                payload = answer["Payload"].read(_LARGEST + 1)
        except RefusedError as error:
            if error.code not in _HINTS:
                raise
            hint = _HINTS[error.code].format(name)
            message = error.message + _reason(error)
            raise RefusedError(error.code, message, hint, topic="function-not-run") from error
        if len(payload) > _LARGEST:
            raise DeployError(
                f"{name}:{qualifier} answered more than {_LARGEST} bytes, which no function of Lambda does.",
                topic="smoke-test-failed",
            )
        return Response(
            payload=payload.decode(errors="replace"),
            error=bounded(answer.get("FunctionError", "")),
            log=bounded(b64decode(answer.get("LogResult", "")).decode(errors="replace")),
        )


def _reason(error: RefusedError) -> str:
    """Return which limit an invocation would exceed, where Lambda names one."""
    cause = error.__cause__
    reason = cause.response.get("Reason") if isinstance(cause, ClientError) else None
    return f" ({bounded(str(reason))})" if reason else ""
