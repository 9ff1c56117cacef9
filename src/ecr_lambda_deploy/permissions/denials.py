"""Pure: which policy denies a request, in IAM's own words, and what to do about it."""

import json
import re

from ecr_lambda_deploy.permissions.policies import statement_for

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
