"""What a run without credentials is told, by what has started it. Nothing is sent."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.aws.rates import RequestPriority
from ecr_lambda_deploy.aws.session import Aws
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import RoleToAssume
from tests.unit.fakes.clock import FakeClock

_ROLE = RoleToAssume(
    arn="arn:aws:iam::123456789012:role/deploy", is_chained=False, session_name="deploy", duration_seconds=None
)
_CHAINED = replace(_ROLE, is_chained=True)
_FORK, _OWN = "eve/shop", "acme/shop"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/missing")


def _error(role: RoleToAssume | None, event: str, head: str) -> DeployError:
    def refuse(_: str) -> str:
        raise DeployError("Unable to get ACTIONS_ID_TOKEN_REQUEST_URL")

    aws = Aws(
        region="eu-west-1",
        role=role,
        id_token=refuse,
        mask=lambda _: None,
        clock=FakeClock(),
        priority=RequestPriority(),
        run=WorkflowRun(repository=_OWN, event=event, head=head),
    )
    with pytest.raises(DeployError) as caught:
        aws.ecr().describe_repositories()
    return caught.value


@pytest.mark.parametrize("event", ["pull_request", "pull_request_review"])
@pytest.mark.parametrize("role", [_ROLE, _CHAINED, None])
def test_rule_12_a_fork_s_pull_request_is_told_that_it_has_no_token_by_design(
    role: RoleToAssume | None, event: str
) -> None:
    error = _error(role, event, _FORK)

    assert error.message.startswith("GitHub gave this job no OIDC token" if role is _ROLE else "There are no AWS cred")
    assert "by design" in error.hint
    assert "plan after the merge" in error.hint
    assert "Never use `pull_request_target` with a checkout of the pull request's head" in error.hint
    assert "id-token: write" not in error.hint


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
@pytest.mark.parametrize("role", [_ROLE, None])
def test_rule_12_an_event_with_all_permissions_is_not_told_to_take_one_without_a_warning(
    role: RoleToAssume | None, event: str
) -> None:
    hint = _error(role, event, _FORK).hint

    assert "id-token: write" in hint
    assert "only if the job neither checks out nor runs anything of the pull request" in hint


@pytest.mark.parametrize(("event", "head"), [("push", ""), ("pull_request", _OWN), ("", "")])
@pytest.mark.parametrize("role", [_ROLE, _CHAINED, None])
def test_any_other_run_is_told_what_to_give_it(role: RoleToAssume | None, event: str, head: str) -> None:
    hint = _error(role, event, head).hint

    assert "id-token: write" in hint
    assert "fork" not in hint
