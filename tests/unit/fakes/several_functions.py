"""Several Lambda functions in memory, each in a world of its own, behind the ports of one run."""

from collections.abc import Mapping
from dataclasses import replace

from ecr_lambda_deploy.model.functions import AliasState, FunctionState, PublishedVersion, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import Architecture
from ecr_lambda_deploy.ports.functions import Response
from ecr_lambda_deploy.ports.ports import Ports
from tests.unit.fakes.world import World


def together(worlds: Mapping[str, World]) -> Ports:
    """Return ports that lead to the function of each name; everything else is the first world's."""
    first = next(iter(worlds.values())).ports()
    return replace(
        first,
        functions=_Functions(worlds),
        aliases=_Aliases(worlds),
        invocations=_Invocations(worlds),
    )


class _Functions:
    def __init__(self, worlds: Mapping[str, World]) -> None:
        self._worlds = worlds

    def read(self, name: str, qualifier: str = "") -> FunctionState:
        return self._worlds[name].functions.read(name, qualifier)

    def versions(self, name: str) -> tuple[PublishedVersion, ...]:
        return self._worlds[name].functions.versions(name)

    def check_may_publish(self, name: str) -> None:
        self._worlds[name].functions.check_may_publish(name)

    def check_creation(self, name: str, parameters: Mapping[str, object]) -> None:
        self._worlds[name].functions.check_creation(name, parameters)

    def differences(self, state: FunctionState, parameters: Mapping[str, object]) -> tuple[str, ...]:
        return self._worlds[state.name].functions.differences(state, parameters)

    def create(
        self, name: str, image: ImageReference, architecture: Architecture, parameters: Mapping[str, object]
    ) -> None:
        self._worlds[name].functions.create(name, image, architecture, parameters)

    def update_code(self, name: str, image: ImageReference, architecture: Architecture, *, revision_id: str) -> None:
        self._worlds[name].functions.update_code(name, image, architecture, revision_id=revision_id)

    def publish_version(
        self, name: str, *, code_sha256: str, revision_id: str, description: str, as_latest: bool = False
    ) -> FunctionState:
        functions = self._worlds[name].functions
        return functions.publish_version(
            name, code_sha256=code_sha256, revision_id=revision_id, description=description, as_latest=as_latest
        )


class _Aliases:
    def __init__(self, worlds: Mapping[str, World]) -> None:
        self._worlds = worlds

    def read(self, name: str, alias: str) -> AliasState | None:
        return self._worlds[name].aliases.read(name, alias)

    def check_may_point(self, name: str, alias: AliasState | None, wanted: str) -> None:
        self._worlds[name].aliases.check_may_point(name, alias, wanted)

    def create(self, name: str, alias: str, *, version: str, description: str) -> AliasState:
        return self._worlds[name].aliases.create(name, alias, version=version, description=description)

    def point(
        self, name: str, alias: AliasState, *, version: str, weights: Mapping[str, float], description: str
    ) -> AliasState:
        return self._worlds[name].aliases.point(name, alias, version=version, weights=weights, description=description)

    def concurrency(self, name: str, alias: str) -> Status | None:
        return self._worlds[name].aliases.concurrency(name, alias)

    def url(self, name: str, alias: str) -> str:
        return self._worlds[name].aliases.url(name, alias)

    def bypasses(self, name: str) -> tuple[str, ...]:
        return self._worlds[name].aliases.bypasses(name)


class _Invocations:
    def __init__(self, worlds: Mapping[str, World]) -> None:
        self._worlds = worlds

    def check_may_invoke(self, name: str) -> None:
        self._worlds[name].invocations.check_may_invoke(name)

    def invoke(self, name: str, qualifier: str, event: str, *, timeout: float) -> Response:
        return self._worlds[name].invocations.invoke(name, qualifier, event, timeout=timeout)
