"""Why a run failed: each cause once, with everything that it hit, apart from what only followed from it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ecr_lambda_deploy.model.errors import BuildError, CancelledError, DeployError, parts_of
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus

_OWN_NAME = "\0"  # stands for the name of what an error is about, where errors are compared
_COMPARED = 1_000  # characters: functions may fail with very many
_WORD = re.compile(r"[\w-]+")  # a function's name is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A cause of a failure.

    Attributes:
        error: of the first that it hit.
        functions: the names of those that it hit, in the journal's order.
        images: the names of the images that it hit; one is empty if the inputs themselves name it.
    """

    error: DeployError
    functions: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def is_of_build(self) -> bool:
        """Whether an image could not be built."""
        return isinstance(self.error, BuildError)


def causes(journal: Journal) -> list[Cause]:
    """Return the causes in order. Errors that differ only in the name of what they are about are one cause.

    A denial that hits sixty functions is one cause, and needs one remedy.
    """
    known: dict[tuple[object, ...], Cause] = {}
    followed = {outcome.function for outcome in journal.consequences}
    hit_functions = [outcome for outcome in journal.outcomes if outcome.error and outcome.function not in followed]
    hit_images = [image for image in journal.images if image.error]
    own = [*(outcome.error for outcome in hit_functions), *(image.error for image in hit_images)]
    texts = {str(part) for error in own for part in _parts(error)} if journal.error else set()
    for part in _parts(journal.error):
        if str(part) not in texts and not (isinstance(part, CancelledError) and hit_functions):
            known.setdefault(_key(part, ""), Cause(error=part))
    for image in hit_images:
        for part in _parts(image.error):
            cause = known.setdefault(_key(part, image.name), Cause(error=part))
            known[_key(part, image.name)] = replace(cause, images=(*cause.images, image.name))
    for outcome in hit_functions:
        for part in _parts(outcome.error):
            cause = known.setdefault(_key(part, outcome.function), Cause(error=part))
            known[_key(part, outcome.function)] = replace(cause, functions=(*cause.functions, outcome.function))
    return list(known.values())


def _parts(error: DeployError | None) -> Iterable[DeployError]:
    return parts_of(error) if error else ()


def _key(error: DeployError, name: str) -> tuple[object, ...]:
    """Return what is the same for errors that differ only in a name."""
    texts = [
        _WORD.sub(lambda word: _OWN_NAME if word[0] == name else word[0], text[:_COMPARED])
        for text in (_reason(error), error.hint, error.log)
    ]
    return (type(error), error.topic, *texts)


def _reason(error: DeployError) -> str:
    """Return why something failed, without the request that did: what has expired, expired for all requests."""
    return error.message.partition(" failed: ")[2] or error.message


def is_cancelled(journal: Journal) -> bool:
    """Whether nothing has failed, but the run was cancelled."""
    return bool(journal.errors) and all(isinstance(error, CancelledError) for error in journal.errors)


def left_behind(journal: Journal) -> list[Outcome]:
    """Return the failed functions in which something of this run is still there, even if it serves nobody."""
    return [outcome for outcome in journal.outcomes if outcome.status is ReleaseStatus.FAILED and _is_touched(outcome)]


def _is_touched(outcome: Outcome) -> bool:
    before, after = outcome.before, outcome.after
    is_other_code = (before.latest and before.latest.image) != (after.latest and after.latest.image)
    return bool(outcome.recovery) or outcome.is_changed or (is_other_code and _is_known(outcome))


def _is_known(outcome: Outcome) -> bool:
    return outcome.after.latest is not None


def followers(journal: Journal) -> Iterator[Outcome]:
    """Yield the functions with no cause of their own: put back with others, not begun, or without their image.

    The only function of a run follows nothing: what failed is about it.
    """
    if len(journal.outcomes) == 1:
        return
    own = {name for cause in causes(journal) for name in cause.functions}
    touched = {outcome.function for outcome in left_behind(journal)}
    followed = {ReleaseStatus.FAILED, ReleaseStatus.REVERTED, ReleaseStatus.SKIPPED}
    for outcome in journal.outcomes:
        is_stale = outcome.status is ReleaseStatus.SKIPPED and not outcome.reason and not outcome.error
        if outcome.status in followed and not is_stale and outcome.function not in own | touched:
            yield outcome
