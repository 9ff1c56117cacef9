"""All rules, in the order in which the proxy asks them."""

from sandbox.aws.rule import Rule
from sandbox.aws.rules import (
    alarms,
    aliases,
    ecr_images,
    ecr_repositories,
    invocations,
    managed_instances,
    metrics,
    parameters,
    refusals,
    registry,
    sts,
    triggers,
    updates,
)

RULES: tuple[Rule, ...] = (
    *sts.RULES,
    *ecr_repositories.RULES,
    *ecr_images.RULES,
    *registry.RULES,
    *refusals.RULES,
    *managed_instances.RULES,
    *aliases.RULES,
    *invocations.RULES,
    *triggers.RULES,
    *alarms.RULES,
    *metrics.RULES,
    *parameters.RULES,
    *updates.RULES,
)
