"""What is computed from the runs: their order, medians, ratios, calls."""

from bench.figures import Calls, Figures, Turn, in_turns
from sandbox.aws import Call


def _order(turns: list[Turn]) -> str:
    return " ".join(f"{turn.way[0]}{turn.latency}" for turn in turns)


def test_the_ways_take_turns() -> None:
    assert _order(in_turns(["action", "pipeline", "floor"], [0, 100], 2)) == (
        "a0 p0 f0 a100 p100 f100 a0 p0 f0 a100 p100 f100"
    )


def test_a_way_that_takes_long_has_one_turn() -> None:
    assert _order(in_turns(["action", "pipeline"], [0, 100], 2, {"pipeline": 100})) == "a0 a100 p100 a0 a100"


def test_a_way_that_takes_long_has_no_turn_at_another_latency() -> None:
    assert _order(in_turns(["action", "pipeline"], [20], 2, {"pipeline": 100})) == "a20 a20"


def _figures(*, action: list[float], pipeline: list[float]) -> Figures:
    figures = Figures()
    figures.to_add_to("code", "20.10", "action").seconds[100] = action
    figures.to_add_to("code", "20.10", "pipeline").seconds[100] = pipeline
    return figures


def test_one_slow_run_does_not_count() -> None:
    assert _figures(action=[1.0, 9.0, 1.5], pipeline=[]).of("code", "20.10", "action").median(100) == 1.5


def test_a_ratio_is_of_medians_and_below_one_where_the_action_is_faster() -> None:
    figures = _figures(action=[1.0, 9.0, 1.5], pipeline=[3.0, 2.0, 4.0])

    assert figures.ratio("code", "20.10", 100) == 0.5


def test_there_is_no_ratio_to_what_did_not_run() -> None:
    figures = _figures(action=[1.0], pipeline=[2.0])

    assert figures.ratio("code", "20.10", 0) is None
    assert figures.ratio("code", "20.10", 100, to="floor") is None


def test_only_latencies_that_were_measured_are_shown() -> None:
    figures = _figures(action=[1.0], pipeline=[2.0])
    figures.to_add_to("code", "20.10", "floor").seconds[0] = [1.0]
    figures.to_add_to("code", "current", "action").seconds[20] = [1.0]

    assert figures.latencies("code", "20.10") == [0, 100]


def _call(name: str, at: float, ended: float, *, changing: bool = False, reference: str = "") -> Call:
    service, _, action = name.partition(":")
    return Call(
        service=service,
        action=name if service == "registry" else action,
        parameters={"reference": reference},
        changing=changing,
        at=at,
        ended=ended,
    )


_RELEASE = [
    _call("ecr:GetAuthorizationToken", 0.0, 1.0),
    _call("lambda:GetFunction", 0.1, 1.1),
    _call("registry:PutManifest", 2.0, 3.0, changing=True, reference="src-1"),
    _call("ecr:PutImage", 3.0, 4.0, changing=True),
    _call("lambda:UpdateFunctionCode", 3.0, 4.0, changing=True),
    _call("lambda:GetFunction", 4.0, 5.0),
    _call("lambda:GetFunction", 6.0, 7.0),
    _call("lambda:PublishVersion", 7.0, 8.0, changing=True),
]


def test_calls_side_by_side_are_one_in_series_and_reads_that_wait_are_none() -> None:
    calls = Calls.of(_RELEASE)

    assert (calls.in_series, calls.all, calls.after_push) == (5, 7, 3)
    assert (calls.images, calls.put_images) == (1, 1)


def test_a_cache_that_is_written_beside_the_release_is_no_part_of_its_series() -> None:
    cache = [_call("registry:HeadBlob", at, at + 0.2) for at in (3.1, 4.1, 5.1, 5.5, 8.1)]
    calls = Calls.of([*_RELEASE, *cache, _call("registry:PutManifest", 8.5, 9.0, changing=True, reference="cache-1")])

    assert (calls.in_series, calls.all, calls.after_push, calls.images) == (5, 13, 3, 1)


def test_a_run_that_changes_nothing_is_counted_to_its_end() -> None:
    calls = Calls.of([_call("lambda:GetFunction", 0.0, 1.0), _call("registry:HeadManifest", 2.0, 3.0)])

    assert (calls.in_series, calls.after_push, calls.images) == (2, 0, 0)
