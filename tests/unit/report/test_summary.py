"""The tables, chart and undo steps of a summary: their rows, the order, and escaped text."""

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, Phase, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode, TrafficStep
from ecr_lambda_deploy.report.gantt import gantt
from ecr_lambda_deploy.report.markdown import escaped
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import (
    ACTIVE,
    NEW,
    OLD,
    RUN,
    alias_state,
    function_state,
    observed_function,
    version_state,
)

_ACTIVE_CONTENT = "<img src=x onerror=alert(1)> | [a](b) *c* `d` ~~e~~ &lt;"


def _outcome(name: str, status: ReleaseStatus, **known: float) -> Outcome:
    """Return a function that was asked to run `NEW`; it does if that was done."""
    seven, eight = version_state("7", OLD), version_state("8", NEW)
    before = observed_function(function_state(name=name), seven, alias=alias_state("7"))
    after = observed_function(function_state(name=name, image=NEW), seven, eight, alias=alias_state("8"))
    is_released = status in {ReleaseStatus.DEPLOYED, ReleaseStatus.ROLLED_BACK}
    outcome = Outcome(before=before, after=after if is_released else before, status=status, started=2.0, seconds=3.0)
    return replace(outcome, **known)  # type: ignore[arg-type] # its own fields


def _image(name: str, status: ImageStatus = ImageStatus.BUILT, *, tags: tuple[str, ...] = ()) -> ImageOutcome:
    functions = (f"{name}-api", f"123456789012:{name}-worker")
    return ImageOutcome(
        name=name, functions=functions, status=status, tags=tags, reference=NEW, started=1.0, seconds=1.0
    )


def _journal(
    *outcomes: Outcome, images: tuple[ImageOutcome, ...] = (), mode: Mode = Mode.DEPLOY, manifest: str = "deploy.yaml"
) -> Journal:
    phases = [Phase(title="Check", started=0.0, seconds=1.0), Phase(title="Deploy", started=2.0, seconds=5.0)]
    return Journal(run=RUN, mode=mode, manifest=manifest, images=images, outcomes=outcomes, phases=phases)


def _section(chart: str, title: str) -> list[str]:
    """Return the bars of a section of a chart."""
    lines = chart.splitlines()
    start = lines.index(f"    section {title}") + 1
    ends = [at for at, line in enumerate(lines) if at >= start and (" section " in line or line == "```")]
    return lines[start : ends[0]]


# Tables.


def test_unchanged_functions_are_folded() -> None:
    text = summary(_journal(*(_outcome(name, ReleaseStatus.UNCHANGED) for name in ("orders", "mail"))))

    assert text.startswith(
        "### ✅ Nothing to do: 2 functions are up to date\n\nNothing was built, pushed or changed.\n"
    )
    # Without the empty lines GitHub takes the table for HTML's text.
    assert "<details><summary>☑️ 2 had nothing to change</summary>\n\n|  | Function | What happened |" in text
    assert "|\n\n</details>\n" in text
    assert text.count("| Function |") == 1
    assert "ndo:" not in text


def test_what_was_released_is_not_folded() -> None:
    text = summary(_journal(*(_outcome(name, ReleaseStatus.DEPLOYED) for name in ("one", "two"))))

    assert text.index("| [two](") < text.index("<details>")


def test_functions_with_the_same_status_stay_in_order() -> None:
    names = ("zoo", "orders", "apes")
    text = summary(_journal(*(_outcome(name, ReleaseStatus.SKIPPED) for name in names)))

    assert tuple(re.findall(r"^\| \S+ \| \[(\w+)\]", text, re.MULTILINE)) == names


def test_images_without_functions_have_a_table_of_their_own() -> None:
    images = (_image("orders", tags=("v1", f"src-{64 * '1'}")), _image("mail", ImageStatus.FOUND))
    lines = summary(_journal(images=images, mode=Mode.BUILD)).splitlines()

    assert lines[0] == "### ✅ Built 1 of 2 images, in 7 s"
    assert "| orders | built | `sha256:bbbbbbbbbbbb` | `v1` `src-11111111…` | 1 s |  |" in lines
    assert "| mail | found | `sha256:bbbbbbbbbbbb` |  |  |  |" in lines  # it was not built
    assert not any("| Function |" in line for line in lines)


def test_images_that_failed_come_first_and_those_that_were_there_last() -> None:
    images = tuple(_image(status, status) for status in ImageStatus)
    text = summary(_journal(images=images, mode=Mode.BUILD))

    order = ["failed", "built", "copied", "planned", "not made", "found"]
    assert re.findall(r"^\| \w+ \| ([\w ]+) \|", text, re.MULTILINE)[: len(order)] == order


def test_an_image_that_failed_is_shown_however_many_there_are() -> None:
    images = tuple(_image(f"{number:064}", ImageStatus.FOUND) for number in range(5_000))
    text = summary(_journal(images=(*images, _image("orders", ImageStatus.FAILED)), mode=Mode.BUILD))

    assert "more do not fit here" in text
    assert "| orders | failed |" in text


def test_the_error_of_an_image_is_in_one_box() -> None:
    error = DeployError("no space left on device", "free some")
    failed = replace(_image("orders", ImageStatus.FAILED), error=error, reference=None)
    outcomes = [_outcome(name, ReleaseStatus.FAILED) for name in ("orders-api", "orders-worker")]
    text = summary(_journal(*outcomes, images=(failed, _image("mail"))))

    assert "<summary>❌ 2 without an image</summary>" in text
    assert text.count("[!CAUTION]") == 1
    assert text.index("[!CAUTION]") < text.index("| Function |")


def test_weights_that_an_alias_has_kept_are_shown() -> None:
    outcome = _outcome("orders", ReleaseStatus.FAILED)
    after = replace(outcome.after, alias=alias_state("7", weights={"8": 0.1}))
    text = summary(_journal(replace(outcome, after=after), _outcome("mail", ReleaseStatus.UNCHANGED)))

    assert "| version&nbsp;7&nbsp;·&nbsp;`sha256:aaaaaaaaaaaa`&nbsp;·&nbsp;10 % to version 8 |" in text


# Text of other programs.


@pytest.mark.parametrize("character", list("\\`*_{}[]<>|~&"))
def test_special_characters_of_markdown_and_html_are_escaped(character: str) -> None:
    assert escaped(f"a{character}b") == f"a\\{character}b"


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", " a \n\n b ", "a\tb"])
def test_a_cell_is_one_line(text: str) -> None:
    assert escaped(text) == "a b"


def test_names_and_errors_are_shown_as_they_are() -> None:
    failed = replace(_outcome("__orders__", ReleaseStatus.FAILED), error=DeployError(_ACTIVE_CONTENT))
    image = replace(_image(_ACTIVE_CONTENT), reason=_ACTIVE_CONTENT)
    text = summary(_journal(failed, _outcome("mail", ReleaseStatus.DEPLOYED), images=(image, _image("mail"))))
    rows = [line for line in text.splitlines() if line.startswith("| ")]

    assert text.startswith(r"### ❌ Partly released: `__orders__`: \<img")
    shown = r"\<img src=x onerror=alert(1)\> \| \[a\](b) \*c\* \`d\` \~\~e\~\~ \&lt;"
    assert sum(row.count(shown) for row in rows) == 2
    assert not re.search(r"(?<!\\)<", "\n".join(rows))
    assert any(row.startswith(r"| ❌ | [\_\_orders\_\_](https://") for row in rows)
    assert "#/functions/__orders__)" in text


def _outside_code(markdown: str) -> str:
    """Return what stands outside of code blocks [CommonMark, fenced code blocks]."""
    outside, fence = list[str](), ""
    for line in re.split(r"\r\n|\r|\n", markdown):
        inner = line.removeprefix("> ")
        if fence:
            is_end = inner.strip() == len(inner.strip()) * "`" and len(inner.strip()) >= len(fence)
            fence = "" if is_end else fence
        elif opened := re.match("```+", inner):
            fence = opened[0]
        else:
            outside.append(line)
    assert not fence
    return "\n".join(outside)


_LINKS = re.compile(r"@\w|#\d|://|www\.|GH-\d", re.IGNORECASE)


@pytest.mark.parametrize(
    "text",
    ["@octo-org/ops", "a@b.example", "#12", "octo-org/orders#12", "gh-12", "https://x.example/@a#1", "www.x.example"],
)
def test_rule_13_no_text_of_others_becomes_a_mention_or_a_link(text: str) -> None:
    error = DeployError(text, text, cause=text, log=text).extended([text])
    failed = replace(_outcome("orders", ReleaseStatus.FAILED), error=error, smoke_test=text, alarms={text: ACTIVE})
    failed = replace(failed, traffic=(TrafficStep(weight=0.1, seconds=1),))
    skipped = replace(_outcome("mail", ReleaseStatus.SKIPPED), reason=text)
    shown = summary(_journal(failed, skipped, images=(replace(_image(text), reason=text), _image("mail"))))
    alone = summary(_journal(replace(skipped, status=ReleaseStatus.PLANNED), mode=Mode.PLAN))
    # Without links to the console and to GitHub, and without code, of which GitHub makes no links.
    own = re.sub(r"\]\(https://[^)]*\)|`[^`\n]+`", "", _outside_code(shown + alone))

    assert html.unescape(escaped(text)).replace("\u200b", "") == text
    assert shown.count("&#8203;") >= 3
    assert _LINKS.findall(html.unescape(own)) == []


_PARTS = [*"`~\n\r @#1:/|<>&x\\\ud800\u2028", "www.", "GH-", "```", "\n```\n", "\n`````\n"]
_HOSTILE = st.lists(st.sampled_from(_PARTS), max_size=30).map("".join)


@given(_HOSTILE)
def test_rule_13_a_fence_is_longer_than_any_within_it(text: str) -> None:
    own = "OUTSIDE"
    recovery = (f"aws lambda --description '{text}'",)
    error = DeployError(text, f"mend it\n{text}x", log=text).extended(["put back"])
    failed = replace(_outcome("orders", ReleaseStatus.FAILED), error=error, recovery=recovery)
    plain_error = DeployError("", "mend it\n.", log=".").extended(["put back"])
    plain = replace(failed, error=plain_error, recovery=("aws lambda",))
    shown, expected = (
        _outside_code(f"{summary(_journal(outcome, manifest=manifest))}{own}").partition("\n\n")
        for outcome, manifest in ((failed, text), (plain, "deploy.yaml"))
    )

    assert shown[2] == expected[2]  # below the headline, which is not in a fence


@given(_HOSTILE)
def test_rule_6_the_summary_survives_any_answer(text: str) -> None:
    error = DeployError(text, text)
    failed = replace(_outcome("orders", ReleaseStatus.FAILED), error=error, reason=text, recovery=(text,))
    image = replace(_image(text, ImageStatus.FAILED), error=error, reason=text)
    journal = _journal(failed, _outcome("mail", ReleaseStatus.DEPLOYED), images=(image, _image("mail")))
    journal.error = error

    assert summary(journal).encode()


# The chart.


def test_each_section_has_the_longest_bars_in_the_order_in_which_they_began() -> None:
    lengths = [float(1 + number * 7 % 50) for number in range(50)]  # all different
    images = tuple(
        replace(_image(f"image-{number}"), started=float(number), seconds=seconds)
        for number, seconds in enumerate(lengths)
    )
    outcomes = [
        _outcome(f"function-{number}", ReleaseStatus.DEPLOYED, started=float(number), seconds=seconds)
        for number, seconds in enumerate(lengths)
    ]
    chart = gantt(_journal(*outcomes, images=images))
    kept = [number for number, seconds in enumerate(lengths) if seconds > 10]

    assert len(kept) == 40
    for title, start in (("Images", "built image"), ("Functions", "deployed function")):
        assert [line.partition(" :")[0] for line in _section(chart, title)] == [f"    {start}-{at}" for at in kept]


@pytest.mark.parametrize("image", [ImageStatus.BUILT, ImageStatus.COPIED, ImageStatus.FAILED, ImageStatus.FOUND])
def test_three_images_and_functions_have_no_chart(image: ImageStatus) -> None:
    outcomes = [_outcome(name, ReleaseStatus.DEPLOYED) for name in ("orders", "mail", "stock")]
    images = tuple(_image(name, image) for name in ("orders", "mail", "stock"))

    assert gantt(_journal(*outcomes, images=images)) == ""
    assert gantt(_journal(*outcomes, _outcome("users", ReleaseStatus.DEPLOYED), images=images)) != ""


def test_what_has_failed_has_a_colour_of_its_own() -> None:
    outcomes = [_outcome(f"orders-{number}", ReleaseStatus.REVERTED) for number in range(4)]
    failed = replace(outcomes[0], error=DeployError("broken"))

    assert _section(gantt(_journal(failed, *outcomes[1:])), "Functions")[:2] == [
        "    reverted orders-0 :crit, 2000, 5000",
        "    reverted orders-1 :2000, 5000",
    ]


def test_without_work_there_is_no_bar() -> None:
    waiting = [_outcome(f"mail-{number}", ReleaseStatus.SKIPPED, started=0.0, seconds=0.0) for number in range(3)]
    found = tuple(_image(f"found-{number}", ImageStatus.FOUND) for number in range(3))
    worked = [_outcome(f"orders-{number}", ReleaseStatus.DEPLOYED) for number in range(4)]

    assert gantt(_journal(*waiting, images=found)) == ""
    chart = gantt(_journal(*waiting, *worked, images=found))
    assert len(_section(chart, "Functions")) == 4
    assert "section Images" not in chart


def test_a_very_short_bar_is_drawn() -> None:
    outcomes = [_outcome(f"orders-{number}", ReleaseStatus.DEPLOYED, seconds=1e-6) for number in range(4)]

    assert _section(gantt(_journal(*outcomes)), "Functions")[0] == "    deployed orders-0 :2000, 2001"


def test_a_name_in_the_chart_is_not_longer_than_it_can_be_read() -> None:
    chart = gantt(_journal(*(_outcome(100 * letter, ReleaseStatus.DEPLOYED) for letter in "abcd")))

    assert {len(line.partition(" :")[0]) for line in _section(chart, "Functions")} == {4 + 60}


# Undo.


@pytest.mark.parametrize("others", [ReleaseStatus.UNCHANGED, ReleaseStatus.SKIPPED, ReleaseStatus.REVERTED])
def test_only_functions_that_serve_another_image_or_version_are_undone(others: ReleaseStatus) -> None:
    outcomes = [_outcome("orders", ReleaseStatus.DEPLOYED), _outcome("mail", others)]
    undo = summary(_journal(*outcomes, manifest="")).partition("**Undo:**")[2]

    assert 'with: { mode: rollback, function-name: orders, alias: live, rollback-to: "7" }' in undo
    assert "--function-name orders --name live --function-version 7" in undo
    assert "mail" not in undo


def test_a_single_function_of_a_manifest_is_undone_with_the_manifest() -> None:
    undo = summary(_journal(_outcome("orders", ReleaseStatus.DEPLOYED))).partition("**Undo**")[2]

    assert "with: { mode: rollback, manifest: deploy.yaml }" in undo
    assert "function-name:" not in undo.partition("With the AWS CLI")[0]


def test_a_plan_has_nothing_to_undo() -> None:
    outcomes = [_outcome(name, ReleaseStatus.PLANNED) for name in ("orders", "mail")]

    assert "ndo:" not in summary(_journal(*outcomes, mode=Mode.PLAN))


def test_a_log_with_nothing_of_the_function_has_no_heading() -> None:
    log = "START RequestId: 1 Version: $LATEST\nEND RequestId: 1\nREPORT RequestId: 1 Duration: 1 ms"
    error = DeployError(f"The smoke test did not pass: $.statusCode is missing\nThe end of its log:\n{log}")
    text = summary(replace(_journal(), error=error))

    assert "$.statusCode is missing" in text
    assert "The end of its log" not in text
