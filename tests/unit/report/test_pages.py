"""The pages that people read, as text: a change of the summary shows here as a difference of `pages/`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.summary import summary
from tests.unit.report.example_runs import EXAMPLES

_PAGES = Path(__file__).parent / "pages"
_MOST_ROWS = 4  # of a table, in a page


def _abridged(page: str) -> Iterator[str]:
    """Yield the lines of a page, with a few rows of each table and of the chart."""
    rows = 0
    for line in page.splitlines():
        is_row = line.startswith("|") or re.search(r" :(crit, )?\d+, \d+$", line) is not None
        rows = rows + 1 if is_row else 0
        if rows <= _MOST_ROWS + 2:
            yield line
        elif rows == _MOST_ROWS + 3:
            yield "…"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_page_is_as_it_was_reviewed(name: str) -> None:
    path, page = _PAGES / f"{name}.md", "\n".join([*_abridged(summary(EXAMPLES[name])), ""])
    if not path.exists():
        path.write_text(page, encoding="utf-8")
        pytest.fail(f"{path} is new: look at it as somebody who knows nothing of the run, and commit it")

    assert page == path.read_text(encoding="utf-8"), "to accept the new page, remove the old one and run this again"


def test_each_page_has_its_run() -> None:
    assert {path.stem for path in _PAGES.iterdir()} == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_line_is_the_headline_and_the_rest_is_short(name: str) -> None:
    page = summary(EXAMPLES[name])
    visible = re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)

    assert re.match(r"### (✅|❌|🛑|📋|⏭️|⏪) ", page)
    assert len(headline(EXAMPLES[name])) <= 120
    assert visible.count("\n") <= 45
    assert len(page.encode()) < 200_000


@pytest.mark.parametrize("name", ["one-of-sixty", "alarm", "stuck", "denied", "failed-build"])
def test_the_culprit_and_the_cause_are_in_the_headline_and_in_the_box(name: str) -> None:
    words = {
        "one-of-sixty": ("team-39-api-prod", "KeyError: 'ORDERS"),
        "alarm": ("orders-api", "alarm orders-api-5xx is in ALARM"),
        "stuck": ("orders-api", "response is not JSON"),
        "denied": ("team-01-api-prod", "lambda:UpdateFunctionCode"),
        "failed-build": ("orders", "npm ci --omit=dev"),
    }[name]
    page = summary(EXAMPLES[name])
    (box,) = re.findall(r"^> \[!CAUTION\]\n((?:>.*\n)+)", page, re.MULTILINE)

    assert [word in page.splitlines()[0] and word in box for word in words] == [True, True]
