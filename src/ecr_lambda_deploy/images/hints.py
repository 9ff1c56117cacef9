"""Pure: what makes each run another build, although nothing that the image needs has changed."""

import re
from collections.abc import Iterator, Mapping

from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build

_SHORT_COMMIT = 7  # characters that git shows at least
_LEAST_RUN_ID = 5  # digits: a shorter number says other things as well
_NUMBER = re.compile(r"\d+")
# A time: ISO 8601 and what is like it, what `date` prints, or seconds, milliseconds or nanoseconds since 1970, from the
# year 2017 on.
_TIME = re.compile(
    r"(?<!\d)20\d\d[-/.]?[01]\d[-/.]?[0-3]\d[T _.-]?[0-2]\d[:.-]?[0-5]\d"
    r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3]?\d [0-2]\d:[0-5]\d"
    r"|(?<![\w.-])1[5-9]\d{8}(?:\d{3}|\d{9})?(?![\w.-])"
)


def moving_values(build: Build, run: WorkflowRun) -> str:
    """Return a sentence on labels, build arguments and annotations that say a time, the commit or the run; or nothing.

    Args:
        build: that might be found by its inputs in a later run.
        run: whose commit and number may be in them.
    """
    if not build.reuse:
        return ""
    given = [
        *_moving("label", build.labels, run),
        *_moving("build argument", build.build_args, run),
        *_moving("annotation", _annotations(build), run),
    ]
    if not given:
        return ""
    return (
        f"Every run, or every commit, is another build, and a new image, because of {' and '.join(given)}: leave such "
        "values out where the image does not need them. The image has the commit as a label and as a tag without them."
    )


def _annotations(build: Build) -> Mapping[str, str]:
    given = build.properties.get("annotations")
    return dict(entry.partition("=")[::2] for entry in given) if isinstance(given, list) else {}


def _moving(kind: str, values: Mapping[str, str], run: WorkflowRun) -> Iterator[str]:
    for name, value in values.items():
        if what := _what(value, run):
            yield f"the {kind} {name}, which has {what}"


def _what(value: str, run: WorkflowRun) -> str:
    if len(run.commit) >= _SHORT_COMMIT and run.commit[:_SHORT_COMMIT] in value:
        return "the commit"
    if len(run.run_id) >= _LEAST_RUN_ID and run.run_id in _NUMBER.findall(value):
        return "the run's id"
    return "a time" if _TIME.search(value) else ""
