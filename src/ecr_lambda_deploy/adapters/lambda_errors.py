"""What Lambda refuses for a reason that passes, or that a caller decides on."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ecr_lambda_deploy.adapters.aws_errors import RefusedError
from ecr_lambda_deploy.errors import DeployError, InProgressError, RevisionError

_PULL_STATEMENT = (
    '{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, '
    '"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}'
)

# "An update is in progress", or "currently in the following state: Pending" [Lambda developer guide, function states].
_PASSING = re.compile(r"in progress|state: '?Pending")


@contextmanager
def told_apart() -> Iterator[None]:
    """Tell what passes, what somebody else has changed, and a missing pull permission from other refusals.

    Raises:
        InProgressError: another change is in progress, or a role is too new to be assumed [CreateFunction].
        RevisionError: it is another revision by now, or exists by now.
        DeployError: Lambda may not pull the image.
        RefusedError: everything else.
    """
    try:
        yield
    except RefusedError as error:
        if error.code == "ResourceConflictException" and _PASSING.search(error.message):
            raise InProgressError(error.message, error.hint) from error
        if "cannot be assumed by Lambda" in error.message:
            raise InProgressError(
                error.message,
                "Let the role's trust policy allow sts:AssumeRole to lambda.amazonaws.com. A new role takes a while.",
            ) from error
        if error.code == "PreconditionFailedException" or _exists_by_now(error):
            raise RevisionError(error.message) from error
        if "ECR permissions" in error.message or "access the ECR image" in error.message:
            raise DeployError(
                error.message, f"Add this statement to the policy of the repository:\n{_PULL_STATEMENT}"
            ) from error
        raise


def _exists_by_now(error: RefusedError) -> bool:
    return error.code == "ResourceConflictException" and "already exist" in error.message
