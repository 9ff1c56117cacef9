"""The outputs of the step."""

import json
import sys
from collections.abc import Mapping

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import ImageOutcome, ImageStatus, Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Mode
from ecr_lambda_deploy.report.excerpt import excerpt
from ecr_lambda_deploy.report.results import error_of, function_names, images_by_function, importance, shortened
from ecr_lambda_deploy.report.summary import summary

OUTPUTS = (
    "image-uri",
    "image-digest",
    "image-tags",
    "repository-uri",
    "function-arn",
    "alias-arn",
    "function-version",
    "previous-image-uri",
    "previous-version",
    "changed",
    "results",
    "function-url",
    "summary",
    "matrix",
)
"""Every output, as `action.yml` declares them."""

# The outputs of a job have 1 MB, counted as UTF-16, which is 524,288 characters [GitHub Actions documentation, passing
# information between jobs]. The summary, which says again what the others say, has what they leave.
_MOST_CHARACTERS = 500_000
_MOST_WITH_SUMMARY = 520_000
# A comment has 65,536 characters [github.com, "body is too long"], and a variable of the environment, by which a step
# gets the text, 131,072 bytes [Linux, execve(2), MAX_ARG_STRLEN]. Bytes are never fewer than characters.
_MOST_BYTES_OF_SUMMARY = 60_000
_LONGEST_ERROR = 1_000  # characters, if the results do not fit in full
_MOST_JOBS = 256  # of a matrix [GitHub Actions documentation, usage limits]


def outputs(journal: Journal) -> Mapping[str, str]:
    """Return every output. After a failure they show what serves then.

    With several functions, the outputs that have a single value show the first function.
    """
    first = journal.outcomes[0] if journal.outcomes else None
    before, after = (first.before, first.after) if first else (None, None)
    image = images_by_function(journal).get(first.function) if first else next(iter(journal.images), None)
    reference = after.image if after else image.reference if image else None
    values = {
        "image-uri": str(reference or ""),
        "image-digest": reference.digest if reference else "",
        "image-tags": "\n".join(image.tags if image else ()),
        "repository-uri": reference.repository_uri if reference else image.repository_uri if image else "",
        "function-arn": first.arn if first else "",
        "alias-arn": after.alias.arn if after and after.alias else "",
        "function-version": after.version if after else "",
        "previous-image-uri": str((before.image if before else None) or ""),
        "previous-version": before.version if before else "",
        "changed": "true" if any(map(_is_changed, journal.outcomes)) else "false",
        "function-url": journal.function_url,
        "matrix": _matrix(journal) if journal.mode is Mode.PLAN else "",
    }
    if len(values["matrix"]) > _MOST_CHARACTERS:
        values["matrix"] = ""  # `check_matrix` reports it
    values["results"] = _results(journal, most=_MOST_CHARACTERS - sum(map(len, values.values())))
    left = _MOST_WITH_SUMMARY - sum(map(len, values.values()))
    values["summary"] = excerpt(summary(journal), journal.run, most=min(left, _MOST_BYTES_OF_SUMMARY))
    return {name: values[name] for name in OUTPUTS}


def matrix(journal: Journal) -> list[Mapping[str, object]]:
    """Return a job for each image that would change, or has a function that would: the image and all its functions."""
    planned = {outcome.function for outcome in journal.outcomes if outcome.status is ReleaseStatus.PLANNED}
    return [
        {"image": image.name, "functions": list(function_names(image))}
        for image in journal.images
        if image.status is ImageStatus.PLANNED or planned.intersection(function_names(image))
    ]


def check_matrix(journal: Journal) -> None:
    """Check that GitHub accepts the matrix.

    Raises:
        DeployError: the matrix has too many jobs, or is longer than an output.
    """
    jobs, hint = len(matrix(journal)), "Plan the manifest in parts: name fewer images in the input 'only'."
    if jobs > _MOST_JOBS:
        raise DeployError(
            f"{jobs} images would change, and a GitHub matrix has at most {_MOST_JOBS} jobs.",
            hint,
            topic="plan-too-large",
        )
    if len(_matrix(journal)) > _MOST_CHARACTERS:
        raise DeployError(
            "The images that would change have more functions than an output holds.", hint, topic="plan-too-large"
        )


def _matrix(journal: Journal) -> str:
    return _json({"include": matrix(journal)})


def _is_changed(outcome: Outcome) -> bool:
    return outcome.is_changed or outcome.status is ReleaseStatus.PLANNED


def _results(journal: Journal, *, most: int) -> str:
    """Return the results as JSON of at most so many characters.

    If they do not fit, unchanged functions are left out. If that is not enough, errors are cut, and then the least
    important functions are left out.
    """
    images, outcomes = images_by_function(journal), journal.outcomes
    results = [_json(_result(outcome, images, journal)) for outcome in outcomes]
    moved = [index for index, outcome in enumerate(outcomes) if outcome.status is not ReleaseStatus.UNCHANGED]
    if sum(len(results[index]) + 1 for index in moved) + 1 > most:
        for index in moved:
            results[index] = _json(_result(outcomes[index], images, journal, longest_error=_LONGEST_ERROR))
    order = sorted(range(len(results)), key=lambda index: importance(outcomes[index]))
    kept, length = set[int](), 1
    for index in order:
        length += len(results[index]) + 1
        if length > most:
            break
        kept.add(index)
    return f"[{','.join(result for index, result in enumerate(results) if index in kept)}]"


def _result(
    outcome: Outcome, images: Mapping[str, ImageOutcome], journal: Journal, *, longest_error: int = sys.maxsize
) -> Mapping[str, object]:
    before, after = outcome.before, outcome.after
    error = error_of(outcome, images, journal)
    return {
        "function": outcome.function,
        "arn": outcome.arn,
        "version": after.version,
        "image_uri": str(after.image or ""),
        "previous_version": before.version,
        "previous_image_uri": str(before.image or ""),
        "status": str(outcome.status),
        "seconds": round(outcome.seconds, 3),
        "error": shortened(error, longest_error) if error else "",
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
