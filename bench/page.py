"""Writes `docs/performance.md` from what was measured."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.chart import Group
from bench.figures import Figures, Measured, Way
from bench.scale import Phase
from bench.targets import Target
from bench.ways import BUILD, LOGIN, RELEASE, UPDATE

WAYS: Mapping[Way, str] = {"action": "action", "pipeline": "pipeline", "floor": "build alone"}
_NONE = "·"
_HEAD = """\
# Performance

What a deployment takes with this action, with a pipeline of the AWS CLI written by hand, and what building and pushing
take alone. `make bench` measures all three in turn and writes this page.

![Seconds for a deployment, with the action, with the pipeline, and for the build alone](images/performance.svg)
"""
_COMPARED = """\
## What is compared

- **action**: the action's own container, started as GitHub's runner starts it. Its image is built before.
- **pipeline**: the commands of the AWS CLI and of docker that are below.
- **build alone**: `buildx build --push`, already logged in. No deployment of a new image takes less, unless it takes
  the image or its cache from the repository.

They use the same engine, registry, account and base image, in turn: one run of the action, one of the pipeline, one of
the build, and again. A first round is thrown away, and a second one counts calls and memory; the rest is timed. Each
way changes the code in its own way, so that none finds what another has built.

- At 0, 20 or 100 ms a call, AWS and registry answer each request so much later, as over a network.
- An update takes Lambda {update} s, whoever asks: less than the AWS CLI needs to start, so `aws lambda wait` finds it
  done at once. A real one takes seconds; then that command, which looks once a second, sees the end of it later.
- Calls are those to AWS and to the registry, without the reads that wait for Lambda. Those in series each began after
  the one before had ended; they are counted until what is deployed serves. Memory is what the processes of a
  way have together; the engine's is not in it.
- Many images are one manifest for the action, and a loop in the shell for the pipeline, which has all to build, push
  and release; it runs once, without the two rounds. All share one build context.
- A rollback by the pipeline is told the version before, and moves the alias. The action finds it out, checks that its
  image is still there, and sets `$LATEST`, too.
- A promotion by the pipeline pulls, tags and pushes the image, and updates the function.
- The engine is the same from run to run, and files that are not changed keep their times, as on a runner of one's own;
  but after a new commit all files have new ones.
- A builder without cache has the base image and nothing that was built, as a runner of GitHub's has it after the pull.
  There the action finds its cache in the repository.

Not measured: a real network and its bandwidth, the pull of base images and of the action's image, the installation of
the programs, and what the real Lambda does to an image before it runs; AWS is the emulator of the
[sandbox](../sandbox/README.md). The AWS CLI is the one that pip installs, in Python; GitHub's runners have version 2,
whose own start takes another time. The pipeline does less: it checks nothing before it changes something, pins no
digest, keeps no history and takes nothing back.

By alias, these are its commands; without one the last three are left out:

```sh
{commands}```
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """Where and when it was measured.

    Attributes:
        date: As in ISO 8601.
        minutes: How long the whole measurement took.
        machine: Names and values of what matters about the machine.
        versions: Of each program, by its name.
        update_seconds: How long Lambda takes for an update.
    """

    date: str
    minutes: float
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    update_seconds: float


def page(
    titles: Mapping[str, str],
    figures: Figures,
    phases: Sequence[Phase],
    reached: Sequence[Target],
    circumstances: Circumstances,
) -> str:
    """Return the page's Markdown.

    Args:
        titles: Of each case, by its name, in the order to show them in.
        figures: What was measured.
        phases: What many functions took.
        reached: The targets.
        circumstances: Where and when.
    """
    engines = figures.engines()
    seconds = [f"## Seconds, engine {one}\n\n{_lines(_seconds(titles, figures, one))}" for one in engines]
    calls = [f"## Calls and memory, engine {one}\n\n{_lines(_calls(titles, figures, one))}" for one in engines]
    compared = _COMPARED.format(update=f"{circumstances.update_seconds:g}", commands=LOGIN + BUILD + UPDATE + RELEASE)
    many = [_many_functions(phases)] if phases else []
    parts = [_HEAD, _when(circumstances), *seconds, _COLUMNS, *calls, *many, _targets(reached), compared]
    return "\n".join([*parts, _again(circumstances)])


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


_COLUMNS = """\
Medians; the last column has how many runs each is of, of the action, the pipeline and the build. A ratio below 1 means
that the action is faster.
"""


def tables(titles: Mapping[str, str], figures: Figures, engine: str) -> str:
    """Return the tables of an engine, for a terminal."""
    return f"Engine {engine}\n{_lines(_seconds(titles, figures, engine))}\n{_lines(_calls(titles, figures, engine))}"


def groups(titles: Mapping[str, str], figures: Figures, engine: str, latency: int, longest: float) -> list[Group]:
    """Return what the chart shows: the cases in which action and pipeline ran at a latency.

    Args:
        titles: Of each case, by its name.
        figures: What was measured.
        engine: The engine.
        latency: Milliseconds.
        longest: A case in which one took more seconds is left out, since it would make all other bars short.
    """
    shown = []
    for case, title in titles.items():
        values = {name: figures.of(case, engine, way).median(latency) for way, name in WAYS.items()}
        known = {name: value for name, value in values.items() if value is not None}
        if {"action", "pipeline"} <= known.keys() and max(known.values()) <= longest:
            shown.append(Group(label=title, values=known))
    return shown


def _when(circumstances: Circumstances) -> str:
    machine = ", ".join(f"{name} {value}" for name, value in circumstances.machine.items())
    return f"Measured on {circumstances.date}: {machine}.\n"


def _seconds(titles: Mapping[str, str], figures: Figures, engine: str) -> Iterator[str]:
    yield "| Case | ms a call | action | pipeline | build alone | action / pipeline | action / build | runs |"
    yield "|---|---|---|---|---|---|---|---|"
    for case, title in titles.items():
        for latency in figures.latencies(case, engine):
            measured = [figures.of(case, engine, way) for way in WAYS]
            yield _row(
                title,
                str(latency),
                *(_number(one.median(latency)) for one in measured),
                _number(figures.ratio(case, engine, latency)),
                _number(figures.ratio(case, engine, latency, to="floor")),
                " + ".join(_runs(one, latency) for one in measured),
            )


def _runs(measured: Measured, latency: int) -> str:
    return str(len(measured.seconds.get(latency, ())))


def _calls(titles: Mapping[str, str], figures: Figures, engine: str) -> Iterator[str]:
    yield (
        "| Case | calls in series: action | pipeline | build alone | in all: action | pipeline | build alone "
        "| MB: action | pipeline | build alone |"
    )
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for case, title in titles.items():
        measured = [figures.of(case, engine, way) for way in WAYS]
        if any(one.calls for one in measured):
            yield _row(
                title,
                *(str(one.calls.in_series) if one.calls else _NONE for one in measured),
                *(str(one.calls.all) if one.calls else _NONE for one in measured),
                *(f"{one.peak_memory / 1e6:.0f}" if one.peak_memory else _NONE for one in measured),
            )


def _many_functions(phases: Sequence[Phase]) -> str:
    rows = [
        _row(
            f"{'by alias' if phase.alias else 'without an alias'}, {phase.name}",
            f"{phase.run.seconds:.1f}",
            str(phase.failed),
            str(phase.throttled),
            f"{phase.run.peak_memory / 1e6:.0f}",
            "; ".join(f"{name}: {rate.share:.0%} of {rate.limit} a second" for name, rate in phase.rates.items()),
        )
        for phase in phases
    ]
    return _MANY_FUNCTIONS.format(functions=phases[0].functions) + _lines(rows)


_MANY_FUNCTIONS = """\
## {functions:,} functions

Lambda allows 100 calls of GetFunction a second, and 15 of all its other control-plane calls together; the emulator
refuses what comes faster. A run that uses a limit fully cannot be faster. An update takes 2 s here, the functions share
ten images, and the action runs as a process without its container.

| Run | s | functions failed | calls throttled | MB | share of Lambda's limits |
|---|---|---|---|---|---|
"""


def _targets(reached: Sequence[Target]) -> str:
    lines = ["| Target | wanted | seen | |", "|---|---|---|---|"]
    lines += [_row(one.what, one.wanted, one.seen, "met" if one.is_met else _missed(one)) for one in reached]
    return "## Targets\n\n" + "\n".join(lines) + "\n"


def _missed(target: Target) -> str:
    return f"**missed**: {target.reason}" if target.reason else "**missed**"


def _again(circumstances: Circumstances) -> str:
    machine = {**circumstances.machine, **circumstances.versions}
    return f"""\
## Measuring again

```sh
make bench                                                    # all and this page: {circumstances.minutes:.0f} minutes
make bench ARGS='--only alias --engine 20.10 --latency 100'   # a quick look
make bench ARGS=--help
```

Run it as root on Debian or Ubuntu, and nothing else meanwhile. It starts both engines, and installs the AWS CLI that
`requirements/bench.txt` pins into a virtual environment of its own.

| | |
|---|---|
{_lines(_row(name, value) for name, value in machine.items())}"""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.2f}"
