"""The way back for a manifest's functions: as the runs released them, however those ended."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pytest

from sandbox.runner import StepResult
from sandbox.sandbox import create_function
from tests.e2e.jobs import SHARED, Job
from tests.e2e.monorepos import results, statuses
from tests.e2e.releases import commit, error

_SERVICES = ("orders", "stock", "mail")
_SHIFTING = {"traffic": "10% 5m"}


@dataclass(slots=True, kw_only=True)
class _Shop:
    """Three functions that run existing images, as a manifest names them."""

    job: Job
    images: Sequence[str]
    alias: str | None = "live"

    def write(self, wanted: Mapping[str, int], **defaults: object) -> None:
        """Write the manifest: which image each service is to run."""
        images = {
            name: {"image-uri": self.images[number], "functions": [self.function(name)]}
            for name, number in wanted.items()
        }
        always = {"alias": self.alias, "repository": f"{SHARED}-releases"}
        manifest = {"version": 1, "defaults": {**always, **defaults}, "images": images}
        (self.job.workspace / "deploy.yaml").write_text(json.dumps(manifest))

    def function(self, service: str) -> str:
        return f"{self.job.name}-{service}"

    def deploy(self, run_id: int, orders: int, stock: int, mail: int) -> StepResult:
        """Deploy these images."""
        self.write({"orders": orders, "stock": stock, "mail": mail})
        result = self.step({}, run_id)
        assert result.exit_code == 0, result.log
        return result

    def roll_back(self, run_id: int, attempt: str = "1") -> StepResult:
        """Take back what was released last."""
        return self.step({"mode": "rollback"}, run_id, attempt)

    def step(self, inputs: Mapping[str, str], run_id: int, attempt: str = "1") -> StepResult:
        given = {"manifest": "deploy.yaml", **inputs}
        return self.job.step(given, run_id=str(run_id), attempt=attempt, with_engine=False)

    def serves(self) -> tuple[int, ...]:
        """Return which image serves each service."""
        taken = self.job.aws.snapshot()
        served = []
        for name in map(self.function, _SERVICES):
            alias = taken.aliases.get(name, {}).get("live")
            state = taken.versions[name][alias["FunctionVersion"]] if alias else taken.functions[name]
            served.append(self.images.index(state["ResolvedImageUri"]))
        return tuple(served)


@pytest.fixture(params=["live", None], ids=["alias", "no alias"])
def shop(bare_job: Job, release_images: Sequence[str], request: pytest.FixtureRequest) -> _Shop:
    shop = _Shop(job=bare_job, images=release_images, alias=request.param)
    for service in _SERVICES:
        create_function(bare_job.aws, shop.function(service), release_images[0])
    return shop


@pytest.fixture
def with_alias(bare_job: Job, release_images: Sequence[str]) -> _Shop:
    shop = _Shop(job=bare_job, images=release_images)
    for service in _SERVICES:
        create_function(bare_job.aws, shop.function(service), release_images[0])
    return shop


def test_each_rollback_takes_back_the_run_before(shop: _Shop) -> None:
    shop.deploy(1, 1, 1, 1)
    shop.deploy(2, 2, 2, 1)
    shop.deploy(3, 3, 2, 1)
    shop.deploy(4, 3, 3, 3)
    went = []
    for run_id in (5, 6, 7):
        back = shop.roll_back(run_id)
        assert back.exit_code == 0, back.log
        went.append(shop.serves())
    again = shop.roll_back(7, attempt="2")
    assert again.exit_code == 0, again.log
    assert (shop.serves(), again.outputs["changed"]) == (went[-1], "false")

    assert went == [(3, 2, 1), (2, 2, 1), (1, 1, 1)]
    nothing = shop.roll_back(8)
    assert nothing.exit_code == 1
    assert "There is nothing to go back to: run 1 was the last that released to them" in error(nothing)
    assert {*statuses(nothing).values()} == {"skipped"}
    assert shop.serves() == (1, 1, 1)


def test_with_a_commit_each_goes_back_to_what_served_when_that_commit_s_run_had_ended(shop: _Shop) -> None:
    shop.deploy(1, 1, 1, 1)
    shop.deploy(2, 2, 1, 1)
    shop.deploy(3, 3, 3, 1)
    back = shop.step({"mode": "rollback", "rollback-to": commit(2)[:10]}, 4)
    assert (back.exit_code, shop.serves()) == (0, (2, 1, 1)), back.log
    assert [*statuses(back).values()] == ["rolled-back", "rolled-back", "unchanged"]


def test_the_step_that_the_summary_shows_leads_back_to_where_a_rollback_came_from(shop: _Shop) -> None:
    shop.deploy(1, 1, 1, 1)
    shop.deploy(2, 2, 2, 2)
    back = shop.roll_back(3)
    assert shop.serves() == (1, 1, 1), back.log
    assert f'with: {{ mode: rollback, manifest: deploy.yaml, rollback-to: "{commit(2)}" }}' in back.summary
    assert f"revert what came after [`{commit(1)[:7]}`]" in back.summary
    forward = shop.step({"mode": "rollback", "rollback-to": commit(2)}, 4)

    assert (forward.exit_code, shop.serves()) == (0, (2, 2, 2)), forward.log
    assert forward.summary.startswith(f"### ✅ Released `{commit(2)[:7]}` again to 3 functions")


def test_a_rollback_goes_on_where_one_was_cut_short_and_past_what_is_not_there(with_alias: _Shop) -> None:
    shop = with_alias
    shop.deploy(1, 1, 1, 1)
    shop.deploy(2, 2, 2, 1)
    shop.job.aws.forget_calls()
    held = shop.job.aws.hold("lambda:UpdateAlias", 1)
    given = {"manifest": "deploy.yaml", "mode": "rollback", "only": "orders"}
    with shop.job.started(given, run_id="3", with_engine=False) as step:
        held.reached()
        step.kill()
        step.wait()
    held.release()
    assert shop.serves() == (1, 2, 1)

    shop.write({"orders": 2, "stock": 2, "mail": 1, "new": 1})
    back = shop.roll_back(4)
    assert back.exit_code == 0, back.log
    assert shop.serves() == (1, 1, 1)
    assert statuses(back)[shop.function("new")] == "skipped"
    assert f"{shop.function('new')} stays as it is: there is no such function." in back.log


def test_a_canary_whose_run_has_died_is_all_that_is_taken_back(with_alias: _Shop) -> None:
    shop = with_alias
    shop.deploy(1, 1, 1, 1)
    shop.deploy(2, 2, 2, 1)
    shop.write({"orders": 3, "stock": 2, "mail": 1}, **_SHIFTING)
    held = shop.job.aws.hold("lambda:UpdateAlias", 1)
    with shop.job.started({"manifest": "deploy.yaml"}, run_id="3", with_engine=False) as step:
        held.reached()
        step.kill()
        step.wait()
    held.release()

    back = shop.roll_back(4)
    assert back.exit_code == 0, back.log
    aliases = shop.job.aws.snapshot().aliases
    assert shop.serves() == (2, 2, 1)
    assert not aliases[shop.function("orders")]["live"].get("RoutingConfig", {}).get("AdditionalVersionWeights")
    assert "run 3 was the last that released to them" in back.log
    assert shop.roll_back(5).exit_code == 0
    assert shop.serves() == (1, 1, 1)


@pytest.mark.parametrize("shop", [None], indirect=True, ids=["no alias"])
def test_code_that_a_run_left_unpublished_is_released_by_the_next_or_taken_back(shop: _Shop) -> None:
    shop.deploy(1, 1, 1, 1)
    shop.deploy(2, 2, 2, 1)
    for run_id, mode in ((3, "deploy"), (5, "rollback")):
        shop.write({"orders": run_id, "stock": 2, "mail": 1})
        held = shop.job.aws.hold("lambda:UpdateFunctionCode", 1)
        with shop.job.started({"manifest": "deploy.yaml"}, run_id=str(run_id), with_engine=False) as step:
            held.reached()
            step.kill()
            step.wait()
        held.release()

        result = shop.step({"mode": mode}, run_id + 1)
        assert result.exit_code == 0, result.log
        expected = {"deploy": "deployed", "rollback": "rolled-back"}[mode]
        assert statuses(result) == {
            shop.function(service): expected if service == "orders" else "unchanged" for service in _SERVICES
        }
        assert results(result)[shop.function("stock")]["version"]
        assert shop.serves() == (3, 2, 1)


def test_one_function_that_cannot_go_back_keeps_none_of_the_others(shop: _Shop) -> None:
    shop.deploy(1, 1, 1, 1)
    shop.deploy(2, 2, 2, 2)
    shop.job.aws.fail_update(shop.function("stock"), "ImageAccessDenied", "no such image")
    back = shop.roll_back(3)

    assert back.exit_code == 1
    told = statuses(back)
    assert told.pop(shop.function("stock")) in {"failed", "reverted"}
    assert {*told.values()} == {"rolled-back"}
    assert shop.serves() == (1, 1 if shop.alias else 2, 1)
    errors = {name: outcome["error"] for name, outcome in results(back).items() if outcome["error"]}
    assert [*errors] == [shop.function("stock")]
    assert "no such image" in errors[shop.function("stock")]
