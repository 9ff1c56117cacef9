"""Parameters of AWS Systems Manager, which ministack takes under any name and lets change their type."""

import re

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule

_NAME = re.compile(r"[A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+)+")
_NO_NAME = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 "
    "symbols .-_"
)
_MOST_LEVELS, _LONGEST, _MOST_VERSIONS = 15, 1011, 100


async def _name_is_one(request: Request) -> None:
    name = request.operation.parameters.get("Name", "")
    if name.count("/") > _MOST_LEVELS:
        text = "A hierarchy can have a maximum of 15 levels."
        raise ApiError("HierarchyLevelLimitExceededException", text)
    if not name.startswith("arn:") and not _NAME.fullmatch(name):
        raise ApiError("ValidationException", _NO_NAME)
    arn = f"arn:aws:ssm:{request.scope.region}:{request.scope.account}:parameter/"
    if len(arn) + len(name) > _LONGEST:
        text = f"1 validation error detected: Member must have length less than or equal to {_LONGEST - len(arn)}"
        raise ApiError("ValidationException", text)


async def _type_stays(request: Request) -> None:
    parameters = request.operation.parameters
    found = await request.state.upstream.ssm(request.scope, "GetParameter", Name=parameters["Name"])
    there = found.json()["Parameter"]["Type"] if found.ok else None
    if there is not None and parameters.get("Type", there) != there:
        text = f"The parameter {parameters['Name']} has the type {there}, which cannot be changed."
        raise ApiError("HierarchyTypeMismatchException", text)


async def _labelled_version_stays(request: Request) -> None:
    name = request.operation.parameters["Name"]
    found = await request.state.upstream.ssm(request.scope, "GetParameterHistory", Name=name, MaxResults=10_000)
    versions = found.json()["Parameters"][-_MOST_VERSIONS:] if found.ok else []
    if len(versions) == _MOST_VERSIONS and versions[0].get("Labels"):
        raise ApiError(
            "ParameterMaxVersionLimitExceeded",
            f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. "
            f"Version {versions[0]['Version']}, the oldest version, can't be deleted because it has a label associated "
            "with it. Move the label to another version of the parameter, and try again.",
        )


async def _missing(request: Request) -> web.Response:
    answer = await request.forward()
    if not answer.ok and answer.json()["__type"].endswith("ParameterNotFound"):
        raise ApiError("ParameterNotFound", "")
    return answer.response()


_PUT, _GET = "ssm:PutParameter", "ssm:GetParameter"
_API = "AWS Systems Manager API Reference, PutParameter, "

RULES = (
    Rule((_PUT, _GET), _name_is_one, "aws-sdk-php#1952, localstack#11538; " + _API + "Name"),
    Rule((_PUT,), _type_stays, _API + "HierarchyTypeMismatchException; the words: no source: assumption"),
    Rule((_PUT,), _labelled_version_stays, _API + "ParameterMaxVersionLimitExceeded"),
    Rule((_GET,), _missing, "aws-simple-cicd#10, aws-sdk-js#4330"),
)
