from dataclasses import fields, replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_lambda_deploy.functions.history import (
    Record,
    brought_back,
    doubt,
    is_unrecorded,
    last_release,
    last_releasing_run,
    line_of_releases,
    newer_run,
    numbered,
    run_named,
)
from ecr_lambda_deploy.model.functions import LATEST, AliasState, FunctionState
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from tests.unit.fakes.examples import RUN, alias_state, function_state, image, observed_function, version_state

_RECORD = Record.of(RUN, commit=RUN.commit, previous="6")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            _RECORD,
            f"run=12345678901/1 previous=6 repository=acme/shop commit={RUN.commit} workflow=deploy.yml",
        ),
        (Record.of(RUN), "run=12345678901/1 repository=acme/shop workflow=deploy.yml"),
        (
            Record.of(RUN, mode="rollback", undone="5", repeats="4"),
            "run=12345678901/1 mode=rollback undone=5 repeats=4 repository=acme/shop workflow=deploy.yml",
        ),
        (Record.of(WorkflowRun(attempt="1"), previous="6"), "previous=6"),  # outside GitHub
        (Record.of(WorkflowRun()), ""),
    ],
)
def test_a_description_says_what_was_released_and_by_which_run(record: Record, expected: str) -> None:
    assert str(record) == expected
    assert Record.parse(expected) == record


_LONGEST = WorkflowRun(
    commit=40 * "c",
    repository=f"{39 * 'o'}/{100 * 'r'}",
    run_id=11 * "9",
    attempt="100",
    workflow=f"{251 * 'w'}.yml",
)


@pytest.mark.parametrize("mode", ["", "rollback"])
def test_a_description_has_room_for_github_s_longest_names(mode: str) -> None:
    record = Record.of(_LONGEST, commit=_LONGEST.commit, previous="1234567890", mode=mode)
    read = Record.parse(str(record))

    assert len(str(record)) == 256
    assert replace(read, workflow="") == replace(record, workflow="")  # nothing but the workflow's name is cut
    assert _LONGEST.workflow.startswith(read.workflow)


@pytest.mark.parametrize(
    ("facts", "cut"), [({}, {"workflow"}), ({"previous": "1234567890", "commit": 40 * "c"}, {"workflow", "commit"})]
)
def test_the_facts_that_a_rollback_needs_are_never_cut(facts: dict[str, str], cut: set[str]) -> None:
    record = Record.of(_LONGEST, mode="rollback", undone=11 * "8", repeats=11 * "7", **facts)
    read = Record.parse(str(record))

    assert len(str(record)) == 256
    assert {field.name for field in fields(Record) if getattr(read, field.name) != getattr(record, field.name)} == cut


@given(
    st.builds(
        Record,
        commit=st.from_regex(r"([0-9a-f]{40})?", fullmatch=True),
        repository=st.from_regex(r"([a-z-]{1,9}/[\w.-]{1,20})?", fullmatch=True),
        run=st.from_regex(r"([1-9][0-9]{0,10}/[1-9])?", fullmatch=True),
        previous=st.from_regex(r"([1-9][0-9]{0,3})?", fullmatch=True),
        mode=st.sampled_from(["", "rollback"]),
        undone=st.from_regex(r"([1-9][0-9]{0,10})?", fullmatch=True),
        repeats=st.from_regex(r"(0|[1-9][0-9]{0,10})?", fullmatch=True),
        workflow=st.from_regex(r"(([\w.=-]{1,20})\.ya?ml)?", fullmatch=True),
    )
)
def test_a_record_is_read_as_it_was_written(record: Record) -> None:
    assert Record.parse(str(record)) == record


@pytest.mark.parametrize("workflow", ["deploy to prod.yml", "a mode=rollback.yml", "ä b.yml"])
def test_a_workflow_s_file_name_can_have_spaces(workflow: str) -> None:
    record = Record.of(replace(RUN, workflow=workflow))

    assert replace(Record.parse(str(record)), workflow="") == replace(record, workflow="")
    others = replace(RUN, workflow="deploy to test.yml", run_id="1")
    assert newer_run(others, Record.parse(str(record))) == ""


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("", Record()),
        ("Deployed by hand", Record()),
        ("v1.2.3 = stable, see https://example.com/?run=7&commit=x", Record()),
        ("version=1.2 stage=prod", Record()),
        ("precommit=x commit= run=5", Record(run="5")),
        ("hotfix previous=6", Record(previous="6")),
        ("a\nprevious=6", Record()),  # no line of this action's
    ],
)
def test_a_description_of_somebody_else_records_nothing_or_the_facts_in_it(description: str, expected: Record) -> None:
    assert Record.parse(description) == expected


@pytest.mark.parametrize(
    ("run", "expected"),
    [("12345678901/2", 12345678901), ("7", 7), ("", 0), ("x/1", 0), ("²/1", 0), ("/1", 0), ("-5/1", 0)],
)
def test_the_id_of_the_run(run: str, expected: int) -> None:
    assert Record(run=run).run_id == expected


def _run(run_id: str, **others: str) -> WorkflowRun:
    return replace(RUN, run_id=run_id, **others)


@pytest.mark.parametrize(
    ("run", "record", "expected"),
    [
        (_run("100"), Record.of(_run("200")), "200"),
        (_run("9"), Record.of(_run("10")), "10"),  # numbers, not words
        (_run("200"), Record.of(_run("100")), ""),
        (_run("200"), Record.of(_run("200")), ""),
        (_run("100", attempt="2"), Record.of(_run("200")), ""),  # on purpose
        (_run("100", repository="acme/other"), Record.of(_run("200")), ""),
        (_run("100", workflow="other.yml"), Record.of(_run("200")), ""),
        (_run("100", workflow="other.yml"), Record.of(_run("200"), mode="rollback"), "200"),
        (_run("100", repository="acme/other"), Record.of(_run("200"), mode="rollback"), ""),
        (_run("100", attempt="2"), Record.of(_run("200"), mode="rollback"), ""),
        (_run("100", workflow=_LONGEST.workflow), Record(repository="acme/shop", run="200/1", workflow="www"), "200"),
        (_run("100"), Record(repository="acme/shop", run="200/1"), "200"),  # before workflows were recorded
        (_run("100"), Record(), ""),
        (_run(""), Record.of(_run("200")), ""),
        (WorkflowRun(attempt="1"), Record.of(WorkflowRun(attempt="1")), ""),
    ],
)
def test_which_run_is_newer(run: WorkflowRun, record: Record, expected: str) -> None:
    assert newer_run(run, record) == expected


_FORGED = [
    "9999999999999",  # 13 digits
    255 * "9",
    str(int(RUN.run_id) + 10**9 + 1),
    "٣" * 11,  # digits of another script
    11 * "\uff11",
    "²",
]


@pytest.mark.parametrize("number", _FORGED)
def test_rule_7_a_number_that_cannot_be_a_run_s_does_not_count(number: str) -> None:
    by_us = str(Record.of(_run("12345678000")))
    forged = Record(run=f"{number}/1", mode="rollback", undone=number, repeats=number, repository="acme/shop")
    by_number = " ".join(f"{name}={getattr(forged, name)}" for name in ("run", "undone", "repeats", "repository"))
    observed = observed_function(
        None, version_state("7", description=by_us), alias=alias_state("7", description=by_number)
    )

    assert newer_run(RUN, forged) == ""
    assert (
        last_release(observed, RUN).run_id == last_releasing_run(observed, RUN) == 12345678000
    )  # the version's own record
    assert f"names the run {number[:40]!r}, which cannot be one" in doubt(observed, RUN)
    assert doubt(replace(observed, alias=alias_state("7", description=by_us)), RUN) == ""


@pytest.mark.parametrize("distance", [1, 10**9])
def test_rule_7_a_run_that_there_may_be_counts(distance: int) -> None:
    newer = str(int(RUN.run_id) + distance)

    assert newer_run(RUN, Record.of(_run(newer))) == newer
    assert doubt(observed_function(None, version_state("7", description=str(Record.of(_run(newer))))), RUN) == ""


@given(
    description=st.one_of(
        st.text(),
        st.builds(
            "run={}/1 mode=rollback undone={} repeats={} repository=acme/shop".format,
            *3 * [st.one_of(st.integers().map(str), st.text(st.characters(categories=["Nd", "No"]), max_size=6000))],
        ),
    ),
    run_id=st.one_of(st.just(RUN.run_id), st.text()),
)
def test_rule_7_no_description_ends_a_run(description: str, run_id: str) -> None:
    run, version = _run(run_id), version_state("7", description=description)

    for observed in (
        observed_function(None, version),
        observed_function(None, version, alias=alias_state("7", description=description)),
    ):
        newer = newer_run(run, last_release(observed, run))
        assert newer == "" or int(run_id) < int(newer) <= int(run_id) + 10**9
        assert last_releasing_run(observed, run) < 10**12
        doubt(observed, run)


_BY_100 = str(Record.of(_run("100")))
_BY_200 = str(Record.of(_run("200")))
_BY_300 = str(Record.of(_run("300")))
_VERSIONS = (version_state("7", description=_BY_100), version_state("8", image("b"), _BY_200))


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        (None, 200),  # the newest version's
        (alias_state("7"), 100),
        (alias_state("7", description="by hand"), 100),
        (alias_state("7", description=_BY_300), 300),
        (alias_state("8", description=_BY_300), 300),
        (alias_state("7", weights={"8": 0.1}, description=_BY_300), 300),  # 8 is of a release that has not ended
        (alias_state(LATEST), 0),
    ],
)
def test_the_last_release(alias: AliasState | None, expected: int) -> None:
    assert last_release(observed_function(None, *_VERSIONS, alias=alias), RUN).run_id == expected


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        (alias_state("8", description=_BY_200), 200),
        (alias_state("7", description=_BY_100, weights={"8": 0.1}), 200),
        (alias_state("8", description=_BY_300, weights={"7": 0.1}), 300),  # Lambda's own, while it allocates
        (alias_state("7", description=str(Record.of(_run("300"), mode="rollback", repeats="100"))), 100),
        (alias_state("7", description=str(Record.of(_run("300"), mode="rollback", repeats="0"))), 0),
        (alias_state("7", description="mode=rollback run=300/1 repeats=x"), 0),
        (None, 200),
    ],
)
def test_which_run_has_begun_the_last_release(alias: AliasState | None, expected: int) -> None:
    observed = observed_function(None, *_VERSIONS, alias=alias)

    assert last_releasing_run(observed, _run("400", repository="")) == expected
    assert last_releasing_run(observed, _run("400", repository="acme/other")) == 0


@pytest.mark.parametrize(
    ("latest", "back", "is_unknown"),
    [
        (image("b"), None, False),
        (image("a"), "7", False),  # a rollback was cut short before it published
        (image("c"), None, True),
    ],
)
def test_code_that_is_not_published(latest: ImageReference, back: str | None, *, is_unknown: bool) -> None:
    versions = version_state("7", image("a")), version_state("8", image("b"), "previous=7")
    observed = observed_function(function_state(image=latest), *versions)
    found = brought_back(observed)

    assert (found.number if found else None) == back
    assert is_unrecorded(observed) is is_unknown
    assert not is_unrecorded(replace(observed, versions=()))


def test_without_a_release_nothing_is_recorded() -> None:
    assert last_release(observed_function(), RUN) == Record()


def _version(number: str, previous: str) -> FunctionState:
    return version_state(number, image(number), f"previous={previous}")


@pytest.mark.parametrize(
    ("previous", "serving", "expected"),
    [
        ({"1": "", "2": "1", "3": "2"}, "3", ["3", "2", "1"]),
        ({"1": "", "2": "1", "3": "1", "4": "3"}, "4", ["4", "3", "1"]),  # 2 was rolled back
        ({"1": "", "2": "1", "3": "2"}, "2", ["2", "1"]),
        ({"1": "2", "2": "1"}, "2", ["2", "1"]),
        ({"1": "1"}, "1", ["1"]),
        ({"2": "1", "4": "2"}, "4", ["4", "2"]),  # 1 was deleted
        ({"4": "3"}, "4", ["4"]),
        ({"1": LATEST}, "1", ["1"]),
        ({}, "$LATEST", []),
    ],
)
def test_the_line_of_releases(previous: dict[str, str], serving: str, expected: list[str]) -> None:
    versions = [_version(number, before) for number, before in previous.items()]
    observed = observed_function(function_state(image=image("9")), *versions, alias=alias_state(serving))

    assert [version.number for version in line_of_releases(observed)] == expected


_BY_HAND = replace(RUN, run_id="0.1764430000", workflow="")


def _released_by(run: WorkflowRun, **facts: str) -> str:
    return str(Record.of(run, previous="6", **facts))


def test_a_run_by_hand_has_the_number_after_the_last_that_is_recorded_anywhere() -> None:
    ran = [replace(RUN, run_id=number) for number in ("12345678905", "12345678909", "12345678907")]
    functions = [
        observed_function(function_state(), version_state("7", description=_released_by(ran[0]))),
        observed_function(None, version_state("7"), alias=alias_state("7", description=_released_by(ran[1]))),
        observed_function(function_state(), version_state("7", description=_released_by(ran[2]))),
    ]

    assert numbered(_BY_HAND, functions).run_id == "12345678909.1764430000"
    assert numbered(_BY_HAND, functions[:1]).run_id == "12345678905.1764430000"
    assert numbered(_BY_HAND, []).run_id == "0.1764430000"
    assert numbered(RUN, functions) is RUN


def test_a_run_by_hand_comes_after_another_one_and_before_the_next_of_a_workflow() -> None:
    first = _BY_HAND.after(12345678905)
    function = observed_function(function_state(), version_state("7", description=_released_by(first)))
    second = numbered(replace(_BY_HAND, run_id="0.1764430060"), [function])

    assert second.run_id == "12345678905.1764430060"
    assert Record.of(first).run_id < Record.of(second).run_id < Decimal(12345678906)


@pytest.mark.parametrize("repository", ["acme/shop", ""])  # the checkout may not tell
def test_a_release_by_hand_stops_the_runs_before_it_and_none_after_it(repository: str) -> None:
    record = Record.of(replace(_BY_HAND.after(12345678905), repository=repository), commit=RUN.commit)

    for number, is_stopped in (("12345678904", True), ("12345678905", True), ("12345678906", False)):
        newer = newer_run(replace(RUN, run_id=number), record)
        assert newer == ("12345678905.1764430000" if is_stopped else "")


def test_a_run_by_hand_is_never_stale() -> None:
    newer = Record.of(replace(RUN, run_id="12345678999"), mode="rollback")

    assert newer_run(_BY_HAND, newer) == newer_run(_BY_HAND.after(12345678905), newer) == ""


def test_who_released_by_hand_is_told_in_words() -> None:
    assert Record.of(_BY_HAND.after(17)).by == "by hand at 2025-11-29 15:26 UTC"
    assert Record.of(RUN).by == "run 12345678901/1"
    assert Record().by == ""
    assert run_named("17.1764430000") == "run by hand at 2025-11-29 15:26 UTC"
    assert run_named(Decimal(17)) == "run 17"


@pytest.mark.parametrize("number", ["99999999999999.1", "99999999999.1764430000", "1.12345678901"])
def test_a_made_up_number_of_a_run_by_hand_does_not_count(number: str) -> None:
    record = replace(_RECORD, run=f"{number}/1")

    assert record.believed_by(RUN).run_id == 0
