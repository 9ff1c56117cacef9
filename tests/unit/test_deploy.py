"""Whole runs, with everything outside in memory."""

from dataclasses import replace
from pathlib import Path

import pytest

from ecr_lambda_deploy.deploy import deploy
from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.inputs import Inputs
from ecr_lambda_deploy.model import (
    Build,
    FunctionTarget,
    ImageTarget,
    Journal,
    Mode,
    ReleaseStatus,
    Status,
    WorkflowRun,
)
from ecr_lambda_deploy.report import outputs
from tests.unit.ports_in_memory import (
    NEW,
    OLD,
    REGISTRY,
    RUN,
    FakeFunctions,
    World,
    code_sha256_of,
    function_state,
    image_target,
)

_BUILD = Build(context=Path("/workspace"), dockerfile=Path("/workspace/Dockerfile"))
_TARGET = image_target(_BUILD)
_RUNS_OLD = {"7": code_sha256_of(OLD)}


def _inputs(target: ImageTarget = _TARGET, *, mode: Mode = Mode.DEPLOY) -> Inputs:
    return Inputs(mode=mode, image=target, region="eu-west-1", role=None, wait_timeout=60)


def _deploy(world: World, target: ImageTarget = _TARGET) -> None:
    deploy(_inputs(target), world.outside(), world.journal)


def _fail(world: World, target: ImageTarget = _TARGET) -> DeployError:
    with pytest.raises(DeployError) as caught:
        _deploy(world, target)
    return caught.value


def test_source_becomes_a_digest_that_the_function_runs() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    _deploy(world)

    assert world.functions.changes == [("update_code", str(NEW), "x86_64"), ("publish_version", "8")]
    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.image, outcome.version) == (ReleaseStatus.DEPLOYED, NEW, "8")
    assert world.functions.descriptions["8"].endswith("previous=7")
    assert world.journal.image == NEW
    assert [title for title, _ in world.journal.phases] == world.log.groups == ["Check", "Build and push", "Deploy"]


def test_the_tag_that_is_pushed_belongs_to_this_build_alone() -> None:
    world = World()
    _deploy(world)
    _deploy(world)
    first, second = (built.destination for built in world.builder.built)

    assert first.startswith(f"{REGISTRY}/orders:src-")
    assert first != second


def test_the_other_tags_are_added_to_the_digest() -> None:
    world = World()
    _deploy(world, replace(_TARGET, tags=("v1", "v1.2")))

    assert world.repositories.tags == [("v1", NEW.digest), ("v1.2", NEW.digest)]
    *tags, pushed = world.journal.image_tags
    assert tags == ["v1", "v1.2"]
    assert world.builder.built[0].destination.endswith(f":{pushed}")


def test_a_tag_that_stays_elsewhere_is_noticed_and_not_claimed() -> None:
    world = World()
    world.repositories.immutable_tags = {"v1"}
    _deploy(world, replace(_TARGET, tags=("v1", "v2")))

    assert world.journal.image_tags[:-1] == ("v2",)
    (notice,) = world.log.of_kind("notice")
    assert "v1" in notice
    assert str(NEW) in notice
    assert world.journal.outcomes[0].status is ReleaseStatus.DEPLOYED


def test_labels_lead_from_the_image_to_its_source() -> None:
    world = World()
    _deploy(world, image_target(replace(_BUILD, labels={"org.opencontainers.image.source": "mine", "team": "shop"})))

    assert world.builder.built[0].labels == {
        "org.opencontainers.image.revision": RUN.commit,
        "org.opencontainers.image.source": "mine",
        "team": "shop",
    }


def test_outside_github_there_is_no_source_to_lead_to() -> None:
    world = World(journal=Journal(run=WorkflowRun(server_url="https://github.com")))
    _deploy(world)

    assert world.builder.built[0].labels == {}


def test_the_log_says_what_was_pushed() -> None:
    world = World()
    _deploy(world)
    (line,) = (line for line in world.log.of_kind("info") if line.startswith("Pushed"))

    assert line.startswith(f"Pushed {NEW} (v1, src-")


def test_what_runs_already_makes_no_changing_call() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.builder.digest = OLD.digest
    _deploy(world)

    assert world.functions.changes == []
    assert not {"update_code", "publish_version", "check_may_publish"} & {*world.functions.calls}
    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.is_changed, outcome.version) == (ReleaseStatus.UNCHANGED, False, "7")


def test_mode_build_pushes_and_touches_no_function() -> None:
    world = World()
    deploy(
        _inputs(replace(_TARGET, repository="orders", functions=()), mode=Mode.BUILD), world.outside(), world.journal
    )

    assert world.functions.calls == []
    assert (world.journal.image, world.journal.outcomes) == (NEW, ())
    assert world.repositories.tags == [("v1", NEW.digest)]
    assert world.log.groups == ["Check", "Build and push"]


def test_an_update_that_is_in_progress_at_the_start_is_waited_for() -> None:
    in_progress = function_state(update=Status(value="InProgress"))
    world = World(functions=FakeFunctions(in_progress, versions=_RUNS_OLD))

    def settle() -> None:
        world.functions.latest = function_state()

    world.functions.before["read", 4] = settle
    _deploy(world)

    assert len(world.clock.naps) >= 2
    assert world.journal.outcomes[0].status is ReleaseStatus.DEPLOYED


def test_an_update_that_stays_in_progress_ends_the_run_before_any_change() -> None:
    world = World(functions=FakeFunctions(function_state(update=Status(value="InProgress"))))

    assert "has not settled" in str(_fail(world))
    assert world.functions.changes == []
    title, seconds = world.journal.phases[-1]
    assert (title, round(seconds)) == ("Deploy", 60)


def test_a_build_that_fails_changes_nothing() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.builder.refusals["build_and_push"] = DeployError("The image could not be built and pushed")

    assert "could not be built" in str(_fail(world))
    assert world.functions.changes == []
    assert world.repositories.tags == []
    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.is_changed, outcome.image, outcome.version) == (
        ReleaseStatus.FAILED,
        False,
        OLD,
        "7",
    )
    assert [title for title, _ in world.journal.phases] == ["Check", "Build and push"]


def test_an_image_that_cannot_be_read_back_is_not_deployed() -> None:
    world = World()
    world.repositories.refusals["read_image"] = DeployError("has the media type of an index")

    assert "index" in str(_fail(world))
    assert world.functions.changes == []
    assert world.journal.image is None


def test_an_image_of_another_platform_is_not_deployed_and_not_tagged() -> None:
    world = World()
    world.repositories.platform = "linux/arm64"
    error = _fail(world)

    assert "is for linux/arm64, not for linux/amd64" in error.message
    assert "'platform'" in error.hint
    assert world.functions.changes == []
    assert world.repositories.tags == []


def test_a_tag_that_ecr_refuses_ends_the_run_and_the_pushed_image_is_in_the_journal() -> None:
    world = World()
    world.repositories.refusals["add_tag"] = DeployError("ecr:PutImage failed")

    _fail(world)

    assert world.functions.changes == []
    assert world.journal.image == NEW


def test_nothing_is_built_for_a_function_that_is_not_there() -> None:
    world = World()
    _fail(world, replace(_TARGET, functions=(FunctionTarget(name="nothing"),)))

    assert world.builder.built == []
    assert world.journal.outcomes == ()


def test_a_failure_while_deploying_is_an_outcome() -> None:
    world = World()
    world.functions.refusals["update_code"] = DeployError("lambda:UpdateFunctionCode failed")
    _deploy(world)

    assert [str(error) for error in world.journal.errors] == ["lambda:UpdateFunctionCode failed"]
    assert outputs(world.journal)["image-uri"] == str(OLD)


@pytest.mark.parametrize("end", [KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.parametrize("call", [("read", 2), ("publish_version", 1)])
def test_whatever_ends_a_deploy_the_journal_tells_what_serves(end: BaseException, call: tuple[str, int]) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))

    def cut_short() -> None:
        raise end

    world.functions.before[call] = cut_short
    with pytest.raises(type(end)):
        _deploy(world)

    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.image, outcome.version, outcome.is_changed) == (
        ReleaseStatus.FAILED,
        NEW,
        "",
        True,
    )


def test_a_failed_update_that_never_ran_changed_nothing() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    failed = Status(value="Failed", reason_code="ImageAccessDenied")
    world.functions.end_of_update = lambda _: function_state(update=failed)
    _deploy(world)

    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.image, outcome.version, outcome.is_changed) == (
        ReleaseStatus.FAILED,
        OLD,
        "7",
        False,
    )
