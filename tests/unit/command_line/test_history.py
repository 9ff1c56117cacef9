"""The releases of a function, as they are shown."""

from dataclasses import replace

from ecr_lambda_deploy.command_line.history import document, history_of, table
from ecr_lambda_deploy.functions.history import Record
from tests.unit.fakes.examples import (
    NEW,
    OLD,
    RUN,
    alias_state,
    function_state,
    observed_function,
    published,
    version_state,
)

_BY_HAND = replace(RUN, run_id="12345678901.1764430000", workflow="")


def test_what_serves_who_released_it_and_when_is_shown_newest_first() -> None:
    first = replace(published("1", OLD, str(Record.of(RUN, commit=40 * "a"))), modified="2026-11-28T09:00:00.000+0000")
    second = replace(
        published("2", NEW, str(Record.of(_BY_HAND, commit=40 * "b", previous="1"))),
        modified="2026-11-29T15:26:40.000+0000",
    )
    third = published("3", NEW, "made by Terraform\x1b[2J")
    alias = alias_state("2", description=str(Record.of(_BY_HAND)), weights={"3": 0.1})
    observed = replace(
        observed_function(function_state(), version_state("2"), alias=alias), versions=(first, second, third)
    )

    history = history_of(observed, alias="live")

    assert table([history]).splitlines() == [
        "orders-api, alias live, moved last by hand at 2025-11-29 15:26 UTC",
        "    version  released          commit        by",
        "    3                                        not by this action               10 % of the traffic",
        "->  2        2026-11-29 15:26  bbbbbbbbbbbb  by hand at 2025-11-29 15:26 UTC  serves",
        "    1        2026-11-28 09:00  aaaaaaaaaaaa  run 12345678901/1 of deploy.yml",
    ]
    (told,) = document([history])
    releases = told["releases"]
    assert isinstance(releases, list)
    assert [one["has_served"] for one in releases] == [False, True, True]
    assert releases[1] == {
        "version": "2",
        "image_digest": NEW.digest,
        "released": "2026-11-29T15:26:40.000+0000",
        "commit": 40 * "b",
        "repository": RUN.repository,
        "run": "12345678901.1764430000/1",
        "by": "by hand at 2025-11-29 15:26 UTC",
        "workflow": "",
        "mode": "deploy",
        "previous": "1",
        "serves": True,
        "share": 0.0,
        "has_served": True,
    }


def test_of_many_versions_the_newest_are_shown_and_the_one_that_serves() -> None:
    versions = tuple(published(str(number)) for number in range(1, 31))
    observed = replace(
        observed_function(function_state(), version_state("2"), alias=alias_state("2")), versions=versions
    )

    lines = table([history_of(observed, alias="live")]).splitlines()

    assert [line.split()[0] for line in lines[2:-1]] == [*map(str, range(30, 10, -1)), "->"]
    assert lines[-1] == "   and 9 older ones: --json has them"


def test_a_function_without_versions_says_so() -> None:
    observed = observed_function(function_state())

    assert table([history_of(observed)]) == "orders-api\n  no published versions"
