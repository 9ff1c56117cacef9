"""Many functions at once, created beside the API."""

import asyncio
from collections.abc import Sequence

from sandbox.aws.rules.function_images import resolve_image
from sandbox.aws.rules.functions import function_arn
from sandbox.aws.state import Function, Image, State, Version
from sandbox.aws.upstream import Answer, Scope

_AT_ONCE = 8  # ministack has one thread


async def create_functions(state: State, scope: Scope, names: Sequence[str], image_uri: str, *, alias: str) -> None:
    """Create functions of one image that are active and have a version 1, and the alias that points to it if named.

    Raises:
        ApiError: Lambda refuses the image.
        ValueError: A function of that name exists.
    """
    if there := [name for name in names if (scope, name) in state.functions]:
        raise ValueError(f"function {there[0]} exists already")
    image = await resolve_image(state, scope, image_uri)
    left = iter(names)

    async def create() -> None:
        for name in left:
            await _create(state, scope, name, image, alias)

    await asyncio.gather(*(create() for _ in range(_AT_ONCE)))


async def _create(state: State, scope: Scope, name: str, image: Image, alias: str) -> None:
    role = f"arn:aws:iam::{scope.account}:role/{name}"
    code = {"ImageUri": image.resolved_uri}
    call = state.upstream.functions
    _check(name, await call(scope, "POST", "", FunctionName=name, PackageType="Image", Code=code, Role=role))
    _check(name, await call(scope, "POST", f"/{name}/versions"))
    if alias:
        _check(name, await call(scope, "POST", f"/{name}/aliases", Name=alias, FunctionVersion="1"))
    state.functions[scope, name] = Function(
        arn=function_arn(scope, name),
        versions={number: Version(image=image) for number in ("$LATEST", "1")},
    )


def _check(name: str, answer: Answer) -> None:
    if not answer.ok:
        raise ValueError(f"{name} cannot be created: {answer.body.decode()}")
