"""The whole workflows that README.md, the pages of docs/ and examples/ show."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]

NEEDS = "# Needs: "
"""Begins the first line of a workflow that cannot be run in the sandbox, and says what it needs."""

_BLOCK = re.compile(r"^```ya?ml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_JOBS = re.compile(r"^jobs:$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentedWorkflow:
    """A workflow as a reader copies it.

    Attributes:
        page: the file that has it, from the top of the repository.
        number: which of the page's workflows it is, from 1.
        text: the workflow file.
    """

    page: str
    number: int
    text: str

    @property
    def name(self) -> str:
        """The page, and the number if it has several, as the name of a file: `docs-recipes-roll-back-1`."""
        return f"{re.sub(r'[^a-z0-9]+', '-', self.page.lower().rpartition('.')[0])}-{self.number}"


def documented_workflows() -> list[DocumentedWorkflow]:
    """Return all of them, page by page."""
    pages = [
        *sorted(ROOT.glob("README*.md")),
        *sorted(ROOT.glob("docs/**/*.md")),
        *sorted(ROOT.glob("examples/**/*.yml")),
    ]
    return [
        DocumentedWorkflow(page=str(page.relative_to(ROOT)), number=number, text=text)
        for page in sorted(pages)
        for number, text in enumerate(_workflows(page), start=1)
    ]


def _workflows(page: Path) -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = [text] if page.suffix == ".yml" else _BLOCK.findall(text)
    return [block for block in blocks if _JOBS.search(block)]
