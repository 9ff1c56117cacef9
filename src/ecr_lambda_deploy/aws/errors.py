"""Errors of botocore as errors of ours, in AWS's own words and with a hint."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from ecr_lambda_deploy.aws.ecr_policies import PULL_STATEMENT
from ecr_lambda_deploy.model.errors import DeployError, InProgressError, RevisionError, recreation_hint
from ecr_lambda_deploy.model.hints import Hints, hint_for
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.permissions.denials import denial_hint

CREDENTIALS_HINT = (
    "Give the job credentials: a step of aws-actions/configure-aws-credentials before this one, or the input "
    "'role-to-assume' with `permissions: { id-token: write }`."
)
# What makes AWS refuse a request, or not answer, in its own words or botocore's.
_HINTS: Hints = (
    (
        re.compile(r"Signature expired|Signature not yet current|RequestExpired|RequestTimeTooSkewed"),
        "The clock of this runner is wrong: set it, best by NTP.",
    ),
    (
        re.compile(r"Throttl|Rate exceeded|TooManyRequestsException|RequestLimitExceeded"),
        (
            "More calls were made than AWS answers in this account and Region, for about a minute: run this job again, "
            "at another time than others that call the same service."
        ),
    ),
    (
        re.compile(r"KMSAccessDenied|KMS access was denied|KmsException|KMS Exception"),
        (
            "A key of KMS may not be used by whom the message names: look at the key's policy, and at the policies of "
            "that role, which is the function's own where Lambda uses the key."
        ),
    ),
    (
        re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"),
        (
            "Whoever answers for AWS shows a certificate that this action's container does not know, such as that of a "
            "proxy that reads along: have AWS_CA_BUNDLE name a file of the workspace that has its CA."
        ),
    ),
    (
        re.compile(r"Failed to connect to proxy|ProxyError|Tunnel connection failed"),
        (
            "Look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY: a proxy on the runner's own loopback is out of reach for "
            "the action's container."
        ),
    ),
)
_INVALID_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "UnrecognizedClientException",
}


class RefusedError(DeployError):
    """AWS refused a request; the caller may know what the code means for it.

    Attributes:
        code: AWS's error code, such as `ResourceNotFoundException`.
    """

    topic = "refused-by-aws"

    def __init__(self, code: str, message: str, hint: str = "", *, topic: str = "", cause: str = "") -> None:
        super().__init__(message, hint, topic=topic, cause=cause)
        self.code = code


class DeniedError(RefusedError):
    """IAM does not allow a request."""

    topic = "access-denied"


class NotFoundError(RefusedError):
    """Lambda does not have what a request names: a function, a version, an alias or something that belongs to one."""

    topic = "missing-function"


@contextmanager
def translated(action: str, resource: str) -> Iterator[None]:
    """Turn what botocore raises within the block into a DeployError.

    Args:
        action: IAM action that the request needs, such as `lambda:GetFunction`.
        resource: what it acts on, for the message.

    Raises:
        DeniedError: IAM does not allow it.
        NotFoundError: Lambda does not have it.
        RefusedError: AWS answered with another error.
        DeployError: AWS did not answer, or there are no credentials.
    """
    try:
        yield
    except ClientError as error:
        raise _translate(error, action, resource) from error
    except NoCredentialsError as error:
        raise DeployError("There are no AWS credentials.", CREDENTIALS_HINT, topic="no-credentials") from error
    except BotoCoreError as error:
        raise DeployError(
            f"{action} on {resource} failed: {error}",
            hint_for(str(error), _HINTS)
            or "Run this job again; if it fails again, look at the Region, the endpoint and the runner's network.",
            topic="aws-does-not-answer",
        ) from error


def _translate(error: ClientError, action: str, resource: str) -> DeployError:
    code = str(error.response["Error"].get("Code", "Unknown"))
    words = bounded(str(error.response["Error"].get("Message", "")))
    message = f"{action} on {resource} failed: {code}: {words}"
    if code in {"AccessDenied", "AccessDeniedException"}:
        return DeniedError(
            code, message, denial_hint(words, action, resource), cause=f"{action} on {resource} is denied"
        )
    if "not authorized to perform: " in words:
        return RefusedError(code, message, denial_hint(words, action, resource))  # of others, such as KMS for Lambda
    if hint := hint_for(f"{code}: {words}", _HINTS):
        return RefusedError(code, message, hint)
    if code in _INVALID_CREDENTIALS:
        return RefusedError(
            code,
            message,
            f"The AWS credentials are not valid, or no longer. {CREDENTIALS_HINT}",
            topic="invalid-credentials",
        )
    if code == "ResourceNotFoundException":
        return NotFoundError(code, message)
    return RefusedError(code, message)


@contextmanager
def probed(action: str, resource: str) -> Iterator[None]:
    """Do as `translated`, for a request that checks a permission and cannot succeed.

    AWS checks the permission first, so any other refusal shows that IAM allows the request.

    Args:
        action: as for `translated`.
        resource: as for `translated`.

    Raises:
        DeniedError: IAM does not allow it.
        DeployError: AWS did not answer, or there are no credentials.
    """
    try:
        with translated(action, resource):
            yield
    except DeniedError:
        raise
    except RefusedError:
        pass


# "An update is in progress", "currently in the following state: Pending", or "could not be updated due to a concurrent
# update operation" [Lambda developer guide, function states; helix-deploy#83, terraform-provider-aws#5154].
_PASSING = re.compile(r"in progress|state: '?Pending|concurrent update operation")
_FAILED = re.compile(r"state: '?Failed")
# What Lambda says of a role or a grant that is too new [CreateFunction; terraform-provider-aws, function resource].
_TOO_NEW = (
    (
        "cannot be assumed by Lambda",
        "Let the role's trust policy allow sts:AssumeRole to lambda.amazonaws.com. A new role takes a while.",
    ),
    (
        "execution role does not have permissions",
        "Allow it in a policy of the function's own role; what was allowed just now takes a while.",
    ),
    (
        "KMS key is invalid for CreateGrant",
        "Let the key's policy allow kms:CreateGrant, on which Lambda relies, to the role of this job.",
    ),
)


@contextmanager
def translated_change(action: str, resource: str) -> Iterator[None]:
    """Do as `translated`, for a request that changes a function or alias.

    Args:
        action: as for `translated`.
        resource: as for `translated`.

    Raises:
        InProgressError: another change is in progress, or what a new function needs is too new.
        RevisionError: it is another revision by now, or exists by now.
        DeployError: Lambda may not pull the image, or has failed to create the function; and as for `translated`.
    """
    try:
        with translated(action, resource):
            yield
    except RefusedError as error:
        if error.code == "ResourceConflictException" and _PASSING.search(error.message):
            raise InProgressError(error.message, error.hint) from error
        if error.code == "ResourceConflictException" and _FAILED.search(error.message):
            raise DeployError(error.message, recreation_hint(resource), topic="creation-failed") from error
        hint = next((hint for words, hint in _TOO_NEW if words in error.message), "")
        if hint and action == "lambda:CreateFunction":
            raise InProgressError(error.message, hint, topic="lambda-cannot-assume-the-role") from error
        if error.code == "PreconditionFailedException" or _exists_by_now(error):
            raise RevisionError(error.message) from error
        if "ECR permissions" in error.message or "access the ECR image" in error.message:
            statement = json.dumps(PULL_STATEMENT)
            raise DeployError(
                error.message,
                f"Add this statement to the policy of the repository:\n{statement}",
                topic="lambda-may-not-pull-the-image",
            ) from error
        raise


def _exists_by_now(error: RefusedError) -> bool:
    return error.code == "ResourceConflictException" and "already exist" in error.message
