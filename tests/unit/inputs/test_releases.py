"""Inputs that say how an image is released, and what a rollback goes back to."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.parse import parse_inputs
from ecr_lambda_deploy.inputs.reader import InputReader
from ecr_lambda_deploy.inputs.table import INPUTS
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.targets import EarlierRelease, Expectation, FunctionTarget, Mode, SmokeTest, TrafficStep
from tests.unit.inputs.given_inputs import parse, problems_of

_SHA = 40 * "c"
_DIGEST = f"sha256:{64 * 'a'}"


def _target(workspace: Path, given: Mapping[str, str]) -> FunctionTarget:
    (target,) = parse(workspace, given).images[0].functions
    return target


def test_a_release_with_everything_but_a_function_to_create(workspace: Path) -> None:
    given = {
        "alias": "live",
        "smoke-event": '{"ping": true}',
        "smoke-expect": '{"status": 200}',
        "traffic": "10% 5m, 50% 10m",
        "max-error-rate": "0.5%",
        "alarms": "orders errors\n orders/latency ",
        "on-failure": "keep",
        "allow-stale": "true",
    }

    assert _target(workspace, given) == FunctionTarget(
        name="orders-api",
        publish=True,
        alias="live",
        smoke_test=SmokeTest(event='{"ping": true}', expect=Expectation(value={"status": 200})),
        traffic=(TrafficStep(weight=0.1, seconds=300), TrafficStep(weight=0.5, seconds=600)),
        alarms=("orders errors", "orders/latency"),
        max_error_rate=0.005,
        creation=None,
        reverts=False,
        allows_stale=True,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10% 5m", ((0.1, 300),)),
        ("10 %  5m", ((0.1, 300),)),
        ("5% 1h30m,50% 90s", ((0.05, 5400), (0.5, 90))),
        ("1% 1s\n99% 2s\n", ((0.01, 1), (0.99, 2))),
        ("0.5% 1m, 99.9999% 1m", ((0.005, 60), (0.999999, 60))),
        ("10% 5m, 100% 15m", ((0.1, 300), (1, 900))),
        ("100 % 1m", ((1, 60),)),
    ],
)
def test_steps_of_traffic(workspace: Path, text: str, expected: tuple[tuple[float, float], ...]) -> None:
    traffic = _target(workspace, {"alias": "live", "traffic": text}).traffic

    assert [step.weight for step in traffic] == pytest.approx([weight for weight, _ in expected])
    assert [step.seconds for step in traffic] == [seconds for _, seconds in expected]


@pytest.mark.parametrize(
    ("text", "rate"), [("1%", 0.01), ("0.25 %", 0.0025), ("0%", 0.0), ("99.9999%", 0.999999), ("", None)]
)
def test_rates_of_errors(workspace: Path, text: str, rate: float | None) -> None:
    given = {"alias": "live", "traffic": "10% 5m", "max-error-rate": text}

    assert _target(workspace, given).max_error_rate == (None if rate is None else pytest.approx(rate))


@pytest.mark.parametrize("alias", ["live", "v1", "1-a", "_", 128 * "x"])
def test_aliases_that_are_accepted(workspace: Path, alias: str) -> None:
    assert _target(workspace, {"alias": alias}).alias == alias


@pytest.mark.parametrize("event", ["{}", "[]", '"text"', "5", "true", "null", ' {"a":\n 1}'])
def test_an_event_can_be_given_as_json_and_is_sent_as_it_is(workspace: Path, event: str) -> None:
    assert _target(workspace, {"smoke-event": event}).smoke_test == SmokeTest(event=event.strip())


@pytest.mark.parametrize("path", ["events/ping.json", "./events/../events/ping.json"])
def test_an_event_can_be_a_file(workspace: Path, path: str) -> None:
    (workspace / "events").mkdir()
    (workspace / "events/ping.json").write_text('{"ping": "ü"}\n', encoding="utf-8")

    assert _target(workspace, {"smoke-event": path}).smoke_test == SmokeTest(event='{"ping": "ü"}\n')


def test_an_event_of_many_functions_is_read_once(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    read_file = InputReader.read_file

    def spy(reader: InputReader, name: str, path: Path, *, most: int) -> bytes | None:
        read.append(path)
        return read_file(reader, name, path, most=most)

    monkeypatch.setattr(InputReader, "read_file", spy)
    (workspace / "ping.json").write_text("{}")
    (workspace / "wrong.json").write_text("{")
    names = {"function-name": "a\nb\nc"}

    functions = parse(workspace, {**names, "smoke-event": "ping.json"}).images[0].functions
    problems = problems_of(workspace, {**names, "smoke-event": "wrong.json"})

    assert [function.smoke_test for function in functions] == 3 * [SmokeTest(event="{}")]
    assert len(problems) == 1
    assert read == [workspace / "ping.json", workspace / "wrong.json"]


@pytest.mark.parametrize(("expect", "value"), [("null", None), ("false", False), ("0", 0), ('""', "")])
def test_nothing_much_can_be_expected_too(workspace: Path, expect: str, value: object) -> None:
    test = _target(workspace, {"smoke-event": "{}", "smoke-expect": expect}).smoke_test

    assert test == SmokeTest(event="{}", expect=Expectation(value=value))


def test_parameters_of_a_creation_keep_their_names_and_types(workspace: Path) -> None:
    text = "Role: arn:aws:iam::123456789012:role/orders\nEnvironment:\n  Variables: { STAGE: prod }\nTimeout: 10"

    assert _target(workspace, {"create-function": text}).creation == {
        "Role": "arn:aws:iam::123456789012:role/orders",
        "Environment": {"Variables": {"STAGE": "prod"}},
        "Timeout": 10,
    }


@pytest.mark.parametrize("to", ["previous", "7", "1234567890", "c0ffee0", _SHA, _DIGEST])
def test_what_a_rollback_can_go_back_to(workspace: Path, to: str) -> None:
    inputs = parse(workspace, {"mode": "rollback", "rollback-to": to, "alias": "live"})

    assert (inputs.mode, inputs.images[0].source) == (Mode.ROLLBACK, EarlierRelease(to=to))
    assert inputs.images[0].functions == (FunctionTarget(name="orders-api", alias="live"),)


def test_a_rollback_goes_to_the_previous_release_if_nothing_else_is_said(workspace: Path) -> None:
    assert parse(workspace, {"mode": "rollback"}).images[0].source == EarlierRelease(to="previous")


def test_a_rollback_needs_neither_a_checkout_nor_a_commit(tmp_path: Path) -> None:
    image = parse(tmp_path / "nothing", {"mode": "rollback"}, GITHUB_SHA="").images[0]

    assert (image.source, image.tags) == (EarlierRelease(), ())


_IMAGE_INPUTS = [
    {"context": "services/orders"}, {"dockerfile": "Dockerfile"}, {"target": "final"}, {"build-args": "A=1"},
    {"build-contexts": "base=docker-image://alpine"}, {"labels": "a=1"}, {"secrets": "token=1"},
    {"set": "network=host"}, {"pull": "true"}, {"no-cache": "true"}, {"cache": "auto"},
    {"cache-from": "type=inline"}, {"cache-to": "type=inline"}, {"builder": "tcp://buildkit.example:1234"},
    {"provenance": "true"}, {"sbom": "true"}, {"reuse": "never"}, {"docker-auth": '{"auths": {}}'},
    {"platform": "linux/arm64"}, {"image-uri": "localhost:4566/orders:v1"}, {"promote-from": "orders-dev"},
]  # fmt: skip


@pytest.mark.parametrize("given", _IMAGE_INPUTS, ids=lambda given: next(iter(given)))
def test_a_rollback_takes_no_input_of_an_image(workspace: Path, given: dict[str, str]) -> None:
    (name,) = given

    assert problems_of(workspace, {"mode": "rollback", **given}) == (
        f"'{name}' does not go with mode: rollback, which brings back an image as it was.",
    )


def test_what_an_image_has_by_default_can_be_given_with_a_rollback(workspace: Path) -> None:
    defaults = {name: default for name, default in INPUTS.items() if default and name != "mode"}

    assert parse(workspace, {**defaults, "mode": "rollback"}) == parse(workspace, {"mode": "rollback"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        # What excludes or needs what.
        ({"rollback-to": "7"}, "'rollback-to' goes with mode: rollback only"),
        (
            {"mode": "build", "function-name": "", "repository": "orders", "rollback-to": "7"},
            "'rollback-to' goes with mode: rollback only",
        ),
        ({"mode": "rollback", "function-name": ""}, "'function-name' is required"),
        ({"alias": "live", "publish": "false"}, "'alias' needs 'publish: true'"),
        ({"traffic": "10% 5m"}, "'traffic' needs 'alias'"),
        ({"alias": "live", "alarms": "errors"}, "'alarms' needs 'traffic'"),
        ({"alias": "live", "max-error-rate": "1%"}, "'max-error-rate' needs 'traffic'"),
        *(
            ({"alias": "live", "traffic": "10% 5m", "max-error-rate": rate}, f"such as 1% or 0.5%, not '{rate}'")
            for rate in ("1", "0.01", "100%", "-1%", "1 percent", "٢%", ".5%", "1,5%")
        ),
        ({"smoke-expect": "{}"}, "'smoke-expect' needs 'smoke-event'"),
        # Values that cannot be.
        ({"alias": "7"}, "'alias' is an alias's name such as live, not '7'"),
        ({"alias": "$LATEST"}, "'alias' is an alias's name"),
        ({"alias": "live:7"}, "'alias' is an alias's name"),
        ({"alias": 129 * "x"}, "'alias' is an alias's name"),
        ({"alias": "lïve"}, "'alias' is an alias's name"),
        ({"alias": "live", "traffic": "10%"}, "'10%' is not one"),
        ({"alias": "live", "traffic": "5m"}, "'5m' is not one"),
        ({"alias": "live", "traffic": "10% 5"}, "'10% 5' is not one"),
        ({"alias": "live", "traffic": "10% 5 m"}, "'10% 5 m' is not one"),
        ({"alias": "live", "traffic": "0% 5m"}, "'0% 5m' is not one"),
        ({"alias": "live", "traffic": "101% 5m"}, "'101% 5m' is not one"),
        ({"alias": "live", "traffic": "100.5% 5m"}, "'100.5% 5m' is not one"),
        ({"alias": "live", "traffic": "100% 5m, 50% 5m"}, "rises from step to step; '50% 5m' does not"),
        ({"alias": "live", "traffic": "100% 5m, 100% 5m"}, "rises from step to step; '100% 5m' does not"),
        ({"alias": "live", "traffic": "-1% 5m"}, "'-1% 5m' is not one"),
        ({"alias": "live", "traffic": "٢% 5m"}, "'٢% 5m' is not one"),
        ({"alias": "live", "traffic": "50% 5m, 10% 5m"}, "rises from step to step; '10% 5m' does not"),
        ({"alias": "live", "traffic": "10% 5m, 10% 5m"}, "rises from step to step; '10% 5m' does not"),
        ({"alias": "live", "traffic": "10% 5m", "alarms": 256 * "x"}, "'alarms' holds names of CloudWatch alarms"),
        (
            {"alias": "live", "traffic": "10% 5m", "alarms": "\n".join(map(str, range(101)))},
            "'alarms' holds 100 names at most, not 101",
        ),
        ({"smoke-event": '{"ping": '}, "'smoke-event' is not JSON"),
        ({"smoke-event": "[1,]"}, "'smoke-event' is not JSON"),
        ({"smoke-event": "events/nothing.json"}, "'events/nothing.json': No such file or directory"),
        ({"smoke-event": "services"}, "'services': Is a directory"),
        ({"smoke-event": "Dockerfile"}, "the file 'Dockerfile', which is not JSON"),
        ({"smoke-event": "../event.json"}, "'../event.json' leaves the workspace"),
        ({"smoke-event": "/etc/hostname"}, "'/etc/hostname' leaves the workspace"),
        ({"smoke-event": "{}", "smoke-expect": "{'status': 200}"}, "'smoke-expect' is not JSON"),
        ({"smoke-event": "NaN"}, "'smoke-event'"),
        ({"smoke-event": '{"ratio": Infinity}'}, "'smoke-event' is not JSON"),
        ({"smoke-event": "{}", "smoke-expect": "NaN"}, "'smoke-expect' is not JSON"),
        ({"smoke-event": 2000 * "["}, "'smoke-event'"),  # deeper than json reads
        ({"smoke-event": "{}", "smoke-expect": 2000 * "["}, "'smoke-expect'"),
        ({"create-function": "Role: x\n  MemorySize: 1"}, "'create-function' is not YAML: "),
        ({"create-function": "Timeout: 5"}, "'create-function' has no Role"),
        ({"create-function": "Role: ''"}, "'create-function' has no Role"),
        ({"create-function": "[a, b]"}, "'create-function' is a YAML mapping"),
        ({"create-function": "Role"}, "'create-function' is a YAML mapping"),
        ({"create-function": "1: x"}, "'create-function' is a YAML mapping"),
        ({"create-function": "a: 1\n---\nb: 2"}, "'create-function' is not YAML"),
        ({"create-function": "a: !!python/object:os.system x"}, "'create-function' is not YAML"),
        ({"create-function": "a: 2026-13-45"}, "'create-function' is not YAML"),  # a date that there is not
        ({"create-function": "a: !!int x"}, "the tag tag:yaml.org,2002:int is not supported"),
        ({"create-function": "a: !!timestamp x"}, "the tag tag:yaml.org,2002:timestamp is not supported"),
        ({"create-function": "a: !!bool x"}, "the tag tag:yaml.org,2002:bool is not supported"),
        ({"create-function": "a: !!int ''"}, "the tag tag:yaml.org,2002:int is not supported"),
        ({"create-function": "a: !!set {b}"}, "the tag tag:yaml.org,2002:set is not supported"),
        ({"create-function": "!!omap a: b"}, "the tag tag:yaml.org,2002:omap is not supported"),
        ({"create-function": "a: !b c"}, "the tag !b is not supported"),
        ({"create-function": "a: " + 5000 * "9"}, "'create-function'"),  # longer than int() reads
        ({"create-function": f"Timeout: 1{400 * ':1'}.5"}, "'create-function' is not YAML"),  # in base 60
        ({"create-function": 2000 * "["}, "'create-function' is nested too deeply"),
        ({"create-function": "Tags: &a {b: c}\nEnvironment: *a"}, "the alias *a is not supported"),
        ({"create-function": "Environment: &a {Variables: *a}"}, "the alias *a is not supported"),
        ({"on-failure": "revert it"}, "'on-failure' is one of revert, keep, not 'revert it'"),
        ({"allow-stale": "yes"}, "'allow-stale' is true or false"),
        ({"mode": "rollback", "rollback-to": "abc"}, "'rollback-to' is previous, a version's number"),
        ({"mode": "rollback", "rollback-to": "abcdef"}, "'rollback-to' is previous"),  # 6 digits
        ({"mode": "rollback", "rollback-to": "C0FFEE0"}, "in lower case"),
        ({"mode": "rollback", "rollback-to": 41 * "c"}, "'rollback-to' is previous"),
        ({"mode": "rollback", "rollback-to": "sha256:abc"}, "'rollback-to' is previous"),
        ({"mode": "rollback", "rollback-to": "$LATEST"}, "'rollback-to' is previous"),
        ({"mode": "rollback", "rollback-to": "-1"}, "'rollback-to' is previous"),
    ],
)
def test_each_mistake_is_one_problem(workspace: Path, given: dict[str, str], words: str) -> None:
    problems = problems_of(workspace, given)

    assert len(problems) == 1, problems
    assert words in problems[0]


def test_what_is_not_yaml_is_told_with_its_line(workspace: Path) -> None:
    (problem,) = problems_of(workspace, {"create-function": "Role: x\nTimeout: 3\nTags: [a, b"})

    assert "at line 3, column" in problem


@pytest.mark.parametrize("name", ["alias", "traffic", "smoke-expect", "on-failure", "allow-stale", "create-function"])
def test_an_input_of_a_release_is_checked_even_if_there_is_nothing_to_release_to(workspace: Path, name: str) -> None:
    wrong = {
        "alias": "$LATEST",
        "traffic": "x",
        "smoke-expect": "x",
        "on-failure": "x",
        "allow-stale": "x",
        "create-function": "x",
    }
    given = {"mode": "build", "function-name": "", "repository": "orders", "smoke-event": "{}", name: wrong[name]}

    assert any(f"'{name}'" in problem for problem in problems_of(workspace, given))


def test_rule_6_events_do_not_fill_the_memory(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecr_lambda_deploy.inputs.releases._MOST_EVENTS", 1000)
    (workspace / "event.json").write_text(f'"{500 * "x"}"')
    paths = [f"{number * './'}event.json" for number in range(1, 5)]
    (workspace / "deploy.yaml").write_text(
        "version: 1\nimages:\n  orders:\n    dockerfile: event.json\n    functions:\n"
        + "".join(f"    - {{ name: f{n}, smoke-event: {path} }}\n" for n, path in enumerate([paths[0], *paths]))
    )
    with pytest.raises(InputError) as caught:
        parse_inputs(
            {"manifest": "deploy.yaml"},
            {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": 40 * "c", "AWS_REGION": "eu-west-1"},
        )
    assert [problem.partition(": ")[2] for problem in caught.value.problems] == [
        "'smoke-event' makes the events of this run more than 1,000 characters: let functions share them."
    ] * 2


def test_rule_6_a_number_in_base_60_is_refused_in_time(workspace: Path) -> None:
    started = time.process_time()

    problems = problems_of(workspace, {"create-function": f"Timeout: 1:30\nMemorySize: 1{300_000 * ':59'}"})

    assert problems == ("'create-function' is not YAML: a number is too long: put it in quotes at line 2, column 13.",)
    assert time.process_time() - started < 5
