"""Pure: the AWS CLI's commands that do by hand what a step does."""

from shlex import quote

from ecr_lambda_deploy.model.functions import ServingFunction
from ecr_lambda_deploy.releases.plan import PointAlias, PublishLatest, UpdateCode


def command(step: PointAlias | UpdateCode | PublishLatest, function: ServingFunction) -> str:
    """Return the command for a step on a function.

    An alias's description says which run moved it last, and stale runs and rollbacks go by that. So a step without one
    keeps what is there: UpdateAlias changes a description only where it is given.
    """
    region = function.latest.arn.split(":")[3] if function.latest else ""
    which = f"--region {region} --function-name {function.name}"
    match step:
        case UpdateCode():
            return (
                f"aws lambda update-function-code {which} --architectures {step.architecture} --image-uri {step.image}"
            )
        case PublishLatest():
            return f"aws lambda publish-version {which} --publish-to LATEST_PUBLISHED"
        case PointAlias():
            alias = function.alias.name if function.alias else ""
            number = step.version.version if step.version else ""
            record = f" --description {quote(_typed(step.description))}" if step.description else ""
            return (
                f"aws lambda update-alias {which} --name {alias} --function-version {quote(number)} "
                f"--routing-config AdditionalVersionWeights={{}}{record}"
            )


def put_parameter(name: str, value: str, *, region: str) -> str:
    """Return the command that gives a Systems Manager parameter a value."""
    return f"aws ssm put-parameter --region {region} --name {name} --type String --overwrite --value {value}"


def _typed(text: str) -> str:
    """Return what can be typed of a text: a terminal acts on control characters that it is given, quoted or not."""
    return "".join(character if character.isprintable() else " " for character in text)
