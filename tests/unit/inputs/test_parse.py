import time
from base64 import b64encode
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.inputs.table import INPUTS
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.targets import (
    Build,
    BuilderSettings,
    CacheSettings,
    Expectation,
    FunctionTarget,
    ImageTarget,
    Mode,
    RoleToAssume,
    SmokeTest,
)
from tests.unit.inputs.given_inputs import COMMIT, parse, parse_build, problems_of

_LOGIN = b64encode(b"user:password").decode()
_ROLE = "arn:aws:iam::123456789012:role/ci/deploy"


def test_the_function_name_alone_is_enough(workspace: Path) -> None:
    assert parse(workspace, {}) == Inputs(
        mode=Mode.DEPLOY,
        images=(
            ImageTarget(
                source=Build(
                    context=workspace,
                    dockerfile=workspace / "Dockerfile",
                    commit=COMMIT,
                    provenance="false",
                    sbom="false",
                    cache=CacheSettings(mode="auto"),
                    reuse=True,
                ),
                platform=None,
                repository="",
                tags=(COMMIT,),
                is_default_tag=True,
                create_repository=False,
                functions=(FunctionTarget(name="orders-api", publish=True, wait_timeout=600),),
                builder=BuilderSettings(endpoint=""),
            ),
        ),
        region="eu-west-1",
        role=None,
    )


_EVERY_INPUT = {
    "ssm-parameter": "/shop/orders/image",
    "mode": "deploy",
    "context": "services/orders",
    "dockerfile": "docker/orders.Dockerfile",
    "target": "final",
    "build-args": "A=1\n B=two words \n\nC=x=y\nD=",
    "build-contexts": "shared=services/orders\nbase=docker-image://alpine:3.20",
    "labels": "team=shop\nempty",
    "secrets": 'token=s3cret\nkey="one\ntwo"',
    "platform": "linux/arm64",
    "set": "network=host\nextra-hosts.db=10.0.0.1\nssh=key=Dockerfile\nextra-hosts.b=10.0.0.2",
    "pull": "true",
    "no-cache": "TRUE",
    "cache-from": "type=registry,ref=example.com/cache",
    "cache-to": "type=inline",
    "builder": "tcp://buildkit.example:1234",
    "provenance": "max",
    "sbom": "true",
    "reuse": "never",
    "create-repository": "true",
    "docker-auth": f'{{"auths": {{"registry.example": {{"auth": "{_LOGIN}"}}}}}}',
    "repository": "shop/orders",
    "registry": "localhost:4566",
    "tags": "v1\nv1.2\nv1",
    "aws-region": "us-gov-east-1",
    "role-to-assume": _ROLE,
    "role-chaining": "true",
    "role-session-name": "ci@shop",
    "role-duration-seconds": "900",
    "publish": "false",
    "smoke-event": '{"ping": 1}',
    "smoke-expect": "[true]",
    "create-function": "Role: arn:aws:iam::123456789012:role/orders\nMemorySize: 512",
    "on-failure": "keep",
    "allow-stale": "true",
    "wait-timeout": "1",
}


def test_every_input_is_read(workspace: Path) -> None:
    # They exclude what is given here.
    without = {"cache", "image-uri", "promote-from", "alias", "traffic", "alarms", "max-error-rate", "rollback-to"}
    without |= {"manifest", "only", "vars"}
    assert {*_EVERY_INPUT, "function-name", *without} == {*INPUTS}
    assert parse(workspace, _EVERY_INPUT) == Inputs(
        mode=Mode.DEPLOY,
        images=(
            ImageTarget(
                source=Build(
                    context=workspace / "services/orders",
                    dockerfile=workspace / "docker/orders.Dockerfile",
                    commit=COMMIT,
                    target="final",
                    build_args={"A": "1", "B": "two words", "C": "x=y", "D": ""},
                    build_contexts={"shared": str(workspace / "services/orders"), "base": "docker-image://alpine:3.20"},
                    secrets={"token": "s3cret", "key": "one\ntwo"},
                    provenance="mode=max",
                    sbom="true",
                    labels={"team": "shop", "empty": ""},
                    properties={
                        "network": "host",
                        "extra-hosts": {"db": "10.0.0.1", "b": "10.0.0.2"},
                        "ssh": [f"key={workspace}/Dockerfile"],
                    },
                    pull=True,
                    no_cache=True,
                    cache=CacheSettings(imports=("type=registry,ref=example.com/cache",), exports=("type=inline",)),
                    reuse=False,
                ),
                platform="linux/arm64",
                repository="shop/orders",
                tags=("v1", "v1.2"),
                create_repository=True,
                parameter="/shop/orders/image",
                functions=(
                    FunctionTarget(
                        name="orders-api",
                        publish=False,
                        smoke_test=SmokeTest(event='{"ping": 1}', expect=Expectation(value=[True])),
                        creation={"Role": "arn:aws:iam::123456789012:role/orders", "MemorySize": 512},
                        reverts=False,
                        allows_stale=True,
                        wait_timeout=1,
                    ),
                ),
                builder=BuilderSettings(
                    endpoint="tcp://buildkit.example:1234",
                    docker_auth={"auths": {"registry.example": {"auth": _LOGIN}}},
                ),
            ),
        ),
        registry="localhost:4566",
        region="us-gov-east-1",
        role=RoleToAssume(arn=_ROLE, is_chained=True, session_name="ci@shop", duration_seconds=900),
    )


def test_an_empty_input_has_its_default(workspace: Path) -> None:
    assert parse(workspace, dict.fromkeys(set(INPUTS) - {"function-name"}, "  \n")) == parse(workspace, {})


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ({"aws-region": "us-east-1"}, {"AWS_DEFAULT_REGION": "eu-west-3"}, "us-east-1"),
        ({}, {"AWS_REGION": "us-west-2", "AWS_DEFAULT_REGION": "eu-west-3"}, "us-west-2"),
        ({}, {"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-3"}, "eu-west-3"),
    ],
)
def test_where_the_region_comes_from(
    workspace: Path, given: dict[str, str], environment: dict[str, str], expected: str
) -> None:
    assert parse(workspace, given, **environment).region == expected


@pytest.mark.parametrize(
    "name",
    [
        "orders-api",
        "Orders_API-" + 53 * "x",
        "arn:aws:lambda:eu-west-1:123456789012:function:orders-api",
    ],
)
def test_functions_that_are_accepted(workspace: Path, name: str) -> None:
    assert parse(workspace, {"function-name": name}).images[0].functions == (FunctionTarget(name=name),)


def test_mode_build_needs_no_function(workspace: Path) -> None:
    inputs = parse(workspace, {"mode": "build", "function-name": "", "repository": "orders"})

    assert (inputs.mode, inputs.images[0].functions) == (Mode.BUILD, ())


@pytest.mark.parametrize("switch", [{"reuse": "never"}, {"pull": "true"}, {"no-cache": "true"}])
def test_what_switches_reuse_off(workspace: Path, switch: dict[str, str]) -> None:
    assert parse_build(workspace, {"reuse": "auto"}).reuse
    assert not parse_build(workspace, switch).reuse


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, CacheSettings(mode="auto")),
        ({"cache": "gha"}, CacheSettings(mode="gha")),
        ({"cache": "off"}, CacheSettings(mode="off")),
        ({"cache-from": "a\nb"}, CacheSettings(imports=("a", "b"))),
        ({"cache-to": "type=inline"}, CacheSettings(exports=("type=inline",))),
    ],
)
def test_the_cache(workspace: Path, given: dict[str, str], expected: CacheSettings) -> None:
    assert parse_build(workspace, given).cache == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        # What excludes or needs what.
        ({"cache": "auto", "cache-from": "type=inline"}, "'cache' does not go with 'cache-from' and 'cache-to'"),
        ({"cache": "off", "cache-to": "type=inline"}, "'cache' does not go with 'cache-from' and 'cache-to'"),
        ({"function-name": ""}, "'function-name' is required"),
        (
            {"function-name": "one\narn:aws:lambda:eu-west-1:123456789012:function:one"},
            "names the function one more than once",
        ),
        ({"mode": "build", "repository": "orders"}, "'function-name' does not go with mode: build"),
        ({"mode": "build", "function-name": ""}, "'repository' is required with mode: build"),
        ({"role-chaining": "true"}, "'role-chaining' needs 'role-to-assume'"),
        # Values that cannot be.
        ({"mode": "destroy"}, "'mode' is one of deploy, build, plan, rollback, not 'destroy'"),
        ({"function-name": "orders api"}, "not 'orders api'"),
        ({"function-name": "orders-api:live"}, "without version or alias"),
        ({"function-name": 65 * "x"}, "'function-name' is a Lambda function's name"),
        ({"function-name": "arn:aws:lambda:eu-west-1:123456789012:function:orders-api:1"}, "without version or alias"),
        (
            {"function-name": "arn:aws:lambda:us-east-1:123456789012:function:orders-api"},
            "function:orders-api, which is in us-east-1, but the Region of this run is eu-west-1",
        ),
        ({"context": "services/nothing"}, "'context' 'services/nothing' is n"),
        ({"context": "Dockerfile"}, "'context' 'Dockerfile' is n"),
        ({"context": "docker"}, "'dockerfile' 'docker/Dockerfile' is n"),
        ({"dockerfile": "docker"}, "'dockerfile' 'docker' is n"),
        ({"build-args": "A=1\n=value"}, "'build-args' holds KEY=VALUE lines; line 2 is not one."),
        ({"build-args": "two words=value"}, "'build-args' holds KEY=VALUE lines; line 1 is not one."),
        ({"labels": "=value"}, "'labels' holds KEY=VALUE lines"),
        ({"platform": "linux/amd64,linux/arm64"}, "'platform' is one of linux/amd64, linux/arm64, not"),
        ({"platform": "arm64"}, "'platform' is one of"),
        ({"set": "shm-size"}, "'shm-size' is not one"),
        ({"set": "shm-size="}, "'shm-size=' is not one"),
        ({"set": "shm-size.x=1"}, "'shm-size.x=1' is none of them"),
        ({"set": "extra-hosts=db=10.0.0.1"}, "'extra-hosts=db=10.0.0.1' is none of them"),
        ({"set": "bogus=1"}, "'set' takes annotations"),
        ({"pull": "yes"}, "'pull' is true or false, not 'yes'"),
        ({"no-cache": "1"}, "'no-cache' is true or false"),
        ({"publish": "on"}, "'publish' is true or false"),
        ({"reuse": "always"}, "'reuse' is one of auto, never, not 'always'"),
        ({"cache": "on"}, "'cache' is one of auto, gha, off, not 'on'"),
        ({"create-repository": "yes"}, "'create-repository' is true or false"),
        ({"builder": "my-builder"}, "'builder' is a BuildKit endpoint"),
        ({"provenance": "yes"}, "'provenance' is true, false"),
        ({"sbom": "yes"}, "'sbom' is true, false"),
        ({"build-contexts": "base"}, "'base' has no value"),
        ({"build-contexts": "base=../elsewhere"}, "leaves the workspace"),
        ({"secrets": "token"}, "'secrets' holds ID=VALUE lines"),
        ({"docker-auth": "user:password"}, "'docker-auth' is not JSON"),
        ({"docker-auth": "9" * 5000}, "'docker-auth' is nested too deeply, or has a number that is too long"),
        ({"docker-auth": "[]"}, "'docker-auth' is the content of a Docker config.json"),
        ({"repository": "Orders"}, "'repository' is an ECR repository's name"),
        ({"repository": "orders:v1"}, "'repository' is an ECR repository's name"),
        ({"repository": "x"}, "'repository' is an ECR repository's name"),
        (
            {"repository": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/orders"},
            "without the registry: 'shop/orders'",
        ),
        ({"registry": "https://example.com"}, "'registry' is a registry host"),
        ({"registry": "example.com/shop"}, "'registry' is a registry host"),
        ({"tags": "v1\nnot a tag"}, "'not a tag' is not one"),
        ({"tags": 129 * "x"}, "'tags' holds image tags"),
        ({"aws-region": "Ireland"}, "'aws-region' is an AWS Region"),
        ({"role-to-assume": "deploy"}, "'role-to-assume' is a role's ARN"),
        ({"role-to-assume": "arn:aws:iam::123456789012:user/ci"}, "'role-to-assume' is a role's ARN"),
        ({"role-session-name": "a b"}, "'role-session-name' is 2 to 64"),
        ({"role-session-name": "ïïï"}, "'role-session-name' is 2 to 64"),
        ({"role-to-assume": "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/ci"}, "'role-to-assume' is a role's ARN"),  # other digits
        ({"role-duration-seconds": "899"}, "not '899'"),
        ({"role-duration-seconds": "1h"}, "'role-duration-seconds' is a whole number"),
        ({"wait-timeout": "0"}, "not '0'"),
        ({"wait-timeout": "-1"}, "'wait-timeout' is a whole number"),
        ({"wait-timeout": "1.5"}, "'wait-timeout' is a whole number"),
        ({"wait-timeout": "²"}, "'wait-timeout' is a whole number"),
        ({"wait-timeout": 5000 * "9"}, "'wait-timeout'"),
        ({"functionname": "x"}, "'functionname' is not an input of this action; did you mean 'function-name'?"),
        ({"allias": "x"}, "'allias' is not an input of this action; did you mean 'alias'?"),
        ({"function_name": "x"}, "'function_name' is not an input of this action; did you mean 'function-name'?"),
    ],
)
def test_each_mistake_is_one_problem(workspace: Path, given: dict[str, str], words: str) -> None:
    problems = problems_of(workspace, given)

    assert len(problems) == 1, problems
    assert words in problems[0]


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("AWS_REGION", "'aws-region' is required where the environment has no AWS_REGION."),
        ("GITHUB_SHA", "'tags' is required where neither a checkout nor GITHUB_SHA names the commit."),
    ],
)
def test_what_neither_inputs_nor_environment_have_is_a_problem(workspace: Path, missing: str, words: str) -> None:
    assert problems_of(workspace, {}, **{missing: ""}) == (words,)


def test_all_problems_are_told_at_once(workspace: Path) -> None:
    given = {
        "mode": "destroy",
        "function-name": "a b",
        "platform": "x",
        "publish": "x",
        "wait-timeout": "x",
        "tags": "a b",
    }
    with pytest.raises(InputError) as caught:
        parse(workspace, given)

    text = str(caught.value)
    assert len(caught.value.problems) == len(given)
    assert text.startswith("6 inputs are wrong:\n- ")
    assert all(f"'{name}'" in text for name in given)


@pytest.mark.parametrize(
    "names", ["orders {n}", "orders-{n}\narn:aws:lambda:eu-west-1:123456789012:function:orders-{n}"]
)
def test_more_problems_than_anybody_reads_are_neither_looked_for_nor_told(workspace: Path, names: str) -> None:
    begin = time.monotonic()
    problems = problems_of(workspace, {"function-name": "\n".join(names.format(n=n) for n in range(20_000))})

    assert time.monotonic() - begin < 5
    assert len(problems) == 101
    assert problems[-1] == "There may be more problems: fix these first."


def test_a_flag_is_checked_even_if_nothing_depends_on_it(workspace: Path) -> None:
    assert (
        len(problems_of(workspace, {"mode": "build", "function-name": "", "repository": "orders", "publish": "x"})) == 1
    )
    assert len(problems_of(workspace, {"function-name": "one two", "publish": "x"})) == 2
