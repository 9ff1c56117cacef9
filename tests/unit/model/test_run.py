import pytest

from ecr_lambda_deploy.model.run import WorkflowRun


@pytest.mark.parametrize(
    ("event", "ref", "default_branch", "words"),
    [
        ("push", "refs/heads/main", "main", ""),
        ("workflow_dispatch", "refs/heads/trunk", "trunk", ""),
        ("schedule", "refs/heads/main", "", ""),  # never on another branch
        ("", "", "", ""),  # outside GitHub
        ("push", "refs/heads/feature", "main", "refs/heads/feature, not of the default branch main"),
        ("push", "refs/heads/main/x", "main", "not of the default branch"),
        ("push", "refs/tags/main", "main", "not of the default branch"),
        ("push", "", "main", "no ref"),
        ("push", "refs/heads/main", "", "does not name the default branch"),
        ("push", "refs/heads/", "", "does not name the default branch"),
        ("pull_request", "refs/pull/7/merge", "main", "event pull_request"),
        ("pull_request", "refs/heads/main", "main", "event pull_request"),
        ("pull_request_target", "refs/heads/main", "main", "event pull_request_target"),
        ("merge_group", "refs/heads/main", "main", "event merge_group"),
        ("workflow_run", "refs/heads/main", "main", "event workflow_run"),
        ("issue_comment", "refs/heads/main", "main", "event issue_comment"),  # "/deploy" in a pull request
    ],
)
def test_rule_8_only_runs_of_the_default_branch_share_what_they_write(
    event: str, ref: str, default_branch: str, words: str
) -> None:
    why = WorkflowRun(event=event, ref=ref, default_branch=default_branch).why_apart

    assert words in why
    assert bool(why) is bool(words)
