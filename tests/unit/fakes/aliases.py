"""Aliases of a Lambda function in memory: what Lambda does with them."""

from collections.abc import Mapping
from dataclasses import replace

from ecr_lambda_deploy.model.errors import DeployError, RevisionError
from ecr_lambda_deploy.model.functions import LATEST, AliasState, Status
from tests.unit.fakes.examples import ARN
from tests.unit.fakes.functions import OTHER_REVISION, FakeFunctions


class FakeAliases:
    """The aliases of a function.

    Calls, refusals and what happens before calls are those of the function.

    Attributes:
        there: the aliases by name.
        concurrency_status: of the provisioned concurrency that the aliases have; None if they have none.
        seconds_to_move: how long Lambda moves it when an alias moves; the version before has all traffic meanwhile.
        failure_to_move: why Lambda gives that up in the end; empty if it does not.
        urls: the function's URLs by alias; by an empty name its own.
        bypassing: what invokes the function without an alias.
    """

    def __init__(self, functions: FakeFunctions, *aliases: AliasState) -> None:
        self._functions = functions
        self.there = functions.aliases
        for alias in aliases:
            self.put(alias)
        self.concurrency_status: Status | None = None
        self.seconds_to_move = 0.0
        self.failure_to_move = ""
        self.urls: dict[str, str] = {}
        self.bypassing: tuple[str, ...] = ()
        self._moves: dict[str, str] = {}  # by alias, the version that has the concurrency

    def put(self, alias: AliasState) -> AliasState:
        """Have an alias as somebody else leaves it."""
        self.there[alias.name] = replace(alias, revision_id=self._functions.next_revision())
        return self.there[alias.name]

    def read(self, name: str, alias: str) -> AliasState | None:
        self._functions.enter("read_alias")
        assert name
        with self._functions.state_lock:
            return self.there.get(alias)

    def check_may_point(self, name: str, alias: AliasState | None, wanted: str) -> None:
        self._functions.enter("check_may_point", name=name)
        assert alias is None or alias.name == wanted

    def create(self, name: str, alias: str, *, version: str, description: str) -> AliasState:
        self._functions.enter("create_alias", version, name=name)
        if alias in self.there:
            raise RevisionError(f"Alias already exists: {alias}")
        made = self._put(AliasState(name=alias, arn=f"{ARN}:{alias}", version=version, description=description))
        self._functions.leave("create_alias", version)
        return made

    def point(
        self, name: str, alias: AliasState, *, version: str, weights: Mapping[str, float], description: str
    ) -> AliasState:
        self._functions.enter("point_alias", version, *_shares(weights), name=name)
        before = self.there[alias.name]
        if before.revision_id != alias.revision_id:
            raise RevisionError(OTHER_REVISION)
        old = self._moves.pop(alias.name, before.version)
        moved = self._put(replace(alias, version=version, weights=dict(weights), description=description))
        if self.concurrency_status is not None:
            self.concurrency_status = Status(value="READY")
            if old != version and self.seconds_to_move:
                self._begin_to_move(moved, old)
        self._functions.leave("point_alias", version, *_shares(weights))
        return moved

    def concurrency(self, name: str, alias: str) -> Status | None:
        self._functions.enter("concurrency", name=name)
        assert alias in self.there
        return self.concurrency_status

    def url(self, name: str, alias: str) -> str:
        assert name
        self._functions.enter("url")
        return self.urls.get(alias, "")

    def bypasses(self, name: str) -> tuple[str, ...]:
        self._functions.enter("bypasses", name=name)
        return self.bypassing

    def _put(self, alias: AliasState) -> AliasState:
        others = {*alias.weights}
        if missing := {alias.version, *others} - {*self._functions.published, LATEST}:
            raise DeployError(f"Function not found: {ARN}:{', '.join(missing)}")
        if len(others) > 1 or alias.version in others or (others and LATEST in {alias.version, *others}):
            raise DeployError(f"No such routing: {alias.version} and {others}")
        self._functions.changes.append(("point_alias", alias.version, *_shares(alias.weights)))
        return self.put(alias)

    def _begin_to_move(self, alias: AliasState, old: str) -> None:
        """Give the old version all traffic; the answer to the move does not show that."""
        self._moves[alias.name] = old
        self.concurrency_status = Status(value="IN_PROGRESS")
        held_back = self.there[alias.name] = replace(alias, weights={old: 1.0})

        def end() -> None:
            if self._moves.get(alias.name) != old or self.there[alias.name].version != alias.version:
                return
            if self.failure_to_move:
                self.concurrency_status = Status(value="FAILED", reason=self.failure_to_move)
                return
            del self._moves[alias.name]
            self.concurrency_status = Status(value="READY")
            self.put(replace(held_back, weights={}))

        self._functions.clock.later(self.seconds_to_move, end)


def _shares(weights: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{version}={weight:g}" for version, weight in weights.items())
