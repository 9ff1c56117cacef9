"""Runs of the action, by the features that they use, each with a role that may do what those need."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from ecr_lambda_deploy.permissions.policies import Grant, Names, grants, policy_of
from ecr_lambda_deploy.permissions.table import Feature, Resource
from sandbox.aws import Aws
from sandbox.aws.tiny_images import push_tiny_image
from sandbox.sandbox import create_function

REPOSITORY = "permissions/orders"
COMMIT = "c0ffee" + "0" * 34
PROVIDER = "arn:aws:lambda:ap-northeast-2:123456789012:capacity-provider:permissions"
READ = (Feature.FUNCTION, Feature.VERSIONS, Feature.URL)
READ_BY_ALIAS = (Feature.FUNCTION, Feature.ALIAS, Feature.ALIAS_URL)
IMAGE = (Feature.REGISTRY, Feature.IMAGE, Feature.EXISTING_IMAGE)
NEW_IMAGE = (*IMAGE, Feature.TAG, Feature.USED_REPOSITORY)
RELEASE = (Feature.CODE, Feature.PUBLISH, *NEW_IMAGE)
ALARM = "permissions-quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run of the action with a role of its own.

    Attributes:
        aws: the account.
        name: of the role, and of the function.
        names: of what the role's policy is about.
        image: that nobody else has, in the repository of `names`.
    """

    aws: Aws
    name: str
    names: Names
    image: str

    def with_policy(self, granted: list[Grant]) -> dict[str, str]:
        """Give the role a policy, and return the environment of a job that has its credentials."""
        self.aws.put_role_policy(self.name, dict(policy_of(granted)))
        return self.aws.environment(self.name)

    def role_arn(self) -> str:
        return f"arn:aws:iam::{self.aws.account}:role/{self.name}"


def _exists(run: Run, other: str) -> None:
    run.aws.create_functions([run.name], other)


def _exists_by_alias(run: Run, other: str) -> None:
    run.aws.create_functions([run.name], other, alias="live")


def _is_missing(_: Run, __: str) -> None:
    """Nothing is prepared."""


def _was_released(run: Run, other: str) -> None:
    """Version 1 has another image than version 2, which serves; the commit of version 1 is recorded."""
    create_function(run.aws, run.name, other)
    client = run.aws.client("lambda")
    client.publish_version(FunctionName=run.name, Description=f"run=7/1 repository=octocat/orders commit={COMMIT}")
    client.create_alias(FunctionName=run.name, Name="live", FunctionVersion="1")
    fresh = push_tiny_image(run.aws, REPOSITORY, f"{run.name} is newer")
    client.update_function_code(FunctionName=run.name, ImageUri=fresh)
    client.get_waiter("function_updated_v2").wait(FunctionName=run.name, WaiterConfig={"Delay": 0.05})
    client.publish_version(FunctionName=run.name)
    client.update_alias(FunctionName=run.name, Name="live", FunctionVersion="2")


def _tag_of(run: Run) -> str:
    return sha256(run.name.encode()).hexdigest()[:40]


def _has_a_commit_s_tag(run: Run, other: str) -> None:
    """The run's image has the tag of a commit that no version records."""
    _was_released(run, other)
    ecr = run.aws.client("ecr")
    which = {"repositoryName": REPOSITORY, "imageIds": [{"imageDigest": run.image.partition("@")[2]}]}
    (found,) = ecr.batch_get_image(**which)["images"]
    ecr.put_image(repositoryName=REPOSITORY, imageManifest=found["imageManifest"], imageTag=_tag_of(run))


def _another_serves_its_image(run: Run, other: str) -> None:
    run.aws.create_functions([run.name], other)
    run.aws.create_functions([f"{run.name}-dev"], run.image, alias="live")


def deploys(run: Run) -> dict[str, str]:
    return {"function-name": run.name, "image-uri": run.image}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A run that needs exactly what its features need.

    Attributes:
        features: all that it uses.
        inputs: of the step.
        prepare: makes what is there before; called with an image that functions may have.
        removed: the features whose needs are taken away one by one; another scenario has those of the others.
    """

    features: tuple[Feature, ...]
    inputs: Callable[[Run], Mapping[str, str]]
    prepare: Callable[[Run, str], None] = _exists
    removed: tuple[Feature, ...] = field(default=())


SCENARIOS = {
    "deploy": Scenario(
        features=(*READ, *RELEASE),
        inputs=deploys,
        removed=(*READ, *RELEASE),
    ),
    "deploy without a version": Scenario(
        features=(*READ, Feature.CODE, *NEW_IMAGE),
        inputs=lambda run: {**deploys(run), "publish": "false"},
    ),
    "the first release by an alias": Scenario(
        features=(
            *(*READ_BY_ALIAS, Feature.VERSIONS, Feature.NEW_ALIAS, Feature.FIRST_RELEASE_BY_ALIAS),
            *RELEASE,
        ),
        inputs=lambda run: {**deploys(run), "alias": "live"},
        removed=(Feature.ALIAS, Feature.VERSIONS, Feature.NEW_ALIAS),
    ),
    "a canary": Scenario(
        features=(
            *(*READ_BY_ALIAS, Feature.MOVED_ALIAS, Feature.FIRST_RELEASE_BY_ALIAS),
            *(Feature.ALARMS, Feature.ERROR_RATES, Feature.PARAMETER, Feature.WRITTEN_PARAMETER),
            *RELEASE,
        ),
        inputs=lambda run: {
            **deploys(run),
            "alias": "live",
            "traffic": "50% 1s",
            "alarms": ALARM,
            "max-error-rate": "50%",
            "ssm-parameter": f"/permissions/{run.name}",
        },
        prepare=_exists_by_alias,
        removed=(
            *(Feature.ALIAS, Feature.MOVED_ALIAS, Feature.ALARMS, Feature.ERROR_RATES),
            *(Feature.PARAMETER, Feature.WRITTEN_PARAMETER),
        ),
    ),
    "create a function on managed instances": Scenario(
        features=(
            *(*READ, Feature.CREATED_FUNCTION, Feature.FUNCTION_TAGS, Feature.MANAGED_INSTANCES),
            *(Feature.PUBLISH, Feature.ON_MANAGED_INSTANCES, Feature.CHANGED_REPOSITORY),
            *NEW_IMAGE,
        ),
        inputs=lambda run: {
            **deploys(run),
            "create-function": json.dumps(
                {
                    "Role": run.role_arn(),
                    "Tags": {"team": "shop"},
                    "CapacityProviderConfig": {
                        "LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}
                    },
                }
            ),
        },
        prepare=_is_missing,
        removed=(
            *(Feature.CREATED_FUNCTION, Feature.FUNCTION_TAGS, Feature.MANAGED_INSTANCES),
            Feature.ON_MANAGED_INSTANCES,
        ),
    ),
    "promote what an alias serves": Scenario(
        features=(*READ, *RELEASE, Feature.PROMOTED_VERSION),
        inputs=lambda run: {"function-name": run.name, "promote-from": f"{run.name}-dev:live"},
        prepare=_another_serves_its_image,
        removed=(Feature.PROMOTED_VERSION,),
    ),
    "plan": Scenario(
        features=(*READ_BY_ALIAS, *IMAGE),
        inputs=lambda run: {**deploys(run), "mode": "plan", "alias": "live"},
        prepare=_exists_by_alias,
        removed=(Feature.ALIAS, Feature.IMAGE),
    ),
    "roll back by an alias": Scenario(
        features=(
            *(*READ_BY_ALIAS, Feature.VERSIONS, Feature.CODE, Feature.MOVED_ALIAS, Feature.ROLLBACK),
            *(Feature.PARAMETER_OF_ROLLBACK, Feature.WRITTEN_PARAMETER),
        ),
        inputs=lambda run: {
            "mode": "rollback",
            "function-name": run.name,
            "alias": "live",
            "rollback-to": "1",
            "ssm-parameter": f"/permissions/{run.name}",
        },
        prepare=_was_released,
        removed=(Feature.ALIAS, Feature.CODE, Feature.MOVED_ALIAS),
    ),
    "roll back without an alias": Scenario(
        features=(*READ, Feature.CODE, Feature.PUBLISH, Feature.ROLLBACK),
        inputs=lambda run: {"mode": "rollback", "function-name": run.name, "rollback-to": "1"},
        prepare=_was_released,
        removed=(Feature.VERSIONS, Feature.ROLLBACK),
    ),
    "roll back to a commit": Scenario(
        features=(*READ, Feature.CODE, Feature.PUBLISH, Feature.ROLLBACK, Feature.COMMIT),
        inputs=lambda run: {"mode": "rollback", "function-name": run.name, "rollback-to": COMMIT},
        prepare=_was_released,
    ),
    "roll back to the first digits of a commit": Scenario(
        features=(*READ, Feature.CODE, Feature.PUBLISH, Feature.ROLLBACK_TO_IMAGE, Feature.SHORT_COMMIT),
        inputs=lambda run: {"mode": "rollback", "function-name": run.name, "rollback-to": _tag_of(run)[:8]},
        prepare=_has_a_commit_s_tag,
        removed=(Feature.SHORT_COMMIT,),
    ),
    "roll back to a digest": Scenario(
        features=(*READ, Feature.CODE, Feature.PUBLISH, Feature.ROLLBACK_TO_IMAGE),
        inputs=lambda run: {
            "mode": "rollback",
            "function-name": run.name,
            "rollback-to": run.image.partition("@")[2],
        },
        prepare=_was_released,
        removed=(Feature.ROLLBACK_TO_IMAGE,),
    ),
}


def removals(scenario: Scenario) -> dict[str, tuple[str, Resource]]:
    """Return the needs of a scenario that are taken away, each by a name."""
    placeholders = Names(
        region="R",
        account="A",
        functions=("F",),
        repositories=("shop",),
        execution_roles=("role",),
        capacity_providers=("provider",),
        parameters=("parameter",),
        source_functions=("G",),
    )
    return {
        f"{grant.action} on {grant.kind.name}": (grant.action, grant.kind)
        for grant in grants(scenario.removed, placeholders)
        if not grant.is_optional
    }
