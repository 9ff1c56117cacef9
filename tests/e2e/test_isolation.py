"""The action runs in the user's workspace and is not influenced by what is in it."""

from tests.e2e.jobs import Job


def test_modules_in_the_workspace_are_not_imported(job: Job) -> None:
    for name in (
        "docker",
        "boto3",
        "yaml",
        "json",
        "requests",
        "ecr_lambda_deploy",
        "sitecustomize",
        "actions_toolkit",
    ):
        (job.workspace / f"{name}.py").write_text("raise SystemExit('the workspace was imported')\n")
    job.greet("undisturbed")
    result = job.step(
        environment={**job.aws.environment(), "PYTHONPATH": "/github/workspace", "PYTHONSTARTUP": "docker.py"}
    )
    assert result.exit_code == 0
    assert "undisturbed" in job.invoke()
    assert "the workspace was imported" not in result.output


def test_commands_in_the_output_of_a_build_are_not_obeyed(job: Job) -> None:
    (job.workspace / "Dockerfile").write_text(
        "FROM public.ecr.aws/lambda/python:3.13\nCOPY app.py ./\n"
        'RUN printf "\\n::error::injected\\n::add-mask::hello\\n##[error]injected\\n"\nCMD ["app.handler"]\n'
    )
    result = job.step()
    assert result.exit_code == 0
    assert [annotation for annotation in result.annotations if annotation.level == "error"] == []
    assert "hello" not in result.masked
