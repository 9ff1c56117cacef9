"""What tests speak of: a run, images, a function and its versions, and the alias that it is released to."""

from collections.abc import Mapping

from ecr_lambda_deploy.model.functions import (
    LATEST,
    AliasState,
    FunctionState,
    ObservedFunction,
    PublishedVersion,
    Status,
)
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture

ACCOUNT = "123456789012"
REGION = "eu-west-1"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
ELSEWHERE = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders-api"
RUN = WorkflowRun(
    commit="c0ffee" + 34 * "0",
    repository="acme/shop",
    run_id="12345678901",
    attempt="1",
    workflow="deploy.yml",
    server_url="https://github.com",
)


def image(digit: str, *, registry: str = REGISTRY, repository: str = "orders") -> ImageReference:
    """Return an image whose digest is one hexadecimal digit, repeated."""
    return ImageReference(registry=registry, repository=repository, digest=f"sha256:{64 * digit}")


OLD = image("a")
NEW = image("b")
SOMEBODY_ELSES = image("e")
ACTIVE = Status(value="Active")
ACTIVE_NON_INVOCABLE = Status(value="ActiveNonInvocable")
INACTIVE = Status(value="Inactive")
SUCCESSFUL = Status(value="Successful")
IN_PROGRESS = Status(value="InProgress")
READY = Status(value="READY")
FAILED_UPDATE = Status(value="Failed", reason_code="ImageAccessDenied")


def code_sha256_of(image: ImageReference | None) -> str:
    """Return the checksum that Lambda gives the code of an image function: the digest's hexadecimal digits."""
    return image.digest.removeprefix("sha256:") if image else "none"


def function_state(
    *,
    name: str = "orders-api",
    version: str = LATEST,
    package_type: str = "Image",
    architecture: Architecture = "x86_64",
    state: Status = ACTIVE,
    update: Status = SUCCESSFUL,
    image: ImageReference | None = OLD,
    code_sha256: str = "",
    description: str = "",
    has_entry_point: bool = False,
    capacity_provider: str = "",
    settings: Mapping[str, str] | None = None,
) -> FunctionState:
    """Return an active function that runs an image; each argument changes one fact."""
    return FunctionState(
        name=name,
        arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        version=version,
        package_type=package_type,
        architecture=architecture,
        state=state,
        update=update,
        image=image,
        code_sha256=code_sha256 or code_sha256_of(image),
        description=description,
        has_entry_point=has_entry_point,
        capacity_provider=capacity_provider,
        settings=settings or {},
    )


def version_state(
    number: str, image: ImageReference = OLD, description: str = "", *, state: Status = ACTIVE
) -> FunctionState:
    """Return a published version, as GetFunction shows it."""
    return function_state(version=number, image=image, description=description, state=state)


def published(number: str, image: ImageReference = OLD, description: str = "") -> PublishedVersion:
    """Return a published version, as it is listed."""
    return PublishedVersion(number=number, code_sha256=code_sha256_of(image), description=description)


def alias_state(
    version: str, *, weights: Mapping[str, float] | None = None, description: str = "", revision_id: str = ""
) -> AliasState:
    """Return the alias `live`."""
    return AliasState(
        name="live",
        arn=f"{ARN}:live",
        version=version,
        weights=weights or {},
        description=description,
        revision_id=revision_id,
    )


def observed_function(
    latest: FunctionState | None = None,
    *versions: FunctionState,
    alias: AliasState | None = None,
) -> ObservedFunction:
    """Return a function that is there, with some versions, as it is observed."""
    latest = latest or function_state()
    states = {LATEST: latest} | {version.version: version for version in versions}
    return ObservedFunction(
        name=latest.name,
        latest=latest,
        versions=tuple(
            PublishedVersion(number=number, code_sha256=state.code_sha256, description=state.description)
            for number, state in states.items()
            if number != LATEST
        ),
        alias=alias,
        aliased=states[alias.version] if alias else None,
    )
