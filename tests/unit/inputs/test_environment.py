"""Rule 1: an ordinary file selects nothing from the environment. And what of that is wrong, or left aside."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.docker.bake import bake_arguments, bake_definition, bake_targets
from ecr_lambda_deploy.docker.cache import choose_cache
from ecr_lambda_deploy.inputs.environment import is_credential
from ecr_lambda_deploy.inputs.parse import Inputs, parse_inputs
from ecr_lambda_deploy.inputs.table import PROPERTIES, TABLE
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.images import BuildOrder
from ecr_lambda_deploy.model.targets import Build
from tests.unit.inputs.given_inputs import parse, parse_build, problems_of

# What a runner or a step before gives this step to log in with, or leads to it.
_CREDENTIALS = [
    "INPUT_SECRETS", "INPUT_DOCKER-AUTH", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN", "ACTIONS_CACHE_URL", "STATE_token", "RUNNER_TRACKING_ID", "RUNNER_TOKEN",
    "GITHUB_TOKEN", "GH_TOKEN", "GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN", "GITEA_TOKEN", "FORGEJO_TOKEN",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_BEARER_TOKEN_BEDROCK", "AWS_SHARED_CREDENTIALS_FILE",
    "DOCKER_AUTH_CONFIG", "BUILDER_NODE_0_AUTH_TLS_KEY", "GIT_AUTH_TOKEN", "BUILDX_BAKE_GIT_AUTH_HEADER",
]  # fmt: skip
_OTHERS = ["HTTP_PROXY", "NPM_TOKEN", "TOKEN", "GITHUB_SHA", "AWS_REGION", "RUNNER_OS", "AWS_KMS_KEY_ID", "INPUTS"]

_IMAGE = "version: 1\nimages:\n  orders:\n    context: services/orders\n    functions: [orders]\n"


def _parse(workspace: Path, manifest: str, environment: Mapping[str, str], given: Mapping[str, str]) -> Inputs:
    (workspace / "deploy.yaml").write_text(manifest)
    runner = {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": 40 * "c", "AWS_REGION": "eu-west-1"}
    return parse_inputs({"manifest": "deploy.yaml", **given}, {**environment, **runner})


@pytest.mark.parametrize("name", [*_CREDENTIALS, *map(str.lower, _CREDENTIALS)])
def test_rule_1_a_build_argument_takes_no_credential_of_the_step(workspace: Path, name: str) -> None:
    given = {"build-args": f"A=1\n {name} ", "role-to-assume": "arn:aws:iam::123456789012:role/deploy"}
    (problem,) = problems_of(workspace, given, **{name: "canary"})

    assert problem == f"'build-args' does not take {name!r} from the environment: that is for the step alone."


@pytest.mark.parametrize("name", _OTHERS)
def test_a_build_argument_takes_any_other_variable(workspace: Path, name: str) -> None:
    build = parse_build(workspace, {"build-args": name}, **{name: "eu-west-3"})

    assert build.build_args == {name: "eu-west-3"}
    assert not is_credential(name)


@pytest.mark.parametrize("key", ["ACTIONS_ID_TOKEN_REQUEST_TOKEN", "HTTP_PROXY", "ABSENT"])
@pytest.mark.parametrize(
    "form", ["{{A: '1', {}: null}}", "{{{}: }}", "[A=1, {}]", "{}", "'\"{}\"'", "|\n      A=1\n      {}", "'${{key}}'"]
)
def test_rule_1_an_ordinary_file_selects_nothing_from_the_environment(workspace: Path, form: str, key: str) -> None:
    manifest = f"{_IMAGE}    build-args: {form.format(key)}\n"
    with pytest.raises(InputError) as caught:
        _parse(workspace, manifest, {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "canary"}, {"vars": f"key={key}"})

    (problem,) = caught.value.problems
    assert problem == (
        f"deploy.yaml:6:5: 'build-args' has no value for '{key}', and a manifest takes none from the environment: "
        f"write {key}: ${{{key}}}, and give {key}=VALUE in the input 'vars'."
    )


# Every way of naming a variable that a program between here and the image could know.
_SPELLINGS = [
    "{}", "{}=", "A={}", "${{{}}}", "$${{{}}}", "${}", "A=$${{{}}}", "%{{{}}}", "A=%{{ if {} }}", "{{{{.Env.{}}}}}",
    "env:{}", "type=env,id=x,env={}", "id=x,env={}", "x,env={}", "src={}", "default={}", "docker-image://x:$${{{}}}",
    "docker-image://x:{}", "type=gha,token=$${{{}}}", "max,env={}", "mode=max,env={}", "generator=$${{{}}}",
    "annotations={}", "description=$${{{}}}", "args.A=$${{{}}}", "ssh={}", "secret=type=env,id=a,env={}", '"A={}"',
    "/proc/self/environ", "../{}", "$({})", "`{}`", "A=\n{}", "A=1\r{}", "A=1\u2028{}", "null", "orders",
]  # fmt: skip
_NAMES = st.sampled_from([*_CREDENTIALS, *_OTHERS])
_TEXTS = _NAMES | st.sampled_from([one.format(name) for one in _SPELLINGS for name in (*_CREDENTIALS, *_OTHERS)])
_VALUES = (
    _TEXTS
    | st.lists(_TEXTS, max_size=3)
    | st.dictionaries(_NAMES, st.none() | _TEXTS, min_size=1, max_size=3)
    | st.dictionaries(_TEXTS, st.none() | _TEXTS, max_size=2)
)
# Those that take many values come more often: a wrong value ends the run.
_FREE = st.sampled_from(["build-args", "labels", "secrets", "build-contexts", "set", "target", "tags", "description"])
_KEYS = _FREE | st.sampled_from([*TABLE, *PROPERTIES, "args", "contexts", "secret", "variable", "inherits"])
_CANARIES = {name: f"canary-{name}" for name in (*_CREDENTIALS, *_OTHERS)}
_EXAMPLES = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=500
)


def _asked_for(inputs: Inputs, workspace: Path) -> str:
    """Return all that is asked of the builder: what was read, bake's definition and its arguments."""
    images = [(image, image.source) for image in inputs.images if isinstance(image.source, Build)]
    orders = [
        BuildOrder(
            name=image.name,
            build=build,
            platform=image.platform or "linux/amd64",
            labels=build.labels,
            repository_uri=f"registry.example/{image.repository}",
            tag="src-1",
        )
        for image, build in images
    ]
    # GitHub's cache is named by `cache: gha`; its token goes to the builder, and into no image.
    token = {"ACTIONS_RUNTIME_TOKEN": "the-token", "ACTIONS_RESULTS_URL": "https://results.example/"}
    environment = {**_CANARIES, **token}
    caches = [choose_cache(one, workspace=workspace, is_inline_only=False, environment=environment) for one in orders]
    targets = bake_targets(orders)
    return f"{inputs!r} {json.dumps(bake_definition(targets, caches))} {bake_arguments(targets)}"


@given(image=st.dictionaries(_KEYS, _VALUES, max_size=3), defaults=st.dictionaries(_KEYS, _VALUES, max_size=1))
@_EXAMPLES
def test_rule_1_no_manifest_brings_a_value_of_the_environment_into_a_build(
    workspace: Path, image: dict[str, object], defaults: dict[str, object]
) -> None:
    whole = {"context": "services/orders", "functions": ["orders"], **image}
    manifest = json.dumps({"version": 1, "defaults": defaults, "images": {"orders": whole}})
    try:
        said = _asked_for(_parse(workspace, manifest, _CANARIES, {"vars": "stage=dev"}), workspace)
    except InputError as error:
        said = str(error)

    assert "canary-" not in said


@given(given=st.dictionaries(_FREE.filter(TABLE.__contains__) | st.sampled_from([*TABLE]), _TEXTS, max_size=3))
@_EXAMPLES
def test_rule_1_no_input_brings_a_credential_of_the_environment_into_a_build(
    workspace: Path, given: dict[str, str]
) -> None:
    runner = {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": 40 * "c", "AWS_REGION": "eu-west-1"}
    try:
        said = _asked_for(parse_inputs({"function-name": "orders", **given}, {**_CANARIES, **runner}), workspace)
    except InputError as error:
        said = str(error)

    assert not [name for name in _CREDENTIALS if f"canary-{name}" in said]


@pytest.mark.parametrize("where", ["manifest", "dockerfile", "context", "build-contexts", "smoke-event"])
def test_rule_1_a_named_pipe_and_a_file_of_the_process_are_not_read(workspace: Path, where: str) -> None:
    """A pipe would be waited for without end; /proc/self/environ has all variables."""
    os.mkfifo(workspace / "pipe")
    (workspace / "link").symlink_to("/proc/self/environ")
    for path in ("pipe", "link", "/proc/self/environ", "../../../../../../../proc/self/environ"):
        value = f"a={path}" if where == "build-contexts" else path
        given = {where: value} | ({"function-name": ""} if where == "manifest" else {})
        (problem,) = problems_of(workspace, given)
        assert problem.startswith(f"'{where}' ")


_ROLE = {"role-to-assume": "arn:aws:iam::123456789012:role/deploy"}
_CHAINED = {**_ROLE, "role-chaining": "true"}
_LOGIN = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret/key+"}
_OTHER_CREDENTIALS = {
    "AWS_PROFILE": "prod",
    "AWS_DEFAULT_PROFILE": "prod",
    "AWS_CONFIG_FILE": "/home/runner/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "/home/runner/.aws/credentials",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/run/secrets/eks.amazonaws.com/serviceaccount/token",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/runner",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/var/run/secrets/token",
}


@pytest.mark.parametrize(("given", "keys"), [(_ROLE, {}), ({}, _LOGIN), (_ROLE, _LOGIN), (_CHAINED, _LOGIN)])
def test_other_credentials_of_the_runner_are_left_aside(
    workspace: Path, given: dict[str, str], keys: dict[str, str]
) -> None:
    left = parse(workspace, given, **_OTHER_CREDENTIALS, **keys).environment

    assert not _OTHER_CREDENTIALS.keys() & left.keys()
    assert keys.items() <= left.items()


@pytest.mark.parametrize("given", [{}, _CHAINED])
def test_what_names_the_only_credentials_stays(workspace: Path, given: dict[str, str]) -> None:
    assert _OTHER_CREDENTIALS.items() <= parse(workspace, given, **_OTHER_CREDENTIALS).environment.items()


@pytest.mark.parametrize("name", ["DOCKER_CONFIG", "DOCKER_CONTEXT"])
def test_docker_s_configuration_of_the_runner_is_left_aside(workspace: Path, name: str) -> None:
    assert name not in parse(workspace, {}, **{name: "/home/runner/.docker"}).environment


_CERTIFICATES = ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]


@pytest.mark.parametrize("name", _CERTIFICATES)
def test_certificates_count_where_they_are(workspace: Path, name: str) -> None:
    (workspace / "ca.pem").touch()
    there, absent = str(workspace / "ca.pem"), "/usr/local/share/ca-certificates/company.crt"

    assert parse(workspace, {}, **{name: there}).environment[name] == there
    for path in (absent, 300 * "x"):
        assert name not in parse(workspace, {}, **{name: path}).environment


@pytest.mark.parametrize("name", [*_LOGIN, "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL", "HTTPS_PROXY"])
@pytest.mark.parametrize("around", ["{}\n", " {}", "\t{}\r\n"])
def test_blanks_around_a_value_of_the_environment_do_not_count(workspace: Path, name: str, around: str) -> None:
    value = {"AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL": "http://localhost:4566"}.get(name, "abc")
    inputs = parse(workspace, {}, **{**_LOGIN, name: around.format(value)})

    assert inputs.environment[name] == value
    assert inputs.region == ("eu-west-3" if name == "AWS_REGION" else "eu-west-1")


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_ENDPOINT_URL", "DOCKER_HOST", "HTTP_PROXY", "SSL_CERT_FILE"])
def test_an_empty_value_is_none(workspace: Path, name: str) -> None:
    assert name not in parse(workspace, {}, **{name: " "}).environment


@pytest.mark.parametrize("name", [*_LOGIN, "AWS_SESSION_TOKEN"])
@pytest.mark.parametrize("value", ["canary\ncanary", "canary canary", '"canary"', "'canary'", "canary…", "canary\x7f"])
def test_a_key_that_cannot_be_one_is_named_without_its_value(workspace: Path, name: str, value: str) -> None:
    (problem,) = problems_of(workspace, {}, **{**_LOGIN, name: value})

    assert problem.startswith(f"'{name}' in the environment has characters that it cannot have")
    assert "canary" not in problem


@pytest.mark.parametrize(
    "value", ["http://", "http://u:canary@[bad", "http://canary:port", "socks5://canary:1080", ":0"]
)
@pytest.mark.parametrize("name", ["HTTP_PROXY", "https_proxy"])
def test_a_proxy_that_cannot_be_one_is_named_without_its_value(workspace: Path, name: str, value: str) -> None:
    (problem,) = problems_of(workspace, {}, **{name: value})

    assert (
        problem == f"'{name}' in the environment is no address of a proxy by HTTP, such as http://proxy.example:3128."
    )


@pytest.mark.parametrize("value", ["proxy:3128", "http://u:p@proxy.example", "10.0.0.1:80", "https://[::1]:3128/"])
def test_a_proxy_needs_no_scheme(workspace: Path, value: str) -> None:
    assert parse(workspace, {}, HTTPS_PROXY=value).environment["HTTPS_PROXY"] == value


@pytest.mark.parametrize(("there", "missing"), [tuple(_LOGIN), tuple(_LOGIN)[::-1]])
@pytest.mark.parametrize("given", [{}, _CHAINED])
def test_half_of_the_keys_is_named(workspace: Path, given: dict[str, str], there: str, missing: str) -> None:
    (problem,) = problems_of(workspace, given, **{there: "canary", missing: ""})

    assert problem.startswith(f"'{there}' is in the environment, and {missing} is not or is empty")
    assert "canary" not in problem
    assert parse(workspace, _ROLE, **{there: "canary"}).role  # which needs none


@pytest.mark.parametrize("region", ["Ireland", "eu-west-1a", "eu_west_1", "eu-west-1 # comment", "<no value>"])
def test_a_region_of_the_environment_that_is_none_is_named(workspace: Path, region: str) -> None:
    (problem,) = problems_of(workspace, {}, AWS_REGION=region)

    assert problem == (
        f"'aws-region' is not given, and the environment's is no AWS Region such as eu-west-1: {region!r}."
    )
    assert parse(workspace, {"aws-region": "eu-west-3"}, AWS_REGION=region).region == "eu-west-3"


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("token", "INPUT_TOKEN in the environment is ignored: there is no input 'token'."),
        (
            "region",
            "INPUT_REGION in the environment is ignored: there is no input 'region'; did you mean 'aws-region'?",
        ),
    ],
)
def test_a_variable_that_is_no_input_of_ours_does_not_end_the_run(workspace: Path, name: str, remark: str) -> None:
    assert parse(workspace, {name: "x"}).remarks == (remark,)
