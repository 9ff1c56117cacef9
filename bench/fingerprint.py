"""How long the fingerprint of a large build context takes, against `sha256sum` on the same files.

PYTHONPATH=src python -m bench.fingerprint
"""

import os
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from ecr_lambda_deploy.fingerprint.fingerprint import BuildInputs
from ecr_lambda_deploy.model.targets import Build

_FILES = 20_000
_BYTES = 500_000_000
_ROUNDS = 5


def main() -> None:
    """Make the files, measure both in turn, and print the medians."""
    with TemporaryDirectory(prefix="fingerprint-") as folder:
        context = Path(folder)
        _fill(context)
        build = Build(context=context, dockerfile=context / "Dockerfile")

        def sum_up() -> None:
            subprocess.run(
                ["sh", "-c", "find . -type f -print0 | xargs -0 sha256sum >/dev/null"], cwd=context, check=True
            )

        def take_fingerprint() -> None:
            inputs = BuildInputs(lambda _: "sha256:0")  # anew, since it remembers what it has looked at
            if inputs.fingerprint(build, "linux/amd64").tag is None:
                raise AssertionError("the build has a fingerprint")

        subjects = {"find | xargs sha256sum": sum_up, "fingerprint": take_fingerprint}
        seconds: dict[str, list[float]] = {name: [] for name in subjects}
        for _ in range(_ROUNDS + 1):
            for name, subject in subjects.items():
                seconds[name].append(_time(subject))
        # The first round brought the files into memory.
        medians = {name: median(times[1:]) for name, times in seconds.items()}
        print(f"{_FILES} files, {_BYTES / 1e6:.0f} MB, {os.cpu_count()} processors, medians of {_ROUNDS}")
        for name, middle in medians.items():
            print(f"{name:24}{middle:6.2f} s   ({', '.join(f'{one:.2f}' for one in seconds[name][1:])})")
        print(f"ratio {medians['fingerprint'] / medians['find | xargs sha256sum']:.2f}")


def _fill(context: Path) -> None:
    """Write files of many sizes, in folders of a hundred."""
    source = random.Random(0)  # noqa: S311 # the same files each time
    weights = [source.expovariate(1) for _ in range(_FILES)]
    content = source.randbytes(int(max(weights) / sum(weights) * _BYTES) + 1)
    for number, weight in enumerate(weights):
        folder = context / f"{number // 1000}" / f"{number // 100 % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}").write_bytes(content[: int(weight / sum(weights) * _BYTES)])
    (context / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")


def _time(subject: Callable[[], None]) -> float:
    start = time.perf_counter()
    subject()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
