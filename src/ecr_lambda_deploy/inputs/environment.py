"""What of the step's environment is for the step alone."""

import re

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
