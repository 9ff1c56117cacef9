"""Reads a function, its versions and its alias, all at once."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from ecr_lambda_deploy.errors import MissingFunctionError
from ecr_lambda_deploy.function_model import LATEST, AliasState, FunctionState, ObservedFunction, PublishedVersion
from ecr_lambda_deploy.function_ports import Aliases, Functions
from ecr_lambda_deploy.wanted import FunctionTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionReads:
    """The reads of one function, under way.

    Attributes:
        latest: of `$LATEST`; None if the function does not exist and may be created.
        versions: of the published versions.
        alias: of the alias that is released to.
        aliased: of the version that it points to; None where a call is to be saved.
    """

    target: FunctionTarget
    functions: Functions
    latest: Future[FunctionState | None]
    versions: Future[tuple[PublishedVersion, ...]]
    alias: Future[AliasState | None]
    aliased: Future[FunctionState | None] | None

    @classmethod
    def start(
        cls,
        target: FunctionTarget,
        functions: Functions,
        aliases: Aliases,
        pool: ThreadPoolExecutor,
        *,
        is_frugal: bool = False,
    ) -> "FunctionReads":
        """Begin to read; whoever is frugal does not care for the state of a version that has the code of `$LATEST`."""
        return cls(
            target=target,
            functions=functions,
            latest=pool.submit(_read_latest, target, functions),
            versions=pool.submit(_read_versions, target, functions),
            alias=pool.submit(_read_alias, target, aliases),
            aliased=pool.submit(_read_aliased, target, functions) if target.alias and not is_frugal else None,
        )

    def result(self) -> ObservedFunction:
        """Return what was read.

        Raises:
            DeployError: something may not be read, or does not exist and must.
        """
        latest = self.latest.result()
        observed = ObservedFunction(
            name=latest.name if latest else self.target.name.rpartition(":")[2],
            latest=latest,
            versions=self.versions.result(),
            alias=self.alias.result(),
        )
        if observed.alias is None:
            return observed
        return replace(observed, aliased=self._aliased(observed, observed.alias))

    def _aliased(self, observed: ObservedFunction, alias: AliasState) -> FunctionState | None:
        latest, version = observed.latest, observed.version_numbered(alias.version)
        if latest is None or alias.version == LATEST:
            return latest
        if self.aliased is not None:
            read = self.aliased.result()
            if read is not None and read.version == alias.version:
                return read
        elif version is not None and version.code_sha256 == latest.code_sha256 and not latest.is_broken:
            return replace(latest, version=version.number, description=version.description)
        return self.functions.read(self.target.name, alias.version)


def observe_function(
    target: FunctionTarget, functions: Functions, aliases: Aliases, *, is_frugal: bool = False
) -> ObservedFunction:
    """Read a function, its versions and its alias.

    Raises:
        DeployError: something may not be read, or does not exist and must.
    """
    with ThreadPoolExecutor() as pool:
        return FunctionReads.start(target, functions, aliases, pool, is_frugal=is_frugal).result()


def _read_latest(target: FunctionTarget, functions: Functions) -> FunctionState | None:
    try:
        return functions.read(target.name)
    except MissingFunctionError:
        if target.creation is None:
            raise
        return None


def _read_versions(target: FunctionTarget, functions: Functions) -> tuple[PublishedVersion, ...]:
    try:
        return functions.versions(target.name)
    except MissingFunctionError:
        return ()  # reading the function itself tells


def _read_aliased(target: FunctionTarget, functions: Functions) -> FunctionState | None:
    try:
        return functions.read(target.name, target.alias)
    except MissingFunctionError:
        return None  # reading the alias tells


def _read_alias(target: FunctionTarget, aliases: Aliases) -> AliasState | None:
    alias = aliases.read(target.name, target.alias) if target.alias else None
    if alias is not None and alias.weights and aliases.is_allocating(target.name, target.alias):
        return replace(alias, weights={})  # Lambda's own, while provisioned concurrency moves
    return alias
