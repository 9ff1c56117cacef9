"""What a job brings along that is for programs on the runner itself, and troubles of AWS and GitHub that pass."""

import json

from sandbox.aws import Fault
from sandbox.runner import StepResult
from tests.e2e.jobs import Job

# Of a self-hosted runner, and of steps before.
_OF_THE_RUNNER = {
    "AWS_PROFILE": "deploy",
    "AWS_CONFIG_FILE": "/home/runner/.aws/config",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/runner",
    "AWS_CA_BUNDLE": "/usr/local/share/ca-certificates/company.crt",
    "SSL_CERT_FILE": "/etc/pki/tls/company.pem",
    "REQUESTS_CA_BUNDLE": "/etc/pki/tls/company.pem",
    "DOCKER_HOST": "unix:///run/user/1001/docker.sock",
    "DOCKER_CONFIG": "/home/runner/.docker",
    "DOCKER_CONTEXT": "rootless",
    "DOCKER_TLS_VERIFY": "1",
    "DOCKER_CERT_PATH": "/home/runner/.docker",
    "DOCKER_API_VERSION": "1.11",
    "INPUT_TOKEN": "of another action",
}


def _errors(result: StepResult) -> str:
    assert result.exit_code == 1
    assert "Traceback" not in result.log
    assert "This is a bug" not in result.log
    return "\n".join(one.message for one in result.annotations if one.level == "error")


def test_neither_the_runner_s_variables_nor_what_passes_hinder_a_deployment(job: Job) -> None:
    job.greet("self-hosted")
    job.aws.keep_oidc_busy(2)
    take = "sts:AssumeRoleWithWebIdentity"
    job.aws.inject(Fault(action=take, code="IDPCommunicationError", text="The identity provider could not be reached"))
    words = "Couldn't retrieve verification key from your identity provider"
    job.aws.inject(Fault(action=take, code="InvalidIdentityToken", text=words))
    environment = {
        **job.aws.oidc_environment(),
        **_OF_THE_RUNNER,
        "AWS_ENDPOINT_URL": job.aws.endpoint,
        "AWS_REGION": f" {job.aws.region}\n",
    }
    role = f"arn:aws:iam::{job.aws.account}:role/deploy"
    result = job.step({"function-name": job.name, "role-to-assume": role}, environment=environment)

    assert (result.exit_code, result.outputs["changed"]) == (0, "true"), result.log
    assert "self-hosted" in job.invoke()
    assert job.aws.pending_faults() == []
    assert "INPUT_TOKEN in the environment is ignored: there is no input 'token'." in result.log


def test_where_nothing_else_is_given_the_variable_at_fault_is_named(job: Job) -> None:
    where = {"AWS_ENDPOINT_URL": job.aws.endpoint, "AWS_REGION": job.aws.region, "AWS_EC2_METADATA_DISABLED": "true"}
    for name in ("AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"):
        given = {"AWS_ROLE_ARN": _OF_THE_RUNNER["AWS_ROLE_ARN"], name: _OF_THE_RUNNER[name]}
        message = _errors(job.step(environment={**where, **given}))
        assert f"Look at {name}. This action runs in a container of its own" in message

    host = {"DOCKER_HOST": _OF_THE_RUNNER["DOCKER_HOST"]}
    message = _errors(job.step(environment={**job.aws.environment(), **host}, with_engine=False))
    assert f"The environment has DOCKER_HOST={host['DOCKER_HOST']}. This action runs in a container" in message


def test_a_role_that_does_not_trust_the_job_is_told_the_job_and_the_statement(job: Job) -> None:
    role = f"arn:aws:iam::{job.aws.account}:role/deploy"
    given = {"function-name": job.name, "role-to-assume": role}
    environment = {**job.aws.oidc_environment(), "AWS_ENDPOINT_URL": job.aws.endpoint, "AWS_REGION": job.aws.region}
    job.aws.deny("sts:AssumeRoleWithWebIdentity")
    message = _errors(job.step(given, environment=environment))
    job.aws.reset_rules()
    too_long = _errors(job.step({**given, "role-duration-seconds": "7200"}, environment=environment))

    assert "sub repo:example/orders:ref:refs/heads/main and the aud sts.amazonaws.com" in message
    statement = json.loads(message[message.index('{"Effect"') :].partition("\n")[0])
    assert statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"].startswith("repo:example/")
    assert "aws iam update-role --role-name deploy --max-session-duration 7200" in too_long


def test_a_policy_that_no_statement_helps_against_is_named(job: Job) -> None:
    job.greet("denied")
    job.aws.deny("ecr:PutImage", "with an explicit deny in a service control policy")
    message = _errors(job.step())

    assert "A service control policy denies the role deploy the action ecr:PutImage" in message
    assert '"Effect"' not in message


def test_rule_11_a_login_that_would_be_ignored_is_refused_and_masked(job: Job) -> None:
    auth = {"ghcr.io": {"username": "octocat", "password": f"canary-{job.name}"}}
    result = job.step({"function-name": job.name, "docker-auth": json.dumps(auth)})

    assert "'docker-auth' has logins by registry in 'auths', not beside it as 'ghcr.io' is" in _errors(result)
    assert f"canary-{job.name}" in result.masked
    assert result.output.index("::add-mask::") < result.output.index("docker-auth")
