"""The IAM actions that the action needs: each on which resource, for what, and what is lost without it.

An action that the code asks for and this table lacks fails a test, and so does one that is here and that no run asks
for: each feature runs with what stands here, and with nothing else.

Sources: Service Authorization Reference, AWS Lambda, Amazon ECR, Amazon CloudWatch, AWS Systems Manager; Amazon ECR
User Guide, Required IAM permissions for pushing an image. A call with a qualifier is about the qualified ARN
[serverless-plugin-warmup#304]; an alias that is read or changed belongs to its function.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum


class Resource(StrEnum):
    """What an action is allowed on; the names in braces are those of `Names`."""

    ANY = "*"
    FUNCTION = "arn:{partition}:lambda:{region}:{account}:function:{function}"
    VERSIONS = "arn:{partition}:lambda:{region}:{account}:function:{function}:*"
    EXECUTION_ROLE = "arn:{partition}:iam::{account}:role/{execution_role}"
    CAPACITY_PROVIDER = "arn:{partition}:lambda:{region}:{account}:capacity-provider:{capacity_provider}"
    REPOSITORY = "arn:{partition}:ecr:{region}:{account}:repository/{repository}"
    SOURCE_FUNCTION = "arn:{partition}:lambda:{source_region}:{source_account}:function:{source_function}"
    SOURCE_VERSIONS = "arn:{partition}:lambda:{source_region}:{source_account}:function:{source_function}:*"
    SOURCE_REPOSITORY = "arn:{partition}:ecr:{source_region}:{source_account}:repository/{source_repository}"
    BASE_REPOSITORY = "arn:{partition}:ecr:{region}:{account}:repository/{base_repository}"
    PARAMETER = "arn:{partition}:ssm:{region}:{account}:parameter/{parameter}"
    ROLE = "arn:{partition}:iam::{account}:role/{role}"


class Feature(Enum):
    """What asks for permissions, in words that go after "needed for"."""

    FUNCTION = "any function that is deployed to, planned for or rolled back"
    PLATFORM = "`mode: build` of a manifest's functions without `platform`"
    ALIAS = "`alias`"
    VERSIONS = "a function without `alias`, the first release by one, and a rollback"
    URL = "the output `function-url`"
    ALIAS_URL = "the output `function-url` with `alias`"
    CODE = "a deployment to a function that exists, and a rollback"
    PUBLISH = "`publish`, the default; a rollback without `alias`"
    ON_MANAGED_INSTANCES = "a function on managed instances"
    NEW_ALIAS = "an alias that does not exist yet"
    MOVED_ALIAS = "an alias that exists"
    FIRST_RELEASE_BY_ALIAS = "the first release by `alias`"
    SMOKE_TEST = "`smoke-event`"
    ALARMS = "`alarms`"
    ERROR_RATES = "`max-error-rate`"
    CREATED_FUNCTION = "`create-function`"
    FUNCTION_TAGS = "`create-function` with `Tags`"
    MANAGED_INSTANCES = "`create-function` with `CapacityProviderConfig`"
    ROLLBACK = "`mode: rollback` to a version"
    ROLLBACK_TO_IMAGE = "`rollback-to` with a commit or a digest that no version has"
    REGISTRY = "any mode, but not a rollback to a version"
    IMAGE = "an image of the repository"
    EXISTING_IMAGE = "an image that is in the repository already"
    TAG = "a tag for an image that is in the repository already"
    PUSH = "a build, or a copy from another repository"
    CACHE = "`cache: auto` on an engine that keeps images in containerd"
    USED_REPOSITORY = "an image that comes into use, or is built"
    CHANGED_REPOSITORY = "an image from another repository than the function's"
    CREATED_REPOSITORY = "`create-repository`"
    SOURCE_IMAGE = "`image-uri` and `promote-from`, on the repository that they name"
    PROMOTION = "`promote-from` without an alias or a version"
    PROMOTED_VERSION = "`promote-from` with an alias or a version, or of managed instances"
    BASE_IMAGE = "a base image in ECR"
    PARAMETER = "`ssm-parameter` of a deployment or a plan"
    PARAMETER_OF_ROLLBACK = "`ssm-parameter` of a rollback"
    WRITTEN_PARAMETER = "`ssm-parameter` of a deployment or a rollback"
    COMMIT = "`rollback-to` with a commit"
    SHORT_COMMIT = "`rollback-to` with the first digits of a commit that no version records"
    CHAINING = "`role-chaining`, of the environment's credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A permission that a feature needs.

    Attributes:
        feature: what needs it.
        action: such as `lambda:GetFunction`.
        resource: what it is needed on.
        lost: what a run does without, in a sentence, if it may not; empty if the run fails.
    """

    feature: Feature
    action: str
    resource: Resource
    lost: str = ""

    @property
    def is_optional(self) -> bool:
        """Whether a run succeeds without it."""
        return bool(self.lost)


def _required(feature: Feature, resource: Resource, *actions: str) -> tuple[Need, ...]:
    return tuple(Need(feature=feature, action=action, resource=resource) for action in actions)


def _optional(feature: Feature, lost: str, action: str, *resources: Resource) -> tuple[Need, ...]:
    return tuple(Need(feature=feature, action=action, resource=resource, lost=lost) for resource in resources)


_PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_NO_URL = "The output is empty."
_NO_WARNING = "The run does not warn of triggers that bypass the alias."
_NO_STATUS = "Whether ECR has archived the image is seen only where its manifest cannot be had."

TABLE: tuple[Need, ...] = (
    *_required(Feature.FUNCTION, Resource.FUNCTION, "lambda:GetFunction"),
    *_optional(
        Feature.PLATFORM,
        "The image is built for the builder's platform, and a warning says so.",
        "lambda:GetFunction",
        Resource.FUNCTION,
        Resource.VERSIONS,
    ),
    *_required(Feature.ALIAS, Resource.VERSIONS, "lambda:GetFunction"),
    *_required(Feature.ALIAS, Resource.FUNCTION, "lambda:GetAlias"),
    *_required(Feature.VERSIONS, Resource.FUNCTION, "lambda:ListVersionsByFunction"),
    *_optional(Feature.URL, _NO_URL, "lambda:GetFunctionUrlConfig", Resource.FUNCTION),
    *_optional(Feature.ALIAS_URL, _NO_URL, "lambda:GetFunctionUrlConfig", Resource.VERSIONS),
    *_required(Feature.CODE, Resource.FUNCTION, "lambda:UpdateFunctionCode"),
    *_required(Feature.PUBLISH, Resource.FUNCTION, "lambda:PublishVersion"),
    *_required(Feature.ON_MANAGED_INSTANCES, Resource.VERSIONS, "lambda:GetFunction"),
    *_required(Feature.NEW_ALIAS, Resource.FUNCTION, "lambda:CreateAlias"),
    *_required(Feature.MOVED_ALIAS, Resource.FUNCTION, "lambda:UpdateAlias"),
    *_optional(
        Feature.MOVED_ALIAS,
        "Of provisioned concurrency only the alias tells what it serves, and nobody why Lambda gives up.",
        "lambda:GetProvisionedConcurrencyConfig",
        Resource.VERSIONS,
    ),
    *_optional(Feature.FIRST_RELEASE_BY_ALIAS, _NO_WARNING, "lambda:ListEventSourceMappings", Resource.ANY),
    *_optional(Feature.FIRST_RELEASE_BY_ALIAS, _NO_WARNING, "lambda:GetFunctionUrlConfig", Resource.FUNCTION),
    *_optional(Feature.FIRST_RELEASE_BY_ALIAS, _NO_WARNING, "lambda:GetPolicy", Resource.FUNCTION),
    *_required(Feature.SMOKE_TEST, Resource.VERSIONS, "lambda:InvokeFunction"),
    *_required(Feature.ALARMS, Resource.ANY, "cloudwatch:DescribeAlarms"),
    *_required(Feature.ERROR_RATES, Resource.ANY, "cloudwatch:GetMetricData"),
    *_required(Feature.CREATED_FUNCTION, Resource.FUNCTION, "lambda:CreateFunction"),
    *_required(Feature.CREATED_FUNCTION, Resource.EXECUTION_ROLE, "iam:PassRole"),
    *_required(Feature.FUNCTION_TAGS, Resource.FUNCTION, "lambda:TagResource"),
    *_required(Feature.MANAGED_INSTANCES, Resource.CAPACITY_PROVIDER, "lambda:PassCapacityProvider"),
    *_required(Feature.ROLLBACK, Resource.VERSIONS, "lambda:GetFunction"),
    *_optional(
        Feature.ROLLBACK,
        "Whether ECR still has the image is not known beforehand, and a warning says so.",
        "ecr:DescribeImages",
        Resource.REPOSITORY,
    ),
    *_required(Feature.ROLLBACK_TO_IMAGE, Resource.ANY, "ecr:GetAuthorizationToken"),
    *_required(Feature.ROLLBACK_TO_IMAGE, Resource.REPOSITORY, *_PULL),
    *_optional(Feature.ROLLBACK_TO_IMAGE, _NO_STATUS, "ecr:DescribeImages", Resource.REPOSITORY),
    *_required(Feature.REGISTRY, Resource.ANY, "ecr:GetAuthorizationToken"),
    *_required(Feature.IMAGE, Resource.REPOSITORY, "ecr:BatchGetImage"),
    *_required(Feature.EXISTING_IMAGE, Resource.REPOSITORY, "ecr:GetDownloadUrlForLayer"),
    *_optional(Feature.EXISTING_IMAGE, _NO_STATUS, "ecr:DescribeImages", Resource.REPOSITORY),
    *_required(Feature.TAG, Resource.REPOSITORY, "ecr:PutImage"),
    *_required(
        Feature.PUSH,
        Resource.REPOSITORY,
        "ecr:BatchCheckLayerAvailability",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ),
    *_optional(
        Feature.CACHE,
        "The cache is kept in the image itself, of its last stage alone.",
        "ecr:DescribeRepositories",
        Resource.REPOSITORY,
    ),
    *_optional(
        Feature.USED_REPOSITORY,
        "The run does not warn of a lifecycle rule that could remove the image.",
        "ecr:GetLifecyclePolicy",
        Resource.REPOSITORY,
    ),
    *_optional(
        Feature.CHANGED_REPOSITORY,
        "The run does not warn of a repository policy without Lambda in it.",
        "ecr:GetRepositoryPolicy",
        Resource.REPOSITORY,
    ),
    *_required(
        Feature.CREATED_REPOSITORY,
        Resource.REPOSITORY,
        "ecr:CreateRepository",
        "ecr:SetRepositoryPolicy",
        "ecr:PutLifecyclePolicy",
    ),
    *_required(Feature.SOURCE_IMAGE, Resource.SOURCE_REPOSITORY, *_PULL),
    *_optional(Feature.SOURCE_IMAGE, _NO_STATUS, "ecr:DescribeImages", Resource.SOURCE_REPOSITORY),
    *_required(Feature.PROMOTION, Resource.SOURCE_FUNCTION, "lambda:GetFunction"),
    *_required(Feature.PROMOTED_VERSION, Resource.SOURCE_VERSIONS, "lambda:GetFunction"),
    *_required(Feature.BASE_IMAGE, Resource.BASE_REPOSITORY, *_PULL),
    *_required(Feature.PARAMETER, Resource.PARAMETER, "ssm:GetParameter"),
    *_optional(
        Feature.PARAMETER_OF_ROLLBACK,
        "The parameter is written although it may hold the URI already.",
        "ssm:GetParameter",
        Resource.PARAMETER,
    ),
    *_required(Feature.WRITTEN_PARAMETER, Resource.PARAMETER, "ssm:PutParameter"),
    *_optional(
        Feature.COMMIT,
        "The commit is taken from the descriptions of versions alone, and a notice says so; one that no version "
        "records is not found.",
        "ecr:BatchGetImage",
        Resource.REPOSITORY,
    ),
    *_required(Feature.SHORT_COMMIT, Resource.REPOSITORY, "ecr:ListImages"),
    *_required(Feature.CHAINING, Resource.ROLE, "sts:AssumeRole"),
)
