from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import AliasState, FunctionState, ObservedFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.rollback.choice import RollbackTarget, choose, history
from tests.unit.fakes.examples import (
    NEW,
    OLD,
    RUN,
    alias_state,
    function_state,
    image,
    observed_function,
    version_state,
)

_COMMITS = {number: f"{number}a{number}b{number}c{number}" + 32 * number for number in "123456789"}


def _version(
    number: str, previous: str = "", *, of: ImageReference | None = None, by: str = "", mode: str = ""
) -> FunctionState:
    """Return a version whose image and commit follow from its number, released by the run 10 times its number."""
    commit = _COMMITS[number[-1]]
    run = replace(RUN, run_id=by or str(10 * int(number)))
    description = str(Record.of(run, commit=commit, previous=previous, mode=mode))
    return version_state(number, of or image(number[-1]), description)


def _chosen(to: str, observed: ObservedFunction) -> str:
    choice = choose(to, observed, RUN)
    assert choice.version is not None
    return choice.version.number


_LINE = (_version("1"), _version("2", "1"), _version("3", "2"), _version("4", "3"))
_ANOTHER_RUN = replace(RUN, run_id="999")


def _at(
    number: str, alias: AliasState | None = None, *, versions: tuple[FunctionState, ...] = _LINE
) -> ObservedFunction:
    found = next(version for version in versions if version.version == number)
    return observed_function(function_state(image=found.image), *versions, alias=alias or alias_state(number))


def test_previous_goes_further_back_each_time() -> None:
    went = []
    number = "4"
    for run_id in ("101", "102", "103"):
        moved = str(Record.of(replace(RUN, run_id=run_id), mode="rollback"))
        choice = choose("previous", _at(number), replace(RUN, run_id=run_id))
        assert choice.version is not None
        number = choice.version.number
        went.append(number)
        assert choose("previous", _at(number, alias_state(number, description=moved)), replace(RUN, run_id=run_id)) == (
            choice  # the same run again changes nothing
        )

    assert went == ["3", "2", "1"]


def test_previous_goes_further_back_without_an_alias_too() -> None:
    versions = list(_LINE)
    for number, (run_id, target) in enumerate([("101", "3"), ("102", "2"), ("103", "1")], start=5):
        observed = observed_function(function_state(image=versions[-1].image), *versions)
        choice = choose("previous", observed, replace(RUN, run_id=run_id))
        assert choice.version is not None
        assert choice.version.code_sha256 == image(target).digest.removeprefix("sha256:")
        record = Record.parse(choice.version.description)
        versions.append(_version(str(number), record.previous, of=image(target), by=run_id, mode="rollback"))
        again = choose(
            "previous", observed_function(function_state(image=image(target)), *versions), replace(RUN, run_id=run_id)
        )
        assert again.version is not None
        assert again.version.number == str(number)  # the same run again changes nothing


_CANARY = alias_state("3", weights={"4": 0.1})


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (_at("4"), "3"),
        (_at("2"), "1"),  # 3 and 4 were rolled back
        # A release that failed: the alias is back, and so is `$LATEST`.
        (_at("3"), "2"),
        # A canary that has not ended is what is taken back.
        (observed_function(function_state(image=image("4")), *_LINE, alias=_CANARY), "3"),
        (observed_function(function_state(image=image("3")), *_LINE, alias=_CANARY), "3"),
        # Without an alias.
        (observed_function(function_state(image=image("4")), *_LINE), "3"),
        (observed_function(function_state(image=NEW), *_LINE), "4"),  # it runs what was never released
        (observed_function(function_state(image=image("3")), *_LINE), "3"),  # cut short before it was published
        (observed_function(function_state(image=image("2")), *_LINE), "4"),  # put there by hand
        # The alias is at what was never released.
        (
            observed_function(function_state(image=image("4")), *_LINE, alias=alias_state("$LATEST")),
            "3",  # that is what version 4 has
        ),
    ],
)
def test_previous(observed: ObservedFunction, expected: str) -> None:
    assert _chosen("previous", observed) == expected


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        (str(Record.of(RUN, mode="rollback")), "3"),
        (str(Record.of(replace(RUN, attempt="2"), mode="rollback")), "3"),  # the run again
        (str(Record.of(_ANOTHER_RUN, mode="rollback")), "2"),
        (str(Record.of(RUN)), "2"),  # a release of this run is what it takes back
        ("by hand", "2"),
    ],
)
def test_what_this_run_has_brought_back_already_it_does_not_take_back_again(description: str, expected: str) -> None:
    assert _chosen("previous", _at("3", alias_state("3", description=description))) == expected


def test_outside_github_no_run_is_this_run() -> None:
    run = replace(RUN, run_id="", repository="")
    observed = _at("3", alias_state("3", description=str(Record.of(run, mode="rollback"))))
    choice = choose("previous", observed, run)

    assert choice.version is not None
    assert choice.version.number == "2"


_OLD_AND_NEW = (version_state("1", OLD), version_state("2", NEW))


@pytest.mark.parametrize(
    ("observed", "words"),
    [
        (_at("2", versions=_OLD_AND_NEW), "Version 2 of orders-api does not record which version served before it."),
        (_at("1"), "Version 1 of orders-api does not record which version served before it."),
        (observed_function(), "orders-api does not record which version served before it."),
        (
            observed_function(None, alias=alias_state("$LATEST")),
            "orders-api does not record which version served before it.",
        ),
        (ObservedFunction(name="orders-api", latest=None), "orders-api does not record"),
        (
            _at("4", versions=(_LINE[0], _LINE[3])),
            "Version 3 of orders-api, which served before, has been deleted.",
        ),
    ],
)
def test_where_what_served_before_is_not_known_or_gone_one_has_to_be_named(
    observed: ObservedFunction, words: str
) -> None:
    with pytest.raises(DeployError) as caught:
        choose("previous", observed, RUN)

    assert caught.value.message.startswith(words)
    assert "'rollback-to' takes a version's number" in caught.value.hint
    assert caught.value.hint.endswith(history(observed))


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("1", "1"),
        ("4", "4"),
        (_COMMITS["2"], "2"),
        (_COMMITS["2"][:7], "2"),
        (image("2").digest, "2"),
    ],
)
def test_a_version_is_named_by_its_number_its_commit_or_its_digest(to: str, expected: str) -> None:
    assert _chosen(to, _at("4")) == expected


def test_rule_7_the_image_s_tag_says_more_than_a_description() -> None:
    commit = _COMMITS["2"]
    versions = (_version("2"), version_state("3", image("3"), f"commit={commit}"), version_state("4", image("5")))
    observed = _at("3", versions=versions)

    def chosen(tagged: str) -> tuple[str, str]:
        target = choose(commit, observed, RUN, tagged=tagged)
        return target.version.number if target.version else "", target.digest

    assert chosen("") == ("3", "")  # it serves, and claims to be of the commit
    assert chosen(image("2").digest) == ("2", image("2").digest)
    assert chosen(image("5").digest) == ("4", image("5").digest)  # it has the image, whatever its description says
    assert chosen(image("9").digest) == ("3", image("9").digest)


def test_a_number_of_seven_digits_is_a_version_before_it_is_a_commit() -> None:
    commit = "1234567" + 33 * "f"
    versions = (version_state("8", NEW, f"commit={commit}"), version_state("1234567", OLD))

    assert _chosen("1234567", _at("8", versions=versions)) == "1234567"
    assert _chosen("1234567", _at("8", versions=versions[:1])) == "8"


@pytest.mark.parametrize("to", ["9", "123456"])
def test_a_version_that_is_not_there_is_told_with_those_that_are(to: str) -> None:
    observed = _at("4")
    with pytest.raises(DeployError) as caught:
        choose(to, observed, RUN)

    assert caught.value.message == f"orders-api has no version {to}."
    assert caught.value.hint == history(observed)


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        (_COMMITS["9"], RollbackTarget(commit=_COMMITS["9"])),
        (_COMMITS["9"][:8], RollbackTarget(commit=_COMMITS["9"][:8])),
        (image("9").digest, RollbackTarget(digest=image("9").digest)),
    ],
)
def test_what_no_version_has_may_be_in_the_repository(to: str, expected: RollbackTarget) -> None:
    assert choose(to, _at("4"), RUN) == expected


def test_a_commit_in_few_digits_is_told_in_full() -> None:
    assert choose(_COMMITS["2"][:7], _at("4"), RUN).commit == _COMMITS["2"]


def test_the_beginning_of_several_commits_names_none() -> None:
    one, two = "abcdef0" + 33 * "1", "abcdef0" + 33 * "2"
    versions = (version_state("1", OLD, f"commit={one}"), version_state("2", NEW, f"commit={two}"))

    with pytest.raises(DeployError) as caught:
        choose("abcdef0", _at("2", versions=versions), RUN)

    assert caught.value.message == f"abcdef0 is the beginning of 2 commits: {one}, {two}."
    assert _chosen("abcdef01", _at("2", versions=versions)) == "1"


@pytest.mark.parametrize("forged", [f"{_COMMITS['2']}00", f"{_COMMITS['2']}x", f"{_COMMITS['2'][:12]}/"])
def test_rule_7_what_is_no_commit_neither_stops_nor_steers_a_rollback_to_one(forged: str) -> None:
    versions = (_version("2"), version_state("3", image("3"), f"commit={forged}"))

    assert _chosen(_COMMITS["2"], _at("3", versions=versions)) == "2"
    assert _chosen(_COMMITS["2"][:7], _at("3", versions=versions)) == "2"
    assert choose(_COMMITS["2"], _at("3", versions=versions[1:]), RUN) == RollbackTarget(commit=_COMMITS["2"])


@pytest.mark.parametrize("to", [_COMMITS["2"], image("2").digest])
@pytest.mark.parametrize(
    ("versions", "serving", "expected"),
    [
        # Both are known to have served: the newer one.
        ((_version("2", "1"), _version("12", "2"), _version("3", "12")), "3", "12"),
        # Version 12 was published by a release that failed.
        ((_version("2", "1"), _version("12", "2"), _version("3", "2")), "3", "2"),
        # None is known to have served.
        ((_version("2", "1"), _version("12", "2"), _version("3")), "3", "12"),
    ],
)
def test_of_several_versions_one_that_served_is_chosen(
    to: str, versions: tuple[FunctionState, ...], serving: str, expected: str
) -> None:
    assert _chosen(to, _at(serving, versions=versions)) == expected


def test_the_history_is_a_table_with_the_newest_first() -> None:
    versions = (version_state("1", OLD, "by hand"), _version("2", "1"), _version("3", "2"), _version("4", "2"))
    observed = _at("4", versions=versions)

    assert history(observed, observed.version_numbered("2")).splitlines() == [
        "Versions of orders-api, newest first:",
        f"  4: serves, commit {_COMMITS['4'][:12]}, run 40/1, after version 2",
        f"  3: commit {_COMMITS['3'][:12]}, run 30/1, after version 2",
        f"  2: chosen, served before, commit {_COMMITS['2'][:12]}, run 20/1, after version 1",
        "  1: served before, not published by this action",
    ]


def test_a_long_history_is_cut_but_what_was_chosen_is_shown() -> None:
    versions = tuple(version_state(str(number), OLD) for number in range(1, 31))
    observed = _at("30", versions=versions)

    lines = history(observed).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:-1]] == [str(number) for number in range(30, 10, -1)]
    assert lines[-1] == "  and 10 older ones"
    lines = history(observed, observed.version_numbered("3")).splitlines()
    assert lines[-2:] == ["  3: chosen, not published by this action", "  and 9 older ones"]


def test_a_function_without_versions_has_no_history() -> None:
    assert history(observed_function()) == "orders-api has no published versions."
