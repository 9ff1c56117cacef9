"""The Dockerfiles that a reader copies from a page are without hadolint's findings, as those of examples/ are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```dockerfile\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DOCKERFILES = [
    pytest.param(block, id=f"{page.relative_to(_ROOT)}-{number}")
    for page in sorted([*_ROOT.glob("README*.md"), *_ROOT.glob("docs/**/*.md")])
    for number, block in enumerate(_BLOCK.findall(page.read_text(encoding="utf-8")), start=1)
]


def test_there_are_dockerfiles() -> None:
    assert len(_DOCKERFILES) > 1


@pytest.mark.parametrize("dockerfile", _DOCKERFILES)
def test_hadolint_finds_nothing(dockerfile: str) -> None:
    hadolint = str(Path(sys.executable).with_name("hadolint"))
    done = subprocess.run([hadolint, "-"], input=dockerfile, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
