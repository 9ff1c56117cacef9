"""Each feature runs with the permissions that are documented for it, and with nothing else.

Without one that it needs, it ends in an error that names it; without those that are optional, it succeeds. What no
container and no engine add anything to runs in a process; builds and copies need the action's own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import pytest

from ecr_lambda_deploy.permissions.policies import Grant, Names, grants, policy_of
from ecr_lambda_deploy.permissions.table import TABLE, Feature, Resource
from sandbox.aws import Aws
from sandbox.aws.policies import denial
from sandbox.aws.tiny_images import push_tiny_image
from sandbox.machine.engine import Engine
from sandbox.runner import StepResult
from sandbox.runner.action_process import ActionProcess, action_process
from sandbox.sandbox import create_function
from tests.e2e.jobs import SHARED, Job, new_job
from tests.e2e.permission_runs import (
    ALARM,
    COMMIT,
    IMAGE,
    PROVIDER,
    READ,
    RELEASE,
    REPOSITORY,
    SCENARIOS,
    Run,
    Scenario,
    deploys,
    removals,
)

_NUMBERS = count(1)


@pytest.fixture(scope="module")
def action() -> Iterator[ActionProcess]:
    with action_process() as action:
        yield action


@pytest.fixture(scope="module")
def other(aws: Aws) -> str:
    """An image that functions may have, in a repository that Lambda may pull from."""
    for repository in (REPOSITORY, f"{REPOSITORY}/base"):
        aws.client("ecr").create_repository(repositoryName=repository)
    aws.client("cloudwatch").put_metric_alarm(
        AlarmName=ALARM,
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1_000_000,  # tests fail functions on purpose
        ComparisonOperator="GreaterThanThreshold",
    )
    image = push_tiny_image(aws, REPOSITORY, "the one before")
    aws.create_functions(["permissions-0"], image)  # has Lambda let itself pull from the repository
    return image


@pytest.fixture
def run(aws: Aws, other: str) -> Iterator[Run]:  # noqa: ARG001 # makes the repository
    name = f"permissions-{next(_NUMBERS)}"
    names = Names(
        region=aws.region,
        account=aws.account,
        functions=(name,),
        repositories=(REPOSITORY,),
        execution_roles=(name,),
        capacity_providers=(PROVIDER.rpartition(":")[2],),
        parameters=(f"permissions/{name}",),
        source_functions=(f"{name}-dev",),
    )
    with aws.updates_taking(0.0):
        yield Run(aws=aws, name=name, names=names, image=push_tiny_image(aws, REPOSITORY, name))
    aws.reset_rules()


def _used(asked: set[tuple[str, str]], granted: list[Grant]) -> set[tuple[str, str]]:
    """Return which grants allow something that was asked for, by action and ARN."""
    return {
        (grant.action, grant.arn)
        for grant in granted
        for action, resource in asked
        if denial([policy_of([grant])], action, resource, {"iam:PassedToService": "lambda.amazonaws.com"}) is None
    }


def _ran(run: Run, action: ActionProcess, folder: Path, scenario: Scenario, granted: list[Grant]) -> tuple[int, str]:
    environment = run.with_policy(granted)
    result = action.run(folder, scenario.inputs(run), environment, run_id="1000", commit="0" * 40)
    return result.exit_code, result.log


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_feature_needs_what_is_documented_and_nothing_else(
    run: Run, other: str, action: ActionProcess, tmp_path: Path, name: str
) -> None:
    scenario = SCENARIOS[name]
    scenario.prepare(run, other)
    granted = [*grants(scenario.features, run.names)]
    exit_code, log = _ran(run, action, tmp_path, scenario, granted)

    assert exit_code == 0, log
    asked = run.aws.permissions_asked_of(run.name)
    policy = policy_of(granted)
    passed = {"iam:PassedToService": "lambda.amazonaws.com"}
    assert {one for one in asked if denial([policy], *one, passed)} == set()
    assert _used(asked, granted) == {(grant.action, grant.arn) for grant in granted}


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_is_optional_may_be_missing(
    run: Run, other: str, action: ActionProcess, tmp_path: Path, name: str
) -> None:
    scenario = SCENARIOS[name]
    scenario.prepare(run, other)
    granted = [grant for grant in grants(scenario.features, run.names) if not grant.is_optional]
    exit_code, log = _ran(run, action, tmp_path, scenario, granted)

    assert exit_code == 0, log


@pytest.mark.parametrize(
    ("name", "missing"), [(name, missing) for name, one in SCENARIOS.items() for missing in removals(one)]
)
def test_what_is_required_is_named_if_it_is_missing(
    run: Run, other: str, action: ActionProcess, tmp_path: Path, name: str, missing: str
) -> None:
    scenario = SCENARIOS[name]
    scenario.prepare(run, other)
    removed, kind = removals(scenario)[missing]
    all_granted = [*grants(scenario.features, run.names)]
    granted = [grant for grant in all_granted if (grant.action, grant.kind) != (removed, kind)]
    wanted = next(grant.arn for grant in all_granted if (grant.action, grant.kind) == (removed, kind))
    before = _latest(run)
    exit_code, log = _ran(run, action, tmp_path, scenario, granted)

    assert exit_code == 1, log
    is_kept = not before or removed in {"ecr:PutImage", "ssm:GetParameter", "ssm:PutParameter"}  # nothing goes back
    assert is_kept or _latest(run) == before
    assert f"is not authorized to perform: {removed} " in _errors(log)
    assert f'"Action": "{removed}", "Resource": "{wanted}"' in _errors(log)


def _latest(run: Run) -> str:
    """Return what the function's code is; empty without a function."""
    client = run.aws.client("lambda")
    try:
        return str(client.get_function(FunctionName=run.name)["Code"]["ResolvedImageUri"])
    except client.exceptions.ResourceNotFoundException:
        return ""


def _errors(log: str) -> str:
    return "\n".join(line for line in log.splitlines() if line.startswith("::error"))


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_smoke_test_may_invoke_the_function(
    run: Run, first_image: str, other: str, action: ActionProcess, tmp_path: Path, *, is_allowed: bool
) -> None:
    run.aws.create_functions([run.name], other)
    create_function(run.aws, f"{run.name}-first", first_image)  # has Lambda let itself pull from the repository
    names = replace(run.names, repositories=(SHARED,))
    features = (*READ, *RELEASE, *([Feature.SMOKE_TEST] if is_allowed else []))
    inputs = {"function-name": run.name, "image-uri": first_image, "smoke-event": "{}", "tags": run.name}
    environment = run.with_policy([*grants(features, names)])
    result = action.run(tmp_path, inputs, environment, run_id="1000", commit=COMMIT)

    assert result.exit_code == (0 if is_allowed else 1), result.log
    assert ("perform: lambda:InvokeFunction on resource" in _errors(result.log)) == (not is_allowed)


@pytest.mark.parametrize("is_allowed", [True, False])
def test_a_chained_role_is_taken_with_a_permission(
    run: Run, other: str, action: ActionProcess, tmp_path: Path, *, is_allowed: bool
) -> None:
    run.aws.create_functions([run.name], other)
    hub = replace(run, name=f"{run.name}-hub", names=replace(run.names, roles=(run.name if is_allowed else "another",)))
    run.with_policy([*grants((*READ, *IMAGE), run.names)])
    inputs = {**deploys(run), "mode": "plan", "role-to-assume": run.role_arn(), "role-chaining": "true"}
    environment = hub.with_policy([*grants((Feature.CHAINING,), hub.names)])
    result = action.run(tmp_path, inputs, environment, run_id="1000", commit=COMMIT)

    assert result.exit_code == (0 if is_allowed else 1), result.log
    statement = f'"Action": "sts:AssumeRole", "Resource": "{run.role_arn()}"'
    assert (statement in _errors(result.log)) == (not is_allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A run in the action's own container.

    Attributes:
        run: its role.
        job: its job.
    """

    run: Run
    job: Job

    def step(
        self, inputs: Mapping[str, str], granted: list[Grant], *, with_engine: bool = True
    ) -> tuple[StepResult, str]:
        """Run the action with no more than so much; return the result and its errors."""
        environment = self.run.with_policy(granted)
        result = self.job.step(inputs, environment=environment, with_engine=with_engine)
        return result, "\n".join(one.message for one in result.annotations if one.level == "error")


@pytest.fixture
def container(run: Run, engine: Engine, tmp_path: Path) -> Container:
    """A run that builds an image on top of another in ECR, which the engine does not have."""
    job = new_job(engine, run.aws, tmp_path)
    base = push_tiny_image(run.aws, f"{REPOSITORY}/base", run.name)
    (job.workspace / "Dockerfile").write_text(f"FROM {base}\nCOPY app.py /\n")
    names = replace(run.names, base_repositories=(f"{REPOSITORY}/base",))
    run.aws.create_functions([f"{run.name}-dev"], base)
    return Container(run=replace(run, names=names), job=job)


_BUILD = (Feature.REGISTRY, Feature.IMAGE, Feature.PUSH, Feature.BASE_IMAGE, Feature.USED_REPOSITORY)
_PUSHING = {"mode": "build", "repository": REPOSITORY}


def _needs(*features: Feature) -> list[str]:
    return [need.action for need in TABLE if need.feature in features and not need.is_optional]


def test_a_build_needs_what_is_documented_and_nothing_else(container: Container) -> None:
    run = container.run
    granted = [*grants((*_BUILD, Feature.CACHE), run.names)]
    result, _ = container.step(_PUSHING, granted)

    assert result.exit_code == 0, result.log
    asked = run.aws.permissions_asked_of(run.name)
    assert {one for one in asked if denial([policy_of(granted)], *one)} == set()
    unused = {(grant.action, grant.arn) for grant in granted} - _used(asked, granted)
    assert {action for action, _ in unused} <= {"ecr:DescribeRepositories"}  # of engines without containerd's store


# Whose registry refuses a base image's manifest is known by ECR's own host: tests/unit/docker/test_errors.py.
@pytest.mark.parametrize("missing", [*_needs(Feature.PUSH), "ecr:GetDownloadUrlForLayer"])
def test_a_build_names_what_is_missing(container: Container, missing: str) -> None:
    kinds = {need.resource for need in TABLE if need.action == missing and need.feature in _BUILD}
    kind = Resource.BASE_REPOSITORY if Resource.BASE_REPOSITORY in kinds else Resource.REPOSITORY
    granted = [grant for grant in grants(_BUILD, container.run.names) if (grant.action, grant.kind) != (missing, kind)]
    result, error = container.step(_PUSHING, granted)

    assert result.exit_code == 1
    assert missing in error


@pytest.mark.parametrize(
    "missing",
    # Layers are mounted from one repository of a registry into another: none is uploaded.
    [
        "",
        *sorted({*_needs(Feature.PUSH)} - {"ecr:UploadLayerPart", "ecr:CompleteLayerUpload"}),
        *_needs(Feature.SOURCE_IMAGE),
    ],
)
def test_a_copy_names_what_is_missing(container: Container, missing: str) -> None:
    run = container.run
    repository = f"{REPOSITORY}/{run.name}"
    run.aws.client("ecr").create_repository(repositoryName=repository)
    names = replace(run.names, repositories=(repository,), source_repositories=(f"{REPOSITORY}/base",))
    features = (*IMAGE, Feature.PUSH, Feature.PROMOTION, Feature.SOURCE_IMAGE)
    source = Resource.SOURCE_REPOSITORY if missing in _needs(Feature.SOURCE_IMAGE) else Resource.REPOSITORY
    granted = [grant for grant in grants(features, names) if (grant.action, grant.kind) != (missing, source)]
    inputs = {"mode": "build", "repository": repository, "promote-from": f"{run.name}-dev", "platform": "linux/amd64"}
    result, error = container.step(inputs, granted, with_engine=False)

    assert result.exit_code == (1 if missing else 0), result.log
    assert missing in error


@pytest.mark.parametrize("missing", ["", *_needs(Feature.CREATED_REPOSITORY)])
def test_a_new_repository_names_what_is_missing(container: Container, missing: str) -> None:
    run = container.run
    repository = f"{REPOSITORY}/{run.name}"
    names = replace(run.names, repositories=(repository,), source_repositories=(f"{REPOSITORY}/base",))
    features = (*IMAGE, Feature.PUSH, Feature.PROMOTION, Feature.SOURCE_IMAGE, Feature.CREATED_REPOSITORY)
    granted = [grant for grant in grants(features, names) if grant.action != missing]
    inputs = {"mode": "build", "repository": repository, "promote-from": f"{run.name}-dev", "platform": "linux/amd64"}
    result, error = container.step({**inputs, "create-repository": "true"}, granted, with_engine=False)

    assert result.exit_code == (1 if missing else 0), result.log
    assert missing in error
