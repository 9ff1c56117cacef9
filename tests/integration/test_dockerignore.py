"""What .dockerignore leaves out, held against what BuildKit really sends."""

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.fingerprint.context import walk
from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from sandbox.machine.engine import Engine
from tests.integration.local_builds import build

FEW_NAMES = ["a", "b", "ab", "a.b"]
NAMES = ["A", "ä", "a b", "[a]", "a-b", ".c", "!a", "#a", "a{b}", "^a", "x\\y"]
EVERYWHERE = ["/".join(names) for names in product(FEW_NAMES, ["a", "b", "ab"], ["a", "b", "a.b"])]
WILDCARDS = ["*", "**", "a*", "*b", "?", "[ab]"]
ODDITIES = ["*.b", "[^a]", "[a-b]*", "**a", "a**", "a**b", "?*", "..", ".", "", "\\[a\\]", "*{b}", "***"]


@dataclass(frozen=True)
class Case:
    """A build context: its files, its empty folders and its .dockerignore."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    dockerignore: str

    def write(self, folder: Path) -> None:
        folder.mkdir()
        (folder / ".dockerignore").write_bytes(self.dockerignore.encode())
        for path in self.folders:
            if not any(parent.is_file() for parent in (folder / path).parents):
                (folder / path).mkdir(parents=True, exist_ok=True)
        for path in self.files:
            file = folder / path
            if not file.exists() and not any(parent.is_file() for parent in file.parents):
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(path)


def paths() -> st.SearchStrategy[str]:
    names = st.sampled_from(FEW_NAMES) | st.sampled_from(FEW_NAMES + NAMES)
    return st.lists(names, min_size=1, max_size=4).map("/".join)


def patterns() -> st.SearchStrategy[str]:
    segments = st.sampled_from(FEW_NAMES + WILDCARDS) | st.sampled_from(FEW_NAMES + WILDCARDS + NAMES + ODDITIES)
    built = st.lists(segments, min_size=1, max_size=3).map("/".join)
    decorations = st.tuples(st.sampled_from(["", "", "", "/", " ", "./"]), built, st.sampled_from(["", "", "/"]))
    random = st.text("ab*?[]^!\\/.- #{}|,1$+()", max_size=8)
    return st.integers(0, 9).flatmap(lambda dice: random if dice == 0 else decorations.map("".join))


def lines() -> st.SearchStrategy[str]:
    prefix = st.sampled_from(["", "", "", "", "!", "!", "!", "!/", "! ", "#"])
    return st.tuples(prefix, patterns(), st.sampled_from(["", "", "", " ", "\r"])).map("".join)


def cases() -> st.SearchStrategy[Case]:
    return st.builds(
        Case,
        files=st.lists(paths(), max_size=6).map(lambda more: (*EVERYWHERE, *more)),
        folders=st.lists(paths(), max_size=3).map(tuple),
        dockerignore=st.lists(lines(), min_size=2, max_size=6).map("\n".join) | st.just("\ufeff*\n!a"),
    )


def is_known(case: Case) -> bool:
    try:
        Dockerignore.parse(case.dockerignore.encode())
    except UnknownInputError:
        return False
    return True


def arrived(archive: Path) -> set[str]:
    with tarfile.open(archive) as files:
        return {member.name.removeprefix("./").rstrip("/") for member in files} - {"", "."}


def differences(engine: Engine, folder: Path, given_cases: Sequence[Case]) -> list[str]:
    known = [case for case in given_cases if is_known(case)]
    contexts = {f"case-{number}": case for number, case in enumerate(known)}
    for name, case in contexts.items():
        case.write(folder / name)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    targets = {name: {"context": f"{folder}/{name}", "dockerfile": f"{folder}/Dockerfile"} for name in contexts}
    found = []
    for name, archive in build(engine, folder, targets).items():
        expected = set(walk(f"{folder}/{name}", Dockerignore.parse(contexts[name].dockerignore.encode())))
        if archive and (sent := arrived(archive)) != expected:
            found.append(f"{contexts[name]}: BuildKit sends {sent}, the rules say {expected}")
    return found


@settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(cases(), min_size=25, max_size=25))
def test_the_files_are_those_that_buildkit_sends(
    each_engine: Engine, tmp_path_factory: pytest.TempPathFactory, given_cases: list[Case]
) -> None:
    folder = tmp_path_factory.mktemp(uuid4().hex)

    assert differences(each_engine, folder, given_cases) == []
