import string
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.errors import InputError
from ecr_lambda_deploy.inputs import INPUTS, Inputs, parse_inputs
from ecr_lambda_deploy.model import Build, FunctionTarget, ImageTarget, Mode, RoleToAssume

_COMMIT = 40 * "c"
_ROLE = "arn:aws:iam::123456789012:role/ci/deploy"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    for path in ("Dockerfile", "services/orders/Dockerfile", "docker/orders.Dockerfile"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("FROM scratch\n")
    return folder


def _environment(workspace: Path) -> dict[str, str]:
    return {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": _COMMIT, "AWS_REGION": "eu-west-1"}


def _parse(workspace: Path, given: Mapping[str, str], **environment: str) -> Inputs:
    return parse_inputs({"function-name": "orders-api", **given}, {**_environment(workspace), **environment})


def _problems(workspace: Path, given: Mapping[str, str], **environment: str) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        _parse(workspace, given, **environment)
    return caught.value.problems


def test_the_function_name_alone_is_enough(workspace: Path) -> None:
    assert _parse(workspace, {}) == Inputs(
        mode=Mode.DEPLOY,
        image=ImageTarget(
            build=Build(context=workspace, dockerfile=workspace / "Dockerfile"),
            repository="",
            registry="",
            tags=(_COMMIT,),
            functions=(FunctionTarget(name="orders-api", publish=True),),
        ),
        region="eu-west-1",
        role=None,
        wait_timeout=600,
    )


def test_every_input_is_read(workspace: Path) -> None:
    given = {
        "mode": "deploy",
        "context": "services/orders",
        "dockerfile": "docker/orders.Dockerfile",
        "target": "final",
        "build-args": "A=1\n B=two words \n\nC=x=y\nD=",
        "labels": "team=shop\nempty",
        "platform": "linux/arm64",
        "set": "network=host\nextra-hosts.db=10.0.0.1\nssh=default\nssh+=key=/run/key\nextra-hosts.b=10.0.0.2",
        "pull": "true",
        "no-cache": "TRUE",
        "repository": "shop/orders",
        "registry": "localhost:4566",
        "tags": "v1\nv1.2\nv1",
        "aws-region": "us-gov-east-1",
        "role-to-assume": _ROLE,
        "role-chaining": "true",
        "role-session-name": "ci@shop",
        "role-duration-seconds": "900",
        "publish": "false",
        "wait-timeout": "1",
    }
    assert {*given, "function-name"} == {*INPUTS}
    assert _parse(workspace, given) == Inputs(
        mode=Mode.DEPLOY,
        image=ImageTarget(
            build=Build(
                context=workspace / "services/orders",
                dockerfile=workspace / "docker/orders.Dockerfile",
                target="final",
                build_args={"A": "1", "B": "two words", "C": "x=y", "D": ""},
                labels={"team": "shop", "empty": ""},
                platform="linux/arm64",
                properties={
                    "network": "host",
                    "extra-hosts": {"db": "10.0.0.1", "b": "10.0.0.2"},
                    "ssh": ["default", "key=/run/key"],
                },
                pull=True,
                no_cache=True,
            ),
            repository="shop/orders",
            registry="localhost:4566",
            tags=("v1", "v1.2"),
            functions=(FunctionTarget(name="orders-api", publish=False),),
        ),
        region="us-gov-east-1",
        role=RoleToAssume(arn=_ROLE, is_chained=True, session_name="ci@shop", duration_seconds=900),
        wait_timeout=1,
    )


def test_an_empty_input_has_its_default(workspace: Path) -> None:
    assert _parse(workspace, dict.fromkeys(set(INPUTS) - {"function-name"}, "  \n")) == _parse(workspace, {})


def test_the_dockerfile_is_looked_for_in_the_context(workspace: Path) -> None:
    build = _parse(workspace, {"context": "services/orders"}).image.build

    assert build.dockerfile == workspace / "services/orders/Dockerfile"


def test_a_build_argument_without_a_value_comes_from_the_environment(workspace: Path) -> None:
    build = _parse(workspace, {"build-args": "TOKEN\nEMPTY\nABSENT\nEMPTIED="}, TOKEN="t=1", EMPTY="").image.build

    assert build.build_args == {"TOKEN": "t=1", "EMPTY": "", "EMPTIED": ""}


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
    assert _parse(workspace, given, **environment).region == expected


@pytest.mark.parametrize(
    "name",
    [
        "orders-api",
        "Orders_API-" + 53 * "x",
        "arn:aws:lambda:eu-west-1:123456789012:function:orders-api",
    ],
)
def test_functions_that_are_accepted(workspace: Path, name: str) -> None:
    assert _parse(workspace, {"function-name": name}).image.functions == (FunctionTarget(name=name),)


def test_mode_build_needs_no_function(workspace: Path) -> None:
    inputs = _parse(workspace, {"mode": "build", "function-name": "", "repository": "orders"})

    assert (inputs.mode, inputs.image.functions) == (Mode.BUILD, ())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        # What excludes or needs what.
        ({"function-name": ""}, "'function-name' is required"),
        ({"function-name": "one\ntwo"}, "names one Lambda function; 2 given"),
        ({"mode": "build", "repository": "orders"}, "'function-name' does not go with mode: build"),
        ({"mode": "build", "function-name": ""}, "'repository' is required with mode: build"),
        ({"role-chaining": "true"}, "'role-chaining' needs 'role-to-assume'"),
        # Values that cannot be.
        ({"mode": "destroy"}, "'mode' is one of deploy, build, not 'destroy'"),
        ({"function-name": "orders api"}, "not 'orders api'"),
        ({"function-name": "orders-api:live"}, "without version or alias"),
        ({"function-name": 65 * "x"}, "'function-name' is a Lambda function's name"),
        ({"function-name": "arn:aws:lambda:eu-west-1:123456789012:function:orders-api:1"}, "without version or alias"),
        (
            {"function-name": "arn:aws:lambda:us-east-1:123456789012:function:orders-api"},
            "is in us-east-1, but the Region of this run is eu-west-1",
        ),
        ({"context": "services/nothing"}, "'context' 'services/nothing' is no folder of the workspace."),
        ({"context": "Dockerfile"}, "'context' 'Dockerfile' is no folder"),
        ({"context": "docker"}, "'dockerfile' 'docker/Dockerfile' is no file"),
        ({"dockerfile": "docker"}, "'dockerfile' 'docker' is no file"),
        ({"build-args": "=value"}, "'=value' is not one"),
        ({"build-args": "two words=value"}, "'two words=value' is not one"),
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
        ({"role-duration-seconds": "899"}, "900 or more, not '899'"),
        ({"role-duration-seconds": "1h"}, "'role-duration-seconds' is a whole number"),
        ({"wait-timeout": "0"}, "1 or more, not '0'"),
        ({"wait-timeout": "-1"}, "'wait-timeout' is a whole number"),
        ({"wait-timeout": "1.5"}, "'wait-timeout' is a whole number"),
        ({"wait-timeout": "²"}, "'wait-timeout' is a whole number"),
        ({"wait-timeout": 5000 * "9"}, "'wait-timeout'"),
        ({"functionname": "x"}, "'functionname' is not an input of this action; did you mean 'function-name'?"),
        ({"zzz": "x"}, "'zzz' is not an input of this action."),
    ],
)
def test_each_mistake_is_one_problem(workspace: Path, given: dict[str, str], words: str) -> None:
    problems = _problems(workspace, given)

    assert len(problems) == 1, problems
    assert words in problems[0]


@pytest.mark.parametrize(
    "name",
    [
        "args.A", "attest", "cache-to", "call", "context", "dockerfile", "labels.a", "load", "no-cache", "output",
        "output+", "platform", "platform+", "pull", "push", "secret", "tags", "tags+", "target",
    ],
)  # fmt: skip
def test_set_cannot_change_what_the_run_decides_on(workspace: Path, name: str) -> None:
    (problem,) = _problems(workspace, {"set": f"{name}=x"})

    assert problem.endswith(f"'{name}=x' is none of them.")


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("AWS_REGION", "'aws-region' is required where the environment has no AWS_REGION."),
        ("GITHUB_SHA", "'tags' is required where the environment has no GITHUB_SHA."),
    ],
)
def test_what_neither_inputs_nor_environment_have_is_a_problem(workspace: Path, missing: str, words: str) -> None:
    assert _problems(workspace, {}, **{missing: ""}) == (words,)


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
        _parse(workspace, given)

    text = str(caught.value)
    assert len(caught.value.problems) == len(given)
    assert text.startswith("6 inputs are wrong:\n- ")
    assert all(f"'{name}'" in text for name in given)


def test_a_flag_is_checked_even_if_nothing_depends_on_it(workspace: Path) -> None:
    assert (
        len(_problems(workspace, {"mode": "build", "function-name": "", "repository": "orders", "publish": "x"})) == 1
    )
    assert len(_problems(workspace, {"function-name": "one\ntwo", "publish": "x"})) == 2


@pytest.mark.parametrize("workspace_exists", [True, False])
def test_an_empty_workspace_hints_at_the_checkout(tmp_path: Path, workspace_exists: bool) -> None:
    workspace = tmp_path / "workspace"
    if workspace_exists:
        workspace.mkdir()

    (problem,) = _problems(workspace, {"context": "." if workspace_exists else "services"})

    assert "is an actions/checkout step missing before this one?" in problem


def test_a_workspace_with_files_does_not_hint_at_the_checkout(workspace: Path) -> None:
    (problem,) = _problems(workspace, {"context": "nothing"})

    assert "checkout" not in problem


@pytest.mark.parametrize("name", ["context", "dockerfile"])
@pytest.mark.parametrize("way", ["above", "absolute", "symlink"])
def test_a_path_cannot_leave_the_workspace(workspace: Path, name: str, way: str) -> None:
    elsewhere = workspace.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Dockerfile").write_text("FROM scratch\n")
    (workspace / "link").symlink_to(elsewhere)
    folder = {"above": "../elsewhere", "absolute": str(elsewhere), "symlink": "link"}[way]
    value = folder if name == "context" else f"{folder}/Dockerfile"

    (problem,) = _problems(workspace, {name: value})
    assert problem.startswith(f"'{name}' ")
    assert problem.endswith(f"{Path(value).name}' leaves the workspace.")


def test_the_default_dockerfile_cannot_leave_the_workspace_either(workspace: Path) -> None:
    secret = workspace.parent / "secret"
    secret.write_text("secret")
    (workspace / "services/orders/Dockerfile").unlink()
    (workspace / "services/orders/Dockerfile").symlink_to(secret)

    (problem,) = _problems(workspace, {"context": "services/orders"})
    assert "leaves the workspace" in problem


def test_a_symlink_within_the_workspace_is_fine(workspace: Path) -> None:
    (workspace / "link").symlink_to(workspace / "services/orders")

    assert _parse(workspace, {"context": "link"}).image.build.context == workspace / "link"


def test_a_symlinked_workspace_is_fine(workspace: Path) -> None:
    link = workspace.parent / "link"
    link.symlink_to(workspace)

    assert _parse(link, {"context": "services/orders"}).image.build.context == link / "services/orders"


_VALUES = st.text(max_size=200) | st.sampled_from(
    ["deploy", "build", "true", ".", "..", "/", "orders", "linux/arm64", "900", "A=1\n=\nB", _ROLE, "../" * 300 + "x"]
)


@given(
    given=st.dictionaries(st.sampled_from(list(INPUTS)) | st.text(string.ascii_lowercase + "-"), _VALUES),
    environment=st.dictionaries(st.sampled_from(["AWS_REGION", "GITHUB_SHA", "AWS_DEFAULT_REGION", "B"]), _VALUES),
)
@example(given={"context": 300 * "x"}, environment={})  # longer than a file's name may be
@example(given={"dockerfile": 5000 * "x"}, environment={})
@example(given={"wait-timeout": 5000 * "9"}, environment={})  # longer than int() reads
@example(given={"wait-timeout": "600\u2028"}, environment={})
@example(given={"context": "\x00"}, environment={})
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_no_text_is_more_than_a_wrong_input(
    workspace: Path, given: dict[str, str], environment: dict[str, str]
) -> None:
    try:
        inputs = parse_inputs(given, {**environment, "GITHUB_WORKSPACE": str(workspace)})
    except InputError as error:
        assert error.problems  # noqa: PT017 # either way of ending is right
    else:
        assert inputs.image.build.dockerfile.is_file()
        assert float(inputs.wait_timeout) >= 1


def test_a_loop_of_symlinks_is_a_wrong_input(workspace: Path) -> None:
    (workspace / "loop").symlink_to("loop")

    assert _problems(workspace, {"context": "loop"})
