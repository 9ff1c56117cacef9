"""The call log, and faults that happen to calls."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from aiohttp import web

from sandbox.aws.api_errors import ApiError

# API References of AWS Lambda, Amazon ECR, AWS STS and Amazon CloudWatch, common errors; OCI Distribution
# Specification, error codes.
_THROTTLING = {
    "lambda": "TooManyRequestsException",
    "ecr": "ThrottlingException",
    "sts": "Throttling",
    "monitoring": "Throttling",
    "registry": "TOOMANYREQUESTS",
}
_REFUSED = web.HTTPBadRequest.status_code
_INTERNAL = {"lambda": "ServiceException", "ecr": "ServerException", "sts": "InternalFailure", "registry": "UNKNOWN"}


@dataclass(slots=True, kw_only=True)
class Call:
    """One request to this AWS, in the order of arrival; `status` is 0 until it is answered.

    Attributes:
        service: `lambda`, `ecr`, `sts`, `registry`, ... as in the request's signature.
        action: `UpdateFunctionCode`; for the registry with its service, `registry:PutManifest`.
        parameters: The parameters, by their names in the API.
        changing: False for reads.
        access_key: The caller's access key; empty without credentials, and for pulls by ministack's engine.
        is_throttled: Whether it exceeded a limit of `limit_rates` and was refused.
        at: Time of arrival, in seconds of `time.monotonic`.
        ended: Time of the answer; 0 until then.
    """

    service: str
    action: str
    parameters: dict[str, Any]
    changing: bool
    access_key: str = ""
    status: int = 0
    is_throttled: bool = False
    at: float = field(default_factory=time.monotonic)
    ended: float = 0.0


def calls_in_series(calls: Iterable[Call]) -> list[Call]:
    """Return the longest series of calls each of which began only after the one before had ended.

    Over a network a run takes at least as many round trips. Which calls overlap depends on chance, unless each call
    takes longer than what happens between calls: see `Aws.calls_taking`.
    """
    series = list[Call]()
    for call in sorted(calls, key=lambda call: call.ended):
        if call.ended and (not series or call.at >= series[-1].ended):
            series.append(call)
    return series


def without_waiting(calls: Iterable[Call]) -> list[Call]:
    """Return the calls without reads that were made once more: how many these are depends on Lambda."""
    made = [*calls]
    reads = [call for call in made if call.service == "lambda"]
    again = {id(one) for one, following in pairwise(reads) if _is_same_read(one, following)}
    return [call for call in made if id(call) not in again]


def _is_same_read(one: Call, other: Call) -> bool:
    return one.action == other.action == "GetFunction" and one.parameters == other.parameters and other.at >= one.ended


def until_served(calls: Iterable[Call]) -> list[Call]:
    """Return the calls of a release until what is deployed serves; all calls of a run that changes no function.

    What the registry is asked beside the release or after it, such as for a build's cache, is left out.
    """
    made = [*calls]
    changes = [call for call in made if call.service == "lambda" and call.changing and call.status < _REFUSED]
    if not changes:
        return made
    begun, served = min(call.at for call in changes), max(call.ended for call in changes)
    return [call for call in made if call.ended <= (begun if call.service == "registry" else served)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the next `times` calls of an action instead of, or with `delay` before, their answer.

    Attributes:
        action: As in `Call.action`, or with its service, `lambda:UpdateFunctionCode`.
        times: Number of calls.
        status: Answer with this HTTP status (429, 500, ...) and the service's error for it.
        code: Answer with this error instead of the one for the status; the status is then 400, unless it is given.
        text: That error's message.
        reset: Reset the connection.
        delay: Seconds to wait first.
    """

    action: str
    times: int = 1
    status: int | None = None
    code: str = ""
    text: str = ""
    reset: bool = False
    delay: float = 0.0


def fault_error(service: str, fault: Fault) -> ApiError | None:
    """Return the error that a service answers for a fault; None if the call continues."""
    status = fault.status or web.HTTPBadRequest.status_code
    if fault.code:
        return ApiError(fault.code, fault.text, status)
    if fault.status is None:
        return None
    if status == web.HTTPTooManyRequests.status_code:
        return ApiError(_THROTTLING.get(service, "ThrottlingException"), "Rate exceeded", status)
    return ApiError(_INTERNAL.get(service, "InternalFailure"), "An internal error occurred.", status)
