"""Whole runs, with everything outside in memory."""

from contextlib import suppress
from dataclasses import replace
from threading import Event

import pytest

from ecr_lambda_deploy.deploy.deploy import deploy
from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import Status
from ecr_lambda_deploy.model.images import Fingerprint, ImageReference
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import (
    ExistingImage,
    FunctionTarget,
    ImageTarget,
    Mode,
    ServedImage,
    SmokeTest,
    TrafficStep,
)
from ecr_lambda_deploy.report.outputs import outputs
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import ELSEWHERE, NEW, OLD, RUN, alias_state, function_state, image, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.world import BUILD, LIVE, World, image_target

_TARGET = image_target()
_RUNS_OLD = (version_state("7"),)
_RECORD = str(Record.of(RUN, commit=RUN.commit))


def _inputs(target: ImageTarget = _TARGET, *, mode: Mode = Mode.DEPLOY) -> Inputs:
    return Inputs(mode=mode, images=(target,), region="eu-west-1", role=None)


def _deploy(world: World, target: ImageTarget = _TARGET) -> None:
    deploy(_inputs(target), world.ports(), world.journal)


def _fail(world: World, target: ImageTarget = _TARGET) -> DeployError:
    """Return the one error of a run that touches no function."""
    try:
        _deploy(world, target)
    except DeployError as error:
        return error
    (recorded,) = world.journal.errors
    return recorded


def test_source_becomes_a_digest_that_the_function_runs() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    _deploy(world)

    assert world.functions.changes == [("update_code", str(NEW), "x86_64"), ("publish_version", "8")]
    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.after.image, outcome.after.version) == (ReleaseStatus.DEPLOYED, NEW, "8")
    assert Record.parse(world.functions.published["8"].description).previous == "7"
    assert world.image.reference == NEW
    assert [phase.title for phase in world.journal.phases] == ["Check", "Image", "Build", "Deploy"]
    assert world.log.groups == ["Check", "Image", "Build"]  # what a function goes through is not folded away


def test_what_runs_already_makes_no_changing_call() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.orders.tags |= {world.builder.inputs.tag or "": OLD.digest, "v1": OLD.digest}
    _deploy(world)

    assert world.functions.changes == []
    assert not {"update_code", "publish_version", "check_may_publish"} & {*world.functions.calls}
    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.is_changed, outcome.after.version) == (ReleaseStatus.UNCHANGED, False, "7")


@pytest.mark.parametrize("mode", [Mode.DEPLOY, Mode.PLAN])
@pytest.mark.parametrize(("alias", "url"), [("live", "https://live.example/"), ("", "https://function.example/")])
def test_the_url_is_that_of_the_alias_or_else_of_the_function(mode: Mode, alias: str, url: str) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7"))
    world.orders.tags |= {world.builder.inputs.tag or "": OLD.digest, "v1": OLD.digest}
    world.aliases.urls = {"live": "https://live.example/", "": "https://function.example/"}
    target = image_target(functions=(replace(LIVE, alias=alias),))
    deploy(_inputs(target, mode=mode), world.ports(), world.journal)

    assert (outputs(world.journal)["function-url"], outputs(world.journal)["changed"]) == (url, "false")
    assert world.functions.calls.count("url") == 1


@pytest.mark.parametrize("mode", [Mode.DEPLOY, Mode.PLAN])
def test_the_log_says_why_a_function_needs_a_release(mode: Mode) -> None:
    latest = function_state(settings={"MemorySize": "256", "Environment.Variables.TOKEN": '"hunter2"'})
    world = World(functions=FakeFunctions(latest, versions=_RUNS_OLD), alias=alias_state("7"))
    world.orders.tags |= {world.builder.inputs.tag or "": OLD.digest, "v1": OLD.digest}
    deploy(_inputs(image_target(functions=(LIVE,)), mode=mode), world.ports(), world.journal)

    names = "Environment.Variables.TOKEN, MemorySize"
    why = f"orders-api needs a release: its configuration is not that of version 7: {names}"
    assert world.log.of_kind("info").count(why) == 1
    assert not any("hunter2" in line for _, line in world.log.lines)


def test_mode_build_pushes_and_touches_no_function() -> None:
    world = World()
    deploy(_inputs(replace(_TARGET, repository="orders", functions=()), mode=Mode.BUILD), world.ports(), world.journal)

    assert world.functions.calls == []
    assert (world.image.reference, world.journal.outcomes) == (NEW, ())
    assert world.orders.tags["v1"] == NEW.digest
    assert world.log.groups == ["Check", "Image", "Build"]


def test_an_update_that_is_in_progress_at_the_start_is_waited_for() -> None:
    in_progress = function_state(update=Status(value="InProgress"))
    world = World(functions=FakeFunctions(in_progress, versions=_RUNS_OLD))

    def end() -> None:
        world.functions.latest = function_state()

    world.clock.later(5, end)
    _deploy(world)

    assert world.clock.now() - 1000 == pytest.approx(5, abs=2)
    assert world.journal.outcomes[0].status is ReleaseStatus.DEPLOYED


def test_an_update_that_stays_in_progress_ends_the_run_before_any_change() -> None:
    world = World(functions=FakeFunctions(function_state(update=Status(value="InProgress"))))

    _deploy(world)

    assert "has not finished updating" in str(world.outcome.error)
    assert world.functions.changes == []
    assert (world.journal.phases[-1].title, round(world.journal.phases[-1].seconds)) == ("Deploy", 60)


def test_a_build_that_fails_changes_nothing() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.builder.refusals["build_and_push"] = DeployError("The image could not be built and pushed")

    assert "could not be built" in str(_fail(world))
    assert world.functions.changes == []
    assert world.repositories.tagged == []
    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.is_changed, outcome.after.image, outcome.after.version) == (
        ReleaseStatus.FAILED,
        False,
        OLD,
        "7",
    )
    assert [phase.title for phase in world.journal.phases] == ["Check", "Image", "Build"]


_EXISTING = image_target(ExistingImage(uri=f"{ELSEWHERE}/orders:v1"), create_repository=True)
_SERVED = image_target(ServedImage(function="orders-dev"))
_BEFORE_THE_RELEASE = [
    *(
        (_TARGET, call)
        for call in ("registry", "fingerprint", "find_tags", "check_engine", "build_and_push", "read_image")
    ),
    *((_EXISTING, call) for call in ("registry", "resolve", "find_tags", "create", "copy", "read_image")),
    (_SERVED, "served_image"),
]


@pytest.mark.parametrize("error", [DeployError("it broke"), KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.parametrize(("target", "call"), _BEFORE_THE_RELEASE)
def test_whatever_fails_before_the_release_changes_no_function(
    target: ImageTarget, call: str, error: BaseException
) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.elsewhere.hold(registry_image(image("b", registry=ELSEWHERE)), "v1")
    if call == "create":
        del world.registry.repositories["orders"]
    world.fail(call, error)

    if isinstance(error, DeployError):
        assert _fail(world, target) is error
    else:
        with pytest.raises(type(error)):
            _deploy(world, target)

    assert call in world.calls
    assert world.functions.changes == []
    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.is_changed, outcome.after.image, outcome.after.version) == (
        ReleaseStatus.FAILED,
        False,
        OLD,
        "7",
    )
    assert outputs(world.journal)["image-uri"] == str(OLD)
    assert bool(world.image.repository_uri) is (call != "registry")
    phases = {"registry": {"Check"}, "fingerprint": {"Image"}, "find_tags": {"Image"}, "resolve": {"Image"}}
    phases["served_image"] = {"Image"}
    assert world.log.groups[-1] == world.journal.phases[-1].title
    assert world.log.groups[-1] in phases.get(call, {"Build", "Copy", "Tag"})


@pytest.mark.parametrize("source", [_EXISTING.source, ServedImage(function="orders-dev", qualifier="live")])
def test_an_image_from_elsewhere_becomes_what_the_function_runs(source: ExistingImage | ServedImage) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    theirs = world.elsewhere.hold(registry_image(image("b", registry=ELSEWHERE)), "v1").reference
    world.sources.served[ServedImage(function="orders-dev", qualifier="live")] = theirs
    _deploy(world, image_target(source, tags=()))

    assert world.functions.changes == [("update_code", str(NEW), "x86_64"), ("publish_version", "8")]
    assert outputs(world.journal)["changed"] == "true"

    world.next_run()
    _deploy(world, image_target(source, tags=()))

    assert world.functions.changes == []
    assert outputs(world.journal)["changed"] == "false"
    assert outputs(world.journal)["image-uri"] == str(NEW)


def test_another_commit_of_the_same_inputs_changes_nothing_but_a_tag() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    _deploy(world, replace(_TARGET, tags=("one",)))
    world.next_run(replace(RUN, commit=40 * "d"))
    _deploy(world, replace(_TARGET, tags=("two",)))

    assert world.functions.changes == []
    assert world.repositories.tagged == [("two", NEW.digest)]
    assert len(world.builder.orders) == 1
    assert outputs(world.journal)["changed"] == "false"
    assert outputs(world.journal)["function-version"] == "8"


@pytest.mark.parametrize("alias", ["", "live"])
def test_the_default_tag_is_given_to_what_is_made_or_newly_deployed_and_to_nothing_else(alias: str) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    function = FunctionTarget(name="orders-api", alias=alias)
    by_default = image_target(tags=(), functions=(function,))
    commits = {commit: replace(by_default, tags=(commit,), is_default_tag=True) for commit in ("one", "two", "three")}
    _deploy(world, commits["one"])
    assert world.repositories.tagged == [("one", NEW.digest)]

    world.next_run()
    _deploy(world, commits["two"])
    assert world.repositories.tagged == []
    assert "read_image" not in world.calls  # what serves is not read back
    assert outputs(world.journal)["changed"] == "false"

    world.functions.serve(OLD)
    world.functions.publish_version(
        "orders-api", code_sha256=OLD.digest[7:], revision_id=world.functions.latest.revision_id, description=""
    )
    if alias:
        live = world.live
        world.aliases.point("orders-api", live, version="9", weights={}, description="")
    world.next_run()
    _deploy(world, commits["three"])
    assert world.repositories.tagged == [("three", NEW.digest)]
    assert outputs(world.journal)["changed"] == "true"


def test_a_code_that_runs_and_does_not_serve_yet_is_newly_deployed() -> None:
    functions = FakeFunctions(versions=_RUNS_OLD)
    functions.serve(NEW)
    world = World(functions=functions, alias=alias_state("7"))
    world.registry.hold(registry_image(NEW), f"src-{64 * '1'}")
    _deploy(world, replace(image_target(tags=("one",), functions=(LIVE,)), is_default_tag=True))

    assert world.repositories.tagged == [("one", NEW.digest)]


def test_mode_build_gives_the_default_tag_to_each() -> None:
    world = World()
    target = replace(image_target(repository="orders", functions=(), tags=("one",)), is_default_tag=True)
    for commit in ("one", "two"):
        world.next_run()
        deploy(_inputs(replace(target, tags=(commit,)), mode=Mode.BUILD), world.ports(), world.journal)
        assert world.repositories.tagged == [(commit, NEW.digest)]


@pytest.mark.parametrize(("built", "run", "expected"), [("d", "d", 0), ("d", "c", 1), ("", "c", 0), ("d", "", 0)])
def test_a_commit_that_is_checked_out_and_not_the_run_s_is_said_once(built: str, run: str, expected: int) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), run=replace(RUN, commit=40 * run))
    _deploy(world, image_target(replace(BUILD, commit=40 * built)))

    said = [line for line in world.log.of_kind("notice") if "checked out" in line]
    assert len(said) == expected
    assert all(40 * built in line and 40 * run in line for line in said)
    assert Record.parse(world.functions.published["8"].description).commit == 40 * built


def test_an_image_of_another_commit_is_not_recorded_as_the_run_s() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    for reference, revision in ((NEW, 40 * "d"), (image("c"), "")):
        world.registry.hold(replace(registry_image(reference), revision=revision))
        _deploy(world, image_target(ExistingImage(uri=str(reference)), tags=()))
        newest = list(world.functions.published)[-1]
        assert Record.parse(world.functions.published[newest].description).commit == revision
        text = summary(world.journal)
        assert (f"/commit/{revision})" in text) == bool(revision)
        assert RUN.commit not in text
        world.next_run()


def test_a_platform_that_is_given_changes_the_architecture_with_the_code() -> None:
    world = World()
    _deploy(world, image_target(platform="linux/arm64"))

    assert world.builder.orders[0].platform == "linux/arm64"
    assert world.functions.changes[0] == ("update_code", str(NEW), "arm64")


def test_warnings_do_not_keep_an_image_from_being_deployed() -> None:
    world = World(functions=FakeFunctions(function_state(image=None)))
    world.repositories.lets_lambda_pull = False
    world.repositories.rule = "rule 1 keeps 10 images"
    _deploy(world, replace(_TARGET, repository="orders"))

    assert len(world.log.of_kind("warning")) == 2
    assert world.journal.errors == ()
    assert world.journal.outcomes[0].status is ReleaseStatus.DEPLOYED


def test_nothing_is_built_for_a_function_that_is_not_there() -> None:
    world = World()
    _fail(world, replace(_TARGET, functions=(FunctionTarget(name="nothing"),)))

    assert world.builder.orders == []
    (outcome,) = world.journal.outcomes
    assert (outcome.function, outcome.status) == ("nothing", ReleaseStatus.FAILED)
    assert "There is no Lambda function nothing" in str(outcome.error)


def test_a_failure_while_deploying_is_an_outcome() -> None:
    world = World()
    world.functions.refusals["update_code"] = DeployError("lambda:UpdateFunctionCode failed")
    _deploy(world)

    assert [str(error) for error in world.journal.errors] == ["lambda:UpdateFunctionCode failed"]
    assert outputs(world.journal)["image-uri"] == str(OLD)


@pytest.mark.parametrize("is_published", [False, True], ids=["while it is updated", "before it is published"])
@pytest.mark.parametrize(
    ("end", "status", "serving", "version"),
    [
        (KeyboardInterrupt(), ReleaseStatus.FAILED, NEW, ""),  # nothing is done any more
        (ZeroDivisionError(), ReleaseStatus.REVERTED, OLD, "7"),
    ],
)
def test_whatever_ends_a_deploy_the_journal_tells_what_serves(
    end: BaseException, status: ReleaseStatus, serving: ImageReference, version: str, *, is_published: bool
) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.functions.seconds_to_update = 2
    if is_published:
        world.functions.before["publish_version"] = raising(end)
    else:
        world.functions.after["update_code"] = lambda: world.clock.later(1, raising(end))
    with pytest.raises(type(end)):
        _deploy(world)

    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.after.image, outcome.after.version) == (status, serving, version)
    assert outcome.is_changed is (serving is NEW)
    assert world.functions.latest.image == serving


def test_a_failed_update_that_never_ran_changed_nothing() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    failed = Status(value="Failed", reason_code="ImageAccessDenied")
    world.functions.end_of_update = lambda state: function_state(update=failed) if state.image == NEW else state
    _deploy(world)

    (outcome,) = world.journal.outcomes
    assert (outcome.status, outcome.after.image, outcome.after.version, outcome.is_changed) == (
        ReleaseStatus.REVERTED,
        OLD,
        "7",
        False,
    )


_LIVE = replace(_TARGET, functions=(LIVE,))


def test_a_first_release_by_alias_is_done_with_a_warning_of_what_goes_round_it() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.aliases.bypassing = ("the function URL https://example.lambda-url",)
    _deploy(world, _LIVE)

    assert world.functions.changes[-1] == ("point_alias", "8")
    (warning,) = world.log.of_kind("warning")
    assert "https://example.lambda-url" in warning

    world.next_run()
    world.builder.digest, world.builder.inputs = image("c").digest, Fingerprint(tag="src-3")
    _deploy(world, _LIVE)
    assert world.functions.changes[-1] == ("point_alias", "9")
    assert world.log.of_kind("warning") == []


def test_a_release_that_failed_has_no_such_warning() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    world.aliases.bypassing = ("the function URL https://example.lambda-url",)
    world.functions.refusals["update_code"] = DeployError("denied")
    _deploy(world, _LIVE)

    assert "bypasses" not in world.functions.calls


def test_an_older_run_builds_nothing() -> None:
    newer = str(Record.of(replace(RUN, run_id="12345678909")))
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7", description=newer))
    _deploy(world, _LIVE)

    assert (world.calls, world.functions.changes) == (["registry", "fingerprint", "find_tags"], [])
    assert world.outcome.status is ReleaseStatus.SKIPPED
    assert len(world.log.of_kind("warning")) == 1
    assert world.journal.errors == ()
    written = outputs(world.journal)
    assert (written["image-uri"], written["function-version"], written["changed"]) == (str(OLD), "7", "false")


@pytest.mark.parametrize("number", ["99999999999999", str(int(RUN.run_id) + 10**9 + 1), "٩٩٩٩"])
def test_rule_7_a_made_up_run_stops_no_deployment(number: str) -> None:
    forged = f"run={number}/1 mode=rollback repository={RUN.repository}"
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7", description=forged))
    _deploy(world, _LIVE)

    assert world.outcome.status is ReleaseStatus.DEPLOYED
    (warning,) = world.log.of_kind("warning")
    assert f"A description of orders-api names the run {number!r}" in warning
    assert "lambda:UpdateAlias" in warning


def test_a_release_by_hand_is_not_stale_and_stands_between_the_run_before_it_and_the_next() -> None:
    newer = str(Record.of(replace(RUN, run_id="12345678909")))
    world = World(functions=FakeFunctions(versions=[version_state("7", OLD, newer)]), alias=alias_state("7"))
    world.journal.run = replace(RUN, run_id="0.1764430000", workflow="", repository="")

    _deploy(world, _LIVE)

    record = Record.parse(world.live.description)
    assert (world.live.version, record.run, record.repository) == ("8", "12345678909.1764430000/1", "")


def test_a_run_that_is_overtaken_while_it_builds_leaves_the_newer_release_alone() -> None:
    newer = str(Record.of(replace(RUN, run_id="12345678909")))
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7"))

    def overtake() -> None:
        world.functions.serve(image("c"))
        world.functions.published["8"] = version_state("8", image("c"), newer)
        world.aliases.put(alias_state("8", description=newer))

    world.builder.before["build_and_push"] = overtake
    _deploy(world, _LIVE)

    assert world.functions.changes == []
    assert (world.outcome.status, world.outcome.after.version) == (ReleaseStatus.SKIPPED, "8")


def test_what_does_not_apply_is_told_before_anything_is_built() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    target = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=60),))
    world.builder.refusals["build_and_push"] = DeployError("later")
    _fail(world, replace(_TARGET, functions=(target,)))

    (notice,) = world.log.of_kind("notice")
    assert notice.startswith("'traffic' is skipped")


def test_a_function_that_does_not_exist_is_created_from_the_first_image() -> None:
    world = World()
    world.functions.vanish()
    target = replace(LIVE, creation={"Role": "r"})
    _deploy(world, replace(_TARGET, repository="orders", functions=(target,)))

    assert world.functions.changes == [
        ("create", str(NEW), "x86_64", "Role"),
        ("publish_version", "1"),
        ("point_alias", "1"),
    ]
    assert world.outcome.status is ReleaseStatus.CREATED
    assert "check_creation" in world.functions.calls
    assert "orders-api: it does not exist, and will be created" in world.log.of_kind("info")
    written = outputs(world.journal)
    assert (written["function-version"], written["previous-version"], written["changed"]) == ("1", "", "true")


def test_a_function_that_is_created_is_built_for_the_builder_s_platform() -> None:
    world = World()
    world.functions.vanish()
    world.builder.engine = "linux/arm64"
    _deploy(world, replace(_TARGET, repository="orders", functions=(replace(LIVE, creation={"Role": "r"}),)))

    assert world.functions.changes[0] == ("create", str(NEW), "arm64", "Role")


def test_an_alarm_that_is_missing_ends_the_run_before_any_function_is_changed() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7"))
    world.alarms.there = {}
    target = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=60),), alarms=("errors",))

    assert "CloudWatch alarm errors" in str(_fail(world, replace(_TARGET, functions=(target,))))
    assert world.functions.changes == []


def test_tags_are_added_beside_what_lambda_does() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    updating, tagging = Event(), Event()

    def update() -> None:
        updating.set()
        assert tagging.wait(10)

    def tag() -> None:
        assert updating.wait(10)
        tagging.set()

    world.functions.before["update_code"], world.repositories.before["add_tag"] = update, tag
    _deploy(world)

    assert world.outcome.status is ReleaseStatus.DEPLOYED
    assert world.repositories.tagged == [("v1", NEW.digest)]
    assert world.image.tags[0] == "v1"
    assert [phase.title for phase in world.journal.phases] == ["Check", "Image", "Build", "Deploy"]


def test_a_tag_that_is_refused_is_told_and_takes_nothing_back() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    error = world.repositories.refusals["add_tag"] = DeployError("ecr:PutImage denied")
    _deploy(world)

    assert (world.outcome.status, world.outcome.is_changed) == (ReleaseStatus.DEPLOYED, True)
    assert world.functions.latest.image == NEW
    assert world.journal.errors == (error,)
    assert (world.image.reference, world.image.error) == (NEW, error)
    assert outputs(world.journal)["image-uri"] == str(NEW)
    assert "ecr:PutImage denied" in summary(world.journal)


@pytest.mark.parametrize("is_known_early", [True, False])
@pytest.mark.parametrize("call", ["check_may_publish", "check_may_point", "check_may_invoke"])
def test_what_is_denied_is_found_beside_the_build_and_changes_no_function(call: str, *, is_known_early: bool) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7"))
    asked, built = Event(), Event()

    def ask() -> None:
        if not is_known_early:
            assert built.wait(10)
        asked.set()
        raise DeployError(f"{call} denied")

    world.functions.before[call] = ask
    if not is_known_early:
        world.builder.before["build_and_push"] = built.set
    target = replace(LIVE, smoke_test=SmokeTest(event="{}"))

    assert f"{call} denied" in str(_fail(world, replace(_TARGET, functions=(target,))))
    assert asked.is_set()
    assert (world.functions.changes, world.outcome.is_changed) == ([], False)
    assert f"{call} denied" in str(world.outcome.error)


@pytest.mark.parametrize(
    ("alias", "version", "probes"),
    [
        ("", "", ["check_may_publish", "check_may_point"]),
        ("", _RECORD, ["check_may_point"]),
        (_RECORD, "", []),
        ("run=9999999999999/1", "", ["check_may_publish", "check_may_point"]),  # a number that no run can have
        ("nightly run=soon", "", ["check_may_publish", "check_may_point"]),
    ],
)
def test_what_history_proves_is_not_probed(alias: str, version: str, probes: list[str]) -> None:
    functions = FakeFunctions(versions=(version_state("7", image=OLD, description=version),))
    world = World(functions=functions, alias=replace(alias_state("7"), description=alias))
    _deploy(world, _LIVE)

    assert world.outcome.status is ReleaseStatus.DEPLOYED
    assert sorted(call for call in world.functions.calls if call.startswith("check_may")) == sorted(probes)


def test_a_run_is_interrupted_while_it_builds_and_polls_while_it_releases() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7"))
    world.builder.before["build_and_push"] = world.clock.cancel
    with pytest.raises(KeyboardInterrupt):
        _deploy(world, _LIVE)
    assert (world.functions.changes, world.outcome.status) == ([], ReleaseStatus.FAILED)

    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7"))
    world.functions.before["publish_version"] = world.clock.cancel
    _deploy(world, _LIVE)
    assert world.functions.latest.image == OLD
    assert "The run was cancelled." in str(world.outcome.error)


@pytest.mark.parametrize("ending", ["deployed", "reverted", "interrupted", "built"])
def test_caches_are_waited_for_when_everything_else_is_done(ending: str) -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD), alias=alias_state("7"))
    world.builder.after["build_and_push"] = lambda: setattr(world.builder, "is_exporting", True)
    if ending == "reverted":
        world.functions.refusals["publish_version"] = DeployError("denied")
    if ending == "interrupted":
        world.repositories.before["read_image"] = world.clock.cancel
    changes = list[object]()
    world.builder.before["finish"] = lambda: changes.extend(world.functions.changes)
    with suppress(KeyboardInterrupt):
        deploy(_inputs(_LIVE, mode=Mode.BUILD if ending == "built" else Mode.DEPLOY), world.ports(), world.journal)

    assert (world.calls[-1], [phase.title for phase in world.journal.phases][-1]) == ("finish", "Cache")
    assert changes == world.functions.changes
    assert len(changes) == {"deployed": 3, "reverted": 2, "interrupted": 0, "built": 0}[ending]
    assert ("add_tag" in world.calls) is (ending != "interrupted")


def test_without_a_cache_that_is_exported_there_is_nothing_to_wait_for() -> None:
    world = World(functions=FakeFunctions(versions=_RUNS_OLD))
    _deploy(world)

    assert "finish" not in world.calls
    assert [phase.title for phase in world.journal.phases] == ["Check", "Image", "Build", "Deploy"]
