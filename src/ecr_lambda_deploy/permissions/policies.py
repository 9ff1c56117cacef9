"""Pure: policy documents, made of the table for features and names; and the trust policy of a role."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ecr_lambda_deploy.permissions.table import TABLE, Feature, Resource

LARGEST = 6144
"""Characters of a managed policy, without white space [IAM User Guide, IAM and AWS STS quotas]."""

Policy = Mapping[str, object]
"""A policy document, as JSON has it."""

_VERSION = "2012-10-17"
# A role may be handed to Lambda alone [Service Authorization Reference, AWS Lambda, CreateFunction].
_CONDITIONS: Mapping[str, Policy] = {"iam:PassRole": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What the resources of policies are called; each may be a pattern with `*`.

    Attributes:
        region: AWS Region of functions and repositories.
        account: their account, 12 digits.
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        functions: names of functions.
        repositories: names of ECR repositories.
        execution_roles: names of the roles that functions are created with, with their paths.
        capacity_providers: names of capacity providers of managed instances.
        source_region: of what is promoted or copied from; empty for `region`.
        source_account: of that; empty for `account`.
        source_functions: names of functions that are promoted from.
        source_repositories: names of repositories that images are copied from.
        base_repositories: names of repositories of base images.
        parameters: names of Systems Manager parameters, without a slash at the beginning.
        roles: names of roles that are assumed with the environment's credentials.
    """

    region: str
    account: str
    partition: str = "aws"
    functions: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    execution_roles: tuple[str, ...] = ()
    capacity_providers: tuple[str, ...] = ()
    source_region: str = ""
    source_account: str = ""
    source_functions: tuple[str, ...] = ()
    source_repositories: tuple[str, ...] = ()
    base_repositories: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()

    def of(self, resource: Resource) -> Iterator[str]:
        """Yield the ARNs of a resource; none if no name is known."""
        several = {
            "function": self.functions,
            "repository": self.repositories,
            "execution_role": self.execution_roles,
            "capacity_provider": self.capacity_providers,
            "source_function": self.source_functions,
            "source_repository": self.source_repositories,
            "base_repository": self.base_repositories,
            "parameter": self.parameters,
            "role": self.roles,
        }
        used = {name: names for name, names in several.items() if f"{{{name}}}" in resource}
        for chosen in product(*used.values()):
            yield resource.format(
                partition=self.partition,
                region=self.region,
                account=self.account,
                source_region=self.source_region or self.region,
                source_account=self.source_account or self.account,
                **dict(zip(used, chosen, strict=True)),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An action that is allowed on a resource.

    Attributes:
        action: such as `lambda:GetFunction`.
        arn: of the resource, or `*`.
        kind: of the resource.
        is_optional: whether a run succeeds without it.
    """

    action: str
    arn: str
    kind: Resource
    is_optional: bool


def grants(features: Iterable[Feature], names: Names) -> Iterator[Grant]:
    """Yield what features need."""
    wanted = {*features}
    for need in TABLE:
        if need.feature in wanted:
            for arn in names.of(need.resource):
                yield Grant(action=need.action, arn=arn, kind=need.resource, is_optional=need.is_optional)


def policy_of(granted: Iterable[Grant], *, has_optional: bool = True) -> Policy:
    """Return the policy that allows so much and nothing else; what is optional has statements of its own.

    Args:
        granted: in any order, more than once too.
        has_optional: whether what is optional is allowed as well.
    """
    required, optional = dict[str, set[str]](), dict[str, set[str]]()
    kinds = dict[str, Resource]()
    for grant in granted:
        (optional if grant.is_optional else required).setdefault(grant.arn, set()).add(grant.action)
        kinds.setdefault(grant.arn, grant.kind)
    optional = {arn: actions - required.get(arn, set()) for arn, actions in optional.items()}
    statements = [
        *_statements(required, kinds, ""),
        *(_statements(optional, kinds, "Optional") if has_optional else ()),
    ]
    return {"Version": _VERSION, "Statement": statements}


def _statements(allowed: Mapping[str, set[str]], kinds: Mapping[str, Resource], prefix: str) -> Iterator[Policy]:
    """Yield a statement for all resources on which the same is allowed."""
    alike = dict[tuple[str, ...], list[str]]()
    order = list(Resource)
    for arn in sorted(allowed, key=lambda arn: (order.index(kinds[arn]), arn)):
        conditional = sorted(allowed[arn] & _CONDITIONS.keys())
        for actions in (tuple(sorted(allowed[arn] - _CONDITIONS.keys())), *((action,) for action in conditional)):
            if actions:
                alike.setdefault(actions, []).append(arn)
    times = dict[str, int]()
    for actions, arns in alike.items():
        title = prefix + _TITLES[kinds[arns[0]]]
        times[title] = times.get(title, 0) + 1
        condition = {"Condition": _CONDITIONS[actions[0]]} if actions[0] in _CONDITIONS else {}
        yield {
            "Sid": title + (str(times[title]) if times[title] > 1 else ""),
            "Effect": "Allow",
            "Action": _one_or_all(actions),
            "Resource": _one_or_all(arns),
            **condition,
        }


_TITLES: Mapping[Resource, str] = {
    Resource.ANY: "Account",
    Resource.FUNCTION: "Functions",
    Resource.VERSIONS: "Versions",
    Resource.EXECUTION_ROLE: "ExecutionRoles",
    Resource.CAPACITY_PROVIDER: "CapacityProviders",
    Resource.REPOSITORY: "Repositories",
    Resource.SOURCE_FUNCTION: "SourceFunctions",
    Resource.SOURCE_VERSIONS: "SourceVersions",
    Resource.SOURCE_REPOSITORY: "SourceRepositories",
    Resource.BASE_REPOSITORY: "BaseRepositories",
    Resource.PARAMETER: "Parameters",
    Resource.ROLE: "Roles",
}


def _one_or_all(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def statement_for(action: str, named: str) -> Policy:
    """Return the statement that allows an action which was refused, as wide as the table has it and no wider.

    Args:
        action: such as `lambda:GetFunction`; one that is not in the table is allowed on what is named.
        named: what it was refused on: an ARN or, where IAM names none, the name of a function, with `:` and a qualifier
            if it has one, of a repository or of a parameter.
    """
    kinds = {need.resource for need in TABLE if need.action == action}
    resource = named
    if kinds and kinds <= {Resource.ANY}:
        resource = "*"
    elif kinds & {Resource.FUNCTION, Resource.VERSIONS}:
        start = named if named.startswith("arn:") else f"arn:*:lambda:*:*:function:{named}"
        parts = start.split(":")
        is_qualified = len(parts) > _PARTS_OF_FUNCTION and Resource.VERSIONS in kinds
        resource = ":".join([*parts[:_PARTS_OF_FUNCTION], *(["*"] if is_qualified else [])])
    elif Resource.REPOSITORY in kinds and not named.startswith("arn:"):
        resource = f"arn:*:ecr:*:*:repository/{named}"
    elif Resource.PARAMETER in kinds and not named.startswith("arn:"):
        resource = f"arn:*:ssm:*:*:parameter/{named.removeprefix('/')}"
    condition = {"Condition": _CONDITIONS[action]} if action in _CONDITIONS else {}
    return {"Effect": "Allow", "Action": action, "Resource": resource, **condition}


_PARTS_OF_FUNCTION = len(["arn", "aws", "lambda", "region", "account", "function", "name"])


def size(policy: Policy) -> int:
    """Return a policy's characters as IAM counts them: without white space."""
    return len(json.dumps(policy, separators=(",", ":")))


def trust_statement(*, provider_arn: str, audience: str, subject: str) -> Policy:
    """Return the statement of a role's trust policy that lets the jobs of a subject take the role.

    Args:
        provider_arn: of the account's OIDC provider, `arn:…:oidc-provider/HOST`.
        audience: of the job's token.
        subject: of the job's token, such as `repo:octo-org/orders:ref:refs/heads/main`.
    """
    provider = provider_arn.partition(":oidc-provider/")[2]
    return {
        "Effect": "Allow",
        "Principal": {"Federated": provider_arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": {f"{provider}:aud": audience, f"{provider}:sub": subject}},
    }
