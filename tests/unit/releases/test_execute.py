from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.releases.plan import PublishVersion, ReleasePlan, Step, UpdateCode
from ecr_lambda_deploy.releases.release import Release, release_all
from tests.unit.fakes.examples import NEW, OLD, SOMEBODY_ELSES, function_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import World

_UPDATE = UpdateCode(image=NEW, architecture="x86_64")
_PUBLISH = PublishVersion(description="commit=c0ffee")
_TARGET = FunctionTarget(name="orders-api")


def _execute(world: World, *steps: Step, wait_timeout: float = 60) -> Outcome:
    target = replace(_TARGET, wait_timeout=wait_timeout)
    observed = world.observe(target)
    world.journal.outcomes = (Outcome.untouched(observed),)
    plan = ReleasePlan(target=target, observed=observed, steps=steps)
    release_all(
        [
            Release(
                plan=plan,
                plan_again=lambda _: plan,
            )
        ],
        world.ports(),
        world.journal,
    )
    return world.outcome


def _world(functions: FakeFunctions | None = None) -> World:
    return World(functions=functions or FakeFunctions())


def test_a_plan_without_steps_calls_nothing() -> None:
    world = _world(FakeFunctions(versions=[version_state("7")]))
    outcome = _execute(world)

    assert world.functions.calls == []
    assert (outcome.status, outcome.is_changed, outcome.after.image, outcome.after.version) == (
        ReleaseStatus.UNCHANGED,
        False,
        OLD,
        "7",
    )


@pytest.mark.parametrize("seconds", [0, 0.05, 5])
def test_a_version_is_published_only_after_the_update_of_the_code(seconds: float) -> None:
    world = _world(FakeFunctions(versions=[version_state("7")]))
    world.functions.seconds_to_update = seconds
    outcome = _execute(world, _UPDATE, _PUBLISH)

    assert world.functions.changes == [("update_code", str(NEW), "x86_64"), ("publish_version", "8")]
    assert world.functions.published["8"].description == "commit=c0ffee"
    changes = [call for call in world.functions.calls if call in {"update_code", "publish_version"}]
    assert changes == ["update_code", "publish_version"]  # of which none was too early, and refused
    assert seconds <= outcome.seconds < seconds + 2
    assert (outcome.status, outcome.is_changed, outcome.after.image, outcome.after.version, outcome.error) == (
        ReleaseStatus.DEPLOYED,
        True,
        NEW,
        "8",
        None,
    )
    assert outcome.seconds == pytest.approx(world.clock.now() - 1000, abs=0.001)


def test_the_log_says_what_is_done() -> None:
    world = _world()
    _execute(world, _UPDATE, _PUBLISH)

    assert world.log.of_kind("info") == [
        f"orders-api: updating to {NEW.short} (x86_64)",
        f"orders-api: Lambda runs {NEW.short} after 0.0 s",
        "orders-api: published version 1",
    ]


def test_without_publishing_no_version_serves_afterwards() -> None:
    world = _world(FakeFunctions(versions=[version_state("7")]))
    outcome = _execute(world, _UPDATE)

    assert (outcome.after.image, outcome.after.version) == (NEW, "")
    assert [*world.functions.published] == ["7"]


def test_the_architecture_goes_with_the_code() -> None:
    world = _world()
    _execute(world, replace(_UPDATE, architecture="arm64"))

    assert world.functions.changes == [("update_code", str(NEW), "arm64")]


def test_permission_to_publish_is_checked_before_anything_changes() -> None:
    world = _world()
    world.functions.refusals["check_may_publish"] = DeployError("lambda:PublishVersion denied")
    outcome = _execute(world, _UPDATE, _PUBLISH)

    assert world.functions.changes == []
    assert (outcome.status, outcome.is_changed, outcome.after.image) == (ReleaseStatus.FAILED, False, OLD)
    assert str(outcome.error) == "lambda:PublishVersion denied"


def test_permission_to_publish_is_not_checked_where_nothing_is_published() -> None:
    world = _world()
    _execute(world, _UPDATE)

    assert "check_may_publish" not in world.functions.calls


@pytest.mark.parametrize("steps", [(_UPDATE,), (_PUBLISH,), (_UPDATE, _PUBLISH)])
def test_another_change_in_progress_is_waited_for(steps: tuple[Step, ...]) -> None:
    world = _world()
    world.functions.conflicts, world.functions.seconds_to_update = 3, 4
    outcome = _execute(world, *steps)

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert len(world.functions.changes) == len(steps)
    assert len(world.log.of_kind("info")) >= 3


def test_a_change_that_stays_in_progress_ends_the_wait_in_time() -> None:
    world = _world()
    world.functions.conflicts = 10_000
    outcome = _execute(world, _UPDATE, wait_timeout=30)

    assert "An update is in progress" in str(outcome.error)
    assert (outcome.status, outcome.is_changed) == (ReleaseStatus.FAILED, False)
    assert 30 <= outcome.seconds < 31


@pytest.mark.parametrize(
    ("code", "reason", "hints"),
    [
        (
            "ImageAccessDenied",
            "Lambda does not have permission",
            ("policy", "lambda.amazonaws.com", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
        ),
        ("ImageDeleted", "", ("was removed from the repository", "lifecycle rule")),
        ("InvalidImage", "unsupported media type", ("entry point", "media types", "size of its layers")),
        ("FunctionError.InvalidEntryPoint", "exec format error", ("ENTRYPOINT or CMD", "architecture")),
        ("FunctionError.InitTimeout", "", ("longer to load than Lambda allows", "out of the import")),
        ("FunctionError.RuntimeInitError", "", ("fails while it is loaded", "logs in CloudWatch")),
        ("FunctionError.PermissionDenied", "", ("cannot read a file", "mode")),
        ("InsufficientRolePermissions", "", ("execution role", "permission")),
        ("SomethingNew", "in AWS's words", ("goes on serving", "Run this job again")),
    ],
)
@pytest.mark.parametrize("field", ["update", "state"])
def test_the_error_of_a_failed_update_has_lambda_s_words(
    field: str, code: str, reason: str, hints: tuple[str, ...]
) -> None:
    world = _world()
    failed = Status(value="Failed", reason_code=code, reason=reason)
    broken = function_state(update=failed) if field == "update" else function_state(state=failed)
    world.functions.end_of_update = lambda state: broken if state.image == NEW else state
    outcome = _execute(world, _UPDATE, _PUBLISH)

    assert outcome.error is not None
    label = "LastUpdateStatus" if field == "update" else "State"
    assert outcome.error.message.splitlines() == [
        f"Lambda could not update orders-api: {label} {failed}.",
        f"$LATEST runs {OLD} again.",
    ]
    assert [hint for hint in hints if hint not in outcome.error.hint] == []
    assert (outcome.status, outcome.after.image) == (ReleaseStatus.REVERTED, OLD)
    assert world.functions.published == {}


def test_an_update_that_does_not_finish_is_not_published() -> None:
    world = _world()
    world.functions.seconds_to_update = 10_000
    outcome = _execute(world, _UPDATE, _PUBLISH, wait_timeout=5)

    assert "has not finished updating" in str(outcome.error)
    assert world.functions.published == {}
    assert outcome.seconds == pytest.approx(10)  # 5 of them in the hope to take it back


def test_an_update_that_is_refused_changes_nothing() -> None:
    world = _world()
    world.functions.refusals["update_code"] = DeployError("lambda:UpdateFunctionCode failed")
    outcome = _execute(world, _UPDATE, _PUBLISH)

    assert (outcome.status, outcome.is_changed, outcome.after.image, outcome.after.version) == (
        ReleaseStatus.FAILED,
        False,
        OLD,
        "",
    )


def test_somebody_else_s_image_is_not_published_and_not_hidden() -> None:
    world = _world()
    world.functions.after["update_code"] = lambda: world.functions.serve(SOMEBODY_ELSES)
    outcome = _execute(world, _UPDATE, _PUBLISH)

    assert "somebody else updated it meanwhile" in str(outcome.error)
    assert "concurrency" in str(outcome.error)
    assert world.functions.published == {}
    assert (outcome.status, outcome.is_changed, outcome.after.image) == (ReleaseStatus.FAILED, True, SOMEBODY_ELSES)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("steps", "expected"), [((_UPDATE, _PUBLISH), NEW), ((_PUBLISH,), OLD)])
def test_no_version_is_published_of_what_somebody_else_deploys_meanwhile(
    steps: tuple[Step, ...], expected: ImageReference, *, is_after: bool
) -> None:
    world = _world()
    moment = world.functions.after if is_after else world.functions.before
    moment["publish_version"] = lambda: world.functions.serve(SOMEBODY_ELSES)
    outcome = _execute(world, *steps)

    assert {version.image for version in world.functions.published.values()} <= {expected}
    assert (outcome.status is ReleaseStatus.DEPLOYED) == bool(world.functions.published)


def test_after_a_refused_version_the_code_goes_back_and_the_error_says_so() -> None:
    world = _world(FakeFunctions(versions=[version_state("7")]))
    world.functions.refusals["publish_version"] = DeployError("CodeStorageExceededException")
    outcome = _execute(world, _UPDATE, _PUBLISH)

    assert str(outcome.error) == f"CodeStorageExceededException\n$LATEST runs {OLD} again."
    assert (outcome.status, outcome.is_changed, outcome.after.image, outcome.after.version) == (
        ReleaseStatus.REVERTED,
        False,
        OLD,
        "7",
    )


def test_a_version_that_does_not_become_active_is_a_failure() -> None:
    world = _world()
    world.functions.version_state = Status(value="Failed", reason_code="InternalError", reason="sorry")
    outcome = _execute(world, _UPDATE, _PUBLISH)

    assert "Version 1 of orders-api did not become active: State Failed (InternalError: sorry)." in str(outcome.error)
    assert (outcome.status, outcome.after.image) == (ReleaseStatus.REVERTED, OLD)


def test_an_unexpected_exception_is_reported_as_a_bug_and_raised() -> None:
    world = _world()
    world.functions.refusals["update_code"] = ZeroDivisionError()

    with pytest.raises(ZeroDivisionError):
        _execute(world, _UPDATE)

    assert (world.outcome.status, world.outcome.after.image) == (ReleaseStatus.FAILED, OLD)
    assert "This is a bug" in str(world.outcome.error)
