import json
from pathlib import Path

import pytest

from ecr_lambda_deploy import __version__
from ecr_lambda_deploy.github.actions import Console
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.inputs.parse import parse_inputs
from ecr_lambda_deploy.main import (
    action_inputs,
    buildx_version,
    run,
    secrets_of_inputs,
    secrets_of_step,
    versions,
    workflow_run,
)
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.private_folders import PrivateFolders
from ecr_lambda_deploy.report.headline import headline


def test_inputs_are_the_variables_with_the_prefix_of_the_runner() -> None:
    environment = {"INPUT_FUNCTION-NAME": "orders-api", "INPUT_TAGS": "v1\nv2", "INPUT_TARGET": "", "PATH": "/bin"}

    assert action_inputs(environment) == {"function-name": "orders-api", "tags": "v1\nv2"}


def test_the_log_begins_with_what_runs() -> None:
    run = WorkflowRun(action="org/ecr-lambda-deploy@v1")

    assert versions(run, "0.29.1") == f"ecr-lambda-deploy {__version__} (org/ecr-lambda-deploy@v1), with buildx 0.29.1"
    assert versions(run, "") == f"ecr-lambda-deploy {__version__} (org/ecr-lambda-deploy@v1)"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, WorkflowRun(attempt="1")),
        ({"GITHUB_ACTION_REPOSITORY": "", "GITHUB_ACTION_REF": ""}, WorkflowRun(attempt="1")),  # `uses: ./`
        (
            {"GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/a b.yml@refs/heads/feature/x@2"},
            WorkflowRun(attempt="1", workflow="a b.yml"),
        ),
        (
            {
                "GITHUB_SHA": "c0ffee",
                "GITHUB_REPOSITORY": "acme/shop",
                "GITHUB_RUN_ID": "42",
                "GITHUB_RUN_ATTEMPT": "3",
                "GITHUB_WORKFLOW_REF": "acme/shop/.github/workflows/deploy.yml@refs/heads/main",
                "GITHUB_ACTION_REPOSITORY": "org/ecr-lambda-deploy",
                "GITHUB_ACTION_REF": "v1",
                "GITHUB_SERVER_URL": "https://github.example",
            },
            WorkflowRun(
                commit="c0ffee",
                repository="acme/shop",
                run_id="42",
                attempt="3",
                workflow="deploy.yml",
                action="org/ecr-lambda-deploy@v1",
                server_url="https://github.example",
            ),
        ),
    ],
)
def test_the_workflow_run_is_read_from_github_s_variables(environment: dict[str, str], expected: WorkflowRun) -> None:
    assert workflow_run(environment) == expected


@pytest.mark.parametrize(
    ("pull_request", "is_from_fork"),
    [
        (None, False),
        ({"head": {"repo": {"full_name": "acme/shop"}}}, False),
        ({"head": {"repo": {"full_name": "eve/shop"}}}, True),
        ({"head": {"repo": None}}, True),  # a fork that was deleted
    ],
)
def test_the_run_is_known_from_its_event_too(tmp_path: Path, pull_request: object, *, is_from_fork: bool) -> None:
    repository = {"full_name": "acme/shop", "default_branch": "trunk"}
    (tmp_path / "event.json").write_text(json.dumps({"repository": repository, "pull_request": pull_request}))
    run = workflow_run(
        {
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
            "GITHUB_REF": "refs/pull/7/merge",
            "GITHUB_REPOSITORY": "acme/shop",
        }
    )

    assert (run.event, run.ref, run.default_branch) == ("pull_request", "refs/pull/7/merge", "trunk")
    assert run.is_from_fork is is_from_fork


def test_rule_5_whatever_is_secret_of_the_step_is_masked(workspace: Path) -> None:
    given = {
        "function-name": "orders-api",
        "aws-region": "eu-west-1",
        "secrets": "npm=npm-secret",
        "cache-from": "type=s3,bucket=b,secret_access_key=cache-secret",
        "cache-to": "type=gha,token=cache-token",
        "build-args": "INDEX=https://user:index-password@packages.example/simple",
        "build-contexts": "shared=https://x-access-token:context-token@github.com/acme/shared.git",
        "docker-auth": '{"auths": {"registry.example": {"username": "me", "password": "registry-password"}}}',
    }
    environment = {
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_SHA": "c0ffee",
        "AWS_ACCESS_KEY_ID": "access-key",
        "AWS_SECRET_ACCESS_KEY": "secret-key",
        "AWS_SESSION_TOKEN": "session-token",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
        "ACTIONS_RUNTIME_TOKEN": "runtime-token",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
        "BUILDER_NODE_0_AUTH_TLS_KEY": "tls-key",
        "https_proxy": "http://user:proxy-password@proxy:3128",
    }
    found = {*secrets_of_step(given, environment), *secrets_of_inputs(parse_inputs(given, environment))} - {""}

    assert found >= {*environment.values()} - {str(workspace), "c0ffee", environment["https_proxy"]}
    passwords = {"npm-secret", "cache-secret", "cache-token", "index-password", "context-token", "registry-password"}
    assert found >= passwords | {"proxy-password", "user:proxy-password"}


def test_rule_5_the_login_of_an_address_is_masked_before_the_input_may_be_refused() -> None:
    assert {*secrets_of_step({"builder": "tcp://user:builder-password@builder:1"}, {})} >= {"builder-password"}


def test_the_version_of_buildx_is_what_the_image_s_build_has_kept(tmp_path: Path) -> None:
    file = tmp_path / "buildx.version"
    assert buildx_version(file) == ""
    file.write_text("github.com/docker/buildx v0.29.1 a32761aeb3debd39be1eca514af3693af0db334b\n")

    assert buildx_version(file) == "0.29.1"


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("rollback", "Not rolled back"),
        ("build", "Not built"),
        ("plan", "No plan"),
        ("deploy", "Not released"),
        ("", "Not released"),
        ("undo", "Not released"),
    ],
)
def test_a_run_with_wrong_inputs_says_what_it_has_not_done(tmp_path: Path, mode: str, words: str) -> None:
    journal = Journal(run=WorkflowRun())
    run({"mode": mode, "publish": "perhaps"}, journal, {}, Console(), RunnerCancelling(), PrivateFolders(tmp_path))

    assert headline(journal).startswith(f"{words}: ")
