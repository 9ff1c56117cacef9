"""The step's environment: what of it is for the step alone, what is wrong with it, and what a run leaves aside."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ecr_lambda_deploy.model.targets import RoleToAssume

_CREDENTIALS = re.compile(
    # What the runner gives the step: its inputs, of which some are secret; the tokens for OIDC, caches and artifacts;
    # what another part of it has saved; and the name by which it finds the step's processes [actions/runner,
    # ContainerActionHandler, PipelineConstants].
    r"(INPUT|ACTIONS|STATE)_.*|RUNNER_TRACKING_ID"
    # A token of GitHub, or of what stands in for it, as workflows give it to their tools.
    r"|(GITHUB|GH|RUNNER|GITEA|FORGEJO)_(.*_)?TOKEN"
    # Credentials, the files that hold them, and the addresses that hand them out [AWS SDKs, settings reference].
    r"|AWS_.*(ACCESS_?KEY|SECRET_?KEY|TOKEN|CREDENTIAL).*"
    # What docker and buildx log in with.
    r"|DOCKER_AUTH_CONFIG|BUILDER_NODE_\d+_AUTH_.*|(BUILDX_BAKE_)?GIT_AUTH_.*",
    re.IGNORECASE | re.DOTALL,
)


def is_credential(name: str) -> bool:
    """Whether a variable is, or leads to, something that the step proves with who it is.

    Args:
        name: of the variable, in upper or lower case: some programs look for both.
    """
    return _CREDENTIALS.fullmatch(name) is not None


# What programs take from the environment of their own accord, as they find it.
_CLEANED = re.compile(
    r"(AWS|DOCKER)_.+|(HTTPS?|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE", re.IGNORECASE
)
_PROXY = re.compile(r"HTTPS?_PROXY", re.IGNORECASE)
_ACCESS_KEY, _SECRET_KEY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"
_KEYS = (_ACCESS_KEY, _SECRET_KEY, "AWS_SESSION_TOKEN")
_KEY = re.compile(r"[!#-&(-~]+")  # ASCII without blanks and quotes
# They name other credentials [AWS SDKs and Tools Reference Guide, settings reference].
_SOURCES = {
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"),
    *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
}
_DOCKER_CONFIGURATION = {"DOCKER_CONFIG", "DOCKER_CONTEXT"}  # of the docker CLI; logins are in 'docker-auth'
_CERTIFICATES = {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"}


def cleaned(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without blanks and line ends around the values that programs take from it.

    A secret is often stored with a line end. A value that is empty then is left out: a job's `env` cannot unset a
    variable.

    Args:
        environment: the step's.
    """
    given = {name: value.strip() if _CLEANED.fullmatch(name) else value for name, value in environment.items()}
    return {name: value for name, value in given.items() if value or not _CLEANED.fullmatch(name)}


def variable_problems(environment: Mapping[str, str], role: RoleToAssume | None) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with keys and proxies: a variable's name, and a text without its value.

    Args:
        environment: cleaned.
        role: the role to take; None to use the environment's credentials.
    """
    for name in _KEYS:
        if name in environment and not _KEY.fullmatch(environment[name]):
            text = "in the environment has characters that it cannot have, such as blanks, quotes or line ends"
            yield name, f"{text}: store the secret anew, and nothing around it."
    for name in sorted(environment):
        if _PROXY.fullmatch(name) and not _is_proxy(environment[name]):
            yield name, "in the environment is no address of a proxy by HTTP, such as http://proxy.example:3128."
    key, secret = environment.get(_ACCESS_KEY), environment.get(_SECRET_KEY)
    if bool(key) is not bool(secret) and not _has_proof(role):
        there, missing = (_ACCESS_KEY, _SECRET_KEY) if key else (_SECRET_KEY, _ACCESS_KEY)
        text = f"is in the environment, and {missing} is not or is empty"
        yield there, f"{text}, as a secret is that does not exist or that this event does not get."


def unused_variables(environment: Mapping[str, str], role: RoleToAssume | None) -> set[str]:
    """Return the variables that this run leaves aside.

    They name other credentials than those that it is given, Docker's configuration, or certificates that are not here:
    the runner passes the job's variables into the action's container as they are, and what they name is on the runner.

    Args:
        environment: cleaned.
        role: the role to take; None to use the environment's credentials.
    """
    others = _SOURCES if _has_proof(role) or _ACCESS_KEY in environment else set()
    absent = {name for name in _CERTIFICATES & environment.keys() if not _is_there(environment[name])}
    return (others | absent | _DOCKER_CONFIGURATION) & environment.keys()


def _is_proxy(address: str) -> bool:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")  # as tools take it
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_there(path: str) -> bool:
    try:
        return Path(path).exists()
    except OSError:  # a name too long, a folder that may not be read
        return False


def _has_proof(role: RoleToAssume | None) -> bool:
    """Whether the run takes its role with the job's token, which needs no credentials of the environment."""
    return role is not None and not role.is_chained
