"""Amazon ECR's repositories, and its errors about them."""

from typing import Any

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.state import Repository
from sandbox.aws.upstream import Answer, Scope

# ECR's texts where ministack's are shorter (Amazon ECR API Reference, Errors of each action; texts as the CLI shows).
_TEXTS = {
    "RepositoryNotFoundException": "The repository with name '{name}' does not exist in the registry with id '{id}'",
    "RepositoryAlreadyExistsException": "The repository with name '{name}' already exists in the registry with id "
    "'{id}'",
    "RepositoryNotEmptyException": "The repository with name '{name}' in registry with id '{id}' cannot be deleted "
    "because it still contains images",
    "RepositoryPolicyNotFoundException": "Repository policy does not exist for the repository with name '{name}' in "
    "the registry with id '{id}'",
    "LifecyclePolicyNotFoundException": "Lifecycle policy does not exist for the repository with name '{name}' in the "
    "registry with id '{id}'",
}


async def _repository_must_exist(request: Request) -> None:
    name = request.operation.parameters.get("repositoryName")
    if name is not None and (request.scope, name) not in request.state.repositories:
        raise _error("RepositoryNotFoundException", name, request.scope)


async def _create_repository(request: Request) -> web.Response:
    answer = await forward(request)
    _remember(request)
    return _repositories(request, answer)


async def _delete_repository(request: Request) -> web.Response:
    name = request.operation.parameters["repositoryName"]
    if request.operation.parameters.get("force"):
        # ministack would serve these manifests in a new repository of this name.
        for digest in await images_of(request, name):
            await delete_manifest(request, name, digest)
    response = _repositories(request, await forward(request))
    del request.state.repositories[request.scope, name]
    return response


async def _put_image_tag_mutability(request: Request) -> web.Response:
    answer = await forward(request)
    _remember(request)
    filters = request.operation.parameters.get("imageTagMutabilityExclusionFilters", [])
    return answer.response(answer.json() | {"imageTagMutabilityExclusionFilters": filters})


async def _describe_repositories(request: Request) -> web.Response:
    return _repositories(request, await forward(request))


async def forward(request: Request) -> Answer:
    """Pass a request on to ministack; raise its error as ApiError, in ECR's words."""
    answer = await request.forward()
    if not answer.ok:
        error = answer.json()
        parameters = request.operation.parameters
        names = parameters.get("repositoryNames", [parameters.get("repositoryName", "")])
        missing = [name for name in names if (request.scope, name) not in request.state.repositories]
        raise _error(error["__type"], (missing or names)[0], request.scope, otherwise=error["message"])
    return answer


def _remember(request: Request) -> None:
    parameters = request.operation.parameters
    filters = parameters.get("imageTagMutabilityExclusionFilters", [])
    request.state.repositories[request.scope, parameters["repositoryName"]] = Repository(
        mutability=parameters.get("imageTagMutability", "MUTABLE"),
        exclusions=tuple(item["filter"] for item in filters),
    )


def _repositories(request: Request, answer: Answer) -> web.Response:
    value = answer.json()
    for shown in [value["repository"]] if "repository" in value else value["repositories"]:
        name = shown["repositoryName"]
        shown["repositoryUri"] = f"{request.state.registry}/{name}"
        if exclusions := request.state.repositories[request.scope, name].exclusions:
            filters = [{"filterType": "WILDCARD", "filter": pattern} for pattern in exclusions]
            shown["imageTagMutabilityExclusionFilters"] = filters
    return answer.response(value)


async def images_of(request: Request, repository: str) -> dict[str, dict[str, Any]]:
    """Return the details of a repository's images by digest."""
    answer = await request.state.upstream.ecr(request.scope, "DescribeImages", repositoryName=repository)
    images = {}
    for image in answer.json()["imageDetails"]:
        if not image["imageTags"]:
            del image["imageTags"]
        archived = (request.scope, repository, image["imageDigest"]) in request.state.archived
        images[image["imageDigest"]] = image | {"imageStatus": "ARCHIVED" if archived else "ACTIVE"}
    return images


async def delete_manifest(request: Request, repository: str, digest: str) -> None:
    """Delete an image and all its tags, for both the API and the registry."""
    path = f"/v2/{repository}/manifests/{digest}"
    await request.state.upstream.call(request.scope, "ecr", "DELETE", path, headers={}, body=b"")


def _error(code: str, name: str, scope: Scope, *, otherwise: str = "") -> ApiError:
    return ApiError(code, _TEXTS.get(code, otherwise).format(name=name, id=scope.account))


_API = "Amazon ECR API Reference, "

RULES = (
    Rule(("ecr:CreateRepository",), _create_repository, _API + "CreateRepository"),
    Rule(("ecr:DescribeRepositories",), _describe_repositories, _API + "Repository"),
    Rule(("ecr:*",), _repository_must_exist, _API + "RepositoryNotFoundException"),
    Rule(("ecr:DeleteRepository",), _delete_repository, _API + "DeleteRepository"),
    Rule(("ecr:PutImageTagMutability",), _put_image_tag_mutability, _API + "PutImageTagMutability"),
)
