"""What can go wrong: one clear message that names the thing and the fix, exit code 1, and nothing changed in AWS."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from sandbox.runner import StepResult
from tests.e2e.jobs import SHARED, Job


def _refused(job: Job, inputs: Mapping[str, str] | None = None, **options: Any) -> StepResult:  # noqa: ANN401 # those of Job.step
    """Run a step that must fail and change nothing; its outputs and summary are written all the same."""
    before = job.aws.snapshot()
    result = job.step(inputs, **options)
    assert result.exit_code == 1
    assert job.aws.snapshot() == before
    assert result.outputs["changed"] == "false"
    assert [annotation.level for annotation in result.annotations].count("error") == 1
    assert "Traceback" not in result.log
    assert result.summary.startswith("### ❌ ")
    *_, last = _error(result).splitlines()
    assert last.startswith("Help: https://github.com/org/ecr-lambda-deploy/blob/v1/docs/help/troubleshooting.md#")
    assert last.removeprefix("Help: ") in result.summary
    return result


def _error(result: StepResult) -> str:
    return next(annotation.message for annotation in result.annotations if annotation.level == "error")


@pytest.mark.parametrize(
    ("dockerfile", "line", "reason"),
    [
        ("FROM public.ecr.aws/lambda/python:3.13\n\nRUN echo before \\\n && exit 7\n", 3, "exit code: 7"),
        ("FROM public.ecr.aws/lambda/python:3.13\nRUNN true\n", 2, "unknown instruction: RUNN"),
        ("# x\nFROM public.ecr.aws/lambda/python:3.13\nCOPY missing.py ./\n", 3, "missing.py"),
        ("FROM localhost:1/absent/base:1\n", 1, "localhost:1/absent/base"),
    ],
    ids=["a command that fails", "a syntax error", "a file that is missing", "a base image that cannot be had"],
)
def test_a_build_that_fails_is_annotated_at_its_line(
    job_on_each_engine: Job, dockerfile: str, line: int, reason: str
) -> None:
    job = job_on_each_engine
    (job.workspace / "Dockerfile").write_text(dockerfile)
    serving = job.resolved_image_uri()
    result = _refused(job)
    annotation = next(annotation for annotation in result.annotations if annotation.level == "error")
    assert annotation.title == "Build failed"
    assert ("What was printed last:\nbefore\n" in annotation.message) is ("echo before" in dockerfile)
    assert any(line.startswith("The image failed: The image could not be built") for line in result.log.splitlines())
    assert (annotation.file, annotation.line) == ("Dockerfile", line)
    assert reason in annotation.message
    assert result.outputs["image-uri"] == serving
    assert result.outputs["repository-uri"] == f"{job.aws.registry}/{SHARED}"


def test_a_function_that_does_not_exist(bare_job: Job) -> None:
    message = _error(_refused(bare_job))
    assert f"There is no Lambda function {bare_job.name} in {bare_job.aws.region}" in message
    assert "function-name" in message


def test_a_repository_that_does_not_exist(job: Job) -> None:
    message = _error(_refused(job, {"function-name": job.name, "repository": "absent/repository"}))
    assert "There is no ECR repository absent/repository" in message
    assert f"aws ecr create-repository --region {job.aws.region} --repository-name absent/repository" in message


def test_no_engine(job: Job) -> None:
    message = _error(_refused(job, with_engine=False))
    assert "The Docker engine does not answer" in message
    assert "/var/run/docker.sock" in message


def test_no_credentials(job: Job) -> None:
    environment = {
        "AWS_ENDPOINT_URL": job.aws.endpoint,
        "AWS_REGION": job.aws.region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    message = _error(_refused(job, environment=environment))
    assert "There are no AWS credentials" in message
    assert "role-to-assume" in message


def test_credentials_that_have_expired(job: Job) -> None:
    environment = job.aws.environment()
    job.aws.expire(environment["AWS_ACCESS_KEY_ID"])
    message = _error(_refused(job, environment=environment))
    assert "Expired" in message
    assert "configure-aws-credentials" in message


def test_a_role_without_the_jobs_id_token(job: Job) -> None:
    role = f"arn:aws:iam::{job.aws.account}:role/deploy"
    environment = {"AWS_ENDPOINT_URL": job.aws.endpoint, "AWS_REGION": job.aws.region}
    message = _error(_refused(job, {"function-name": job.name, "role-to-assume": role}, environment=environment))
    assert "id-token: write" in message


def test_an_update_that_lambda_gives_up_tells_its_reason(job: Job) -> None:
    job.greet("broken")
    job.aws.fail_update(job.name, "ImageAccessDenied", "Lambda does not have permission to access the ECR image.")
    result = job.step()
    assert result.exit_code == 1
    message = _error(result)
    assert (
        "LastUpdateStatus Failed (ImageAccessDenied: Lambda does not have permission to access the ECR image.)"
        in message
    )
    assert "ecr:GetDownloadUrlForLayer" in message
    assert "PublishVersion" not in [call.action for call in job.changing_calls() if call.status < 400]
    assert "hello" in job.invoke()

    assert job.step().exit_code == 0  # an image that did not make it is given to Lambda again
    assert "broken" in job.invoke()


def test_every_wrong_input_is_told_at_once_and_nothing_is_asked(job: Job) -> None:
    job.aws.forget_calls()
    result = _refused(
        job,
        {"function-name": "", "wait-timeout": "soon", "repository": "Upper/Case", "pull": "maybe", "allias": "live"}
        | {"set": "ssh=default", "cache-to": "type=local,dest=/cache"},
        environment={"AWS_ENDPOINT_URL": job.aws.endpoint},
    )
    message = _error(result)
    for part in (
        "'function-name'",
        "'wait-timeout'",
        "'repository'",
        "'pull'",
        "'allias'",
        "'aws-region'",
        "'set'",
        "'cache-to'",
    ):
        assert part in message
    assert job.aws.calls() == []


def test_a_zip_function(bare_job: Job) -> None:
    archive = BytesIO()
    with ZipFile(archive, "w") as file:
        file.writestr("app.py", "def handler(event, context): pass\n")
    bare_job.aws.client("lambda").create_function(
        FunctionName=bare_job.name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=f"arn:aws:iam::{bare_job.aws.account}:role/zip",
        Code={"ZipFile": archive.getvalue()},
    )
    message = _error(_refused(bare_job))
    assert "package type Zip" in message
