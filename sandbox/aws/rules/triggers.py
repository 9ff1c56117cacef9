"""URLs and resource policies of AWS Lambda functions."""

import json
from typing import Any

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.functions import function_of, target

_NOT_THERE = "The resource you requested does not exist."


async def _get_policy(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    if function is None or not (answer.ok or answer.status == web.HTTPNotFound.status_code):
        return answer.response()
    qualifier = target(request)[1]
    resource = f"{function.arn}:{qualifier}" if qualifier else function.arn
    policy: dict[str, Any] = json.loads(answer.json()["Policy"]) if answer.ok else {"Statement": []}
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Resource"] == resource]
    if not policy["Statement"]:
        raise ApiError("ResourceNotFoundException", _NOT_THERE, 404)
    return answer.response(answer.json() | {"Policy": json.dumps(policy)})


async def _url_config(request: Request) -> web.Response:
    answer, function = await request.forward(), function_of(request)
    if answer.status == web.HTTPNotFound.status_code and function is not None:
        raise ApiError("ResourceNotFoundException", _NOT_THERE, 404)
    qualifier = target(request)[1]
    if function is None or not answer.ok or not qualifier:
        return answer.response()
    return answer.response(answer.json() | {"FunctionArn": f"{function.arn}:{qualifier}"})


_URL = ("lambda:GetFunctionUrlConfig", "lambda:CreateFunctionUrlConfig", "lambda:UpdateFunctionUrlConfig")

RULES = (
    Rule(("lambda:GetPolicy",), _get_policy, "moto#7475, aws-toolkit-vscode#418, floci-io/floci#2129"),
    Rule(_URL, _url_config, "prowler#1732; AWS Lambda API Reference, GetFunctionUrlConfig"),
)
