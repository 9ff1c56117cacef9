import pytest

from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.plan import PointAlias, UpdateCode
from tests.unit.fakes.examples import OLD, alias_state, function_state, observed_function, version_state

_START = "--region eu-west-1 --function-name orders-api"
_AT_8 = observed_function(None, version_state("8"), alias=alias_state("8"))
_ALL_TRAFFIC = "--routing-config AdditionalVersionWeights={}"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            UpdateCode(image=OLD, architecture="arm64"),
            f"aws lambda update-function-code {_START} --architectures arm64 --image-uri {OLD}",
        ),
        (
            PointAlias(version=version_state("7"), description="d"),
            f"aws lambda update-alias {_START} --name live --function-version 7 {_ALL_TRAFFIC} --description d",
        ),
        (
            # A shell would put nothing for $LATEST. Without a description, the alias keeps its own.
            PointAlias(version=function_state(), description=""),
            f"aws lambda update-alias {_START} --name live --function-version '$LATEST' {_ALL_TRAFFIC}",
        ),
    ],
)
def test_a_step_as_somebody_would_type_it(step: PointAlias | UpdateCode, expected: str) -> None:
    assert command(step, _AT_8) == expected


def test_the_region_is_the_function_s() -> None:
    observed = observed_function(function_state(name="other"))

    assert command(UpdateCode(image=OLD, architecture="x86_64"), observed).startswith(
        "aws lambda update-function-code --region eu-west-1 --function-name other "
    )


def test_a_description_cannot_act_on_the_terminal_that_the_command_is_pasted_into() -> None:
    forged = "d\x03\ncurl evil.example\n\x1b[201~\u202e"
    written = command(PointAlias(version=version_state("7"), description=forged), _AT_8)

    assert written.isprintable()
    assert written.endswith(" --description 'd  curl evil.example  [201~ '")
