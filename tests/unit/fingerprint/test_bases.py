"""What base images bring to a build that its Dockerfile does not tell."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_lambda_deploy.fingerprint.bases import BuildBases, WrongBase
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.targets import Build, Platform

_SUM = "sha256:" + 64 * "0"


def _build(folder: Path, dockerfile: str, **options: object) -> Build:
    (folder / "Dockerfile").write_text(dockerfile)
    return Build(context=folder, dockerfile=folder / "Dockerfile", **options)  # type: ignore[arg-type] # the fields of Build


def _bases(
    platforms: Mapping[str, str] | None = None,
    brought: Mapping[str, Configuration] | None = None,
    *,
    builder: Platform = "linux/amd64",
    asked: list[tuple[str, str]] | None = None,
) -> BuildBases:
    """Return bases of which `platforms` are single images, `unread` cannot be read, and the others are indexes."""

    def read(reference: str, platform: str) -> Configuration:
        if asked is not None:
            asked.append((reference, platform))
        if reference == "unread":
            raise UnknownInputError("the registry does not answer")
        own = Configuration(platform=(platforms or {}).get(reference, platform))
        return (brought or {}).get(reference, own)

    return BuildBases(read, lambda: builder)


_ARM = {
    "arm": "linux/arm64",
    "v8": "linux/arm64/v8",
    "amd": "linux/amd64",
    "i386": "linux/386",
    "unsaid": "unknown/unknown",
}


@pytest.mark.parametrize(
    ("dockerfile", "reference", "platform", "line"),
    [
        ("FROM arm", "arm", "linux/arm64", 1),
        ("FROM v8", "v8", "linux/arm64", 1),
        ("FROM i386", "i386", "linux/386", 1),
        ("FROM --platform=linux/arm64 index", "index", "linux/arm64", 1),
        ("FROM --platform=linux/arm64/v8 index", "index", "linux/arm64", 1),
        ("FROM --platform=arm64 index", "index", "linux/arm64", 1),
        ("FROM --platform=linux/aarch64 index", "index", "linux/arm64", 1),
        ("ARG P=linux/arm64\nFROM --platform=$P index", "index", "linux/arm64", 2),
        ("FROM --platform=linux/arm64 unread", "unread", "linux/arm64", 1),
        ("FROM index AS a\nFROM arm AS b\nFROM b AS c\nFROM c", "arm", "linux/arm64", 2),
        ("FROM --platform=linux/arm64 index AS a\nFROM --platform=linux/amd64 a", "index", "linux/arm64", 1),
    ],
)
def test_the_base_of_the_image_is_for_its_platform(
    tmp_path: Path, dockerfile: str, reference: str, platform: str, line: int
) -> None:
    wrong = _bases(_ARM).wrong_base(_build(tmp_path, dockerfile), "linux/amd64")

    assert wrong == WrongBase(reference, platform, line)


@pytest.mark.parametrize(
    "dockerfile",
    [
        "FROM amd",
        "FROM index",
        "FROM unsaid",
        "FROM unread",
        "FROM --platform=linux/amd64 index",
        "FROM --platform=linux/amd64/v2 index",
        "FROM --platform=x86_64 index",
        "FROM --platform=$TARGETPLATFORM index",
        "FROM --platform=$TARGETOS/$TARGETARCH index",
        "FROM --platform=$BUILDPLATFORM index",
        "FROM --platform=linux/arm64 scratch",
        "FROM arm AS tools\nFROM index\nCOPY --from=tools / /",
        "FROM arm AS unused\nFROM index",
        "FROM $BUILDARCH",
        "FETCH x",
    ],
)
def test_other_images_may_be_for_any(tmp_path: Path, dockerfile: str) -> None:
    assert _bases(_ARM).wrong_base(_build(tmp_path, dockerfile), "linux/amd64") is None


def test_the_builder_s_platform_is_what_the_builder_runs_on(tmp_path: Path) -> None:
    last = _build(tmp_path, "FROM --platform=${BUILDPLATFORM} index")
    assert _bases().wrong_base(last, "linux/arm64") == WrongBase("index", "linux/amd64", 1)
    assert _bases(builder="linux/arm64").wrong_base(last, "linux/arm64") is None

    builds_only = _build(tmp_path, "FROM --platform=$BUILDPLATFORM index AS a\nFROM index\nCOPY --from=a / /")
    assert _bases().wrong_base(builds_only, "linux/arm64") is None


def test_the_target_and_build_arguments_count(tmp_path: Path) -> None:
    dockerfile = "ARG BASE=index\nFROM arm AS one\nFROM $BASE AS two"

    assert _bases(_ARM).wrong_base(_build(tmp_path, dockerfile, target="one"), "linux/amd64")
    assert _bases(_ARM).wrong_base(_build(tmp_path, dockerfile, target="two"), "linux/amd64") is None
    assert _bases(_ARM).wrong_base(_build(tmp_path, dockerfile, build_args={"BASE": "arm"}), "linux/amd64")


@pytest.mark.parametrize(
    ("context", "is_wrong"),
    [("docker-image://arm", True), ("docker-image://amd", False), ("docker-image://scratch", False), ("/", False)],
)
def test_a_named_context_stands_for_a_base(tmp_path: Path, context: str, is_wrong: bool) -> None:
    build = _build(tmp_path, "FROM index", build_contexts={"index": context})

    assert (_bases(_ARM).wrong_base(build, "linux/amd64") is not None) is is_wrong


@pytest.mark.parametrize(
    ("dockerfile", "line"),
    [
        ("FROM amd AS base\nFROM base", 1),
        ("FROM amd\nFROM amd AS Base", 2),
        ("FROM amd AS x\nFROM x AS base\nFROM base", 2),
        ("FROM amd AS base\nFROM base AS base", 2),
    ],
)
def test_a_named_context_stands_for_a_stage(tmp_path: Path, dockerfile: str, line: int) -> None:
    """BuildKit takes it for the whole stage, so what the stage starts from does not count."""
    build = _build(tmp_path, dockerfile, build_contexts={"base": "docker-image://arm"})

    assert _bases(_ARM).wrong_base(build, "linux/amd64") == WrongBase("arm", "linux/arm64", line)


def test_what_a_named_context_brings_counts_in_place_of_its_stage(tmp_path: Path) -> None:
    brought = Configuration(platform="linux/amd64", triggers=("COPY --from=brought:1 / /",))
    replaced = f"FROM amd AS base\nENV SUM={_SUM}\nADD https://example.com/unused /\nFROM base\n"
    contexts = {"base": "docker-image://image"}

    build = _build(tmp_path, replaced, build_contexts=contexts)
    assert "brought:1" in _bases(brought={"image": brought}).missed_input(build, "linux/amd64")
    assert _bases().missed_input(build, "linux/amd64") == ""

    checked = _build(tmp_path, f"{replaced}ADD --checksum=$SUM https://example.com/x /", build_contexts=contexts)
    assert "whose --checksum is empty" in _bases().missed_input(checked, "linux/amd64")


@pytest.mark.parametrize("reference", ["--help", "../x", "https://r.example/a"])
def test_only_an_image_reference_is_read(tmp_path: Path, reference: str) -> None:
    asked = list[tuple[str, str]]()
    build = _build(tmp_path, f"ARG X={reference}\nFROM ${{X}}")
    bases = _bases(asked=asked)

    assert bases.wrong_base(build, "linux/amd64") is None
    assert bases.missed_input(build, "linux/amd64") == ""
    assert asked == []


@pytest.mark.parametrize(
    ("trigger", "missed"),
    [
        ("ADD https://example.com/x /", "ADD https://example.com/x without --checksum"),
        ("ADD https://user:hidden@example.com/x /", "ADD https://***@example.com/x without --checksum"),
        ("ADD --checksum=$UNSET https://example.com/x /", "whose --checksum is empty"),
        ("COPY --from=other:latest / /", "the ONBUILD of a base image brings other:latest"),
        ("RUN --mount=from=other,target=/x ls", "the ONBUILD of a base image brings other"),
        ("COPY --from=unused / /", "the ONBUILD of a base image brings else"),
        ("COPY other.py /", "by the ONBUILD or ENV of a base image, the build reads other.py"),
        ("COPY --from=folder x /", "by the ONBUILD or ENV of a base image, the build reads x"),
        ("ADD . /", "by the ONBUILD or ENV of a base image, the build reads the whole context"),
        ("RUN --mount=type=bind,target=/x ls", "the build reads the whole context"),
        ("COPY $SOMETHING /", "the build reads the whole context"),
        ("ONBUILD RUN x", "ONBUILD is no ONBUILD trigger"),
        ("FROM other", "FROM is no ONBUILD trigger"),
        ("NONSENSE", "cannot be read"),
        ("# check=a" + 5000 * " ", "longer than 4096 characters"),
    ],
)
def test_what_a_trigger_of_a_base_brings_is_missed(tmp_path: Path, trigger: str, missed: str) -> None:
    dockerfile = (
        "FROM else AS unused\nFROM base AS a\nCOPY --from=folder app.py /\nCOPY app.py /\nFROM index\nCOPY --from=a / /"
    )
    build = _build(tmp_path, dockerfile, build_contexts={"folder": "/folder"})
    brought = {"base": Configuration(platform="linux/amd64", triggers=("RUN true", trigger))}

    assert missed in _bases(brought=brought).missed_input(build, "linux/amd64")


@pytest.mark.parametrize(
    "trigger",
    [
        "COPY app.py ./lib/ /app",
        "COPY $LIB /app",
        "RUN make",
        "COPY --from=tools /x /",
        "COPY --from=given:1 /x /",
        f"ADD --checksum={_SUM} https://example.com/x /",
        "ADD --checksum=$SUM https://example.com/x /",
        "RUN --mount=type=bind,source=lib,target=/x ls",
    ],
)
def test_what_the_fingerprint_has_is_not_missed(tmp_path: Path, trigger: str) -> None:
    build = _build(tmp_path, "FROM given:1 AS tools\nFROM base\nCOPY --from=tools / /\nCOPY app.py lib /")
    environment = (f"SUM={_SUM}", "EMPTY", "LIB=lib")
    brought = {"base": Configuration(platform="linux/amd64", environment=environment, triggers=(trigger,))}

    assert _bases(brought=brought).missed_input(build, "linux/amd64") == ""


@pytest.mark.parametrize("trigger", ["COPY . /", "COPY other.py /", "COPY $ANY /", "RUN --mount=target=/x ls"])
def test_a_context_that_counts_as_a_whole_misses_nothing(tmp_path: Path, trigger: str) -> None:
    brought = {"base": Configuration(platform="linux/amd64", triggers=(trigger,))}

    assert _bases(brought=brought).missed_input(_build(tmp_path, "FROM base\nCOPY . /"), "linux/amd64") == ""


def test_the_environment_of_a_base_may_name_other_files(tmp_path: Path) -> None:
    """Versions of BuildKit differ in whether ARG goes before it."""
    build = _build(tmp_path, "FROM base\nARG SOURCE=one\nCOPY $SOURCE /")
    assert _bases().missed_input(build, "linux/amd64") == ""
    brought = {"base": Configuration(platform="linux/amd64", environment=("SOURCE=two",))}
    assert "reads the whole context" in _bases(brought=brought).missed_input(build, "linux/amd64")

    of_its_own = _build(tmp_path, "FROM base\nENV SOURCE=one\nCOPY $SOURCE /")
    assert _bases(brought=brought).missed_input(of_its_own, "linux/amd64") == ""


def test_the_environment_of_a_base_may_empty_a_checksum(tmp_path: Path) -> None:
    build = _build(tmp_path, f"FROM base\nADD --checksum=${{SUM-{_SUM}}} https://example.com/x /")

    assert _bases().missed_input(build, "linux/amd64") == ""
    brought = {"base": Configuration(platform="linux/amd64", environment=("SUM=",))}
    assert "whose --checksum is empty" in _bases(brought=brought).missed_input(build, "linux/amd64")


def test_triggers_of_a_stage_that_is_not_needed_do_not_count(tmp_path: Path) -> None:
    build = _build(tmp_path, "FROM base AS unused\nFROM index")
    brought = {"base": Configuration(platform="linux/amd64", triggers=("ADD https://example.com/x /",))}

    assert _bases(brought=brought).missed_input(build, "linux/amd64") == ""


def test_a_base_that_cannot_be_read_may_bring_anything(tmp_path: Path) -> None:
    assert _bases().missed_input(_build(tmp_path, "FROM unread"), "linux/amd64") == "the registry does not answer"


def test_each_base_is_read_once_for_each_platform(tmp_path: Path) -> None:
    asked = list[tuple[str, str]]()
    bases = _bases(asked=asked)
    build = _build(tmp_path, "FROM --platform=$BUILDPLATFORM base AS a\nFROM base\nCOPY --from=a / /")
    for _ in range(2):
        assert bases.wrong_base(build, "linux/arm64") is None
        assert bases.missed_input(build, "linux/arm64") == ""

    assert sorted(asked) == [("base", "linux/amd64"), ("base", "linux/arm64")]


def test_rule_6_hundreds_of_thousands_of_triggers_are_not_read(tmp_path: Path) -> None:
    brought = {"base": Configuration(platform="linux/amd64", triggers=400_000 * ("RUN a",))}
    started = time.process_time()

    missed = _bases(brought=brought).missed_input(_build(tmp_path, "FROM base"), "linux/amd64")

    assert missed == "its base images have more than 1000 ONBUILD triggers"
    assert time.process_time() - started < 2
