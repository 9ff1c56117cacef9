"""AWS's limits on calls a second; a call above its limit is refused."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.aws.api_errors import ApiError
from sandbox.aws.operations import Operation
from sandbox.aws.rules.registry import IAM_ACTIONS
from sandbox.aws.upstream import Scope

_SECOND = 1.0


@dataclass(frozen=True, slots=True)
class Limit:
    """The number of calls of a kind that an account may make in a Region within any second."""

    name: str
    calls: int


# AWS Lambda Developer Guide, Lambda quotas, API requests: none of them can be increased.
GET_FUNCTION = Limit("lambda:GetFunction", 100)
GET_POLICY = Limit("lambda:GetPolicy", 15)
CONTROL_PLANE = Limit("lambda:*", 15)
# Amazon ECR User Guide, Amazon ECR service quotas.
PUT_IMAGE = Limit("ecr:PutImage", 10)
BATCH_GET_IMAGE = Limit("ecr:BatchGetImage", 2000)
# AWS General Reference, AWS Systems Manager endpoints and quotas; terraform-aws-github-runner#2944.
GET_PARAMETER = Limit("ssm:GetParameter", 40)
PUT_PARAMETER = Limit("ssm:PutParameter", 3)

_SEPARATE = {
    limit.name: limit for limit in (GET_FUNCTION, GET_POLICY, PUT_IMAGE, BATCH_GET_IMAGE, GET_PARAMETER, PUT_PARAMETER)
}


def limit_of(service: str, action: str) -> Limit | None:
    """Return the limit that a call counts against; None if it has none. Service and action are named as in `Call`."""
    if service == "registry":  # a push ends in PutImage, a pull begins with BatchGetImage
        return _SEPARATE.get(IAM_ACTIONS.get(action.removeprefix("registry:"), ""))
    if service == "lambda" and not action.startswith("Invoke"):
        return _SEPARATE.get(f"lambda:{action}", CONTROL_PLANE)
    return _SEPARATE.get(f"{service}:{action}")


@dataclass(slots=True)
class Rates:
    """The calls of the last second, by account, Region and limit.

    Attributes:
        are_limited: Whether calls above a limit are refused.
        now: The time in seconds.
    """

    are_limited: bool = False
    now: Callable[[], float] = time.monotonic
    _taken: dict[tuple[Scope, Limit], deque[float]] = field(default_factory=dict)

    def refusal(self, operation: Operation, scope: Scope) -> ApiError | None:
        """Return the error for a call above its limit; None for one within it, which is counted.

        Args:
            operation: The operation that is called.
            scope: The caller's account and Region.
        """
        limit = limit_of(operation.service, operation.action) if self.are_limited else None
        if limit is None:
            return None
        now, taken = self.now(), self._taken.setdefault((scope, limit), deque())
        while taken and now - taken[0] >= _SECOND:
            taken.popleft()
        if len(taken) >= limit.calls:
            return _rate_exceeded(operation.service)
        taken.append(now)
        return None


def _rate_exceeded(service: str) -> ApiError:
    """Return the error as a service words it (fyoorer/ShadowClone#46, concourse/docker-image-resource#115)."""
    if service in {"ecr", "ssm"}:  # aws-ssm-cli#503
        return ApiError("ThrottlingException", "Rate exceeded")
    if service == "registry":  # containerd#10447
        return ApiError("TOOMANYREQUESTS", "Rate exceeded", 429)
    members = {"Reason": "CallerRateLimitExceeded", "Type": "User"}
    return ApiError("TooManyRequestsException", "Rate exceeded", 429, members)
