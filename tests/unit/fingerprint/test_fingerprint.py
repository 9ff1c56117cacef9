"""What changes the fingerprint of a build, and what does not."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.fingerprint import BuildInputs
from ecr_lambda_deploy.model.images import Fingerprint
from ecr_lambda_deploy.model.targets import Build, Platform

Change = Callable[[Path], object]


def make(context: Path) -> Build:
    """Write a context that has a bit of everything."""
    (context / "app/empty").mkdir(parents=True)
    (context / "app/main.py").write_text("print('hello')")
    (context / "app/run.sh").write_text("exec python3 main.py")
    (context / "app/link").symlink_to("main.py")
    (context / "notes.md").write_text("left out")
    (context / "node_modules/left").mkdir(parents=True)
    (context / "node_modules/left/pad.js").write_text("left out")
    (context / ".dockerignore").write_text("*.md\nnode_modules\n.dockerignore\nDockerfile\n")
    (context / "Dockerfile").write_text("FROM python:3.13\nCOPY . /\n")
    for path in [context, *context.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)  # whatever the umask is
    return Build(context=context, dockerfile=context / "Dockerfile")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return make(tmp_path / "context")


def take(
    build: Build, platform: Platform = "linux/amd64", resolve: Callable[[str], str] = "sha256:{}".format
) -> Fingerprint:
    return BuildInputs(resolve).fingerprint(build, platform)


def tag(build: Build) -> str:
    taken = take(build)
    assert taken.tag is not None, taken.reason
    return taken.tag


def reason(build: Build) -> str:
    taken = take(build)
    assert taken.tag is None
    assert "\n" not in taken.reason
    return taken.reason


@pytest.mark.parametrize(
    "reference",
    ["--help", "-x", "../containers/json", "/etc/passwd", "a;b", "a:$b", "https://r.example/a", 300 * "a"],
)
@pytest.mark.parametrize("way", ["FROM", "COPY", "RUN", "syntax", "build context"])
def test_rule_1_only_an_image_reference_goes_to_a_registry(build: Build, reference: str, way: str) -> None:
    """It would be an option to buildx, or a path of the engine's API."""
    asked = set[str]()
    text = {
        "FROM": f"ARG X={reference}\nFROM ${{X}}\n",
        "COPY": f"FROM scratch\nCOPY --from={reference} / /\n",
        "RUN": f'FROM scratch\nRUN --mount=type=bind,"from={reference}" true\n',
        "syntax": f"# syntax={reference}/docker/dockerfile\nFROM scratch\n",
    }
    build.dockerfile.write_text(text.get(way, "FROM base\n"))
    if way == "build context":
        build = replace(build, build_contexts={"base": f"docker-image://{reference}"})

    def resolve(one: str) -> str:
        asked.add(one)
        return "sha256:1"

    taken = take(build, resolve=resolve)

    assert (taken.tag, asked) == (None, set())
    assert taken.reason


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "Dockerfile.dockerignore"])
def test_rule_1_a_named_pipe_is_not_waited_for(build: Build, name: str) -> None:
    (build.context / name).unlink(missing_ok=True)
    os.mkfifo(build.context / name)

    assert reason(build) == f"{name} is not a plain file"


def test_it_is_an_image_tag(build: Build) -> None:
    assert len(tag(build)) == 68
    assert tag(build).startswith("src-")
    assert take(build).reason == ""
    assert take(build).hints == ()


def test_it_is_the_same_in_another_checkout(build: Build, tmp_path: Path) -> None:
    assert tag(make(tmp_path / "elsewhere")) == tag(build)


def test_it_is_the_same_in_every_version_of_this_project(build: Build) -> None:
    """What has been pushed is found again; raise `_SCHEME` when this has to change."""
    assert tag(build) == "src-4303632f7c5c0e19d56cca8b1db52cf1ab3623f0e98510f1828fe1dd938013b6"


SAME: dict[str, Change] = {
    "nothing": lambda _: None,
    "time of a file": lambda path: os.utime(path / "app/main.py", (1, 1)),
    "time of a folder": lambda path: os.utime(path / "app", (1, 1)),
    "owner": lambda path: os.chown(path / "app/main.py", os.getuid() + 1, -1) if os.getuid() == 0 else None,
    "order of the listing": lambda path: (path / "app/run.sh").rename(path / "x").rename(path / "app/run.sh"),
    "excluded file": lambda path: (path / "notes.md").write_text("changed"),
    "new excluded file": lambda path: (path / "more.md").write_text("new"),
    "excluded folder": lambda path: (path / "node_modules/left/pad.js").write_text("changed"),
    "mode of an excluded folder": lambda path: (path / "node_modules").chmod(0o700),
    "mode of the context": lambda path: path.chmod(0o700),
    "comment in .dockerignore": lambda path: append(path / ".dockerignore", "# why\n"),
    "target of a symlink": lambda path: (path / "app/link").with_name("main.py").touch(),
}

DIFFERENT: dict[str, Change] = {
    "content": lambda path: (path / "app/main.py").write_text("print('hullo')"),
    "emptied file": lambda path: (path / "app/main.py").write_text(""),
    "new file": lambda path: (path / "new").touch(),
    "removed file": lambda path: (path / "app/main.py").unlink(),
    "renamed file": lambda path: (path / "app/main.py").rename(path / "app/other.py"),
    "moved file": lambda path: (path / "app/main.py").rename(path / "main.py"),
    "executable bit": lambda path: (path / "app/run.sh").chmod(0o755),
    "setuid bit": lambda path: (path / "app/run.sh").chmod(0o4644),
    "mode of a folder": lambda path: (path / "app").chmod(0o700),
    "new empty folder": lambda path: (path / "app/new").mkdir(),
    "removed empty folder": lambda path: (path / "app/empty").rmdir(),
    "folder for a file": lambda path: replace_by(path / "app/run.sh", Path.mkdir),
    "where a symlink leads": lambda path: replace_by(path / "app/link", lambda link: link.symlink_to("run.sh")),
    "spelling of a symlink": lambda path: replace_by(path / "app/link", lambda link: link.symlink_to(".//main.py")),
    "file for a symlink": lambda path: replace_by(path / "app/link", lambda link: link.write_text("main.py")),
    "swapped content": lambda path: swap(path / "app/main.py", path / "app/run.sh"),
    "Dockerfile": lambda path: append(path / "Dockerfile", "RUN make\n"),
    "base image": lambda path: (path / "Dockerfile").write_text("FROM python:3.14\nCOPY . /\n"),
    "line of .dockerignore": lambda path: append(path / ".dockerignore", "app/run.sh\n"),
    "removed .dockerignore": lambda path: (path / ".dockerignore").unlink(),
    "Dockerfile.dockerignore": lambda path: (path / "Dockerfile.dockerignore").write_text("app"),
    "FIFO": lambda path: os.mkfifo(path / "fifo"),
}


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def replace_by(path: Path, make: Change) -> None:
    path.unlink()
    make(path)


def swap(one: Path, other: Path) -> None:
    one_text, other_text = one.read_text(), other.read_text()
    one.write_text(other_text)
    other.write_text(one_text)


@pytest.mark.parametrize("change", SAME.values(), ids=SAME)
def test_it_stays_the_same(build: Build, change: Change) -> None:
    before = tag(build)
    change(build.context)

    assert tag(build) == before


@pytest.mark.parametrize("change", DIFFERENT.values(), ids=DIFFERENT)
def test_it_becomes_another(build: Build, change: Change) -> None:
    before = tag(build)
    change(build.context)

    assert tag(build) != before


@pytest.mark.parametrize(
    "change",
    [
        {"target": "0"},
        {"build_args": {"A": "1"}},
        {"build_args": {"A": "2"}},
        {"build_contexts": {"tools": "docker-image://tools:1"}},
        {"build_contexts": {"tools": "docker-image://tools:2"}},
        {"labels": {"A": "1"}},
        {"secrets": {"token": "hunter2"}},
        {"secrets": {"password": "hunter2"}},
        {"secrets_written": "{}"},
        {"provenance": "mode=max"},
        {"sbom": "true"},
        {"properties": {"network": "host"}},
        {"properties": {"extra-hosts": {"a": "1.2.3.4"}}},
    ],
    ids=str,
)
def test_every_setting_counts(build: Build, change: dict[str, Any]) -> None:
    others = [
        build,
        replace(build, build_args={"B": "1"}),
        replace(build, labels={"A": "2"}),
        replace(build, sbom="mode=max"),
    ]

    assert tag(replace(build, **change)) not in map(tag, others)


def test_the_platform_counts(build: Build) -> None:
    assert take(build, "linux/arm64").tag != take(build, "linux/amd64").tag


def test_the_digest_of_a_base_image_counts(build: Build) -> None:
    assert take(build, resolve=lambda _: "sha256:new").tag != take(build, resolve=lambda _: "sha256:old").tag


def test_secrets_count_by_name_alone(build: Build) -> None:
    assert tag(replace(build, secrets={"a": "hunter2"})) == tag(replace(build, secrets={"a": "changed"}))


def test_settings_in_another_order_are_the_same(build: Build) -> None:
    one, other = {"A": "1", "B": "2"}, {"B": "2", "A": "1"}

    assert tag(replace(build, build_args=one)) == tag(replace(build, build_args=other))


def test_a_build_that_runs_steps_again_has_none(build: Build) -> None:
    repeating = replace(build, properties={"no-cache-filter": ["a"]})

    assert reason(repeating) == "`set` has no-cache-filter, which runs steps again"


@pytest.mark.parametrize("change", [{"pull": True}, {"no_cache": True}], ids=str)
def test_how_it_is_built_does_not_say_what(build: Build, change: dict[str, Any]) -> None:
    assert tag(replace(build, **change)) == tag(build)


def test_an_inline_dockerfile_is_not_overlooked(build: Build) -> None:
    assert "dockerfile-inline" in reason(replace(build, properties={"dockerfile-inline": "FROM x"}))


def test_a_dockerfile_outside_the_context_counts(build: Build, tmp_path: Path) -> None:
    outside = tmp_path / "outside.Dockerfile"
    outside.write_text("FROM a")
    moved = replace(build, dockerfile=outside)
    before = tag(moved)
    outside.write_text("FROM a\nRUN make")

    assert tag(moved) != before


def test_the_rules_beside_the_dockerfile_go_first(build: Build) -> None:
    (build.context / "Dockerfile.dockerignore").write_text("*\n!notes.md\n")
    before = tag(build)
    (build.context / "app/main.py").write_text("changed")
    (build.context / ".dockerignore").write_text("changed")
    assert tag(build) == before
    (build.context / "notes.md").write_text("changed")
    assert tag(build) != before


def test_empty_rules_beside_the_dockerfile_leave_nothing_out(build: Build) -> None:
    (build.context / "Dockerfile.dockerignore").touch()
    before = tag(build)
    (build.context / "notes.md").write_text("changed")

    assert tag(build) != before


def test_a_folder_as_named_context_counts_under_its_own_rules(build: Build, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / ".dockerignore").write_text("*.md")
    (shared / "code.py").write_text("1")
    append(build.dockerfile, "COPY --from=shared . /\n")
    with_shared = replace(build, build_contexts={"shared": str(shared)})
    before = tag(with_shared)
    (shared / "notes.md").write_text("left out")
    assert tag(with_shared) == before
    (shared / "code.py").write_text("2")
    assert tag(with_shared) != before


@pytest.mark.parametrize(
    ("dockerfile", "counting"),
    [
        ("FROM a\nCOPY . /", {""}),
        ("FROM a\nRUN true", set[str]()),
        ("FROM a\nCOPY --from=shared code.py /", {"shared"}),
        ("FROM a\nRUN --mount=from=shared,source=code.py,target=/x ls", {"shared"}),
        ("FROM shared\nCOPY code.py /", {"", "shared"}),
        ("FROM a\nCOPY --from=docker.io/library/shared:latest other /", {"shared"}),
        ("FROM a AS shared\nFROM a\nCOPY --from=shared other /", {"shared"}),
        ("FROM a\nCOPY --from=shared other /", set[str]()),
        ("FROM a\nCOPY --from=stranger code.py /", set[str]()),
    ],
)
def test_each_context_counts_as_far_as_the_dockerfile_reads_it(
    build: Build, tmp_path: Path, dockerfile: str, counting: set[str]
) -> None:
    build.dockerfile.write_text(dockerfile)
    folders = {"": build.context, "shared": tmp_path / "shared", "team/tools::linux/amd64": tmp_path / "unused"}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
        (folder / "code.py").write_text("1")
    build = replace(build, build_contexts={name: str(folder) for name, folder in folders.items() if name})
    counted = set[str]()
    for name, folder in folders.items():
        before = tag(build)
        (folder / "code.py").write_text("2")
        if tag(build) != before:
            counted.add(name)

    assert counted == counting


def test_another_service_of_a_shared_context_does_not_count(build: Build) -> None:
    build.dockerfile.write_text("FROM a\nCOPY --parents app/main.py package*.json /\nCOPY app/run.sh app/empty /\n")
    before = tag(build)
    for name in ["other/app.py", "app/main.pyc", "app/more/package.json", ".git/HEAD", "node_modules/package.json"]:
        (build.context / name).parent.mkdir(exist_ok=True)
        (build.context / name).write_text("new")
    assert tag(build) == before

    for name in ["app/main.py", "package.json", "package-lock.json", "app/run.sh", "app/empty/new"]:
        before = tag(build)
        (build.context / name).write_text("changed")
        assert tag(build) != before, name


def test_the_place_of_a_named_context_does_not_count(build: Build, tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "other"]
    for place in places:
        place.mkdir()
        (place / "code.py").write_text("1")

    assert len({tag(replace(build, build_contexts={"shared": str(place)})) for place in places}) == 1


def test_images_are_resolved_and_replaced_ones_are_not(build: Build, tmp_path: Path) -> None:
    build.dockerfile.write_text("FROM python:3.13\nCOPY --from=tools / /\nCOPY --from=library/alpine:latest / /\n")
    contexts = {"tools": str(tmp_path), "alpine": "docker-image://alpine:3.22", "python": "docker-image://scratch"}
    asked: list[str] = []

    def resolve(reference: str) -> str:
        asked.append(reference)
        return "sha256:0"

    assert take(replace(build, build_contexts=contexts), resolve=resolve).tag
    assert sorted(asked) == ["alpine:3.22", "python:3.13"]


@pytest.mark.parametrize("value", ["https://example.com/x.git", "target:other", "oci-layout://x:y", "relative"])
def test_other_named_contexts_cannot_be_known(build: Build, value: str) -> None:
    assert f"tools={value}" in reason(replace(build, build_contexts={"tools": value}))


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [("FROM a\nADD https://x /", "ADD https://x"), ("FROM a\nFETCH x", "line 2: unknown instruction"), ("", "no FROM")],
)
def test_an_input_of_the_dockerfile_that_cannot_be_known_is_named(build: Build, dockerfile: str, expected: str) -> None:
    build.dockerfile.write_text(dockerfile)

    assert expected in reason(build)


def test_a_missing_dockerfile_is_the_reason(build: Build) -> None:
    build.dockerfile.unlink()

    assert reason(build) == "Dockerfile is not a file"


def test_a_dockerfile_that_is_not_text_is_the_reason(build: Build) -> None:
    build.dockerfile.write_bytes(b"FROM a\xff")

    assert reason(build) == "Dockerfile is not UTF-8"


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "Dockerfile.dockerignore"])
def test_rule_6_a_definition_has_a_bound(build: Build, name: str) -> None:
    (build.context / name).write_bytes(b"FROM a\n" + 1024**2 * b"#")

    assert reason(build) == f"{name} has more than 1048576 bytes"


def test_rule_5_a_reason_shows_addresses_without_logins(build: Build) -> None:
    build.dockerfile.write_text("FROM scratch\nCOPY --from=other a ./\n")
    contexts = {"other": "https://user:password@git.example/other.git"}

    assert "other=https://***@git.example/other.git" in reason(replace(build, build_contexts=contexts))


def test_rule_6_a_reason_has_a_bound(build: Build) -> None:
    build.dockerfile.write_text(f"FROM a\nFETCH{100_000 * 'x'}")

    assert len(reason(build)) < 1100


@pytest.mark.parametrize("name", ["Dockerfile", ".dockerignore", "Dockerfile.dockerignore"])
def test_a_symlinked_definition_is_the_reason(build: Build, name: str) -> None:
    (build.context / name).unlink(missing_ok=True)
    (build.context / name).symlink_to("notes.md")

    assert reason(build) == f"{name} is a symlink"


def test_a_refused_pattern_is_the_reason(build: Build) -> None:
    (build.context / ".dockerignore").write_text("[a")

    assert reason(build).startswith(".dockerignore: what the pattern '[a' matches")


def test_a_folder_of_that_name_holds_no_rules(build: Build) -> None:
    (build.context / ".dockerignore").unlink()
    (build.context / ".dockerignore").mkdir()

    assert tag(build)


def test_a_missing_context_is_the_reason(build: Build, tmp_path: Path) -> None:
    assert reason(replace(build, context=tmp_path / "gone")) == "the context cannot be read: No such file or directory"


def test_git_in_the_context_is_a_hint(build: Build) -> None:
    (build.context / ".git").mkdir()
    assert ".git" in take(build).hints[0]
    (build.context / "Dockerfile").write_text("FROM python:3.13\nCOPY app /\n")
    assert take(build).hints == ()
    (build.context / "Dockerfile").write_text("FROM python:3.13\nRUN --mount=target=/src make\n")
    assert ".git" in take(build).hints[0]
    append(build.context / ".dockerignore", ".git\n")
    assert take(build).hints == ()


def test_what_is_the_same_on_every_platform_is_read_ahead_and_once(build: Build) -> None:
    asked = list[str]()

    def resolve(reference: str) -> str:
        asked.append(reference)
        return f"sha256:{reference}"

    build.dockerfile.write_text("FROM tools-$TARGETARCH AS tools\nFROM base\nCOPY --from=tools / /\nCOPY . /\n")
    inputs = BuildInputs(resolve)
    inputs.read_ahead(build)
    assert asked == ["base"]
    (build.context / "app/main.py").write_text("changed after it was read")

    taken = inputs.fingerprint(build, "linux/arm64")
    assert asked == ["base", "tools-arm64"]
    (build.context / "app/main.py").write_text("print('hello')")
    assert taken == take(build, "linux/arm64", resolve)


def test_reading_ahead_leaves_what_is_unknown_to_the_fingerprint(build: Build) -> None:
    def resolve(reference: str) -> str:
        raise UnknownInputError(f"nobody tells the digest of {reference}")

    inputs = BuildInputs(resolve)
    inputs.read_ahead(build)
    assert inputs.fingerprint(build, "linux/amd64").reason == "nobody tells the digest of python:3.13"
    build.dockerfile.unlink()
    inputs.read_ahead(build)
