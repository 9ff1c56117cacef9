"""A Dockerfile whose base images are pinned by digest; pure, but for the function that asks registries."""

import re
from collections.abc import Callable

from release.versions import ReleaseError

_FROM = re.compile(r"^(FROM\s+(?:--platform=\S+\s+)?)(\S+)((?:\s+AS\s+(\S+))?\s*)$", re.IGNORECASE | re.MULTILINE)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def pin_bases(dockerfile: str, digest_of: Callable[[str], str]) -> str:
    """Return the Dockerfile with each base image as `REPOSITORY:TAG@DIGEST`; one that has a digest keeps it.

    Args:
        dockerfile: its text, without variables in `FROM`.
        digest_of: returns the digest that a registry has for `REPOSITORY:TAG` now; asked once for each.

    Raises:
        ReleaseError: a base cannot be pinned.
    """
    stages = {match[4] for match in _FROM.finditer(dockerfile) if match[4]}
    digests = dict[str, str]()

    def pinned(match: re.Match[str]) -> str:
        base = match[2]
        if base in stages or base == "scratch" or "@" in base:
            return match[0]
        if "$" in base:
            raise ReleaseError(f"the base image {base} has a variable in its name, so it cannot be pinned")
        if base not in digests:
            digests[base] = digest_of(base)
            if not _DIGEST.fullmatch(digests[base]):
                raise ReleaseError(f"the registry's answer for {base} is not a digest: {digests[base]!r}")
        return f"{match[1]}{base}@{digests[base]}{match[3]}"

    result = _FROM.sub(pinned, dockerfile)
    if not digests and "@sha256:" not in result:
        raise ReleaseError("the Dockerfile has no FROM that could be pinned")
    return result
