import string
from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.errors import InputError
from ecr_lambda_deploy.inputs import INPUTS, parse_inputs

_VALUES = st.text(max_size=200) | st.sampled_from(
    [
        "deploy",
        "build",
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
