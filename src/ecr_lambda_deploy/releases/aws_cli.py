"""Pure: what a person types to do by hand what a step would do."""

from shlex import quote

from ecr_lambda_deploy.model.functions import ServingFunction
from ecr_lambda_deploy.releases.plan import PointAlias, UpdateCode


def command(step: PointAlias | UpdateCode, observed: ServingFunction) -> str:
    """Return the AWS CLI's command for a step on a function."""
    region = observed.latest.arn.split(":")[3] if observed.latest else ""
    start = f"--region {region} --function-name {observed.name}"
    match step:
        case UpdateCode():
            return (
                f"aws lambda update-function-code {start} --architectures {step.architecture} --image-uri {step.image}"
            )
        case PointAlias():
            alias = observed.alias.name if observed.alias else ""
            version = step.version.version if step.version else ""
            return (
                f"aws lambda update-alias {start} --name {alias} --function-version {quote(version)} "
                f"--routing-config AdditionalVersionWeights={{}} --description {quote(step.description)}"
            )
