"""Headline, summary and undo steps of runs with several images and functions."""

import re
from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.errors import CancelledError, ConsequenceError, DeployError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, Phase, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.report.gantt import gantt
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.summary import summary
from ecr_lambda_deploy.report.undo import undo
from tests.unit.fakes.examples import NEW, OLD, RUN, SOMEBODY_ELSES, alias_state, function_state, version_state
from tests.unit.fakes.examples import observed_function as observed

_MOST_BYTES = 1_048_576
_UNDO = "**Undo:** in a workflow that is started by hand, add a step with the same Region and role\n\n"


def _outcome(
    name: str,
    status: ReleaseStatus,
    *,
    before: ImageReference = OLD,
    error: DeployError | None = None,
    reason: str = "",
    alias: str = "8",
) -> Outcome:
    """Return a function that served version 7; what was released to it serves version 8. A rollback is from 8 to 7."""
    is_changed = status in {ReleaseStatus.DEPLOYED, ReleaseStatus.ROLLED_BACK}
    is_back = status is ReleaseStatus.ROLLED_BACK
    seven, eight = version_state("7", NEW if is_back else before), version_state("8", before if is_back else NEW)
    versions = (seven, eight) if is_back else (seven,)
    was = observed(function_state(name=name, image=before), *versions, alias=alias_state("8" if is_back else "7"))
    now = observed(function_state(name=name, image=NEW), seven, eight, alias=alias_state("7" if is_back else alias))
    after = now if is_changed else was
    return Outcome(before=was, after=after, status=status, error=error, reason=reason, started=1.0, seconds=2.0)


def _image(name: str, status: ImageStatus = ImageStatus.BUILT, error: DeployError | None = None) -> ImageOutcome:
    return ImageOutcome(name=name, functions=(f"{name}-api",), status=status, started=0.5, seconds=1.5, error=error)


def _journal(
    *outcomes: Outcome, images: tuple[ImageOutcome, ...] = (), mode: Mode = Mode.DEPLOY, manifest: str = "deploy.yaml"
) -> Journal:
    phases = [Phase(title="Check", started=0.0, seconds=1.0), Phase(title="Deploy", started=1.0, seconds=13.0)]
    return Journal(run=RUN, mode=mode, manifest=manifest, images=images, outcomes=outcomes, phases=phases)


_NAMES = ("orders", "mail", "search", "stock", "users")
_NO_IMAGE = DeployError("no space left on device", "free some")
_ONE_IMAGE_FAILED = _journal(
    *(_outcome(f"{name}-api", ReleaseStatus.SKIPPED, reason="the image users failed") for name in _NAMES[:4]),
    _outcome("users-api", ReleaseStatus.FAILED),
    images=(*map(_image, _NAMES[:4]), _image("users", ImageStatus.FAILED, _NO_IMAGE)),
)
_REVERTED = _journal(
    _outcome("orders-api", ReleaseStatus.REVERTED, error=DeployError("The smoke test did not pass")),
    *(_outcome(f"{name}-api", ReleaseStatus.REVERTED, error=ConsequenceError("orders-api")) for name in _NAMES[1:]),
)
_PLAN = _journal(
    _outcome("orders-api", ReleaseStatus.PLANNED, reason="its image is built anew"),
    _outcome("mail-api", ReleaseStatus.UNCHANGED),
    images=(_image("orders", ImageStatus.PLANNED), _image("mail", ImageStatus.FOUND)),
    mode=Mode.PLAN,
)
_UNCHANGED = _journal(
    _outcome("orders-api", ReleaseStatus.UNCHANGED),
    images=(_image("orders", ImageStatus.FOUND), _image("mail", ImageStatus.FOUND)),
)


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        (_ONE_IMAGE_FAILED, "Not released: the image users: no space left on device"),
        (_REVERTED, "Release reverted: orders-api: The smoke test did not pass"),
        (_PLAN, "Plan: 1 image would be built or copied, 1 of 2 functions would change"),
        (
            replace(_PLAN, outcomes=_ONE_IMAGE_FAILED.outcomes, images=_ONE_IMAGE_FAILED.images),
            "No plan: the image users: no space left on device",
        ),
        (
            _journal(_outcome("orders-api", ReleaseStatus.DEPLOYED), images=(*map(_image, _NAMES),)),
            "Released 1 function, in 14 s",
        ),
        (_UNCHANGED, "Nothing to do: 1 function is up to date"),
        (
            replace(_UNCHANGED, images=(*_UNCHANGED.images, _image("base"), _image("copy", ImageStatus.COPIED))),
            "Built 2 of 4 images; no function was to change, in 14 s",
        ),
        (
            replace(_UNCHANGED, images=(*_UNCHANGED.images, _image("base", ImageStatus.PLANNED)), mode=Mode.PLAN),
            "Plan: 1 image would be built or copied, orders-api would not change",
        ),
        (replace(_PLAN, outcomes=()), "Plan: 1 image would be built or copied"),
        (
            _journal(_outcome("orders-api", ReleaseStatus.SKIPPED)),
            "Skipped: orders-api serves sha256:aaaaaaaaaaaa, version 7, of a newer run",
        ),
    ],
)
def test_the_headline_is_the_total(journal: Journal, expected: str) -> None:
    assert headline(journal) == expected


def test_a_function_whose_image_failed_says_why() -> None:
    text = summary(_ONE_IMAGE_FAILED)

    assert "<details><summary>❌ 1 without an image · ⏭️ 4 not begun</summary>" in text
    assert "| users | failed |  |  | 1.5 s | no space left on device |" in text.splitlines()


def test_the_cause_is_shown_once_and_what_followed_from_it_is_one_folded_line() -> None:
    text = summary(_REVERTED)

    assert [str(error) for error in _REVERTED.errors] == ["The smoke test did not pass"]
    assert text.count("> [!CAUTION]") == 1
    assert "<details><summary>↩️ 4 put back with it</summary>" in text
    before_folded, _, folded = text.partition("<details>")
    assert re.findall(r"^\| \S+ \| \[([\w-]+)\]", before_folded, re.MULTILINE) == ["orders-api"]
    assert re.findall(r"^\| \S+ \| \[([\w-]+)\]", folded, re.MULTILINE) == [f"{name}-api" for name in _NAMES[1:]]


def test_what_could_not_be_reverted_is_no_mere_consequence() -> None:
    stuck = replace(_outcome("stuck", ReleaseStatus.FAILED, error=ConsequenceError("orders-api")), recovery=("aws …",))
    journal = replace(_REVERTED, outcomes=(*_REVERTED.outcomes, stuck))

    assert "The release to orders-api failed, so this one is reverted." in str(journal.errors[-1])
    assert stuck not in journal.consequences
    assert (
        headline(journal)
        == "Release failed and not fully reverted: orders-api: The smoke test did not pass, and 1 more cause"
    )


@pytest.mark.parametrize("error", [CancelledError(), ConsequenceError("somebody")])
def test_without_a_cause_what_followed_is_the_error(error: DeployError) -> None:
    journal = _journal(*(_outcome(name, ReleaseStatus.REVERTED, error=error) for name in _NAMES))

    assert list(map(str, journal.errors)) == [str(error)]
    assert journal.consequences == ()


def test_a_cancelled_run_says_so_once() -> None:
    reverted = CancelledError().extended(["The alias live points to version 7 again."])
    journal = _journal(*(_outcome(name, ReleaseStatus.REVERTED, error=reverted) for name in _NAMES))
    journal.error = CancelledError()

    assert list(map(str, journal.errors)) == [str(CancelledError())]
    assert len(journal.consequences) == len(_NAMES)


def test_an_error_in_a_cell_is_not_markdown() -> None:
    errors = [DeployError(f"a | `b` <i> &lt; *c* {name}!\n| d |", name[:1]) for name in _NAMES]
    failed = [_outcome(name, ReleaseStatus.FAILED, error=error) for name, error in zip(_NAMES, errors, strict=True)]
    text = summary(_journal(*failed))

    assert text.count(r" | a \| \`b\` \<i\> \&lt; \*c\* ") == len(_NAMES)


def test_a_rollback_has_no_table_of_images() -> None:
    text = summary(_journal(*(_outcome(name, ReleaseStatus.ROLLED_BACK) for name in _NAMES), mode=Mode.ROLLBACK))

    assert "| Image |" not in text


def _worst(name: str, number: int) -> Outcome:
    error = DeployError(f"{number} ` | <b>" + 3_000 * "\n…é" + 9_000 * "`", 9_000 * "…")
    return replace(_outcome(name, ReleaseStatus.FAILED, error=error), recovery=(f"aws lambda {300 * 'x'}",))


@pytest.mark.parametrize("manifest", ["", "deploy.yaml"])
@pytest.mark.parametrize("number", [1_000, 10_000])
def test_the_longest_summary_fits_and_is_cut_between_lines(number: int, manifest: str) -> None:
    names = [f"{index:064}" for index in range(number)]
    moved = [_outcome(name, ReleaseStatus.DEPLOYED, reason=300 * "|") for name in names[: number // 2]]
    failed = [_worst(name, index) for index, name in enumerate(names[number // 2 : number // 2 + 300])]
    unchanged = [_outcome(name, ReleaseStatus.UNCHANGED) for name in names[number // 2 + 300 :]]
    images = tuple(_image(f"|{name}") for name in names)
    text = summary(_journal(*unchanged, *moved, *failed, images=images, manifest=manifest))
    lines = text.splitlines()

    assert len(text.encode()) < _MOST_BYTES
    assert [line for line in lines if line.startswith("|") and not line.endswith("|")] == []
    assert len([line for line in lines if re.match(r"(> )?```", line)]) % 2 == 0
    assert text.count("<details>") == text.count("</details>") == 5
    assert number == 1_000 or re.search(r"^\d+ more do not fit here; the log has them all\.$", text, re.MULTILINE)
    assert "# INCOMPLETE: the first 100 of 300 commands" in lines  # recovery commands
    assert "<details><summary>295 more causes</summary>" in text


def test_a_thousand_functions_that_changed_are_all_shown() -> None:
    text = summary(_journal(*(_outcome(f"{number:032}", ReleaseStatus.DEPLOYED) for number in range(1_000))))

    assert text.count("\n| ✅ | [") == 1_000
    assert "<details><summary>✅ 1000 released</summary>" in text


def _undo(journal: Journal) -> str:
    """Return the steps, whether they are folded or not."""
    shown, folded = undo(journal)
    return "\n\n".join([*shown, *folded]).partition("\n\nWith the AWS CLI")[0]


def test_a_rollback_by_a_manifest_is_not_undone_by_another_one() -> None:
    """It would go further back."""
    outcomes = [_outcome(name, ReleaseStatus.ROLLED_BACK) for name in ("orders", "mail")]

    assert _undo(_journal(*outcomes, mode=Mode.ROLLBACK)) == (
        "**To release again what was rolled back:** the step and the commands for it are folded below.\n\n"
        "**To release again what was rolled back:** in a workflow that is started by hand, add a step with the same "
        "Region and role\n\n"
        f"```yaml\n- uses: org/ecr-lambda-deploy@v1\n  with:\n    mode: rollback\n    alias: live\n"
        f"    rollback-to: {OLD.digest}\n    function-name: |\n      orders\n      mail\n```"
    )


def test_functions_that_go_back_to_different_images_have_a_step_for_each() -> None:
    outcomes = [
        _outcome("orders", ReleaseStatus.ROLLED_BACK),
        _outcome("mail", ReleaseStatus.ROLLED_BACK, before=SOMEBODY_ELSES),
    ]
    text = _undo(_journal(*outcomes, mode=Mode.ROLLBACK, manifest=""))

    assert text.count("- uses:") == 2
    assert f"function-name: orders, alias: live, rollback-to: {OLD.digest} }}" in text
    assert f"function-name: mail, alias: live, rollback-to: {SOMEBODY_ELSES.digest} }}" in text


def test_a_new_version_records_what_served_before_so_the_step_need_not_name_it() -> None:
    outcomes = [
        _outcome("orders", ReleaseStatus.DEPLOYED),
        _outcome("mail", ReleaseStatus.DEPLOYED, before=SOMEBODY_ELSES),
    ]

    assert "rollback-to" not in _undo(_journal(*outcomes, manifest=""))


def _with_versions_of(outcome: Outcome) -> ObservedFunction:
    assert isinstance(outcome.before, ObservedFunction)
    assert isinstance(outcome.after, ObservedFunction)
    return replace(outcome.before, versions=outcome.after.versions)


def test_the_record_of_an_older_version_is_not_used() -> None:
    """Version 8 existed before the run, so its description records what served before its own publication."""
    there = [_outcome(name, ReleaseStatus.DEPLOYED) for name in ("orders", "mail")]
    outcomes = [replace(one, before=_with_versions_of(one)) for one in there]

    assert f"rollback-to: {OLD.digest}\n    function-name: |" in _undo(_journal(*outcomes, manifest=""))


def test_a_release_that_failed_after_a_change_is_not_undone_by_the_manifest() -> None:
    """A rollback by the manifest takes back only what a run has released."""
    failed = replace(_outcome("mail", ReleaseStatus.DEPLOYED), status=ReleaseStatus.FAILED)
    text = _undo(_journal(_outcome("orders", ReleaseStatus.DEPLOYED), failed))

    assert "with: { mode: rollback, manifest: deploy.yaml }" in text
    assert 'with: { mode: rollback, function-name: mail, alias: live, rollback-to: "7" }' in text


@pytest.mark.parametrize(
    ("run", "note"),
    [(RUN, f"# rolls back run {RUN.run_id}, unless another run has released since\n"), (WorkflowRun(), "")],
)
def test_a_step_with_the_manifest_names_the_run_that_it_rolls_back(run: WorkflowRun, note: str) -> None:
    """Later it would take back another one."""
    journal = replace(_journal(_outcome("orders", ReleaseStatus.DEPLOYED)), run=run)

    assert _undo(journal).endswith(
        f"```yaml\n{note}- uses: org/ecr-lambda-deploy@v1\n  with: {{ mode: rollback, manifest: deploy.yaml }}\n```"
    )


def test_a_path_that_yaml_would_read_otherwise_is_quoted() -> None:
    outcomes = [_outcome(name, ReleaseStatus.DEPLOYED) for name in ("orders", "mail")]

    assert 'manifest: "my, {deploy}.yaml" }' in _undo(_journal(*outcomes, manifest="my, {deploy}.yaml"))


def test_functions_and_commands_that_are_left_out_are_counted() -> None:
    outcomes = [_outcome(f"orders-{number}", ReleaseStatus.ROLLED_BACK) for number in range(1_200)]
    text = summary(_journal(*outcomes, mode=Mode.ROLLBACK))

    assert "\n\nand 200 more functions\n\n" in text
    assert "# INCOMPLETE: the first 100 of 1200 commands\n" in text


@pytest.mark.parametrize(
    "name",
    [
        "gantt-api",
        "title",
        "section a",
        "dateFormat",
        "topAxis",
        "click me",
        "accDescr { x",
        "2026-01-01",
        "a:b;c#d%%e,f",
    ],
)
def test_no_name_is_a_word_of_mermaids(name: str) -> None:
    """Each of these is one for its lexer, at the start of a line."""
    chart = gantt(
        _journal(
            _outcome(name, ReleaseStatus.DEPLOYED), images=(_image(name), *(_image(f"{name}\n{x}") for x in "xyz"))
        )
    )
    bars = [line for line in chart.splitlines() if line.startswith(("    built ", "    deployed "))]

    assert len(bars) == 5
    assert all(re.fullmatch(r" {4}[^:;,#%]+ :\d+, \d+", bar) for bar in bars)


def test_the_axis_does_not_depend_on_the_readers_time_zone() -> None:
    chart = gantt(_journal(images=tuple(map(_image, _NAMES)))).splitlines()

    assert chart[:4] == ["```mermaid", "gantt", "    dateFormat x", "    axisFormat %s s"]
    assert "    built orders :500, 2000" in chart
