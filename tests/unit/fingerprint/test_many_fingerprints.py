"""What several builds have in common is looked at once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_lambda_deploy.fingerprint.checkouts import CheckoutNotes
from ecr_lambda_deploy.fingerprint.context import digest_of
from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore
from ecr_lambda_deploy.fingerprint.fingerprint import BuildInputs
from ecr_lambda_deploy.fingerprint.sources import Sources
from ecr_lambda_deploy.model.targets import Build


@pytest.fixture
def build(tmp_path: Path) -> Build:
    (tmp_path / "app.py").write_text("print()\n")
    for name in ("one", "two"):
        (tmp_path / f"{name}.Dockerfile").write_text(f"FROM python:3.13\nLABEL name={name}\nCOPY app.py /\n")
    return Build(context=tmp_path, dockerfile=tmp_path / "one.Dockerfile")


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def inputs(asked: list[str]) -> BuildInputs:
    def resolve(reference: str) -> str:
        asked.append(reference)
        return f"sha256:{reference}"

    return BuildInputs(resolve)


def test_a_base_image_is_asked_for_once(build: Build, inputs: BuildInputs, asked: list[str]) -> None:
    other = replace(build, dockerfile=build.dockerfile.with_name("two.Dockerfile"))
    with ThreadPoolExecutor() as pool:
        taken = list(pool.map(inputs.fingerprint, [build, other, build], 3 * ["linux/amd64"]))

    assert asked == ["python:3.13"]
    assert taken[0] == taken[2] != taken[1]
    assert {one.images for one in taken} == {("python:3.13",)}


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the contexts whose files were read."""
    folders: list[str] = []

    def noted(context: str, rules: Dockerignore, sources: Sources, *, notes: CheckoutNotes) -> str:
        folders.append(context)
        return digest_of(context, rules, sources, notes=notes)

    monkeypatch.setattr("ecr_lambda_deploy.fingerprint.fingerprint.digest_of", noted)
    return folders


def test_a_context_is_read_once_for_all_that_read_the_same(
    build: Build, inputs: BuildInputs, hashed: list[str]
) -> None:
    two = replace(build, dockerfile=build.dockerfile.with_name("two.Dockerfile"))
    tags = {inputs.fingerprint(one, "linux/amd64").tag for one in (build, two, replace(build, target="0"))}
    assert hashed == [str(build.context)]

    own = build.context / "three.Dockerfile"
    own.write_bytes(build.dockerfile.read_bytes())
    own.with_name("three.Dockerfile.dockerignore").write_text("app.py\n")
    tags.add(inputs.fingerprint(replace(build, dockerfile=own), "linux/amd64").tag)
    assert hashed == 2 * [str(build.context)]
    assert len(tags) == 4

    two.dockerfile.write_text("FROM python:3.13\nCOPY app.py two.Dockerfile /\n")
    tags.add(inputs.fingerprint(two, "linux/amd64").tag)
    assert hashed == 3 * [str(build.context)]
    assert len(tags) == 5


def test_one_that_cannot_be_known_leaves_the_others_their_tags(build: Build, inputs: BuildInputs) -> None:
    unknown = replace(build, dockerfile=build.context / "nothing")

    assert inputs.fingerprint(unknown, "linux/amd64").reason == "nothing is not a file"
    assert (
        inputs.fingerprint(build, "linux/amd64").tag
        == BuildInputs("sha256:{}".format).fingerprint(build, "linux/amd64").tag
    )


def test_they_are_the_same_as_when_each_is_looked_at_alone(build: Build, inputs: BuildInputs) -> None:
    builds = [build, replace(build, build_args={"A": "1"}), replace(build, target="0")]

    assert [inputs.fingerprint(one, "linux/arm64") for one in builds] == [
        BuildInputs("sha256:{}".format).fingerprint(one, "linux/arm64") for one in builds
    ]
