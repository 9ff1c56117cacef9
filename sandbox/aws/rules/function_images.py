"""Which images Lambda takes."""

import json
from fnmatch import fnmatchcase
from typing import Any

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rules.identity import Caller
from sandbox.aws.rules.registry import fetch_manifest
from sandbox.aws.state import Image, State
from sandbox.aws.upstream import Scope

# AWS Lambda Developer Guide, "Create a Lambda function using a container image": one image, no index.
_MANIFESTS = {
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
}
_PULL_ACTIONS = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_LAYERS = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar",
}


async def resolve_image(
    state: State, scope: Scope, uri: str, architectures: list[str] | None = None, caller: Caller | None = None
) -> Image:
    """Return the image that Lambda would pin for an `ImageUri` of a CreateFunction or UpdateFunctionCode request.

    Args:
        state: What the rules share.
        scope: The function's account and Region.
        uri: The `ImageUri`.
        architectures: The `Architectures` of the request; None if it has none.
        caller: Who sends it; None for somebody who may do everything.

    Raises:
        ApiError: InvalidParameterValueException, for a URI that is no single image of this registry (AWS Lambda
            Developer Guide, images-create; pulumi-docker-build#571; aws-lambda-roadmap#82). That it takes no dual-stack
            hosts is an assumption: no source says that it does. AccessDeniedException, if Lambda may not pull it.
    """
    host, repository, tag, digest = _parts(state, scope, uri)
    if not repository or (tag and digest):
        raise ApiError(
            "InvalidParameterValueException", f"Source image {uri} is not valid. Provide a valid source image."
        )
    owner = state.owner(repository, scope)
    found = await fetch_manifest(state, owner, repository, digest or tag or "latest") if owner else None
    # An archived image cannot be pulled (Amazon ECR User Guide, Archiving an image); Lambda's words for it are a guess.
    if owner is None or found is None or (owner, repository, found.digest) in state.archived:
        raise ApiError(
            "InvalidParameterValueException", f"Source image {uri} does not exist. Provide a valid source image."
        )
    if found.media_type not in _MANIFESTS:
        raise ApiError(
            "InvalidParameterValueException",
            f"The image manifest, config or layer media type for the source image {uri} is not supported.",
        )
    await _lambda_may_pull(state, scope, owner, repository, caller)
    # An omitted architecture means x86_64, also when the function had another (UpdateFunctionCode, Architectures).
    return Image(
        uri=uri,
        resolved_uri=f"{host}/{repository}@{found.digest}",
        architectures=["x86_64"] if architectures is None else architectures,
    )


async def _lambda_may_pull(state: State, scope: Scope, owner: Scope, repository: str, caller: Caller | None) -> None:
    """Refuse an image that Lambda may not pull. In the caller's own account Lambda permits itself if the caller may.

    From another account's repository the caller must be allowed to pull, too; from one of its own need not be.

    Source: AWS Lambda Developer Guide, "Amazon ECR permissions" and "Amazon ECR cross-account permissions";
    aws-controllers-k8s#1886, aws-controllers-k8s#1641, aws-lambda-developer-guide#286.
    """
    upstream = state.upstream
    arn = f"arn:aws:ecr:{owner.region}:{owner.account}:repository/{repository}"

    def may(*actions: str) -> bool:
        return caller is None or all(state.allows(action, caller, arn) for action in actions)

    answer = await upstream.ecr(owner, "GetRepositoryPolicy", repositoryName=repository)
    policy: dict[str, Any] = {"Version": "2008-10-17", "Statement": []}
    if answer.ok:
        policy = json.loads(answer.json()["policyText"])
    own = owner == scope
    in_service = any(_lets_pull(statement, "Service", "lambda.amazonaws.com") for statement in policy["Statement"])
    in_account = any(_lets_pull(statement, "AWS", scope.account) for statement in policy["Statement"])
    if in_service and (own or (in_account and may(*_PULL_ACTIONS))):
        return
    if not own or not may("ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"):
        text = "Lambda does not have permission to access the ECR image. Check the ECR permissions."
        raise ApiError("AccessDeniedException", text, 403)
    policy["Statement"].append(
        {
            "Sid": "LambdaECRImageRetrievalPolicy",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": list(_PULL_ACTIONS),
        }
    )
    await upstream.ecr(owner, "SetRepositoryPolicy", repositoryName=repository, policyText=json.dumps(policy))


def _lets_pull(statement: dict[str, Any], kind: str, name: str) -> bool:
    """Return whether a statement lets a principal of this kind, whose ARN or name has `name` in it, pull."""
    principal = statement.get("Principal")
    principals = _listed(principal.get(kind, []) if isinstance(principal, dict) else [])
    actions = _listed(statement.get("Action", []))
    return (
        statement.get("Effect") == "Allow"
        and any(name in one for one in principals)
        and all(any(fnmatchcase(action, pattern) for pattern in actions) for action in _PULL_ACTIONS)
    )


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


async def unsupported_layer(state: State, scope: Scope, image: Image) -> str | None:
    """Return the digest of the first layer that Lambda cannot read, which fails an update late (rules_oci#777)."""
    _, repository, _, digest = _parts(state, scope, image.resolved_uri)
    found = await fetch_manifest(state, state.owner(repository, scope) or scope, repository, digest)
    if found is None:
        return None
    layers = json.loads(found.body)["layers"]
    return next((str(layer["digest"]) for layer in layers if layer["mediaType"] not in _LAYERS), None)


def _parts(state: State, scope: Scope, uri: str) -> tuple[str, str, str, str]:
    """Return host, repository, tag and digest; no repository if the host is not this registry.

    It has the names of this machine, and of the hosts that ECR gives it the one that Lambda takes: neither a dual-stack
    nor a FIPS host.
    """
    own = f"{scope.account}.dkr.ecr.{scope.region}.amazonaws.com"
    host, _, path = uri.partition("/")
    name, _, digest = path.partition("@")
    repository, _, tag = name.partition(":")
    is_here = host in {state.registry, state.registry.replace("localhost", "127.0.0.1"), own}
    return host, (repository if is_here else ""), tag, digest
