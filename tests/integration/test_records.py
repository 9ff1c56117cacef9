"""The records of builds that a run has ended, with a builder that writes them late."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.records import without_records
from ecr_lambda_deploy.model.errors import CancelledError

# Answers as BuildKit does while a build has no record yet, and then removes it; notes what it was asked to remove.
_SLOW_BUILDER = """\
#!/bin/sh
shift 2
echo "$@" >> {folder}/asked
[ $(wc -l < {folder}/asked) -gt {late} ] && exit 0
for ref in "$@"; do [ $ref = early ] || echo "lease \\"ref_$ref\\": {answer}" >&2; done
exit 1
"""


def _asked(folder: Path, *, late: int, answer: str, error: BaseException | None) -> list[str]:
    """Return what a builder is asked to remove, a line for each request, after a block that ends with an error."""
    program, refs = folder / "buildx", folder / "config/refs/default/default"
    program.write_text(_SLOW_BUILDER.format(folder=folder, late=late, answer=answer))
    program.chmod(0o755)
    refs.mkdir(parents=True)
    for ref in ("early", "late"):
        (refs / ref).touch()
    environment = {"BUILDX_CONFIG": str(folder / "config"), "PATH": os.defpath}
    with suppress(CancelledError, KeyboardInterrupt), without_records(str(program), environment):
        if error:
            raise error
    return [" ".join(sorted(line.split())) for line in (folder / "asked").read_text().splitlines()]


@pytest.mark.parametrize("error", [CancelledError(), KeyboardInterrupt()])
def test_rule_9_the_record_of_a_cancelled_build_is_removed_once_it_is_written(
    tmp_path: Path, error: BaseException
) -> None:
    assert _asked(tmp_path, late=2, answer="not found", error=error) == ["early late", "late", "late"]


def test_a_builder_that_keeps_no_records_is_asked_once(tmp_path: Path) -> None:
    assert _asked(tmp_path, late=2, answer="Unimplemented", error=CancelledError()) == ["early late"]


def test_a_build_that_ended_by_itself_has_its_record_then(tmp_path: Path) -> None:
    assert _asked(tmp_path, late=2, answer="not found", error=None) == ["early late"]
