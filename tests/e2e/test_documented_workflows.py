"""Every workflow that the documentation shows is run, word for word, by roles with the policies that its page shows.

What differs from what a reader copies, and nothing else: each step of `traffic` takes a second; a host of ECR
is the sandbox's registry; `aws-actions/configure-aws-credentials` and the program `gh` are stand-ins; and a runner for
arm64 is this machine. The sandbox's accounts have one registry host. So `promote-from` between two accounts finds the
repository in production under another name, in the policy as well; and what reads another account's `image-uri`, whose
host does not tell the account here, has both its jobs in one.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.aws import Aws, running_aws
from sandbox.machine.engine import Engine
from sandbox.runner.workflow import Start, run_workflow
from sandbox.sandbox import create_function
from tests.documented_workflows import NEEDS, ROOT, DocumentedWorkflow, documented_workflows
from tests.e2e.jobs import Job

_ELSEWHERE = {"README.md": "test_workflow.py", "examples/monorepo/deploy.yml": "test_monorepo.py"}
"""The pages whose workflows have a test of their own."""

_DEV, _PROD, _REGION = "210987654321", "123456789012", "ap-northeast-2"
_ANSWERING = 'def handler(event, context):\n    return {{"statusCode": 200, "body": "{}"}}\n'
_FOR_ANY_MACHINE = 'FROM scratch\nCOPY app.py /\nENTRYPOINT ["/app.py"]\n'
_FIRST_PAGE = "docs/start/first-function.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What a workflow finds, and what is so when it has ended.

    Attributes:
        functions: those that exist.
        repositories: further ones than that of the functions.
        architecture: of the functions.
        files: of the repository, beside and in place of the usual ones.
        secrets: of the repository.
        is_promotion: whether `orders-api` is in the account for development, too.
        in_one_account: whether the account for production stands in for that for development.
        log: what is in the job's log, as a regular expression.
        answer: what the function then answers; empty if it cannot run on this machine.
        answering: the function, by its alias if it has one.
    """

    functions: tuple[str, ...] = ("orders-api",)
    repositories: tuple[str, ...] = ()
    architecture: str = "x86_64"
    files: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    is_promotion: bool = False
    in_one_account: bool = False
    log: str = "✅ .*orders-api.*serves"
    answer: str = "this commit"
    answering: str = "orders-api"


def _block(page: str, start: str) -> str:
    """Return the block of a page that begins so."""
    found = re.search(rf"^```\w+\n({re.escape(start)}.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no block that begins with {start}"
    return found[1]


def _service(path: str) -> dict[str, str]:
    return {
        f"{path}/Dockerfile": _block(_FIRST_PAGE, "# Dockerfile"),
        f"{path}/app.py": _ANSWERING.format("this commit"),
    }


_PULL = _block(
    "docs/reference/permissions.md", '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n      "Sid": "LambdaPull"'
)
_ROLLED_BACK = _Case(log="Rolled back orders-api", answer="the first", answering="orders-api:live")
_SHOP = _Case(
    functions=("orders-api-prod", "orders-worker-prod", "carts-api-prod"),
    repositories=("shop/orders", "shop/carts"),
    files={
        "deploy.yaml": _block("docs/recipes/monorepo.md", "# deploy.yaml"),
        **_service("services/orders"),
        **_service("services/carts"),
    },
)
_CASES = {
    "docs-recipes-arm64-1": _Case(architecture="arm64", files={"Dockerfile": _FOR_ANY_MACHINE}, answer=""),
    "docs-recipes-existing-images-1": _Case(answer="the first"),
    "docs-recipes-monorepo-1": replace(_SHOP, log="Released .* 3 functions", answering="carts-api-prod:live"),
    "docs-recipes-new-functions-1": _Case(
        functions=(), architecture="arm64", files={"Dockerfile": _FOR_ANY_MACHINE}, answer=""
    ),
    "docs-recipes-private-base-images-1": _Case(
        secrets={"DOCKER_AUTH": _block("docs/recipes/private-base-images.md", '{"auths"').strip()}
    ),
    "docs-recipes-promotion-1": _Case(is_promotion=True, answer="the second in dev", answering="orders-api:live"),
    "docs-recipes-promotion-2": _Case(
        in_one_account=True, log="(?s)orders-api. serves .*Nothing to do", answering="orders-api:live"
    ),
    "docs-recipes-pull-requests-1": _Case(log="would change", answer="the second", answering="orders-api:live"),
    "docs-recipes-release-safely-1": _Case(
        log="10 % for 1 s, 50 % for 1 s, all for 1 s; 1 alarm OK", answering="orders-api:live"
    ),
    "docs-recipes-roll-back-1": _ROLLED_BACK,
    "docs-recipes-roll-back-2": replace(
        _SHOP, log="Rolled back 3 functions", answer="the first", answering="carts-api-prod:live"
    ),
    "docs-recipes-several-functions-1": _Case(
        functions=("orders-api", "orders-worker", "orders-cron"),
        repositories=("shop/orders",),
        log="Released .* 3 functions",
        answering="orders-cron:live",
    ),
    "docs-start-first-function-1": _Case(
        functions=(), files={"app.py": _block(_FIRST_PAGE, "# app.py")}, answer="hello, Lambda"
    ),
    "examples-canary-deploy-1": _Case(
        log="10 % for 1 s, 50 % for 1 s, all for 1 s; CloudWatch", answering="orders-api:live"
    ),
    "examples-promotion-promote-1": _Case(is_promotion=True, answer="the second in dev", answering="orders-api:live"),
    "examples-pull-request-plan-1": replace(
        _SHOP, log="(?s)would change.*<!-- plan of ecr-lambda-deploy -->\n.*would change", answer=""
    ),
    "examples-rollback-rollback-1": _ROLLED_BACK,
}
"""By workflow; one that is not here is to deploy `orders-api`."""


def _alike(workflow: DocumentedWorkflow) -> str:
    return json.dumps(yaml.safe_load(workflow.text))


_RUN_ELSEWHERE = {_alike(workflow) for workflow in documented_workflows() if workflow.page in _ELSEWHERE}
_WORKFLOWS = sorted(
    (
        workflow
        for workflow in documented_workflows()
        if _alike(workflow) not in _RUN_ELSEWHERE and not workflow.text.startswith(NEEDS)
    ),
    # What wants no repository `orders-api` in production comes last: then its images are pushed once.
    key=lambda workflow: ((case := _CASES.get(workflow.name, _Case())).is_promotion, not case.functions),
)


@dataclass(slots=True, kw_only=True)
class _Shop:
    """Two accounts, with what the pages name in them.

    Attributes:
        aws: both accounts.
        job: builds what functions run before a workflow runs.
    """

    aws: Aws
    job: Job
    runs: int = 100
    _images: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def image(self, account: str, repository: str, says: str) -> str:
        """Return an image that answers so; it is pushed if it is not there."""
        if found := self._images.get((account, repository, says)):
            return found
        tag = says.replace(" ", "-")
        ecr = self.aws.client("ecr", account)
        if repository not in self._repositories(account):
            ecr.create_repository(repositoryName=repository)
        (self.job.workspace / "Dockerfile").write_text(_block(_FIRST_PAGE, "# Dockerfile"))
        (self.job.workspace / "app.py").write_text(_ANSWERING.format(says))
        built = self.job.step(
            {"mode": "build", "repository": repository, "tags": f"{tag}\nv1.2.3" if says == "the first" else tag},
            environment=self.aws.environment(account=account),
        )
        assert built.exit_code == 0, built.log
        self._images[account, repository, says] = built.outputs["image-uri"]
        return built.outputs["image-uri"]

    def set_up(self, case: _Case) -> None:
        """Have the functions serve a second release by `live`, which knows the first one; and nothing else."""
        self.aws.reset_rules()
        for account in (_PROD, _DEV):
            for name in self.aws.snapshot(account).functions:
                self.aws.client("lambda", account).delete_function(FunctionName=name)
        repository = "prod/orders-api" if case.is_promotion else "orders-api"
        if (case.is_promotion or not case.functions) and "orders-api" in self._repositories(_PROD):
            self.aws.client("ecr").delete_repository(repositoryName="orders-api", force=True)
            self._images = {key: image for key, image in self._images.items() if key[:2] != (_PROD, "orders-api")}
        for other in case.repositories:
            if other not in self._repositories(_PROD):
                self.aws.client("ecr").create_repository(repositoryName=other)
            self.aws.client("ecr").set_repository_policy(repositoryName=other, policyText=_PULL)
        for name in case.functions:
            self._create(name, repository, case.architecture)
        if case.is_promotion:
            self._create("orders-api", "orders-api", account=_DEV, where=" in dev")

    def _create(
        self, name: str, repository: str, architecture: str = "x86_64", *, account: str = _PROD, where: str = ""
    ) -> None:
        client = self.aws.client("lambda", account)
        create_function(
            self.aws, name, self.image(account, repository, f"the first{where}"), architecture, account=account
        )
        history = "run=1/1{} repository=octocat/orders commit=" + "0" * 40 + " workflow=deploy.yml"
        client.publish_version(FunctionName=name, Description=history.format(""))
        second = self.image(account, repository, f"the second{where}")
        client.update_function_code(FunctionName=name, ImageUri=second, Architectures=[architecture])
        client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1})
        client.publish_version(FunctionName=name, Description=history.format(" previous=1"))
        client.create_alias(FunctionName=name, Name="live", FunctionVersion="2")

    def _repositories(self, account: str) -> set[str]:
        found = self.aws.client("ecr", account).describe_repositories()["repositories"]
        return {one["repositoryName"] for one in found}

    def answer(self, function: str) -> str:
        """Return what a function answers."""
        answered = self.aws.client("lambda").invoke(FunctionName=function, Payload=b'{"name": "Lambda"}')
        return str(answered["Payload"].read().decode())


@pytest.fixture(scope="module")
def shop(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Shop]:
    """The accounts, with an alarm that is quiet."""
    workspace = tmp_path_factory.mktemp("shop")
    with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
        aws.put_log_alarm("orders-api-errors", "OK")
        yield _Shop(aws=aws, job=Job(name="orders-api", workspace=workspace, engine=engine, aws=aws))


@pytest.mark.parametrize("workflow", _WORKFLOWS, ids=lambda workflow: workflow.name)
def test_a_documented_workflow_does_what_its_page_says(
    workflow: DocumentedWorkflow, shop: _Shop, tmp_path: Path
) -> None:
    case = _CASES.get(workflow.name, _Case())
    shop.set_up(case)
    _take_policies(workflow.page, shop.aws, case)
    files = {
        "Dockerfile": _block(_FIRST_PAGE, "# Dockerfile"),
        "app.py": _ANSWERING.format(case.answer or "this commit"),
        **case.files,
    }
    for name, content in files.items():
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    shop.runs += 1

    text = workflow.text.replace(_DEV, _PROD) if case.in_one_account else workflow.text
    text = text.replace(f"{_PROD}.dkr.ecr.{_REGION}.amazonaws.com", shop.aws.registry)

    result = run_workflow(
        _shortened(text),
        tmp_path / "repository",
        engine=shop.job.engine,
        environment={
            "AWS_ENDPOINT_URL": shop.aws.endpoint,
            "GITHUB_RUN_ID": str(shop.runs),
            **shop.aws.oidc_environment(),
        },
        start=_start(yaml.safe_load(workflow.text)[True]),
        secrets=case.secrets,
        actions=_credentials_actions(workflow.text, shop.aws, tmp_path),
        programs={"gh": _gh(tmp_path)},
    )

    assert result.exit_code == 0, result.log
    log = re.sub(r"^\[[^\]]+\]\s+\| ?", "", result.log, flags=re.MULTILINE)
    assert re.search(case.log, log), result.log
    served = shop.aws.snapshot().functions
    assert all(served[name]["Architectures"] == [case.architecture] for name in (*case.functions, *served))
    if case.answer:
        assert case.answer in shop.answer(case.answering)


def _take_policies(page: str, aws: Aws, case: _Case) -> None:
    """Let each role of the page do what its policy there says, and no more."""
    shown = re.findall(
        r"^<!-- policy: arn:aws:iam::(\d+):role/(\S+) -->$.*?^```json\n(.*?)^```$",
        (ROOT / page).read_text(),
        re.MULTILINE | re.DOTALL,
    )
    for account, role, policy in shown:
        own, here = policy, account
        if case.is_promotion:
            own = own.replace(f"{_PROD}:repository/orders-api", f"{_PROD}:repository/prod/orders-api")
        if case.in_one_account:
            own, here = own.replace(_DEV, _PROD), _PROD
        aws.put_role_policy(role, json.loads(own), here)


def _start(on: Any) -> Start:  # noqa: ANN401 # YAML's
    """Return what starts a workflow; a person gives the inputs that have no default their first option."""
    events = on if isinstance(on, dict) else {on: None}
    if "pull_request" in events:
        head = {"ref": "change", "repo": {"full_name": "octocat/orders"}}
        payload = {"number": 7, "pull_request": {"number": 7, "head": head, "base": {"ref": "main"}}}
        return Start(event="pull_request", payload=payload)
    if "workflow_dispatch" in events:
        asked = (events["workflow_dispatch"] or {}).get("inputs", {})
        given = {name: one.get("default") or one["options"][0] for name, one in asked.items()}
        return Start(event="workflow_dispatch", inputs=given)
    return Start()


def _shortened(workflow: str) -> str:
    """Make every duration of `traffic` a second."""
    return re.sub(r"(?<=% )\d+[ms]", "1s", workflow)


def _credentials_actions(workflow: str, aws: Aws, folder: Path) -> dict[str, Path]:
    """Return a stand-in for the action that takes a role: it leaves credentials of that role to the next steps."""
    action = folder / "configure-aws-credentials"
    action.mkdir()
    run = 'cat "$GITHUB_ACTION_PATH/${{ inputs.role-to-assume }}" >> "$GITHUB_ENV"'
    steps = [{"shell": "bash", "run": run}]
    inputs = {"role-to-assume": {"required": True}, "aws-region": {"required": True}}
    definition = {"name": "stand-in", "inputs": inputs, "runs": {"using": "composite", "steps": steps}}
    (action / "action.yml").write_text(json.dumps(definition))
    for account, role in re.findall(r"arn:aws:iam::(\d+):role/(\S+)", workflow):
        path = action / f"arn:aws:iam::{account}:role/{role}"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(f"{n}={v}\n" for n, v in aws.environment(role, account).items()))
    return dict.fromkeys(re.findall(r"uses: (aws-actions/configure-aws-credentials@\S+)", workflow), action)


def _gh(folder: Path) -> Path:
    """Return a stand-in for `gh`: it has no comments to list, and prints what is written."""
    gh = folder / "gh"
    gh.write_text('#!/bin/sh\ncase "$*" in *--paginate*) ;; *) echo "gh $*"; cat body.md;; esac\n')
    gh.chmod(0o755)
    return gh


@pytest.mark.parametrize("page", _ELSEWHERE)
def test_a_workflow_that_is_run_elsewhere_is_named_there(page: str) -> None:
    assert f'"{page.removesuffix("/deploy.yml")}' in (Path(__file__).parent / _ELSEWHERE[page]).read_text()


def test_every_case_is_of_a_workflow() -> None:
    assert _CASES.keys() <= {workflow.name for workflow in _WORKFLOWS}
