"""What a Dockerfile reads in its context."""

import pytest

from ecr_lambda_deploy.fingerprint.base_images import inputs_of
from ecr_lambda_deploy.fingerprint.sources import Read, Sources, sources_in

_BUILD_ARGS = {"GIVEN": "given", "LONG": 5000 * "x"}


def read(dockerfile: str, *, target: str = "") -> set[str]:
    reads = inputs_of(dockerfile, target=target, build_args=_BUILD_ARGS, platform="linux/arm64").reads
    return set(sources_in(reads, "").paths)


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        ("RUN true", set[str]()),
        ("COPY a b /", {"a", "b"}),
        ("ADD ./a/ /b//c/. /", {"a", "b/c"}),
        ('COPY ["a b", "c", "/"]', {"a b", "c"}),
        ("COPY \"a\" 'b' /", {"a", "b"}),
        ("COPY *.py d?/** [ab] /", {"*.py", "d?/**", "[ab]"}),
        ("COPY --chown=1 --chmod=755 --link --parents --exclude=*.md a /", {"a"}),
        ("ADD --chown=1 --chmod=755 --link --unpack=false --exclude=x a.tar /", {"a.tar"}),
        ("ADD --checksum=sha256:1 https://x/y.tar /\nADD --keep-git-dir=true --checksum=1 https://x/y.git z /", {"z"}),
        ("COPY <<EOF <<-'END' a /\n1\nEOF\n2\nEND", {"a"}),
        ("COPY a \\\n# why\n  b \\\n /", {"a", "b"}),
        ("COPY --from=image a /\nCOPY --from= b /", {"b"}),
        ("RUN --mount=type=cache,target=/x --mount=type=tmpfs,target=/t --mount=type=ssh ls", set()),
        ("RUN --mount=type=secret,id=x,source=y ls", set()),
        ("RUN --mount=type=bind,source=a,target=/x --mount=src=/b/,dst=/y,rw ls", {"a", "b"}),
        ("RUN --mount=type=cache,from=image,source=a,target=/x --network=none ls", set()),
        ('RUN --mount="source=a,target=/x,from=" --mount=TYPE=bind,SOURCE=b,target=/y ls', {"a", "b"}),
        ("RUN --security=insecure --device=x ls", set()),
    ],
)
def test_sources_and_mounts_are_read(dockerfile: str, expected: set[str]) -> None:
    assert read(f"FROM image\n{dockerfile}\n") == expected


@pytest.mark.parametrize(
    "instruction",
    [
        "COPY . /",
        "COPY / /",
        "COPY '' /",
        "COPY a/.. /",
        "COPY ../a /",
        "COPY --parents a/./../b /",
        "COPY !a /",
        'COPY [" a", "/"]',
        'COPY "a b" c /',
        "COPY a\\ b /",
        "COPY a\u00a0b /",
        "COPY [a /",
        "COPY a\\\\d* /",
        "COPY --new a /",
        "ADD --from=x a /",
        "RUN --mount=target=/x ls",
        "RUN --mount=type=bind,target=/x ls",
        "RUN --mount=type=$KIND,target=/x ls",
        "RUN --mount=type=bind,source=$HOME,target=/x ls",
        "RUN --mount=type=cache,type=bind,target=/x ls",
        "RUN --mount=source=a,source=.,target=/x ls",
        "RUN --new=x ls",
        "COPY $UNSET /",
        "COPY ${UNSET:-a} /",
        "ARG X\nCOPY $X /",
        "ARG X=a Y=$X\nCOPY $Y /",
        "ARG X=a X=b\nCOPY $X /",
        "ARG X=a\nARG X=b\nCOPY $X /",
        "ENV X=a\nARG X=b\nCOPY $X /",
        "ARG X=$UNSET\nCOPY $X /",
        "ENV X=a$UNSET\nCOPY $X /",
        "ENV X=a\nENV X=$UNSET\nCOPY $X /",
        "ENV X=a\nENV $Y=b\nCOPY $X /",
        "ENV X=a\nARG ${Y}=b\nCOPY $X /",
        "ARG LONG\nCOPY $LONG /",
        "ARG BUILDARCH\nCOPY $BUILDARCH /",
        "ENV X='a b' Y=\"\nCOPY $Y /",
        "ARG BUILDKIT_SBOM_SCAN_CONTEXT=true\nCOPY a /",
        "ARG X=a\nFROM first\nCOPY $X /",
    ],
)
def test_what_cannot_be_told_is_everything(instruction: str) -> None:
    assert sources_in([Read("", path) for path in read(f"FROM image AS first\n{instruction}\n")], "").are_everything


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("ARG X=a\nCOPY $X-1 ${X}/b ${X:-c} /", {"a-1", "a/b", "a"}),
        ("ARG GIVEN=x\nCOPY $GIVEN /", {"given"}),
        ("ARG BEFORE\nCOPY $BEFORE /", {"before"}),
        ("ARG TARGETARCH\nCOPY app-$TARGETARCH /", {"app-arm64"}),
        ("ENV X=a Y=b\nENV Z=$X/$Y\nCOPY $Z /", {"a/b"}),
        ("ENV X a\nRUN --mount=source=$X,target=/x ls", {"a"}),
        ("ARG X=a\nENV X=b\nCOPY $X /", {"b"}),
        ("ARG X=a\nENV Y=$X\nFROM first\nCOPY $Y /", {"a"}),
        ("COPY '$X' \\$X /", {"$X"}),
        ("ENV X='a b'\nCOPY $X /", {"a b"}),
    ],
)
def test_variables_are_replaced_where_they_are_certain(instruction: str, expected: set[str]) -> None:
    assert read(f"ARG BEFORE=before\nFROM image AS first\n{instruction}\n") == expected


def test_only_stages_that_are_needed_read() -> None:
    dockerfile = "FROM x AS a\nCOPY a /\nFROM x AS b\nCOPY b /\nFROM a AS c\nCOPY c /\nFROM x\nCOPY --from=b / /\n"

    assert read(dockerfile) == {"b"}
    assert read(dockerfile, target="c") == {"a", "c"}


@pytest.mark.parametrize(
    ("path", "below"),
    [
        ("a", True),
        ("a/b", True),
        ("a/b/c", False),
        ("b", False),
        ("wild", True),
        ("wild/x", False),
        ("wild/x/y", False),
        ("deep/x/y/z", True),
        ("deep", True),
        ("class/x/y", True),
    ],
)
def test_only_folders_that_may_hold_something_are_walked(path: str, below: bool) -> None:
    assert Sources({"a/b/c", "wild/*.py", "deep/**/z", "class/[^x]"}).may_have_below(path) is below


def test_too_many_wildcards_are_everything() -> None:
    assert Sources(f"{number}*" for number in range(2000)).are_everything
