"""What the log says of few releases, and of so many that nobody could read each line."""

import pytest

from ecr_lambda_deploy.releases.progress import Progress
from tests.unit.fakes.clock import FakeClock
from tests.unit.fakes.log import FakeLog


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def _names(count: int) -> list[str]:
    return [f"orders-{number:03}" for number in range(count)]


def test_of_ten_functions_each_line_is_shown_with_the_name(log: FakeLog, clock: FakeClock) -> None:
    progress = Progress(_names(10), log, clock)
    for name in _names(10):
        progress.log_of(name).info("updating")
        progress.count("released")
    progress.log_of("orders-003").failure("no luck")
    progress.end()

    assert log.lines == [
        *(("info", f"{name}: updating") for name in _names(10)),
        ("failure", "orders-003 failed: no luck"),
    ]


def test_of_a_thousand_functions_the_log_says_how_far_they_have_come(log: FakeLog, clock: FakeClock) -> None:
    progress = Progress(_names(1000), log, clock)
    for name in _names(1000):
        progress.log_of(name).info("updating")
        progress.count("prepared")
    for _ in range(370):
        progress.count("released")
    progress.end()

    lines = log.of_kind("info")
    assert lines[:3] == [f"{count} of 1000 functions prepared" for count in (100, 200, 300)]
    assert lines[-2:] == ["300 of 1000 functions released", "370 of 1000 functions released"]
    assert len(lines) == 10 + 4


def test_of_many_functions_failures_are_shown_with_what_was_done_and_the_others_are_counted(
    log: FakeLog, clock: FakeClock
) -> None:
    progress = Progress(_names(60), log, clock)
    for name in _names(60)[:25]:
        progress.log_of(name).info("updating")
        progress.log_of(name).failure("no luck; reverting all 60 functions")
    progress.end()

    assert log.lines[:3] == [
        ("failure", "orders-000 failed: no luck; reverting all 60 functions"),
        ("group", "orders-000, until it failed"),
        ("folded", "updating"),
    ]
    assert len(log.of_kind("failure")) == 10
    assert log.lines[-1] == ("info", "25 of 60 functions failed")


def test_a_log_that_was_silent_for_a_minute_shows_what_is_waited_for(log: FakeLog, clock: FakeClock) -> None:
    progress = Progress(_names(60), log, clock)
    for _ in range(6):
        progress.count("prepared")
    for seconds in (30, 30, 59):
        clock.time += seconds
        progress.log_of("orders-007").info("waiting")

    assert log.of_kind("info") == ["6 of 60 functions prepared", "6 of 60 functions prepared; orders-007: waiting"]


def test_what_annotates_the_run_is_not_kept_back(log: FakeLog, clock: FakeClock) -> None:
    of_one = Progress(_names(60), log, clock).log_of("orders-007")
    of_one.notice("one")
    of_one.warning("two")
    of_one.error("three")
    of_one.folded("four", ["five"])
    with of_one.group("six"):
        pass

    assert log.lines == [
        ("notice", "one"),
        ("warning", "two"),
        ("error", "three"),
        ("group", "four"),
        ("folded", "five"),
    ]
    assert log.groups == ["six"]


def test_why_all_end_is_said_once(log: FakeLog, clock: FakeClock) -> None:
    progress = Progress(_names(60), log, clock)
    for _ in range(60):
        progress.announce("The run was cancelled; reverting what it has changed")

    assert log.lines == [("failure", "The run was cancelled; reverting what it has changed")]
