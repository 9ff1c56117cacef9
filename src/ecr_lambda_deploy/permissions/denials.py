"""Pure: which policy denies a request, in IAM's own words, and what to do about it."""

import json
import re
from collections.abc import Mapping

from ecr_lambda_deploy.model.images import registry_owner
from ecr_lambda_deploy.permissions.policies import statement_for
from ecr_lambda_deploy.permissions.table import TABLE, Feature

PUSH_ACTIONS = tuple(need.action for need in TABLE if need.feature is Feature.PUSH)
"""What a push asks IAM for."""

# A request to a registry, in BuildKit's words, which have the status of the answer and not what it says.
_REQUEST = re.compile(
    r"unexpected status from (?P<method>[A-Z]{3,6}) request to https?://(?P<host>[^/\s]{1,255})/v2/"
    r"(?P<repository>[a-z0-9._/-]{1,256}?)/(?P<what>manifests|blobs/uploads|blobs)/\S{0,1000}: 403 Forbidden"
)
# [Amazon ECR User Guide, Required IAM permissions for pushing an image; OCI Distribution Specification, Endpoints]
_OF_REQUEST: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("GET", "manifests"): ("ecr:BatchGetImage",),
    ("HEAD", "manifests"): ("ecr:BatchGetImage",),
    ("PUT", "manifests"): ("ecr:PutImage",),
    ("GET", "blobs"): ("ecr:GetDownloadUrlForLayer",),
    ("HEAD", "blobs"): ("ecr:BatchCheckLayerAvailability",),
    ("POST", "blobs/uploads"): ("ecr:InitiateLayerUpload",),
    ("PATCH", "blobs/uploads"): ("ecr:UploadLayerPart",),
    ("PUT", "blobs/uploads"): ("ecr:UploadLayerPart", "ecr:CompleteLayerUpload"),
}

# [IAM User Guide, Troubleshoot access denied error messages]
_DENIED = re.compile(r"not authorized to perform: (?P<action>[\w-]+:\w+)(?: on resource: (?P<resource>\S+))?")
_USER = re.compile(r"User: arn:[\w-]+:(?:sts::\d*:assumed-role/(?P<role>[^/\s]+)/|iam::\d*:user/(?P<user>\S+))")
_POLICY = re.compile(
    r"(?:(?P<explicit>explicit deny in )(?:an?|the)|because no) (?P<kind>identity-based policy|resource-based policy"
    r"|service control policy|resource control policy|permissions boundary|session policy|VPC endpoint policy"
    r"|role trust policy)\b(?:: (?P<arn>arn:[^\s,]+))?"
)

_ORGANIZATION = "only who administers the AWS organization can change that, not a statement in the role's policies."
_ADVICE = {
    "service control policy": _ORGANIZATION,
    "resource control policy": _ORGANIZATION,
    "permissions boundary": "change the boundary; a statement in another policy of {who} does not help.",
    "session policy": "it is of the session, not of the role: look where the job takes these credentials, such as at "
    "'inline-session-policy' and 'managed-session-policies' of aws-actions/configure-aws-credentials.",
    "VPC endpoint policy": "change it at the endpoint by which this runner reaches AWS, or use a runner elsewhere.",
    "resource-based policy": "it is the policy of {resource} itself: change it there.",
    "role trust policy": "it is the trust policy of {resource}: change it there.",
    "identity-based policy": "change its statement with the effect Deny, or the conditions of that; another statement "
    "that allows it does not help.",
}


def denial_hint(message: str, action: str = "", resource: str = "") -> str:
    """Return what to do about a request that IAM denies.

    Args:
        message: IAM's, or one that quotes it.
        action: that was asked for, such as `lambda:GetFunction`, where the message does not name it.
        resource: of the request, where the message does not name it.
    """
    denied, user, policy = _DENIED.search(message), _USER.search(message), _POLICY.search(message)
    if denied:
        action, resource = denied["action"], denied["resource"] or resource
    who = "the role that this job uses"
    if user:
        who = f"the role {user['role']}" if user["role"] else f"the user {user['user']}"
    if policy and (policy["explicit"] or policy["kind"] != "identity-based policy"):
        effect = "denies" if policy["explicit"] else "does not allow"
        kind = f"{policy['kind']} {policy['arn']}" if policy["arn"] else policy["kind"]
        article = "An" if kind[0] in "aeiou" else "A"
        advice = _ADVICE[policy["kind"]].format(who=who, resource=resource)
        return f"{article} {kind} {effect} {who} the action {action}: {advice}"
    statement = json.dumps(statement_for(action, resource))
    key = "\nThe key's own policy must allow it too, or leave it to IAM's policies." if action[:4] == "kms:" else ""
    return f"Allow it in a policy of {who}:\n{statement}{key}"


def refused_request_hint(message: str) -> str:
    """Return what to do about a request that ECR's registry refuses with 403; empty if the message names none.

    Args:
        message: of BuildKit, with method and address of the request.
    """
    request = _REQUEST.search(message)
    actions = _OF_REQUEST.get((request["method"], request["what"])) if request else None
    if request is None or actions is None:
        return ""
    owner = registry_owner(request["host"])
    where = f"{owner.region}:{owner.account}" if owner else "*:*"
    statement = {
        "Effect": "Allow",
        "Action": actions[0] if len(actions) == 1 else list(actions),
        "Resource": f"arn:*:ecr:{where}:repository/{request['repository']}",
    }
    return (
        f"Allow it in a policy of the role that this job uses:\n{json.dumps(statement)}\n"
        "A repository of another account must allow it in its own policy, too."
    )
