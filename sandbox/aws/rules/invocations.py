"""Invocations of AWS Lambda: which version runs, and how its log ends."""

import base64
import random
import re
from typing import Any
from urllib.parse import quote

from aiohttp import web

from sandbox.aws.rule import Request, Rule
from sandbox.aws.rules.aliases import get_alias
from sandbox.aws.rules.functions import function_of, not_active, target
from sandbox.aws.rules.managed_instances import LATEST_PUBLISHED
from sandbox.aws.rules.metrics import count_invocations
from sandbox.aws.state import Version
from sandbox.aws.upstream import Answer

_LONGEST_LOG = 4096
_START = re.compile(r"START RequestId: (\S+)")
_TIMED_OUT = re.compile(r"Task timed out after [\d.]+ seconds")


async def _invoke(request: Request) -> web.Response | None:
    function = function_of(request)
    name, qualifier = target(request)
    if function is None:
        return None
    number = qualifier or (LATEST_PUBLISHED if function.capacity_provider else "$LATEST")
    weights: dict[str, float] = {}
    if number not in function.versions:
        alias = await get_alias(request, number)
        if alias is None:
            return None
        number, weights = _routed(alias), _weights(alias)
    version, executed_version = function.versions.get(number), number if weights else ""
    is_run = request.operation.parameters.get("InvocationType") != "DryRun"
    if version is not None and is_run:
        _check_active(request, version)
    if number == LATEST_PUBLISHED:
        number = function.latest_published
    path = f"/2015-03-31/functions/{name}/invocations?Qualifier={quote(number)}"
    headers = {key: value for key, value in request.http.headers.items() if key.lower().startswith("x-amz-")}
    answer = await request.state.upstream.call(
        request.scope, "lambda", "POST", path, headers=headers, body=request.body
    )
    if is_run and answer.ok:
        count_invocations(
            request.state,
            request.scope,
            name,
            qualifier=qualifier or "",
            executed_version=executed_version,
            errors=int("X-Amz-Function-Error" in answer.headers),
        )
    return _with_whole_log(answer).response()


def _check_active(request: Request, version: Version) -> None:
    if (state := version.state) == "Active":
        return
    if state == "Inactive":
        version.state, version.state_reason = "Pending", None
        request.state.later(version.activate)
    raise not_active(state)


def _routed(alias: dict[str, Any]) -> str:
    drawn = random.random()  # noqa: S311 -- traffic, not secrets
    for version, weight in _weights(alias).items():
        drawn -= weight
        if drawn < 0:
            return str(version)
    return str(alias["FunctionVersion"])


def _weights(alias: dict[str, Any]) -> dict[str, float]:
    weights: dict[str, float] = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return weights


def _with_whole_log(answer: Answer) -> Answer:
    """Return the answer with a log that ends as Lambda's does: ministack stops reading when a function times out."""
    if "X-Amz-Log-Result" not in answer.headers:
        return answer
    log = base64.b64decode(answer.headers["X-Amz-Log-Result"]).decode(errors="replace")
    started = _START.search(log)
    if started is None:  # cut off
        return answer
    request_id, lines = started[1], [log.rstrip("\n")]
    if timed_out := _TIMED_OUT.search(answer.body.decode(errors="replace")):
        lines.append(f"{request_id} {timed_out[0]}\n")
    lines += [f"{kind} RequestId: {request_id}" for kind in ("END", "REPORT") if f"{kind} RequestId: " not in log]
    answer.headers["X-Amz-Log-Result"] = base64.b64encode("\n".join(lines).encode()[-_LONGEST_LOG:]).decode()
    return answer


_SOURCE = (
    "AWS Lambda Developer Guide, Lambda function states; AWS Lambda API Reference, Invoke, AliasRoutingConfiguration"
)

RULES = (Rule(("lambda:Invoke",), _invoke, _SOURCE),)
