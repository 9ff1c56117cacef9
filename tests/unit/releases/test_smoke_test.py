import json
from threading import Event
from time import monotonic

import pytest

from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.targets import Expectation, SmokeTest
from ecr_lambda_deploy.ports.functions import Response
from ecr_lambda_deploy.releases.smoke_test import differing, run_smoke_test
from tests.unit.fakes.examples import NEW, OLD, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import World

_TEST = SmokeTest(event='{"ping": 1}', expect=Expectation(value={"ok": True}))


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("{}", '{"a": 1}'),
        ('{"a": 1}', '{"a": 1, "b": 2}'),
        ('{"a": {"b": 1}}', '{"a": {"b": 1, "c": 2}, "d": 3}'),
        ('[1, {"a": 1}]', '[1, {"a": 1, "b": 2}]'),
        ("[]", "[]"),
        ("null", "null"),
        ("true", "true"),
        ("1", "1.0"),  # JSON has one kind of number
        ("1e2", "100"),
        ('"ü"', '"\\u00fc"'),
        ('{"a": null}', '{"a": null}'),
    ],
)
def test_a_response_that_contains_the_expected_passes(expected: str, answer: str) -> None:
    assert list(differing(json.loads(expected), json.loads(answer))) == []


@pytest.mark.parametrize(
    ("expected", "answer", "differences"),
    [
        ('{"a": 1}', "{}", ["- $.a is missing; expected 1"]),
        ('{"a": null}', "{}", ["- $.a is missing; expected null"]),
        ('{"a": 1}', '{"a": 2}', ["- $.a is 2; expected 1"]),
        ('{"a": 1, "b": 1}', '{"a": 2}', ["- $.a is 2; expected 1", "- $.b is missing; expected 1"]),
        ('{"a": {"b": [1]}}', '{"a": {"b": [2]}}', ["- $.a.b[0] is 2; expected 1"]),
        ("[1, 2]", "[1, 2, 3]", ["- $ is [1, 2, 3]; expected [1, 2]"]),
        ("[1, 2]", "[2, 1]", ["- $[0] is 2; expected 1", "- $[1] is 1; expected 2"]),
        ("[]", "[1]", ["- $ is [1]; expected []"]),
        ("{}", "[]", ["- $ is []; expected {}"]),
        ("{}", "null", ["- $ is null; expected {}"]),
        ("true", "1", ["- $ is 1; expected true"]),
        ("1", "true", ["- $ is true; expected 1"]),
        ("0", "false", ["- $ is false; expected 0"]),
        ('{"a": [true]}', '{"a": [1]}', ["- $.a[0] is 1; expected true"]),
        ('"1"', "1", ['- $ is 1; expected "1"']),
        ("null", "false", ["- $ is false; expected null"]),
    ],
)
def test_each_difference_is_named_by_its_path(expected: str, answer: str, differences: list[str]) -> None:
    assert list(differing(json.loads(expected), json.loads(answer))) == differences


def _run(world: World, test: SmokeTest = _TEST, qualifier: str = "$LATEST") -> None:
    run_smoke_test(
        test,
        "orders-api",
        qualifier,
        timeout=3,
        invocations=world.invocations,
        log=world.log,
        clock=world.clock,
        check=world.ports().cancelling.check,
    )


def _answering(payload: str, *, error: str = "", log: str = "") -> World:
    world = World()
    world.invocations.answer = Response(payload=payload, error=error, log=log)
    return world


@pytest.mark.parametrize(("qualifier", "image"), [("$LATEST", OLD), ("8", NEW)])
def test_a_function_that_responds_as_expected_passes(qualifier: str, image: object) -> None:
    world = World(functions=FakeFunctions(versions=[version_state("8", NEW)]))
    _run(world, qualifier=qualifier)

    assert world.invocations.invoked == [(qualifier, str(image), '{"ping": 1}')]
    assert world.log.of_kind("info") == [
        f"smoke test: invoking {qualifier}",
        'answered after 0.0 s: {"ok": true}',
    ]


@pytest.mark.parametrize("payload", ["", "not JSON", "null", '{"errorMessage": "in the answer, and no failure"}'])
def test_without_an_expectation_any_answer_will_do(payload: str) -> None:
    _run(_answering(payload), SmokeTest(event="{}"))


@pytest.mark.parametrize(
    ("payload", "error", "words"),
    [
        ('{"ok": false}', "", "the response is not the expected one:\n- $.ok is false; expected true"),
        ("", "", "the response is not JSON: "),
        ("<html>", "", "the response is not JSON: <html>"),
        (
            '{"errorType": "KeyError", "errorMessage": "\'PATH\'", "stackTrace": []}',
            "Unhandled",
            "orders-api failed with KeyError: 'PATH'",
        ),
        (
            '{"errorMessage": "2026-11-25T00:00:00Z 1 Task timed out after 3.00 seconds"}',
            "Unhandled",
            "orders-api failed with 2026-11-25T00:00:00Z 1 Task timed out after 3.00 seconds",
        ),
        ("odd", "Unhandled", "orders-api failed with Unhandled: odd"),
        ("[]", "Handled", "orders-api failed with Handled: []"),
        ('{"errorType": "X"}', "Unhandled", 'orders-api failed with Unhandled: {"errorType": "X"}'),
        ('{"ok": true}', "Unhandled", 'orders-api failed with Unhandled: {"ok": true}'),  # whatever it answers
    ],
)
def test_any_other_response_is_shown_with_the_end_of_the_log(payload: str, error: str, words: str) -> None:
    world = _answering(payload, error=error, log="START\nTraceback: it broke\n")
    with pytest.raises(DeployError) as caught:
        _run(world)

    assert caught.value.message == (
        f"The smoke test did not pass: {words}\nThe end of its log:\nSTART\nTraceback: it broke"
    )
    assert "'smoke-event' and 'smoke-expect'" in caught.value.hint


def test_without_a_log_the_error_does_not_mention_one() -> None:
    with pytest.raises(DeployError) as caught:
        _run(_answering("null"))

    assert "log" not in caught.value.message


def test_a_long_answer_is_cut() -> None:
    world = _answering(json.dumps({"ok": 5000 * "x"}))
    with pytest.raises(DeployError) as caught:
        _run(world)

    assert len(caught.value.message) < 1500
    assert "(5002 characters)" in caught.value.message
    assert all(len(line) < 1500 for line in world.log.of_kind("info"))


_DEEP = 400_000 * "["


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (json.dumps({"errorType": 100_000 * "T", "errorMessage": 5_000_000 * "m"}), "Unhandled"),
        (json.dumps({"errorMessage": 100 * "\ud800"}), "Unhandled"),
        (json.dumps({"errorMessage": {"\ud800": 1_000_000 * "m"}}), "Unhandled"),
        (_DEEP, "Unhandled"),
        (_DEEP, ""),
        (f'{{"ok": {900 * "["}{900 * "]"}}}', ""),
        (f'{{"ok": {5000 * "1"}}}', ""),
        (json.dumps({str(number): "x" for number in range(100_000)}), ""),
    ],
)
def test_rule_6_whatever_a_function_answers_has_a_bound_and_can_be_written(payload: str, error: str) -> None:
    expect = Expectation(value={"ok": True, **{f"missing {number}": number for number in range(1000)}})
    world = _answering(payload, error=error)
    with pytest.raises(DeployError) as caught:
        _run(world, SmokeTest(event="{}", expect=expect))

    assert len(str(caught.value).encode()) < 40_000
    assert all(len(line.encode()) < 5_000 for line in world.log.of_kind("info"))


def test_the_error_of_a_refused_invocation_is_raised_as_it_is() -> None:
    world, refusal = World(), DeployError("lambda:InvokeFunction failed", "allow it")
    world.functions.refusals["invoke"] = refusal
    with pytest.raises(DeployError) as caught:
        _run(world)

    assert caught.value is refusal


def test_an_unexpected_exception_of_the_thread_is_raised() -> None:
    world = World()
    world.functions.refusals["invoke"] = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        _run(world)


def test_a_cancelled_run_does_not_wait_for_the_answer() -> None:
    world, end = World(), Event()

    def begin() -> None:
        world.clock.cancelled_at = world.clock.now()
        end.wait(60)

    world.functions.before["invoke"] = begin
    started = monotonic()
    with pytest.raises(CancelledError):
        _run(world)
    end.set()

    assert monotonic() - started < 30


@pytest.mark.parametrize("answered_after", [0.0, 0.2])
def test_an_answer_is_waited_for(answered_after: float) -> None:
    world = World()
    world.functions.before["invoke"] = lambda: Event().wait(answered_after)
    _run(world)

    assert len(world.invocations.invoked) == 1


@pytest.mark.parametrize(
    ("message", "log", "hint"),
    [
        ("RequestId: 1 Error: fork/exec /entry.sh: no such file or directory", "", "end with CRLF"),
        ("RequestId: 1 Error: fork/exec /entry.sh: permission denied", "", "`COPY --chmod=755`"),
        ("RequestId: 1 Error: fork/exec /entry.sh: exec format error", "", "another architecture"),
        ("Lambda RIE failed", "exec /entry.sh: no such file or directory", "end with CRLF"),
        ("[Errno 13] Permission denied: '/var/task/app.py'", "", "a umask of the runner"),
        ("EACCES: permission denied, open '/var/task/app.js'", "", "a umask of the runner"),
        ("[Errno 30] Read-only file system: '/home/sbx'", "", "only /tmp can be written"),
        ("Unable to import module 'app'", "", "Fix the function"),
    ],
)
def test_the_hint_follows_what_the_function_failed_with(message: str, log: str, hint: str) -> None:
    failed = _answering(json.dumps({"errorType": "E", "errorMessage": message}), error="Unhandled", log=log)
    with pytest.raises(DeployError) as caught:
        _run(failed)

    assert hint in caught.value.hint


def test_the_log_of_a_function_that_answers_gives_no_hint() -> None:
    with pytest.raises(DeployError) as caught:
        _run(_answering('{"ok": false}', log="exec /x: no such file or directory"))

    assert caught.value.hint.startswith("Fix the function")


@pytest.mark.parametrize(
    ("payload", "error", "cause"),
    [
        ('{"errorType": "KeyError", "errorMessage": "\'TABLE\'"}', "Unhandled", "KeyError: 'TABLE'"),
        ('{"ok": false}', "", "$.ok is false; expected true"),
        ("<html>", "", "its response is not JSON"),
    ],
)
def test_the_cause_is_told_in_few_words(payload: str, error: str, cause: str) -> None:
    with pytest.raises(DeployError) as caught:
        _run(_answering(payload, error=error))

    assert caught.value.cause == f"the smoke test of orders-api failed: {cause}"
