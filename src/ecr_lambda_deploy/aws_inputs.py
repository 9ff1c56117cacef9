"""The inputs that say where in AWS a run works, and as whom."""

import re

from ecr_lambda_deploy.input_reader import InputReader
from ecr_lambda_deploy.wanted import RoleToAssume

_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")


def read_region(reader: InputReader) -> str:
    """Read the Region, by default the environment's."""
    region = reader.matching("aws-region", _REGION, "an AWS Region such as eu-west-1")
    region = region or reader.environment.get("AWS_REGION") or reader.environment.get("AWS_DEFAULT_REGION") or ""
    if not region:
        reader.problem("aws-region", "is required where the environment has no AWS_REGION.")
    return region


def read_role(reader: InputReader) -> RoleToAssume | None:
    """Read the role to take; None to use the environment's credentials."""
    arn = reader.matching("role-to-assume", _ROLE_ARN, "a role's ARN such as arn:aws:iam::123456789012:role/deploy")
    role = RoleToAssume(
        arn=arn,
        is_chained=reader.flag("role-chaining"),
        session_name=reader.matching("role-session-name", _SESSION_NAME, "2 to 64 letters, digits and +=,.@-_"),
        # From 15 minutes to 12 hours [AssumeRole, DurationSeconds].
        duration_seconds=reader.seconds("role-duration-seconds", least=900, most=43200),
    )
    if arn:
        return role
    if role.is_chained:
        reader.problem("role-chaining", "needs 'role-to-assume', the role to take.")
    return None
