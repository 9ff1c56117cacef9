"""Which images a Dockerfile builds from."""

import re

import pytest

from ecr_lambda_deploy.fingerprint.base_images import foreign_frontend, inputs_of
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError

# Each line has what the one before has ten times: the last would have 10^40 characters.
_DOUBLING = "\n".join(["ARG A0=aaaaaaaaaa", *(f"ARG A{n}={10 * f'$A{n - 1}'}" for n in range(1, 40)), "FROM $A39"])


def images(dockerfile: str, *, target: str = "", **build_args: str) -> tuple[str, ...]:
    return inputs_of(dockerfile, target=target, build_args=build_args, platform="linux/arm64").images


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        pytest.param("FROM python:3.13", ["python:3.13"], id="from"),
        pytest.param("from python:3.13 as x", ["python:3.13"], id="lower case"),
        pytest.param("FROM scratch", [], id="scratch"),
        pytest.param("FROM --platform=$BUILDPLATFORM golang", ["golang"], id="platform"),
        pytest.param("ARG V=3.13\nFROM python:${V}-slim", ["python:3.13-slim"], id="argument"),
        pytest.param("ARG V\nFROM python:${V:-3}", ["python:3"], id="argument without a value"),
        pytest.param('ARG A=1 B="${A}.2"\nFROM x:$B', ["x:1.2"], id="argument of an argument"),
        pytest.param("ARG V=3.13\nFROM a\nARG V=4\nFROM python:${V}", ["python:3.13"], id="argument of a stage"),
        pytest.param("FROM x:$TARGETARCH-$TARGETOS", ["x:arm64-linux"], id="platform argument"),
        pytest.param("FROM a AS b\nFROM b", ["a"], id="stage"),
        pytest.param("FROM a AS Build\nFROM c\nCOPY --from=BUILD / /", ["c", "a"], id="copy from a stage"),
        pytest.param("FROM a\nFROM c\nCOPY --from=0 / /", ["c", "a"], id="copy from a number"),
        pytest.param("FROM a\nCOPY --chown=1 --from=b:1 /x /", ["a", "b:1"], id="copy from an image"),
        pytest.param("FROM a\nCOPY --from=scratch / /", ["a"], id="copy from nothing"),
        pytest.param("FROM a\nRUN --mount=type=bind,from=b,target=/x ls", ["a", "b"], id="mount"),
        pytest.param('FROM a\nRUN --mount="from=b,target=/x" --mount=from=c ls', ["a", "b", "c"], id="two mounts"),
        pytest.param("FROM a\nRUN --mount=type=secret,id=x ls --mount=from=b", ["a"], id="no mount"),
        pytest.param("FROM a AS a\nCOPY . .", ["a"], id="stage of its image's name"),
        pytest.param("FROM a\nRUN <<EOF\nFROM b\nCOPY --from=c / /\nEOF\nCOPY --from=d / /", ["a", "d"], id="heredoc"),
        pytest.param("FROM a\nRUN x <<A <<-B\nFROM b\nA\n\tB\nFROM c", ["c"], id="two heredocs"),
        pytest.param("FROM a\nRUN echo \\\n# FROM b\n\nFROM c\nRUN x", ["a"], id="continued over a comment"),
        pytest.param("# escape=`\nFROM a\nRUN dir C:\\\nCOPY --from=b `\n  / /", ["a", "b"], id="escape"),
        pytest.param("FROM \\\n  a \\\n  AS b", ["a"], id="continued"),
        pytest.param("FROM a\r\nCOPY --from=b / /\r\n", ["a", "b"], id="carriage returns"),
        pytest.param("\ufeffFROM a", ["a"], id="byte order mark"),
        pytest.param("# syntax=docker/dockerfile:1\nFROM a", ["docker/dockerfile:1", "a"], id="syntax"),
        pytest.param("#!/x\n# syntax = docker/dockerfile:1 x\r\nFROM a", ["docker/dockerfile:1", "a"], id="shebang"),
        pytest.param("FROM a\n# syntax=docker/dockerfile:1", ["a"], id="syntax too late"),
        pytest.param(
            "# syntax=localhost:5000/docker/dockerfile-upstream@sha256:1\nFROM a",
            ["localhost:5000/docker/dockerfile-upstream@sha256:1", "a"],
            id="syntax of another registry",
        ),
        pytest.param("ARG V=v3.13-x\nFROM a:${V#v}", ["a:3.13-x"], id="prefix removed"),
        pytest.param("ARG V=v3.13-x\nFROM a:${V%%-*}-${V##*-}", ["a:v3.13-x"], id="wildcards removed"),
        pytest.param("ARG V=v3.13-x\nFROM a:${V/-x/-y}", ["a:v3.13-y"], id="replaced"),
        pytest.param("FROM a AS x\nFROM b AS y\nCOPY --from=x / /\nFROM a\nCOPY --from=y / /", ["a", "b"], id="chain"),
        pytest.param("FROM a\nADD x.tar ./$V dist/app-$V.zip <<EOF /\ntext\nEOF", ["a"], id="files are added"),
        pytest.param("FROM a\nADD --checksum=sha256:1 https://x/$V /", ["a"], id="checked addition"),
    ],
)
def test_the_images_are_found(dockerfile: str, expected: list[str]) -> None:
    assert list(images(dockerfile)) == expected


def test_build_arguments_go_before_defaults() -> None:
    assert images("ARG V=3.13\nFROM python:$V", V="3.14") == ("python:3.14",)


def test_platform_arguments_can_be_given() -> None:
    assert images("FROM x:$TARGETARCH", TARGETARCH="amd64") == ("x:amd64",)


def test_an_argument_that_is_not_declared_is_none() -> None:
    assert images("FROM python$V", V=":3.14") == ("python",)


def test_the_frontend_can_be_given() -> None:
    assert images("FROM a", BUILDKIT_SYNTAX="docker/dockerfile:1-labs") == ("docker/dockerfile:1-labs", "a")


@pytest.mark.parametrize(
    ("target", "expected"), [("", ["c", "b"]), ("two", ["b"]), ("ONE", ["a"]), ("0", ["a"]), ("last", ["c", "b"])]
)
def test_only_stages_that_the_target_needs_count(target: str, expected: list[str]) -> None:
    dockerfile = "FROM a AS one\nADD $URL /\nFROM b AS two\nFROM c AS last\nCOPY --from=two / /"
    if target.lower() in ("one", "0"):
        dockerfile = dockerfile.replace("ADD $URL /\n", "")

    assert list(images(dockerfile, target=target)) == expected


def test_the_stage_is_an_argument() -> None:
    assert images("FROM a:$TARGETSTAGE AS One", target="ONE") == ("a:ONE",)
    assert images("FROM a:$TARGETSTAGE AS One") == ("a:one",)
    assert images("FROM a:$TARGETSTAGE") == ("a:default",)


@pytest.mark.parametrize(
    ("dockerfile", "reason"),
    [
        ("FROM a\nADD https://example.com/x /", "ADD https://example.com/x without --checksum"),
        ("FROM a\nADD git@example.com:x/y.git /", "without --checksum"),
        ("FROM a\nADD --keep-git-dir=true https://example.com/x.git#main /", "without --checksum"),
        ('FROM a\nADD ["x", "https://example.com/x", "/"]', "without --checksum"),
        ("FROM a\nARG URL\nADD ${URL} /", "without --checksum"),
        ("FROM a\nADD htt$P://x /", "without --checksum"),
        ("FROM a\nARG P=/example.com/x\nADD https:/$P /", "without --checksum"),
        ("FROM a AS b\nADD https://x /\nFROM c\nCOPY --from=b / /", "without --checksum"),
        ("FROM a AS b\nADD https://x /\nFROM b", "without --checksum"),
        ("FROM a\nONBUILD COPY . .", "ONBUILD"),
        ("FROM a-$BUILDARCH", "builder's own platform"),
        ("ARG X=${BUILDPLATFORM}\nFROM $X", "builder's own platform"),
        ("# syntax=example/frontend\nnot a Dockerfile", "cannot be read"),
        ("# syntax=example/frontend\nFROM a", "frontend example/frontend"),
        ("# syntax=notdocker/dockerfile\nFROM a", "frontend notdocker/dockerfile"),
        ("FROM $X", "names no image"),
        ("ARG X", "no FROM"),
        ("RUN x\nFROM a", "before the first FROM"),
        ("FROM a\nCOPY --from=1 / /", "no stage 1"),
        ("FROM a\nCOPY --from=$X / /", "no variables"),
        ("FROM a\nRUN --mount=from=$X y", "no variables"),
        ("FROM a b", "FROM takes"),
        ("FROM a\nRUN <<EOF\nx", "unterminated heredoc"),
        ("FROM a\nFETCH x", "unknown instruction"),
        ("FROM a\nCMD " + "[" * 100_000, "cannot be read"),
        ("# nothing", "no FROM"),
        ("# check=a" + 5000 * " " + "b\nFROM a", "longer than 4096 characters"),
        (" \t# check=a" + 5000 * " " + "b\nFROM a", "longer than 4096 characters"),
        ("FROM a" + 5000 * "b", "longer than 4096 characters"),
        (_DOUBLING, "longer than 4096 characters"),
        ("ARG V=aaa\nFROM a:${V#*a*b}", "removes or replaces"),
        ("ARG V=aaa\nFROM a:${V/*a/b}", "removes or replaces"),
        ("ARG V=aaa\nFROM a:${X:-${V%*a*b}}", "removes or replaces"),
        ("ARG P=*a\nARG V=aaa\nFROM a:${V#$P$P$P}", "removes or replaces"),
        ("ARG V=aaa\nFROM a:${V#a\\}*a*b}", "removes or replaces"),
        ("ARG @=aaa\nFROM a:${@#*a*b}", "removes or replaces"),
    ],
)
def test_what_nobody_can_know_is_named(dockerfile: str, reason: str) -> None:
    with pytest.raises(UnknownInputError, match=re.escape(reason)):
        images(dockerfile)


def test_a_missing_target_is_named() -> None:
    with pytest.raises(UnknownInputError, match="no stage 'x'"):
        images("FROM a", target="x")


def test_rule_6_a_build_argument_has_a_bound_where_it_may_name_an_image() -> None:
    with pytest.raises(UnknownInputError, match="longer than 4096 characters"):
        images("ARG V\nFROM a:$V", V=5000 * "x")

    assert images("FROM a\nARG V", V=5000 * "x") == ("a",)


_SUM = "sha256:" + 64 * "0"


@pytest.mark.parametrize(
    "stage",
    [
        "FROM a\nADD --checksum=${SUM} https://x /",
        "FROM a\nARG SUM\nADD --checksum=${SUM} https://x /",
        "FROM a\nARG SUM=\nADD --checksum=$SUM https://x /",
        'FROM a\nARG SUM\nADD --checksum="${SUM}" https://x /',
        'FROM a\nADD --checksum="" https://x /',
        f"FROM a\nADD --checksum=$SUM https://x /\nARG SUM={_SUM}",
        f"ARG SUM={_SUM}\nFROM a\nADD --checksum=$SUM https://x /",
        f"FROM a\nARG SUM={_SUM}\nFROM a\nADD --checksum=$SUM https://x /",
        f"FROM a AS b\nARG SUM={_SUM}\nENV SUM=\nFROM b\nADD --checksum=$SUM https://x /",
        f"FROM a\nARG SUM={_SUM}\nENV SUM=\nADD --checksum=$SUM https://x /",
        f"FROM a\nENV SUM={_SUM} OTHER=$SUM\nADD --checksum=$OTHER https://x /",
        "FROM a\nADD --checksum=${SUM:+x} git@github.com:x/y.git#v1 /",
        f"FROM a\nARG SUM={_SUM}\nADD --checksum=${{SUM#*a*b}} https://x /",
    ],
)
def test_a_checksum_that_is_empty_pins_nothing(stage: str) -> None:
    with pytest.raises(UnknownInputError, match="whose --checksum is empty"):
        images(stage)


@pytest.mark.parametrize(
    "stage",
    [
        f"FROM a\nADD --checksum={_SUM} https://x /",
        f"FROM a\nARG SUM={_SUM}\nADD --checksum=${{SUM}} https://x /",
        f"ARG SUM={_SUM}\nFROM a\nARG SUM\nADD --checksum=$SUM https://x /",
        f"FROM a\nENV SUM={_SUM}\nADD --checksum=$SUM https://x /",
        f"FROM a\nENV SUM {_SUM}\nADD --checksum=$SUM https://x /",
        f"FROM a\nENV SUM=\nARG SUM={_SUM}\nADD --checksum=$SUM https://x /",
        f"FROM a AS b\nARG SUM={_SUM}\nFROM b\nADD --checksum=$SUM https://x /",
        f"FROM a\nADD --checksum=${{SUM:-{_SUM}}} https://x /",
        "FROM a\nARG GIVEN=\nADD --checksum=${GIVEN} https://x /",
        "FROM a\nADD --checksum=0123456789abcdef0123456789abcdef01234567 https://github.com/x/y.git#v1 /",
    ],
)
def test_a_checksum_pins_whatever_names_it(stage: str) -> None:
    assert images(stage, GIVEN=_SUM) == ("a",)


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        (f"ARG D={_SUM}\nFROM a@${{D}}", f"a@{_SUM}"),
        ("ARG D\nFROM a${D:+@$D}", "a"),
        ("ARG D\nFROM a@${D}", "a@"),  # which is no reference, so that the build has no fingerprint
    ],
)
def test_a_digest_pins_a_base_image_only_if_it_is_there(dockerfile: str, expected: str) -> None:
    assert images(dockerfile) == (expected,)


def test_what_stages_inherit_has_a_bound() -> None:
    settings = "\n".join(f"ENV A{number}=" for number in range(2000))

    with pytest.raises(UnknownInputError, match="more than 100000 variables"):
        images(f"FROM a AS b\n{settings}\n" + 60 * "FROM b\n")
    assert images(f"FROM a\nARG V\nADD --checksum=${{V:-x}}{1000 * '$V'} https://x /", V=10_000_000 * "x") == ("a",)


@pytest.mark.parametrize(
    ("dockerfile", "build_args", "frontend"),
    [
        ("FROM a", {}, ""),
        ("# syntax=docker/dockerfile:1\nFROM a", {}, ""),
        ("# syntax=docker.io/docker/dockerfile-upstream:master@sha256:1\nFROM a", {}, ""),
        ("FROM a\n# syntax=x/y", {}, ""),
        ("# syntax=x/y:1 z\nFROM a", {}, "x/y:1"),
        ("# syntax=registry.example/docker/dockerfile:1\nFROM a", {}, "registry.example/docker/dockerfile:1"),
        ("\ufeff#!/bin/sh\n\n  # SYNTAX = x/y\r\nFROM a", {}, "x/y"),
        ("// syntax=x/y\nFROM a", {}, "x/y"),
        ('{"syntax": "x/y"}', {}, "that is named in JSON"),
        ("# syntax=docker/dockerfile:1\n# syntax=x/y\nFROM a", {}, "x/y"),
        ("FROM a", {"BUILDKIT_SYNTAX": " x/y --flag"}, "x/y"),
        ("FROM a", {"BUILDKIT_SYNTAX": "docker/dockerfile"}, ""),
    ],
)
def test_a_frontend_that_is_not_dockers_own_is_known(
    dockerfile: str, build_args: dict[str, str], frontend: str
) -> None:
    assert foreign_frontend(dockerfile, build_args) == frontend
