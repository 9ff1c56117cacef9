from pathlib import Path

import pytest

from ecr_lambda_deploy.adapters.actions import Console, write_summary
from ecr_lambda_deploy.errors import SourceLocation


def _printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_group_is_closed_whatever_happens(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with Console().group("Check"):
            Console().info("within")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert _printed(capsys) == ["::group::Check", "within", "::endgroup::"]


@pytest.mark.parametrize("kind", ["notice", "warning", "error"])
def test_an_annotation_is_one_command_however_many_lines_it_has(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    getattr(Console(), kind)("100 % of\nit: all,")

    assert _printed(capsys) == [f"::{kind}::100 %25 of%0Ait: all,"]


def test_an_error_can_name_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    Console().error("no such file", SourceLocation(file="a:b/Dockerfile", line=3))

    assert _printed(capsys) == ["::error file=a%3Ab/Dockerfile,line=3::no such file"]


def test_every_line_of_a_secret_is_masked_once(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for secret in ("one\n\ntwo\n", "one", ""):
        console.mask(secret)

    assert _printed(capsys) == ["::add-mask::one", "::add-mask::two"]


def test_what_other_programs_print_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    for _ in range(2):
        with console.verbatim():
            console.info("::set-env name=x::y")
    first_stop, _, first_resume, second_stop, *_ = _printed(capsys)

    token = first_stop.removeprefix("::stop-commands::")
    assert first_resume == f"::{token}::"
    assert len(token) >= 32
    assert second_stop != first_stop  # nobody can learn it from the log and use it


def test_the_summary_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("of another step\n")
    write_summary("### Deployed → ok", str(path))

    assert path.read_text(encoding="utf-8") == "of another step\n### Deployed → ok\n"
