"""The beginning of a summary is Markdown that is whole, wherever it ends."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.outcomes import ImageOutcome, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.report.excerpt import excerpt
from ecr_lambda_deploy.report.outputs import outputs
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import RUN, observed_function

_ADDRESS = "https://github.com/acme/shop/actions/runs/12345678901"
_EVERYTHING = """### Failed

> [!CAUTION]
> ````text
> it broke
> ```
> <details>
> ````
> Help: <https://example.org>

| Function | Why |
| --- | --- |
| orders | \\<details\\> |

<details><summary>2 unchanged</summary>

| Function |
| --- |
| mail |

<details><summary>nested</summary>

```sh
aws lambda update-alias
```

</details>

</details>

```mermaid
gantt
    Check :0, 1000
```

**To undo**

```yaml
- uses: org/ecr-lambda-deploy@v1
  with: { mode: rollback, function-name: orders-api, alias: live }
```

or, in a terminal, a command that is as long as commands are:
"""


def _left_open(markdown: str) -> list[str]:
    """Return what is still open at the end, by reading it as a browser of the page would."""
    opened, fence = list[str](), ""
    for line in markdown.splitlines():
        text = line.lstrip("> ")
        ticks = text[: len(text) - len(text.lstrip("`"))]
        if fence:
            fence = "" if len(ticks) >= len(fence) and text == ticks else fence
        elif len(ticks) >= 3:
            fence = ticks
        elif text.startswith("<details>"):
            opened.append("details")
        elif text == "</details>":
            opened.pop()
    return [*opened, *([fence] if fence else [])]


def test_a_summary_that_fits_is_left_as_it_is() -> None:
    assert excerpt(_EVERYTHING, RUN, most=len(_EVERYTHING)) == _EVERYTHING


def test_wherever_it_ends_nothing_is_left_open_and_it_fits() -> None:
    texts = [excerpt(_EVERYTHING, RUN, most=most) for most in range(150, len(_EVERYTHING))]

    assert [len(text) for text in texts if len(text) > 150 + texts.index(text)] == []
    assert [text for text in texts if _left_open(text)] == []
    assert all(f"[the summary of the job]({_ADDRESS}) has all of it." in text.splitlines()[-1] for text in texts)
    assert len({*texts}) > 15  # it ends at many a line
    assert [text for text in texts if "gantt" in text and "Check :0, 1000\n```" not in text] == []


def test_without_an_address_it_says_where_all_of_it_is() -> None:
    assert excerpt(_EVERYTHING, replace(RUN, server_url=""), most=200).endswith(
        "\n\nThis is the beginning; the summary of the job has all of it.\n"
    )


@pytest.mark.parametrize("character", ["x", "\N{HANGUL SYLLABLE GA}"])
def test_the_output_is_short_enough_for_a_comment_and_for_a_variable(character: str) -> None:
    outcome = Outcome.untouched(observed_function(), ReleaseStatus.DEPLOYED)
    many = tuple(
        replace(outcome, before=replace(outcome.before, name=f"orders-{number:03}"), reason=character * 90)
        for number in range(400)
    )
    journal = Journal(run=RUN, outcomes=many, images=(ImageOutcome(name="orders"), ImageOutcome(name="mail")))
    text = outputs(journal)["summary"]

    assert len(summary(journal).encode()) > 60_000 >= len(text.encode()) > 59_000
    assert _left_open(text) == []
    assert text.startswith(summary(journal)[:1000])


def test_the_output_of_a_small_run_is_the_whole_summary() -> None:
    journal = Journal(run=RUN, outcomes=(Outcome.untouched(observed_function(), ReleaseStatus.UNCHANGED),))

    assert outputs(journal)["summary"] == summary(journal)
