"""Many functions: one manifest, one run, only what changed."""

import json
import re
from pathlib import Path

import pytest

from tests.e2e.jobs import Job
from tests.e2e.monorepos import Monorepo, new_monorepo, results, statuses

_SERVICES = [f"service-{number:02}" for number in range(12)]


@pytest.fixture
def twelve(bare_job: Job, first_image: str, tmp_path: Path) -> Monorepo:
    """Twelve services whose functions run an image of none of them."""
    return new_monorepo(bare_job, first_image, tmp_path, _SERVICES)


def test_only_what_has_changed_is_built_and_released(twelve: Monorepo) -> None:
    first = twelve.run()
    assert first.exit_code == 0, first.log
    assert {*statuses(first).values()} == {"deployed"}
    shared = set(re.findall(r"^(#\d+) \[.*base 2/2\] RUN echo shared by all", first.log, re.MULTILINE))
    assert len(shared) == 1  # one step of BuildKit's for all twelve

    twelve.greet(_SERVICES[3], "hi")
    twelve.aws.forget_calls()
    second = twelve.run()
    assert second.exit_code == 0, second.log
    assert statuses(second) == {
        twelve.function(service): "deployed" if service == _SERVICES[3] else "unchanged" for service in _SERVICES
    }

    assert twelve.calls(_SERVICES[3]).count("UpdateFunctionCode") == 1
    assert [call.action for call in twelve.aws.calls()].count("UpdateFunctionCode") == 1
    assert second.log.count(" is to be built: ") == 1
    for service in {*_SERVICES} - {_SERVICES[3]}:
        assert [one for one in twelve.calls(service) if one != "GetFunctionUrlConfig"] == 2 * ["GetFunction"]

    twelve.aws.forget_calls()
    third = twelve.run(with_engine=False)
    assert third.exit_code == 0, third.log
    assert third.outputs["changed"] == "false"
    for service in _SERVICES:
        assert [one for one in twelve.calls(service) if one != "GetFunctionUrlConfig"] == 2 * ["GetFunction"]


@pytest.fixture
def five(bare_job: Job, release_images: tuple[str, ...], tmp_path: Path) -> Monorepo:
    """Five services whose functions run an image of none of them."""
    return new_monorepo(bare_job, release_images[0], tmp_path, ["orders", "stock", "mail", "search", "users"])


def test_one_image_that_cannot_be_built_keeps_every_function_as_it_is(five: Monorepo) -> None:
    five.break_build("mail")
    before = five.aws.snapshot()
    result = five.run()

    assert result.exit_code == 1
    assert five.aws.snapshot() == before
    assert five.job.changing_calls() == []
    assert statuses(result) == {
        five.function(service): "failed" if service == "mail" else "skipped" for service in five.services
    }
    assert "exit code: 3" in results(result)[five.function("mail")]["error"]
    annotation, followed = [one for one in result.annotations if one.level == "error"]
    assert (annotation.title, annotation.file, annotation.line) == ("mail: build failed", "mail/Dockerfile", 6)
    assert followed.title == "5 functions, because of this: 1 failed, 4 skipped"
    assert result.summary.startswith("### ❌ Not released: the build of `mail` failed: ")
    assert "❌ 1 without an image · ⏭️ " in result.summary


@pytest.mark.parametrize("on_failure", ["revert", "keep"])
def test_one_smoke_test_that_fails_takes_back_all_or_with_keep_only_its_own(five: Monorepo, on_failure: str) -> None:
    five.defaults |= {"smoke-event": {}, "on-failure": on_failure}
    five.settings["mail"] = {"smoke-expect": {"service": "another"}}
    five.write_manifest()
    base = five.aws.snapshot().functions[five.function("mail")]["ResolvedImageUri"]
    result = five.run()

    assert result.exit_code == 1
    others = "deployed" if on_failure == "keep" else "reverted"
    told = statuses(result)
    assert told.pop(five.function("mail")) in {"failed", "reverted"}
    assert {*told.values()} == {others}
    latest = five.aws.snapshot().functions
    changed = {service for service in five.services if latest[five.function(service)]["ResolvedImageUri"] != base}
    kept = {*five.services} - {"mail"} if on_failure == "keep" else set()
    assert kept <= changed <= kept | {"mail"}
    assert {service for service, image in five.served().items() if image} == kept
    assert "another" in result.summary
    advice = "put `on-failure: keep` into `defaults` of `deploy.yaml` until it is fixed: `$LATEST` of"
    assert (advice in result.summary) is (on_failure == "revert")


def test_a_plan_changes_nothing_and_tells_what_would(five: Monorepo) -> None:
    assert five.run().exit_code == 0
    five.greet("stock", "hi")
    five.aws.forget_calls()
    plan = five.run({"mode": "plan"}, with_engine=False)

    assert plan.exit_code == 0, plan.log
    assert [call.action for call in five.aws.calls() if call.changing] == []
    assert json.loads(plan.outputs["matrix"]) == {
        "include": [{"image": "stock", "functions": [five.function("stock")]}]
    }
    assert plan.outputs["changed"] == "true"
    assert statuses(plan)[five.function("stock")] == "planned"

    built = five.run({"mode": "build", "only": "sto*"})
    assert built.exit_code == 0, built.log
    assert five.job.changing_calls() == []
    five.aws.forget_calls()
    released = five.run(with_engine=False)
    assert released.exit_code == 0, released.log
    assert statuses(released)[five.function("stock")] == "deployed"
    assert built.outputs["image-uri"] == five.served()["stock"]


def test_a_rollback_takes_back_what_the_last_run_released_together(five: Monorepo) -> None:
    assert five.run(run_id="1").exit_code == 0
    first = five.served()
    for service in ("stock", "mail"):
        five.greet(service, "hi")
    assert five.run(run_id="2").exit_code == 0
    second = five.served()
    assert {service for service in five.services if first[service] != second[service]} == {"stock", "mail"}

    back = five.run({"mode": "rollback"}, run_id="3", workflow="rollback.yml", with_engine=False)
    assert back.exit_code == 0, back.log
    assert five.served() == first
    assert sorted(name for name, status in statuses(back).items() if status == "rolled-back") == sorted(
        five.function(service) for service in ("stock", "mail")
    )
    again = five.run({"mode": "rollback"}, run_id="3", attempt="2", workflow="rollback.yml", with_engine=False)
    assert again.exit_code == 0, again.log
    assert five.served() == first


def test_services_of_one_context_are_built_for_their_own_changes_alone(
    bare_job: Job, first_image: str, tmp_path: Path
) -> None:
    shop = new_monorepo(bare_job, first_image, tmp_path, ["orders", "stock"])
    for service in shop.services:
        dockerfile = f"FROM {first_image}\nARG SERVICE={service}\nCOPY $SERVICE/app.p* common* ./\n"
        (bare_job.workspace / service / "Dockerfile").write_text(dockerfile)
        shop.settings[service] = {"context": ".", "dockerfile": f"{service}/Dockerfile"}
    shop.write_manifest()
    first = shop.run()
    assert first.exit_code == 0, first.log
    assert {*statuses(first).values()} == {"deployed"}

    (bare_job.workspace / ".git").mkdir()
    (bare_job.workspace / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (bare_job.workspace / "README.md").write_text("This is read by nobody.\n")
    unread = shop.run(with_engine=False)
    assert (unread.exit_code, unread.outputs["changed"]) == (0, "false"), unread.log
    assert "another build" not in unread.log

    shop.greet("stock", "hi")
    second = shop.run()
    assert second.exit_code == 0, second.log
    assert second.log.count(" is to be built: ") == 1
    assert statuses(second) == {shop.function("orders"): "unchanged", shop.function("stock"): "deployed"}

    (bare_job.workspace / "common.py").write_text("")
    third = shop.run()
    assert {*statuses(third).values()} == {"deployed"}, third.log
