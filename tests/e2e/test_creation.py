"""A function that does not exist is created from nothing, and one that does is left as it is."""

import json

import pytest

from sandbox.runner import StepResult
from tests.e2e.jobs import Job
from tests.e2e.releases import error, notices, status


def _inputs(job: Job, creation: str = "") -> dict[str, str]:
    role = f"Role: arn:aws:iam::{job.aws.account}:role/{job.name}\nMemorySize: 256\nTimeout: 20\n"
    return {
        "function-name": job.name,
        "create-repository": "true",
        "create-function": creation or f"{role}Environment: {{ Variables: {{ STAGE: test }} }}\n",
        "alias": "live",
        "smoke-event": "{}",
        "smoke-expect": '{"message": "hello, world"}',
    }


def _run(job: Job, creation: str = "") -> StepResult:
    return job.step(_inputs(job, creation))


def test_from_nothing_to_invoked(bare_job: Job) -> None:
    job = bare_job
    result = _run(job)

    assert (result.exit_code, status(result)) == (0, "created"), result.log
    assert result.outputs["changed"] == "true"
    assert result.outputs["function-version"] == "1"
    assert result.outputs["previous-image-uri"] == ""
    assert "hello, world" in job.invoke("live")
    function = job.aws.snapshot().functions[job.name]
    assert (function["MemorySize"], function["Timeout"]) == (256, 20)
    assert function["Environment"] == {"Variables": {"STAGE": "test"}}
    assert function["Architectures"] == ["x86_64"]

    again = _run(job)
    assert (again.exit_code, status(again)) == (0, "unchanged")
    assert notices(again) == ""

    job.aws.forget_calls()
    other = _run(job, f"Role: arn:aws:iam::{job.aws.account}:role/{job.name}\nMemorySize: 512\n")
    assert (other.exit_code, status(other)) == (0, "unchanged")
    assert "differs in MemorySize." in notices(other)
    assert job.changing_calls() == []


@pytest.mark.parametrize(
    ("creation", "words"),
    [
        ("Role: r\nMemorySiz: 256", "MemorySiz is not a parameter; did you mean MemorySize?"),
        ("Role: r\nEnvironment: { Variable: {} }", "Environment.Variable is not a parameter; did you mean Variables?"),
        ("MemorySize: 256", "'create-function' has no Role"),
        ("Role: r\nMemorySize: lots", "Invalid type for parameter MemorySize"),
        ("Role: r\nPackageType: Zip", "PackageType must not be given"),
    ],
)
def test_a_wrong_parameter_is_refused_before_the_build(bare_job: Job, creation: str, words: str) -> None:
    job = bare_job
    result = _run(job, creation)
    assert result.exit_code == 1
    assert words in error(result)
    assert "lots" not in error(result)
    assert job.changing_calls() == job.changing_calls("ecr") == job.changing_calls("registry") == []
    assert job.name not in job.aws.snapshot().functions


def test_a_role_that_is_too_new_is_waited_for(bare_job: Job) -> None:
    job = bare_job
    job.aws.add_new_role(f"arn:aws:iam::{job.aws.account}:role/{job.name}")
    result = _run(job)
    assert (result.exit_code, status(result)) == (0, "created"), result.log
    assert result.log.count(f"{job.name}: trying again: lambda:CreateFunction on {job.name} failed") == 3


@pytest.mark.parametrize("code", ["InternalError", "ImageAccessDenied"], ids=["in the check", "by Lambda"])
def test_a_function_whose_creation_failed_is_to_be_deleted(bare_job: Job, code: str) -> None:
    """A function that has lived may be refused its image later: then only Lambda knows whether its creation failed."""
    job = bare_job
    job.aws.fail_update(job.name, code, "sorry")
    result = _run(job)
    assert result.exit_code == 1
    assert f"Lambda could not create {job.name}: State Failed ({code}: sorry)." in error(result)
    assert f"aws lambda delete-function --function-name {job.name}" in error(result)
    assert "is new and stays" in error(result)

    job.aws.forget_calls()
    app = job.workspace / "app.py"
    app.write_text(f"{app.read_text()}# another image\n")
    again = _run(job)
    assert again.exit_code == 1
    assert f"aws lambda delete-function --function-name {job.name}" in error(again)
    if code == "InternalError":
        assert f"The creation of {job.name} has failed: State Failed ({code}: sorry)." in error(again)
        assert job.changing_calls() == job.changing_calls("registry") == []
    else:
        assert "The function is currently in the following state: Failed" in error(again)

    job.aws.client("lambda").delete_function(FunctionName=job.name)
    assert _run(job).exit_code == 0
    assert "hello, world" in job.invoke("live")


def test_a_run_that_is_killed_during_the_creation_is_completed_by_the_next(bare_job: Job) -> None:
    job = bare_job
    held = job.aws.hold("lambda:CreateFunction")
    with job.started(_inputs(job)) as step:
        held.reached()
        step.kill()
        step.wait()
    held.release()
    result = _run(job)
    assert result.exit_code == 0, result.log
    assert "hello, world" in job.invoke("live")
    assert json.loads(result.outputs["results"])[0]["status"] == "deployed"


def test_what_bypasses_a_new_alias_is_warned_of_once(job: Job) -> None:
    client = job.aws.client("lambda")
    url = client.create_function_url_config(FunctionName=job.name, AuthType="AWS_IAM")["FunctionUrl"]
    client.add_permission(
        FunctionName=job.name,
        StatementId="api-gateway",
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
    )
    first = job.step({"function-name": job.name, "alias": "live"})
    assert first.exit_code == 0
    assert f"the function URL {url}" in notices(first, "warning")
    assert "apigateway.amazonaws.com, by the statement api-gateway" in notices(first, "warning")

    job.greet("again")
    second = job.step({"function-name": job.name, "alias": "live"})
    assert second.exit_code == 0
    assert notices(second, "warning") == ""
