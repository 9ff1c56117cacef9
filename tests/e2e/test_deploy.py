"""The main job: what a person pushes is what runs, and the digest says so."""

import json
import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.e2e.jobs import COMMIT, SHARED, Job


def test_a_push_becomes_the_running_code_and_the_same_again_changes_nothing(job_on_each_engine: Job) -> None:
    job = job_on_each_engine
    before = job.resolved_image_uri()
    assert "hello" in job.invoke()

    job.greet("good morning")
    deployed = job.step()

    assert deployed.exit_code == 0
    assert deployed.outputs["changed"] == "true"
    assert deployed.outputs["image-uri"] == job.resolved_image_uri() != before
    assert deployed.outputs["image-uri"].endswith("@" + deployed.outputs["image-digest"])
    assert deployed.outputs["previous-image-uri"] == before
    assert COMMIT in deployed.outputs["image-tags"].splitlines()
    assert "good morning" in job.invoke()
    assert "good morning" in job.invoke(deployed.outputs["function-version"])

    lines, digest = deployed.log.splitlines(), deployed.outputs["image-digest"]
    first = r"ecr-lambda-deploy \S+ \(org/ecr-lambda-deploy@v1\), with buildx \d\S+"
    assert re.fullmatch(first, lines[0])
    store = "containerd's store" if job.engine.containerd_store else "a store of its own"
    engine = re.compile(rf"Docker engine \d\S* on linux/amd64, which keeps images in {store}")
    assert len([line for line in lines if engine.fullmatch(line)]) == 1
    begin, end = f"{job.name}: updating to {digest[:19]} (x86_64)", f"{job.name}: published version 1"
    released = lines[lines.index(begin) : lines.index(end) + 1]
    named = (f"{job.name}: ", f"the image {digest[:19]} is tagged ")
    assert [line for line in released if not line.startswith(named) or digest in line] == []
    assert deployed.output.splitlines()[-1].startswith("\x1b[32m")

    job.aws.forget_calls()
    again = job.step()

    assert again.exit_code == 0
    assert re.fullmatch(first, again.log.splitlines()[0])
    assert "Docker engine" not in again.log
    assert again.outputs["changed"] == "false"
    assert job.changing_calls() == []
    assert [call.action for call in job.aws.calls() if call.service == "lambda"].count("GetFunction") == 1
    for name in ("image-uri", "function-version", "function-arn"):
        assert again.outputs[name] == deployed.outputs[name]


@pytest.mark.parametrize("each_engine", ["current"], indirect=True)
def test_a_plain_push_makes_an_index_that_lambda_refuses_and_the_action_does_not(
    job_on_each_engine: Job, tmp_path: Path
) -> None:
    job = job_on_each_engine
    uri = f"{job.aws.registry}/{SHARED}:plain"
    job.push_with_plain_buildx(uri, tmp_path)
    pushed = job.aws.client("ecr").batch_get_image(repositoryName=SHARED, imageIds=[{"imageTag": "plain"}])
    assert "image.index" in pushed["images"][0]["imageManifestMediaType"]
    with pytest.raises(ClientError, match=r"media type for the source image .* is not supported"):
        job.aws.client("lambda").update_function_code(FunctionName=job.name, ImageUri=uri)

    job.greet("good morning")
    assert job.step().exit_code == 0
    assert "good morning" in job.invoke()


def test_mode_build_pushes_and_touches_no_function(bare_job: Job) -> None:
    bare_job.aws.client("ecr").create_repository(repositoryName=bare_job.name)
    built = bare_job.step({"mode": "build", "repository": bare_job.name, "tags": "one\ntwo"})

    assert built.exit_code == 0
    assert [call for call in bare_job.aws.calls() if call.service == "lambda"] == []
    assert built.outputs["image-tags"].splitlines()[:2] == ["one", "two"]
    found = bare_job.aws.client("ecr").describe_images(
        repositoryName=bare_job.name, imageIds=[{"imageDigest": built.outputs["image-digest"]}]
    )
    assert {"one", "two"} <= set(found["imageDetails"][0]["imageTags"])


def test_every_build_input_reaches_the_image(job: Job) -> None:
    (job.workspace / "service").mkdir()
    (job.workspace / "service/greeting").write_text("from the context")
    (job.workspace / "Other.Dockerfile").write_text(
        "FROM public.ecr.aws/lambda/python:3.13 AS wanted\n"
        "ARG WORD\nARG FROM_ENVIRONMENT\n"
        "COPY greeting ${LAMBDA_TASK_ROOT}/\n"
        'RUN printf "%s\\n" "def handler(event, context):" "    return \'$WORD $FROM_ENVIRONMENT\'" > app.py\n'
        'CMD ["app.handler"]\n'
        "FROM wanted AS unwanted\nRUN false\n"
    )
    result = job.step(
        {
            "function-name": job.name,
            "context": "service",
            "dockerfile": "Other.Dockerfile",
            "target": "wanted",
            "build-args": "WORD=a ${b} %{c} = d\nFROM_ENVIRONMENT",
            "labels": "team=orders\nnote=${not} evaluated",
            "set": "network=host",
            "pull": "false",
            "no-cache": "true",
        },
        environment={**job.aws.environment(), "FROM_ENVIRONMENT": "from the environment"},
    )
    assert result.exit_code == 0
    assert job.invoke() == '"a ${b} %{c} = d from the environment"'
    labels = json.loads(
        job.engine.docker(
            "image",
            "inspect",
            "--format={{json .Config.Labels}}",
            f"{job.aws.registry}/{SHARED}:{_build_tag(result.outputs)}",
        )
    )
    assert labels["team"] == "orders"
    assert labels["note"] == "${not} evaluated"
    assert labels["org.opencontainers.image.revision"] == COMMIT


def _build_tag(outputs: object) -> str:
    assert isinstance(outputs, dict)
    return str(outputs["image-tags"].splitlines()[-1])


def test_the_version_records_what_was_released(job: Job) -> None:
    job.greet("one")
    first = job.step().outputs["function-version"]
    job.greet("two")
    second = job.step().outputs["function-version"]
    description = job.aws.client("lambda").get_function_configuration(FunctionName=job.name, Qualifier=second)[
        "Description"
    ]
    assert (
        description
        == f"run=1658821493/1 previous={first} repository=octocat/orders commit={COMMIT} workflow=deploy.yml"
    )


def test_without_publish_only_latest_changes(job: Job) -> None:
    job.greet("unpublished")
    result = job.step({"function-name": job.name, "publish": "false"})
    assert result.exit_code == 0
    assert result.outputs["function-version"] == ""
    assert [call.action for call in job.changing_calls()] == ["UpdateFunctionCode"]
    assert "unpublished" in job.invoke()


def test_a_run_that_died_before_it_published_is_finished_by_the_next(job: Job) -> None:
    job.greet("again")
    assert job.step({"function-name": job.name, "publish": "false"}).outputs["changed"] == "true"
    job.aws.forget_calls()
    result = job.step()
    assert result.outputs["function-version"]
    assert "again" in job.invoke(result.outputs["function-version"])
    assert "UpdateFunctionCode" not in [call.action for call in job.changing_calls()]


def test_an_immutable_tag_stays_and_the_log_says_so(job: Job) -> None:
    job.aws.client("ecr").create_repository(repositoryName=job.name, imageTagMutability="IMMUTABLE")
    inputs = {"function-name": job.name, "repository": job.name}
    job.greet("one")
    assert job.step(inputs).exit_code == 0
    job.greet("two")
    result = job.step(inputs)
    assert result.exit_code == 0
    assert "two" in job.invoke()
    assert f"The tag {COMMIT} stays on the image that has it" in result.log
    assert COMMIT not in result.outputs["image-tags"]


def test_a_function_given_by_its_arn(job: Job) -> None:
    job.greet("by arn")
    arn = f"arn:aws:lambda:{job.aws.region}:{job.aws.account}:function:{job.name}"
    result = job.step({"function-name": arn})
    assert result.exit_code == 0
    assert result.outputs["function-arn"] == f"{arn}:{result.outputs['function-version']}"
    assert "by arn" in job.invoke()


def test_an_update_that_another_run_makes_is_waited_for(job: Job) -> None:
    job.aws.client("lambda").update_function_configuration(FunctionName=job.name, Timeout=20)
    job.greet("after all")
    assert job.step().exit_code == 0
    assert "after all" in job.invoke()


def test_the_summary_tells_what_changed_and_how_to_undo_it(job: Job) -> None:
    before = job.resolved_image_uri()
    job.greet("summary")
    result = job.step()
    assert f"`{job.name}` serves `{COMMIT[:7]}`, version " in result.summary
    assert result.outputs["image-digest"][:19] in result.summary
    assert COMMIT[:7] in result.summary
    undo = next(line for line in result.summary.splitlines() if line.startswith("aws lambda"))
    assert undo.endswith(f"--image-uri {before}")
    for phase in ("Check", "Image", "Deploy"):
        assert phase in result.summary
