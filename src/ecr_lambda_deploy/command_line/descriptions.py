"""What each input means, for `--help`: the descriptions of action.yml, which is not in the package."""

from collections.abc import Mapping

DESCRIPTIONS: Mapping[str, str] = {
    "mode": ("`deploy`; `build` to build and push and touch no function; `plan` to show what would change; `rollback`"),
    "function-name": "Lambda functions' names or ARNs, without version or alias, one per line; all get the same image",
    "manifest": "YAML file of the workspace that names many images and their functions",
    "only": "Images of the manifest to act on, one per line, globs allowed; default is all",
    "vars": "`KEY=VALUE` lines that replace `${KEY}` in the manifest's strings",
    "ssm-parameter": (
        "Name of a Systems Manager parameter that is given the image's URI once it serves, for infrastructure code"
    ),
    "context": "Build context, relative to the workspace",
    "dockerfile": "Dockerfile, relative to the workspace; default: `Dockerfile` in the context",
    "target": "Stage to build",
    "build-args": (
        "Build arguments, `KEY=VALUE` one per line; as an input of the step also `KEY` alone, for the step's variable"
    ),
    "build-contexts": "Named build contexts, `NAME=FOLDER` or `NAME=docker-image://…`, one per line",
    "labels": "Image labels, `KEY=VALUE` one per line",
    "secrets": "Secrets for BuildKit, `id=value` one per line; a value in double quotes may span lines",
    "platform": (
        "`linux/amd64` or `linux/arm64`; default: the function's architecture, without a function the builder's"
    ),
    "set": "Other properties of a bake target, `PROPERTY=VALUE` one per line, such as `shm-size=128m`",
    "pull": "Look for newer base images",
    "no-cache": "Build every step anew",
    "cache": (
        "Build cache: `auto` (the best that this builder can keep in the repository; the default), `gha` or `off`"
    ),
    "cache-from": "BuildKit's cache entries to import, one per line; they replace `cache`",
    "cache-to": "BuildKit's cache entries to export, one per line; they replace `cache`",
    "builder": "BuildKit endpoint, `tcp://…` or `docker-container://NAME`; default: the runner's engine",
    "provenance": "Provenance attestation; the function is then pinned to the platform image inside the index",
    "sbom": "SBOM attestation; the function is then pinned to the platform image inside the index",
    "reuse": (
        "`auto`: an image that the repository has for exactly these build inputs is deployed without building; `never`"
    ),
    "image-uri": "Deploy this image (tag or digest) and build nothing",
    "promote-from": "Deploy the image that this function serves, `FUNCTION`, `FUNCTION:ALIAS` or `FUNCTION:VERSION`",
    "repository": "ECR repository's name; default: the one that the function uses now, else the function's name",
    "registry": "Registry host; default: the one that ECR's authorization names",
    "tags": "Tags that the image gets, one per line; default: the SHA of the commit that is checked out",
    "create-repository": "Create the repository if it is missing",
    "docker-auth": "Content of a Docker `config.json` with credentials for private base images",
    "aws-region": "AWS Region; default: the environment's AWS_REGION",
    "role-to-assume": "ARN of an IAM role to take with the job's OIDC token",
    "role-chaining": "Take the role with the credentials of the environment instead",
    "role-session-name": "Session name that CloudTrail shows",
    "role-duration-seconds": "How long the role's credentials last; default: as AWS has it",
    "publish": "Publish a version that records what was released",
    "alias": "Alias that is moved to the new version; created if it is missing",
    "smoke-event": "Event, as JSON or a file's path, that the updated function must answer before it is published",
    "smoke-expect": "JSON that the answer must contain: objects by subset, everything else equal",
    "traffic": (
        "Shares of the alias's traffic that the new version gets in turn, such as `10% 5m, 50% 10m`; with "
        "a last one of `100% 15m` the alias moves and is watched on"
    ),
    "alarms": (
        "CloudWatch alarms, one per line; one in ALARM before or during `traffic` ends the release and reverts it"
    ),
    "max-error-rate": (
        "Share of the new version's failed invocations, such as `1%`, that ends the release during "
        "`traffic`, unless the version before fails as often"
    ),
    "create-function": (
        "YAML mapping of CreateFunction's parameters (`Role`, `MemorySize`, ...) for a function that does not exist"
    ),
    "on-failure": "`revert`: everything that this run changed goes back; `keep`",
    "allow-stale": "Let the first attempt of an older run replace a newer run's release",
    "wait-timeout": "Seconds to wait for Lambda to finish one update",
    "rollback-to": (
        "With `mode: rollback`: `previous` (the default), a version number, a commit SHA or an image digest"
    ),
}
"""By the input's name."""
