"""Images for the platform of their function, and what stands in the way, on both engines."""

import struct
from pathlib import Path

import pytest

from sandbox.sandbox import create_function
from tests.e2e.jobs import SHARED, Job

# The header of a program for arm64 [ELF-64 object file format; 183 is EM_AARCH64].
_PROGRAM = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 183, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)


def _push_arm_base(job: Job, folder: Path) -> str:
    """Push an image for arm64, with a shell that this machine cannot run, and return its URI."""
    shell = job.workspace / "sh"
    shell.write_bytes(_PROGRAM + bytes(56))
    shell.chmod(0o755)
    (job.workspace / "Dockerfile").write_text('FROM scratch\nCOPY sh /bin/sh\nENTRYPOINT ["/bin/sh"]\n')
    uri = f"{job.aws.registry}/{SHARED}:arm-{job.name}"
    job.push_with_plain_buildx(uri, folder, "--platform=linux/arm64", "--provenance=false")
    return uri


def test_a_base_for_another_platform_is_refused_before_anything_is_built(
    job_on_each_engine: Job, tmp_path: Path
) -> None:
    job = job_on_each_engine
    base = _push_arm_base(job, tmp_path)
    job.aws.forget_calls()
    (job.workspace / "Dockerfile").write_text(f"FROM {base}\nCOPY app.py /\n")

    result = job.step()
    (job.workspace / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.13 AS base\nFROM base\n")
    replaced = job.step({"function-name": job.name, "build-contexts": f"base=docker-image://{base}"})

    assert result.exit_code == 1
    (error,) = [one for one in result.annotations if one.level == "error"]
    assert f"is to run on linux/amd64, and starts from {base}, which is for linux/arm64" in error.message
    assert (error.file, error.line) == ("Dockerfile", 1)
    assert [one.message for one in replaced.annotations if one.level == "error"] == [error.message]
    assert job.changing_calls() == job.changing_calls("ecr") == job.changing_calls("registry") == []


def test_an_image_for_arm64_builds_without_emulation_if_nothing_of_it_runs(
    job_on_each_engine: Job, tmp_path: Path
) -> None:
    job = job_on_each_engine
    job.name = f"{job.name}-arm"
    base = _push_arm_base(job, tmp_path)
    create_function(job.aws, job.name, base, "arm64")
    (job.workspace / "Dockerfile").write_text(
        "FROM --platform=$BUILDPLATFORM public.ecr.aws/lambda/python:3.13 AS build\nARG TARGETARCH\n"
        f'RUN echo "$TARGETARCH" > /built && test "$(uname -m)" = x86_64\nFROM {base}\nCOPY --from=build /built /\n'
    )

    built = job.step({"function-name": job.name, "repository": SHARED})

    assert built.exit_code == 0
    (notice,) = [one.message for one in built.annotations if "for linux/arm64 perhaps not" in one.message]
    assert "docker/setup-qemu-action" in notice
    function = job.aws.client("lambda").get_function(FunctionName=job.name)
    assert function["Configuration"]["Architectures"] == ["arm64"]
    assert function["Code"]["ResolvedImageUri"] == built.outputs["image-uri"]

    (job.workspace / "Dockerfile").write_text(f"FROM {base}\nRUN echo one\n")
    failed = job.step({"function-name": job.name, "repository": SHARED})

    assert failed.exit_code == 1
    (error,) = [one for one in failed.annotations if one.level == "error"]
    assert "exec format error" in error.message
    assert "Dockerfile:2: RUN echo one" in error.message
    assert "docker/setup-qemu-action" in error.message
    assert job.resolved_image_uri() == built.outputs["image-uri"]


@pytest.mark.parametrize("each_engine", ["current"], indirect=True)  # 20.10 finds nothing in such an image
def test_what_a_base_brings_by_onbuild_is_built_anew_each_time(job_on_each_engine: Job, tmp_path: Path) -> None:
    job = job_on_each_engine
    base, other = (f"{job.aws.registry}/{SHARED}:{name}-{job.name}" for name in ("onbuild", "other"))
    dockerfile = job.workspace / "Dockerfile"
    usual = dockerfile.read_text()
    dockerfile.write_text("FROM scratch\nCOPY app.py /brought.py\n")
    job.push_with_plain_buildx(other, tmp_path, "--provenance=false")
    dockerfile.write_text(f"{usual}ONBUILD COPY --from={other} /brought.py ./\n")
    job.push_with_plain_buildx(base, tmp_path, "--provenance=false")
    dockerfile.write_text(f"FROM {base}\nENV X=1\n")
    assert job.step().exit_code == 0

    job.greet("another")
    dockerfile.write_text("FROM scratch\nCOPY app.py /brought.py\n")
    job.push_with_plain_buildx(other, tmp_path, "--provenance=false")
    dockerfile.write_text(f"FROM {base}\nENV X=1\n")
    job.greet("world")
    again = job.step()

    assert again.outputs["changed"] == "true"
    assert f"Every run builds it anew: the ONBUILD of a base image brings {other}" in again.log
