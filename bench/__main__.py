"""`make bench`: measures, prints a table, and writes `docs/performance.md` with its chart after a whole run."""

import argparse
import logging
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from bench.cases import CASES
from bench.chart import chart
from bench.figures import Figures
from bench.page import WAYS, Circumstances, groups, page, tables
from bench.place import AWS_CLI, UPDATE_SECONDS, Kind, Place, open_place
from bench.rounds import measure
from bench.scale import Phase, Settings, print_phase
from bench.scale import measure as measure_scale
from bench.targets import ENGINES, targets
from sandbox.errors import SandboxError

_DOCS = Path(__file__).parent.parent / "docs"
_SCALE = "scale"
_LONGEST_BAR = 30.0
_CHART_ENGINE, _CHART_LATENCY = "20.10", 100
_TITLES = {case.name: case.title for case in CASES}


def main() -> int:
    """Measure what was asked for; return 1 if something could not be measured."""
    given = _options()
    logging.getLogger("aiohttp").setLevel(logging.CRITICAL)  # of clients that end before they have read an answer
    started, figures, phases, versions = time.monotonic(), Figures(), list[Phase](), dict[str, str]()
    failures = list[str]()
    names = given.only or [*_TITLES, _SCALE]
    for flavour in given.engine or ENGINES:
        if any(flavour in case.latencies for case in CASES if case.name in names):
            failures += _measure_engine(given, flavour, names, figures, versions)
    if _SCALE in names and not given.engine:
        for phase in measure_scale(Settings(functions=given.functions), "live"):
            print_phase(phase)
            phases.append(phase)
    for flavour in figures.engines():
        print("\n" + tables(_TITLES, figures, flavour))
    reached = targets(figures, phases)
    for target in reached:
        print(f"{'met   ' if target.is_met else 'MISSED'}  {target.what}: {target.wanted}, seen {target.seen}")
    minutes = (time.monotonic() - started) / 60
    print(f"\n{minutes:.1f} minutes")
    is_whole = not (given.only or given.engine or given.latency)
    if failures:
        print("Not measured:\n" + "\n".join(failure.partition("\n")[0] for failure in failures))
    elif given.write or is_whole:
        circumstances = Circumstances(
            date=datetime.now(UTC).date().isoformat(),
            minutes=minutes,
            machine=_machine(),
            versions=versions,
            update_seconds=UPDATE_SECONDS,
        )
        _write(page(_TITLES, figures, phases, reached, circumstances), figures)
    return 1 if failures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only",
        action="append",
        choices=[*_TITLES, _SCALE],
        metavar="CASE",
        help="this case; may be repeated: %(choices)s",
    )
    parser.add_argument("--runs", type=int, default=3, help="runs of each way at each latency; default: 3")
    parser.add_argument(
        "--latency", action="append", type=int, metavar="MS", help="milliseconds that a call takes; may be repeated"
    )
    parser.add_argument("--engine", action="append", choices=ENGINES, help="this engine; may be repeated")
    parser.add_argument("--functions", type=int, default=1000, help="how many there are in the case `scale`")
    parser.add_argument("--write", action="store_true", help="write the page, although not everything is measured")
    return parser.parse_args()


def _measure_engine(
    given: argparse.Namespace, flavour: Kind, names: list[str], figures: Figures, versions: dict[str, str]
) -> list[str]:
    """Measure the cases on an engine, and return what could not be measured."""
    failures = []
    with open_place(flavour) as place:
        versions |= _versions(place)
        for case in CASES:
            latencies = given.latency or case.latencies.get(flavour, ())
            if case.name not in names or flavour not in case.latencies:
                continue
            runs = min(given.runs, case.runs or given.runs)
            try:
                measure(case, place, figures, latencies=latencies, runs=runs, say=lambda line: print(line, flush=True))
            except SandboxError as error:
                failures.append(f"{case.name} on engine {flavour}: {error}")
                print(failures[-1], flush=True)
    return failures


def _versions(place: Place) -> dict[str, str]:
    buildx = _output(str(place.programs / "buildx"), "version").split()[1]
    return {
        f"engine {place.flavour}": place.engine.version + ", containerd image store" * place.engine.containerd_store,
        f"docker CLI of the pipeline, engine {place.flavour}": _output(str(place.programs / "docker"), "--version"),
        "buildx": buildx,
        "AWS CLI": _output(str(AWS_CLI), "--version").split()[0],
    }


def _machine() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release().partition("-")[0],
        "Python": platform.python_version(),
    }


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _write(text: str, figures: Figures) -> None:
    shown = groups(_TITLES, figures, _CHART_ENGINE, _CHART_LATENCY, _LONGEST_BAR)
    title = f"Seconds for a deployment, {_CHART_LATENCY} ms a call, engine {_CHART_ENGINE}"
    (_DOCS / "images").mkdir(exist_ok=True)
    (_DOCS / "images" / "performance.svg").write_text(chart(title, "s", [*WAYS.values()], shown))
    (_DOCS / "performance.md").write_text(text)
    print("Written: docs/performance.md")


if __name__ == "__main__":
    sys.exit(main())
