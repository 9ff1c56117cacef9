import string
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.inputs.parse import parse_inputs
from ecr_lambda_deploy.inputs.table import INPUTS
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.targets import Build, EarlierRelease, ExistingImage, Mode, ServedImage

_VALUES = st.text(max_size=200) | st.sampled_from(
    [
        "deploy",
        "build",
        "rollback",
        "true",
        ".",
        "..",
        "/",
        "orders",
        "linux/arm64",
        "900",
        "A=1\n=\nB",
        "arn:aws:iam::123456789012:role/deploy",
        "../" * 300 + "x",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders:v1",
        "orders-dev:live",
        "live",
        "10% 5m, 50% 1h",
        "Dockerfile",
        "{a: 2026-13-45}",
        'token="a\n""b""',
        "docker-container://builder",
        '{"auths": {"registry.example": {"auth": "bWU6aXQ="}}}',
    ]
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
@example(given={"docker-auth": "[" * 2000}, environment={})  # deeper than json reads
@example(given={"docker-auth": '{"auths": {"": {"auth": "ü"}}}'}, environment={})
@example(given={"secrets": '"'}, environment={})
@example(given={"build-contexts": "a=\x00"}, environment={})
@example(given={"build-contexts": "a=" + 300 * "x"}, environment={})
@example(given={"image-uri": "x"}, environment={})
@example(given={"smoke-event": "[" * 2000}, environment={})
@example(given={"smoke-event": "\x00"}, environment={})
@example(given={"smoke-event": 300 * "x"}, environment={})
@example(given={"smoke-event": "{}", "smoke-expect": "[" * 2000}, environment={})
@example(given={"create-function": "a: 2026-13-45"}, environment={})  # a date that there is not
@example(given={"create-function": "{" * 2000}, environment={})
@example(given={"create-function": "a: " + 5000 * "9"}, environment={})  # longer than int() reads
@example(given={"create-function": "? [a]\n: b"}, environment={})
@example(given={"create-function": "a: \x00"}, environment={})
@example(given={"traffic": 5000 * "9" + "% 1m"}, environment={})
@example(given={"promote-from": ":"}, environment={})
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_no_text_is_more_than_a_wrong_input(
    workspace: Path, given: dict[str, str], environment: dict[str, str]
) -> None:
    try:
        inputs = parse_inputs(given, {**environment, "GITHUB_WORKSPACE": str(workspace)})
    except InputError as error:
        assert error.problems  # noqa: PT017 # either way of ending is right
    else:
        match inputs.images[0].source:
            case Build() as build:
                assert build.dockerfile.is_file()
                assert inputs.images[0].tags
            case ExistingImage() as existing:
                assert {"@", ":"} & {*existing.uri.partition("/")[2]}
            case ServedImage() as served:
                assert served.function
            case EarlierRelease() as earlier:
                assert earlier.to
        assert inputs.images[0].repository if inputs.mode is Mode.BUILD else inputs.images[0].functions
        assert all(function.wait_timeout >= 1 for function in inputs.images[0].functions)
