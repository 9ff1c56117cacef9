"""What was built from the same inputs is not built again, wherever and whenever that was."""

import os
import shutil
from pathlib import Path

import pytest

from tests.e2e.jobs import SHARED, Job

OTHER_COMMIT = "beef" + "0" * 36


def _is_built(log: str) -> bool:
    return "naming to" in log or "exporting to image" in log


@pytest.fixture
def deployed(job: Job) -> Job:
    """A job whose code, unlike any other's, is deployed."""
    job.greet(job.name)
    assert job.step().outputs["changed"] == "true"
    job.aws.forget_calls()
    return job


def test_the_same_tree_elsewhere_later_and_by_another_commit_is_not_built(deployed: Job, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(deployed.workspace, elsewhere)
    for path in [elsewhere, *elsewhere.rglob("*")]:
        os.utime(path, (1, 1))
    deployed.workspace = elsewhere

    again = deployed.step(commit=OTHER_COMMIT)

    assert again.exit_code == 0
    assert again.outputs["changed"] == "false"
    assert not _is_built(again.log)
    assert deployed.changing_calls() == []
    assert deployed.changing_calls("ecr") == []  # what serves already gets no tag by default
    assert [call.action for call in deployed.aws.calls() if call.service == "registry"] == []

    tagged = deployed.step({"function-name": deployed.name, "tags": OTHER_COMMIT})
    assert (tagged.exit_code, tagged.outputs["changed"]) == (0, "false")
    assert [call.action for call in deployed.changing_calls("ecr")] == ["PutImage"]
    found = deployed.aws.client("ecr").batch_get_image(repositoryName=SHARED, imageIds=[{"imageTag": OTHER_COMMIT}])
    assert found["images"][0]["imageId"]["imageDigest"] == again.outputs["image-digest"]


def test_nothing_to_do_needs_no_engine_and_a_few_reads(deployed: Job, first_image: str) -> None:
    (deployed.workspace / "Dockerfile").write_text(f"FROM {first_image}\nCOPY app.py ./\n")
    assert deployed.step().exit_code == 0
    deployed.aws.forget_calls()
    again = deployed.step(with_engine=False)
    assert again.exit_code == 0
    assert again.outputs["changed"] == "false"
    calls = [call.action for call in deployed.aws.calls() if call.service != "registry"]
    reads = ["GetFunction", "GetFunctionUrlConfig", "ListVersionsByFunction"]
    assert sorted(calls) == ["BatchGetImage", "GetAuthorizationToken", *reads]


@pytest.mark.parametrize(
    "change", ["a byte", "a mode bit", "a new file", "a build argument", "a label", "the Dockerfile"]
)
def test_whatever_goes_into_the_image_makes_it_anew(deployed: Job, first_image: str, change: str) -> None:
    app = deployed.workspace / "app.py"
    inputs = {"function-name": deployed.name}
    match change:
        case "a byte":
            app.write_text(app.read_text() + "#")
        case "a mode bit":
            app.chmod(app.stat().st_mode ^ 0o100)
        case "a new file":
            (deployed.workspace / "Dockerfile").write_text(f"FROM {first_image}\nCOPY app.py empt* ./\n")
            assert deployed.step().exit_code == 0
            (deployed.workspace / "empty").touch()
        case "a build argument":
            inputs["build-args"] = "UNUSED=1"
        case "a label":
            inputs["labels"] = "team=orders"
        case _:
            dockerfile = deployed.workspace / "Dockerfile"
            dockerfile.write_text(dockerfile.read_text() + "ENV CHANGED=1\n")
    assert _is_built(deployed.step(inputs).log)


def test_what_dockerignore_leaves_out_changes_nothing(job: Job, first_image: str) -> None:
    (job.workspace / "Dockerfile").write_text(f"FROM {first_image}\nCOPY . ./\n")
    (job.workspace / ".dockerignore").write_text("notes\n")
    (job.workspace / "notes").write_text("one")
    job.greet(job.name)
    assert job.step().exit_code == 0
    (job.workspace / "notes").write_text("two")
    assert not _is_built(job.step().log)


def test_another_base_image_makes_it_anew(job: Job, tmp_path: Path) -> None:
    base = f"{job.aws.registry}/{SHARED}:base-{job.name}"
    dockerfile = job.workspace / "Dockerfile"
    code = dockerfile.read_text()
    job.push_with_plain_buildx(base, tmp_path)
    dockerfile.write_text(f"FROM {base}\nENV X=1\n")
    assert _is_built(job.step().log)
    assert not _is_built(job.step().log)

    dockerfile.write_text(code + "ENV BASE=2\n")
    job.push_with_plain_buildx(base, tmp_path)
    dockerfile.write_text(f"FROM {base}\nENV X=1\n")
    assert _is_built(job.step().log)


@pytest.mark.parametrize("wish", [{"reuse": "never"}, {"pull": "true"}, {"no-cache": "true"}])
def test_a_build_can_be_asked_for(deployed: Job, wish: dict[str, str]) -> None:
    if "pull" in wish:
        (deployed.workspace / "Dockerfile").write_text('FROM scratch\nCOPY app.py /\nCMD ["/app"]\n')
        assert deployed.step().exit_code == 0
    result = deployed.step({"function-name": deployed.name, **wish})
    assert result.exit_code == 0
    assert _is_built(result.log)


def test_a_git_folder_that_is_copied_gets_a_hint(job: Job, first_image: str) -> None:
    (job.workspace / "Dockerfile").write_text(f"FROM {first_image}\nCOPY . ./\n")
    (job.workspace / ".git").mkdir()
    (job.workspace / ".git/HEAD").write_text("ref: refs/heads/main\n")
    assert ".git" in job.step().log


def test_an_archived_image_of_the_same_inputs_is_built_anew(job: Job) -> None:
    """Lambda cannot pull it, although ECR's API gives its manifest."""
    job.greet(job.name)
    built = job.step({"mode": "build", "repository": job.name, "create-repository": "true"})
    job.aws.archive_image(job.name, built.outputs["image-digest"])
    result = job.step({"function-name": job.name, "repository": job.name})
    assert (result.exit_code, result.outputs["changed"]) == (0, "true")
    assert "the image of the same inputs is archived" in result.log
    assert "aws ecr update-image-storage-class" in result.log
    assert job.name in job.invoke()
