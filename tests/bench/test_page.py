"""The page about performance: it says what was measured, what was not, and which targets were missed."""

from xml.etree import ElementTree as ET

import pytest

from bench.action import ActionRun
from bench.chart import Group, chart
from bench.figures import Calls, Figures
from bench.page import Circumstances, groups, page
from bench.scale import Phase, Rate
from bench.targets import Target, targets

_TITLES = {"code": "One line changed", "alias": "By alias", "many60": "60 images"}
_CIRCUMSTANCES = Circumstances(
    date="2026-11-29",
    minutes=21.4,
    machine={"processors": "2"},
    versions={"AWS CLI": "aws-cli/1.46.3"},
    update_seconds=0.3,
)


def _calls(in_series: int, *, after_push: int = 4, put_images: int = 1) -> Calls:
    return Calls(in_series=in_series, all=30, after_push=after_push, images=1, put_images=put_images)


@pytest.fixture
def figures() -> Figures:
    figures = Figures()
    figures.to_add_to("code", "20.10", "action").seconds[100] = [2.9, 3.0, 3.3]
    figures.to_add_to("code", "20.10", "pipeline").seconds[100] = [3.8, 4.0, 4.4]
    figures.to_add_to("code", "20.10", "action").calls = _calls(17)
    figures.to_add_to("code", "20.10", "action").peak_memory = 125_400_000
    figures.to_add_to("code", "current", "action").seconds[0] = [1.0]
    return figures


def _page(figures: Figures, phases: list[Phase] | None = None) -> list[str]:
    given = phases or []
    return page(_TITLES, figures, given, targets(figures, given), _CIRCUMSTANCES).splitlines()


def test_a_row_has_medians_ratios_and_how_many_runs_they_are_of(figures: Figures) -> None:
    lines = _page(figures)

    assert "| One line changed | 100 | 3.00 | 4.00 | · | 0.75 | · | 3 + 3 + 0 |" in lines
    assert "| One line changed | 0 | 1.00 | · | · | · | · | 1 + 0 + 0 |" in lines


def test_an_engine_on_which_nothing_was_measured_is_not_on_the_page() -> None:
    figures = Figures()
    figures.to_add_to("code", "20.10", "action").seconds[0] = [1.0]

    headings = [line for line in _page(figures) if line.startswith("## Seconds")]

    assert headings == ["## Seconds, engine 20.10"]


def test_calls_and_memory_are_shown_where_they_were_counted(figures: Figures) -> None:
    assert "| One line changed | 17 | · | · | 30 | · | · | 125 | · | · |" in _page(figures)


def test_all_tables_are_as_wide_as_their_heads(figures: Figures) -> None:
    tables = "\n".join(_page(figures, [_phase(share=0.95)])).split("\n\n")
    widths = [[line.count("|") for line in table.splitlines()] for table in tables if table.startswith("|")]

    assert len(widths) >= 5
    assert all(len(set(table)) == 1 for table in widths)


def test_the_page_has_date_machine_versions_and_commands(figures: Figures) -> None:
    text = "\n".join(_page(figures))

    for part in (
        "2026-11-29: processors 2",
        "| AWS CLI | aws-cli/1.46.3 |",
        "21 minutes",
        "Lambda 0.3 s",
        "docker push",
    ):
        assert part in text


def test_many_functions_have_a_table_of_their_own(figures: Figures) -> None:
    lines = _page(figures, [_phase(share=0.95)])

    assert "## 1,000 functions" in lines
    assert "| by alias, nothing to do | 10.6 | 0 | 0 | 80 | GetFunction: 95% of 100 a second |" in lines


def test_a_target_that_is_missed_is_on_the_page(figures: Figures) -> None:
    figures.to_add_to("code", "20.10", "action").calls = _calls(18)

    assert "| Calls in series, code only, engine 20.10 | ≤ 17 | 18 | **missed** |" in _page(figures)


def _seen(reached: list[Target]) -> dict[str, tuple[str, bool]]:
    return {target.what: (target.seen, target.is_met) for target in reached}


def test_targets_are_of_what_was_measured(figures: Figures) -> None:
    assert _seen(targets(figures, [])) == {
        "Calls in series, code only, engine 20.10": ("17", True),
        "Action / pipeline, code only, 100 ms a call, engine 20.10": ("0.75", True),
    }


def test_a_ratio_above_its_target_is_missed(figures: Figures) -> None:
    figures.to_add_to("code", "20.10", "pipeline").seconds[100] = [3.9]

    assert _seen(targets(figures, []))["Action / pipeline, code only, 100 ms a call, engine 20.10"] == ("0.77", False)


def test_sixty_images_are_compared_with_a_single_deploy() -> None:
    figures = Figures()
    figures.to_add_to("alias", "20.10", "action").seconds[0] = [2.0]
    figures.to_add_to("many60", "20.10", "action").seconds[0] = [3.2]
    figures.to_add_to("many60", "20.10", "action").calls = _calls(19, put_images=60)

    assert _seen(targets(figures, [])) == {
        "60 images with one changed / a single deploy, 0 ms a call, engine 20.10": ("1.60", False),
        "PutImage, 60 images with one changed, engine 20.10": ("60", False),
    }


def test_a_reason_stands_beside_what_is_missed_and_nothing_else() -> None:
    met = Target(what="a", wanted="≤ 1", seen="1", is_met=True, reason="a limit")
    missed = Target(what="b", wanted="≤ 1", seen="2", is_met=False, reason="a limit")

    lines = page(_TITLES, Figures(), [], [met, missed], _CIRCUMSTANCES).splitlines()

    assert {"| a | ≤ 1 | 1 | met |", "| b | ≤ 1 | 2 | **missed**: a limit |"} <= {*lines}


def test_the_current_engine_takes_fewer_calls() -> None:
    figures = Figures()
    for engine, in_series in (("20.10", 19), ("current", 19)):
        figures.to_add_to("alias", engine, "action").calls = _calls(in_series, after_push=7)

    seen = _seen(targets(figures, []))

    assert seen["Calls in series, by alias: fewer on the current engine than on 20.10"] == ("19", False)
    assert seen["Calls in series after the push, by alias, engine current"] == ("7", False)


def _phase(*, share: float) -> Phase:
    run = ActionRun(exit_code=0, log="", outputs={}, seconds=10.6, processor_seconds=4.0, peak_memory=80_000_000)
    rate = Rate(calls=round(share * 1000), seconds=10.0, limit=100)
    return Phase(
        functions=1000,
        alias="live",
        name="nothing to do",
        run=run,
        failed=0,
        throttled=0,
        rates={"GetFunction": rate},
        calls={},
    )


@pytest.mark.parametrize(("share", "is_met"), [(0.95, True), (0.89, False)])
def test_many_functions_with_nothing_to_do_use_the_limit(share: float, is_met: bool) -> None:
    (target,) = targets(Figures(), [_phase(share=share)])

    assert (target.seen, target.is_met) == (f"{share:.0%}", is_met)


def test_the_chart_shows_what_both_did_in_no_more_than_the_longest_time(figures: Figures) -> None:
    figures.to_add_to("many60", "20.10", "action").seconds[100] = [3.0]
    figures.to_add_to("many60", "20.10", "pipeline").seconds[100] = [300.0]
    figures.to_add_to("alias", "20.10", "action").seconds[100] = [3.0]

    shown = groups(_TITLES, figures, "20.10", 100, 30.0)

    assert shown == [Group(label="One line changed", values={"action": 3.0, "pipeline": 4.0})]


def _width(root: ET.Element) -> float:
    return float(root.get("width", "0"))


def test_the_chart_has_a_bar_for_each_value_in_proportion() -> None:
    drawn = chart("Title", "s", ["action", "pipeline"], [Group(label="a < b", values={"action": 2.0, "pipeline": 4.0})])

    root = ET.fromstring(drawn)  # noqa: S314 # our own
    bars = [bar for bar in root.iter("{http://www.w3.org/2000/svg}rect") if bar.get("height") != bar.get("width")]
    action, pipeline = (float(bar.get("width", "0")) for bar in bars[1:])  # after the ground

    assert action * 2 == pytest.approx(pipeline, abs=0.2)
    assert 0.5 * _width(root) < pipeline < 0.8 * _width(root)
    assert "prefers-color-scheme: dark" in drawn
    assert "a &lt; b" in drawn


def test_an_empty_chart_is_refused() -> None:
    with pytest.raises(ValueError, match="above zero"):
        chart("Title", "s", ["action"], [])
