"""The roles whose policies are documented, each with the features that it is for."""

from dataclasses import dataclass

from ecr_lambda_deploy.permissions.policies import Names, Policy, grants, policy_of
from ecr_lambda_deploy.permissions.table import Feature


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role, as an example.

    Attributes:
        title: a heading, and a column of the matrix.
        features: what it is for.
        names: of what it may use.
    """

    title: str
    features: tuple[Feature, ...]
    names: Names

    def policy(self, *, has_optional: bool = True) -> Policy:
        """Return the role's policy."""
        return policy_of(grants(self.features, self.names), has_optional=has_optional)


_REGION, _ACCOUNT, _SOURCE_ACCOUNT = "ap-northeast-2", "123456789012", "210987654321"
_ONE = Names(
    region=_REGION,
    account=_ACCOUNT,
    functions=("orders-api",),
    repositories=("orders-api",),
    execution_roles=("orders-api",),
    parameters=("shop/orders/image",),
)

_IMAGE = (Feature.REGISTRY, Feature.IMAGE, Feature.EXISTING_IMAGE)
_BUILD = (*_IMAGE, Feature.PUSH, Feature.TAG, Feature.CACHE, Feature.USED_REPOSITORY)
_READ = (Feature.FUNCTION, Feature.VERSIONS)
_RELEASE = (
    *_READ,
    Feature.CODE,
    Feature.PUBLISH,
    *_BUILD,
    Feature.CHANGED_REPOSITORY,
)
_ALIAS = (Feature.ALIAS, Feature.ALIAS_URL)
_MOVE = (*_ALIAS, Feature.MOVED_ALIAS, Feature.SMOKE_TEST, Feature.WRITTEN_PARAMETER)
_DEPLOY_BY_ALIAS = (
    *_RELEASE,
    *_MOVE,
    Feature.PARAMETER,
    Feature.NEW_ALIAS,
    Feature.FIRST_RELEASE_BY_ALIAS,
    Feature.ALARMS,
    Feature.ERROR_RATES,
)

BUILD = Role(title="Build", features=_BUILD, names=_ONE)
PLAN = Role(title="Plan", features=(*_READ, *_ALIAS, *_IMAGE, Feature.PARAMETER), names=_ONE)
DEPLOY = Role(title="Deploy", features=(*_RELEASE, Feature.URL), names=_ONE)
DEPLOY_BY_ALIAS = Role(title="Deploy by alias", features=_DEPLOY_BY_ALIAS, names=_ONE)
CREATE = Role(
    title="Create",
    features=(*_DEPLOY_BY_ALIAS, Feature.CREATED_FUNCTION, Feature.FUNCTION_TAGS, Feature.CREATED_REPOSITORY),
    names=_ONE,
)
ROLL_BACK = Role(
    title="Roll back",
    features=(*_READ, Feature.CODE, *_MOVE, Feature.ROLLBACK, Feature.PARAMETER_OF_ROLLBACK),
    names=_ONE,
)
PROMOTION_SOURCE = Role(
    title="Promotion: source",
    features=(Feature.REGISTRY, Feature.PROMOTED_VERSION, Feature.SOURCE_IMAGE),
    names=Names(
        region=_REGION,
        account=_SOURCE_ACCOUNT,
        source_functions=("orders-api",),
        source_repositories=("orders-api",),
    ),
)
PROMOTION_TARGET = Role(
    title="Promotion: target",
    features=(
        *_READ,
        Feature.URL,
        Feature.CODE,
        Feature.PUBLISH,
        *_IMAGE,
        Feature.PUSH,
        Feature.USED_REPOSITORY,
        Feature.CHANGED_REPOSITORY,
    ),
    names=_ONE,
)
MANY = Role(
    title="Many functions",
    features=_DEPLOY_BY_ALIAS,
    names=Names(
        region=_REGION,
        account=_ACCOUNT,
        functions=("shop-*-prod",),
        repositories=("shop/*",),
        parameters=("shop/*",),
    ),
)

ROLES = (
    BUILD,
    PLAN,
    DEPLOY,
    DEPLOY_BY_ALIAS,
    CREATE,
    ROLL_BACK,
    PROMOTION_SOURCE,
    PROMOTION_TARGET,
    MANY,
)
"""All of them, in the order of the page."""

SUBJECT = "repo:octo-org/orders:ref:refs/heads/main"
"""Of the jobs of one branch of one repository, as an example."""
