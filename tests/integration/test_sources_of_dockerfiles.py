"""What a Dockerfile reads in its contexts, held against what BuildKit really copies and mounts.

Each file holds its own path, so that an image tells which files it was made of.
"""

import os
import posixpath
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.fingerprint.base_images import inputs_of
from ecr_lambda_deploy.fingerprint.context import SymlinkError, walk
from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.sources import Sources, sources_in
from sandbox.machine.engine import Engine
from sandbox.runner import ACTION_IMAGE
from tests.integration.local_builds import build

NAMES = ["a", "b", "ab", "a.b"]
FILES = ["/".join(names) for names in product(NAMES, ["a", "b", "a b"], ["f", "f.c", "g.b"])] + [
    "c",
    "d.c",
    "!e",
    "[f]",
]
HEREDOC = 100  # the kind of an instruction that copies a text beside its sources
ONBUILD = 101  # of one that a stage based on this one carries out
WILD = ["*", "a*", "?", "[ab]", "*.b", "**", "*[^b]", "a?b", "[!a]", "\\\\*"]
IGNORED = ["b", "a/b", "*/a", "**/f.c", "*\n!a/b", "**\n!**/a", "c", "l*", "!x"]
_MOUNT = "import shutil; shutil.copytree('/m', '/out', symlinks=True)"


@dataclass(frozen=True)
class Instruction:
    """COPY or ADD."""

    flag: str
    sources: tuple[str, ...]
    kind: int

    @property
    def origin(self) -> str:
        return "other" if "from" in self.flag else "own"

    def __str__(self) -> str:
        match self.kind:
            case int(kind) if kind == HEREDOC:
                return f"COPY {self.flag}<<EOF {' '.join(self.sources)} /{self.kind}/\ntext\nEOF"
            case int(kind) if kind == ONBUILD:
                return f"ONBUILD COPY {self.flag}{' '.join(self.sources)} /{self.kind}/"
            case 0:
                return f'COPY {self.flag}["{self.sources[0]}", "/json/"]'
            case 1 if "from" not in self.flag:
                return f"ADD {self.flag}{' '.join(self.sources)} /{self.kind}/"
            case _:
                return f"COPY {self.flag}{' '.join(self.sources)} /{self.kind}/"


@dataclass(frozen=True)
class Case:
    """A build: its symlinks with their targets, its .dockerignore, and what its stages copy and mount."""

    links: tuple[tuple[str, str], ...]
    dockerignore: str
    first: tuple[Instruction, ...]
    last: tuple[Instruction, ...]
    mount: tuple[str, str] | None

    def write(self, folder: Path) -> "Case":
        """Write the contexts and the Dockerfile; return the case without what has no source and cannot be built."""
        for name in ("own", "other"):
            for path in FILES:
                (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / name / path).write_text(f"{name}/{path}")
            for path, target in self.links:
                if not os.path.lexists(folder / name / path):
                    (folder / name / path).symlink_to(target)
            (folder / name / ".dockerignore").write_text(self.dockerignore)
        sent = set(walk(f"{folder}/own", Dockerignore.parse(self.dockerignore.encode())))

        def has(origin: str, sources: Sequence[str]) -> bool:
            return all(_is_there(folder / origin, sent, source) for source in sources)

        built = replace(
            self,
            first=tuple(one for one in self.first if has(one.origin, one.sources)),
            last=tuple(one for one in self.last if has(one.origin, one.sources)),
            mount=self.mount if self.mount and has(*self.mount[:1], self.mount[1:]) else None,
        )
        (folder / "Dockerfile").write_text(built.dockerfile())
        return built

    def dockerfile(self) -> str:
        first = [
            "FROM scratch AS first",
            "ENV X=a",
            "WORKDIR /x",
            *(str(one) for one in self.first if one.kind != ONBUILD),
        ]
        triggers = [str(one) for one in self.last if one.kind == ONBUILD]
        last = [
            "FROM scratch AS base",
            *triggers,
            "FROM base" if triggers else "FROM scratch",
            "ARG Y=b/a",
            *(str(one) for one in self.last if one.kind != ONBUILD),
            "COPY --from=first / /first/",
        ]
        run = list[str]()
        if self.mount:
            origin = "" if self.mount[0] == "own" else "from=other,"
            mount = f"--mount={origin}source={self.mount[1]},target=/m"
            run = [f"FROM {ACTION_IMAGE} AS run", "ENV X=a", f'RUN {mount} ["python3", "-c", "{_MOUNT}"]']
            last.append("COPY --from=run /out /run/")
        return "\n".join(["FROM scratch AS unused", "COPY d.c /unused/", *first, *run, *last]) + "\n"


def _is_there(folder: Path, sent: set[str], source: str) -> bool:
    """Whether BuildKit finds a source, as far as is easy to tell."""
    for variable, value in {"${X:-b}": "a", "${X}": "a", "$X": "a", "$Y": "b/a", "$UNSET": ""}.items():
        source = source.replace(variable, value)
    names = posixpath.normpath(f"/{source}").strip("/").split("/")
    if names == [""]:
        return True
    if any(set(name) & set("*?[") for name in names):
        paths = (path.split("/") for path in sent)
        return any(len(path) == len(names) and all(map(fnmatchcase, path, names)) for path in paths)
    if folder.joinpath(*names).is_symlink() or any(folder.joinpath(*names[:end]).is_symlink() for end in (1, 2)):
        path = Path(os.path.realpath(folder.joinpath(*names)))  # resolve() raises for loops
        return path.exists() and os.path.relpath(path, folder) in sent and names[0] in sent
    return "/".join(names) in sent


def paths() -> st.SearchStrategy[str]:
    names = st.sampled_from([*NAMES, "a", "b", "f", "f.c", "l"])
    segments = names | names | st.sampled_from(WILD)
    built = st.lists(segments, min_size=1, max_size=3).map("/".join)
    decorated = st.tuples(st.sampled_from(["", "", "/", "./", "a/../"]), built, st.sampled_from(["", "", "/", "/."]))
    special = st.sampled_from(
        ["$X", "${X}/b", "$Y", "${X:-b}", "c", "c", "$UNSET", "d.c", "*.c", ".", "l", "l/a", "*/l"]
    )
    return decorated.map("".join) | special


def instructions(*, is_current: bool) -> st.SearchStrategy[Instruction]:
    flags = ["", "", "", "--chmod=700 "]
    if is_current:
        flags += ["--from=other ", "--from=other ", "--link ", "--exclude=*.c "]
    rare = [ONBUILD, *([HEREDOC] * 4 if is_current else [])]
    kinds = st.integers(0, 19) | st.sampled_from([*range(1, 20), *rare])
    return st.builds(Instruction, st.sampled_from(flags), st.tuples(paths()), kinds)


def cases(*, is_current: bool) -> st.SearchStrategy[Case]:
    targets = ["a", "../c", "/a/b", "../a", "b/../a", ".", "..", "nowhere", "l", "/", "../../d.c"]
    links = st.tuples(st.sampled_from(["l", "a/l", "b/a/l", "a/b/l", "x.c"]), st.sampled_from(targets))
    mounted = st.sampled_from(["a", "b/a", "/a/b/", "l", "a/l", "$X", ".", "./ab/../a.b"])
    origins = st.sampled_from(["own", "other"] if is_current else ["own"])
    copies = st.lists(instructions(is_current=is_current), min_size=1, max_size=4).map(tuple)
    ignored = st.sampled_from(["", "", "", *IGNORED])
    mount = st.integers(0, 7).flatmap(lambda dice: st.none() if dice else st.tuples(origins, mounted))
    return st.builds(Case, st.lists(links, max_size=2).map(tuple), ignored, copies, copies, mount)


def each_kind(*, is_current: bool) -> list[Case]:
    """Return cases with one source each: if the fingerprint has none of its kind, the files of one build are missed."""

    def case(kind: int = 2, *, flag: str = "", source: str = "a/b", **rest: Any) -> Case:  # noqa: ANN401 # of Case
        return Case(**{"links": (), "dockerignore": "", "first": (Instruction(flag, (source,), kind),), "last": (),
                       "mount": None, **rest})  # fmt: skip

    alone = [
        case(),
        case(0),
        case(1),
        case(source="*/b"),
        case(source="a*"),
        case(source="$X/b"),
        case(source="l", links=(("l", "a/b"),)),
        case(source="a", dockerignore="*\n!a/b"),
        case(first=(), mount=("own", "a/b")),
        case(first=(), last=(Instruction("", ("a/b",), ONBUILD),)),
        case(first=(), last=(Instruction("", ("b/a",), 2), Instruction("", ("a/b",), 1))),
    ]
    if not is_current:
        return alone
    return [
        *alone,
        case(HEREDOC),
        case(flag="--from=other "),
        case(flag="--exclude=*.c "),
        case(first=(), mount=("other", "a/b")),
    ]


def counted(case: Case, folder: Path) -> set[str] | None:
    """Return the files that the fingerprint has, or None where it has none at all."""
    try:
        found = inputs_of(case.dockerfile(), target="", build_args={}, platform="linux/amd64")
    except UnknownInputError:
        return None
    rules = Dockerignore.parse(case.dockerignore.encode())
    own, other = (sources_in(found.reads, name) for name in ("", "other"))
    return {f"own/{path}" for path in walked(folder / "own", rules, own)} | {
        f"other/{path}" for path in walked(folder / "other", rules, other)
    }


def walked(folder: Path, rules: Dockerignore, sources: Sources) -> list[str]:
    try:
        return list(walk(str(folder), rules, sources))
    except SymlinkError:
        return list(walk(str(folder), rules))


def copied(archive: Path) -> set[str]:
    with tarfile.open(archive) as files:
        read = (files.extractfile(member) for member in files if member.isreg())
        texts = (file.read().decode() for file in read if file)
        return {text for text in texts if text.startswith(("own/", "other/"))}


def is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.name != ".dockerignore"


def compare(engine: Engine, folder: Path, given_cases: Sequence[Case]) -> tuple[list[str], int, int]:
    """Return what the fingerprint misses, how many images were built, and of how many it has more than they are of."""
    named = {f"case-{number}": case.write(folder / f"case-{number}") for number, case in enumerate(given_cases)}
    targets = {}
    for name in named:
        contexts = {"other": f"{folder}/{name}/other"} if engine.is_of("current") else {}
        targets[name] = {
            "context": f"{folder}/{name}/own",
            "dockerfile": f"{folder}/{name}/Dockerfile",
            "contexts": contexts,
        }
    missed, built, larger = [], 0, 0
    for name, archive in build(engine, folder, targets).items():
        expected = counted(named[name], folder / name)
        if archive is None or expected is None:
            continue
        needed = copied(archive)
        built += 1
        larger += {path for path in expected if is_file(folder / name / path)} > needed
        if lacks := needed - expected:
            missed.append(f"{named[name]}: BuildKit reads {sorted(lacks)}\n{named[name].dockerfile()}")
    return missed, built, larger


@pytest.mark.parametrize("is_current", [False, True])
def test_no_file_that_buildkit_reads_is_missed(
    each_engine: Engine, tmp_path_factory: pytest.TempPathFactory, is_current: bool
) -> None:
    if is_current != each_engine.is_of("current"):
        pytest.skip("20.10 has no named contexts, and not all flags")

    @settings(
        max_examples=2,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(cases(is_current=is_current), min_size=20, max_size=20))
    def check(given_cases: list[Case]) -> None:
        if len(set(given_cases)) == 1:  # Hypothesis's first example, the smallest
            given_cases = each_kind(is_current=is_current)
        missed, built, _ = compare(each_engine, tmp_path_factory.mktemp(uuid4().hex), given_cases)
        assert missed == []
        assert built

    check()
