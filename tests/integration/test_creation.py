"""Parameters of CreateFunction, checked against botocore's model: an error shows a name, and never a value."""

from collections.abc import Iterator

import pytest

from ecr_lambda_deploy.aws.functions import LambdaFunctions
from ecr_lambda_deploy.model.errors import DeployError
from tests.integration.aws_in_memory import aws_of, recorded_aws

_ROLE = "arn:aws:iam::123456789012:role/execution"


@pytest.fixture
def functions(monkeypatch: pytest.MonkeyPatch) -> Iterator[LambdaFunctions]:
    with recorded_aws(monkeypatch) as traffic:
        yield LambdaFunctions(aws_of(traffic))
        assert traffic.requests() == []


def _problems(functions: LambdaFunctions, **parameters: object) -> list[str]:
    with pytest.raises(DeployError) as caught:
        functions.check_creation("orders-api", {"Role": _ROLE, **parameters})
    first, *problems = caught.value.message.split("\n")
    assert first == "'create-function' is not what CreateFunction takes:"
    assert all(problem.startswith("- ") for problem in problems)
    return [problem.removeprefix("- ") for problem in problems]


def test_what_is_right_is_right(functions: LambdaFunctions) -> None:
    parameters = {"MemorySize": 512, "Environment": {"Variables": {"TOKEN": "hunter2"}}, "Tags": {"team": "shop"}}

    functions.check_creation("orders-api", {"Role": _ROLE, **parameters})


_SECRETS = [
    "hunter2",
    "one\ntwo hunter2\nthree",
    "\nhunter2\n",
    "a, value: hunter2, b",
    "until 2027, valid hunter2",
    "x, type: <class 'hunter2'>, y",
    "x, valid types: hunter2",
    "Unknown parameter hunter2",
    "{'Variables': 'hunter2'}",
]


@pytest.mark.parametrize("secret", _SECRETS, ids=repr)
@pytest.mark.parametrize("shape", ["string", "list", "mapping"])
def test_what_a_wrong_value_holds_is_not_shown(functions: LambdaFunctions, secret: str, shape: str) -> None:
    value: object = {"string": secret, "list": [secret, {"a": secret}], "mapping": {"a": secret, "b": [secret]}}[shape]
    problems = _problems(functions, MemorySize=value)

    assert "hunter2" not in "\n".join(problems)
    (problem,) = problems
    assert problem.startswith("Invalid type for parameter MemorySize")
    assert problem.endswith("valid types: <class 'int'>")


@pytest.mark.parametrize("secret", _SECRETS, ids=repr)
def test_several_wrong_values_have_a_line_each(functions: LambdaFunctions, secret: str) -> None:
    problems = _problems(
        functions,
        Environment={"Variables": {"TOKEN": [secret], "KEY": {"a": secret}, "FINE": secret}},
        Timeout=0,
        MemorySize=secret,
        Description=[secret],
    )

    assert "hunter2" not in "\n".join(problems)
    assert sorted(problem.partition(",")[0] for problem in problems) == [
        "Invalid type for parameter Description",
        "Invalid type for parameter Environment.Variables.KEY",
        "Invalid type for parameter Environment.Variables.TOKEN",
        "Invalid type for parameter MemorySize",
        "Invalid value for parameter Timeout",
    ]


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"Environment": {"TOKEN": "hunter2"}}, "Environment.TOKEN is not a parameter; it has Variables."),
        ({"Memory": "hunter2"}, "Memory is not a parameter; did you mean MemorySize?"),
        ({"Handler": "hunter2"}, "Handler must not be given: the image's CMD, or ImageConfig, says it."),
    ],
)
def test_what_is_not_to_be_there_is_named_without_its_value(
    functions: LambdaFunctions, parameters: dict[str, object], words: str
) -> None:
    assert _problems(functions, **parameters) == [words]


def test_a_parameter_that_is_missing_is_named(functions: LambdaFunctions) -> None:
    with pytest.raises(DeployError, match='Missing required parameter in input: "Role"'):
        functions.check_creation("orders-api", {})
