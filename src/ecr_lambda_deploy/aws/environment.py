"""Errors of AWS's SDK over what it finds in the step's environment, which name the variables at fault."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.text import bounded

_KEYS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"}
_FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")  # which the SDK does without


_IN_A_CONTAINER = (
    "This action runs in a container of its own, where the runner's profiles, files and addresses are not: unset what "
    "names one for this step, and give the job credentials by the input 'role-to-assume' or a step of "
    "aws-actions/configure-aws-credentials."
)
BY_HAND_HINT = (
    "Name a profile in AWS_PROFILE and sign in to it, such as by `aws sso login`; `aws sts get-caller-identity` shows "
    "what AWS takes you for."
)
"""What to do without credentials outside a workflow."""


@contextmanager
def named_variables(environment: Mapping[str, str], *, is_by_hand: bool = False) -> Iterator[None]:
    """Name the variables at fault when AWS's SDK cannot use its settings, or find the credentials that they name.

    Those of a self-hosted runner often name what only the runner has: a profile, a file, an address
    [configure-aws-credentials#962, actions-runner-controller#246].

    Args:
        environment: what the SDK sees.
        is_by_hand: whether it is that of somebody's own machine.

    Raises:
        DeployError: it cannot.
    """
    try:
        yield
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        words = bounded(str(error))
        names = [name for name in sorted(environment) if name.startswith("AWS_") and name not in _KEYS]
        quoted = [name for name in names if _is_quoted(environment[name], words)]
        raise DeployError(
            f"The AWS settings or credentials of the environment cannot be used: {words}",
            f"Look at {', '.join(quoted or names) or 'the environment'}. "
            + (BY_HAND_HINT if is_by_hand else _IN_A_CONTAINER),
            topic="invalid-credentials",
        ) from error


def _is_quoted(value: str, words: str) -> bool:
    host: str | None = None
    with suppress(ValueError):
        host = urlsplit(value).hostname
    return any(_has_word(words, part) for part in (value, host) if part)


def _has_word(words: str, part: str) -> bool:
    before, found, after = words.partition(part)
    return bool(found) and not before[-1:].isalnum() and not after[:1].isalnum()


def absent_files(environment: Mapping[str, str]) -> str:
    """Return a hint that names the variables whose file is not here; empty if there are none.

    Args:
        environment: what the SDK sees.
    """
    names = [name for name in _FILES if name in environment and not Path(environment[name]).is_file()]
    if not names:
        return ""
    return f"What {' and '.join(names)} names is not in the container that this action runs in. "
