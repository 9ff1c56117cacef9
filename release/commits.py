"""The release commit and the tags, in a git repository and its remote."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from release.versions import ReleaseError, Version, moving_tags

_IMAGE = re.compile(r"^(  image: ).*$", re.MULTILINE)
_RELEASED = re.compile(r"^  image: docker://", re.MULTILINE)
_AUTHOR = {"NAME": "ecr-lambda-deploy releases", "EMAIL": "releases@ecr-lambda-deploy.invalid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A clone, and where it pushes to.

    Attributes:
        folder: its working tree.
        remote: name or address.
    """

    folder: Path
    remote: str = "origin"

    def tagged_commit(self, version: Version) -> str:
        """Return the commit that a person tagged, also when the tag has been moved to its release commit.

        Raises:
            ReleaseError: the remote has no such tag.
        """
        commit = self._fetched(version)
        return self._git("rev-parse", f"{commit}^") if self._is_release(commit) else commit

    def ensure_release_commit(self, version: Version, commit: str, image: str, dockerfile: str) -> str:
        """Return the release commit, to which the version's tag points from now on.

        Args:
            version: whose tag it is.
            commit: the tagged commit.
            image: of the release, `REPOSITORY@DIGEST`.
            dockerfile: the one that made it.

        Raises:
            ReleaseError: the tag was moved to something else meanwhile.
        """
        action, times = _IMAGE.subn(rf"\g<1>docker://{image}", self._git("show", f"{commit}:action.yml", strip=False))
        if times != 1:
            raise ReleaseError(f"action.yml has {times} lines 'image:', not one")
        files = {"action.yml": action, "Dockerfile": dockerfile}
        release = self._commit(commit, files, f"Release {version}\n\naction.yml names the image by digest.")
        present = self._fetched(version)
        if present == release:
            return release
        if present != commit:
            raise ReleaseError(f"{version.tag} points to {present}, which is neither {commit} nor its release commit")
        self._git("push", f"--force-with-lease=refs/tags/{version.tag}:{self._tag_object(version)}", self.remote,
                  f"+{release}:refs/tags/{version.tag}")  # fmt: skip
        return release

    def move_tags(self, version: Version) -> list[str]:
        """Move `vX` and `vX.Y` to the commit of a version, unless a newer version has them.

        Returns:
            Those of the two that it has now.

        Raises:
            ReleaseError: the version's tag is on no release commit yet.
        """
        release = self._fetched(version)
        if not self._is_release(release):
            raise ReleaseError(f"{version.tag} points to {release}, which is no release commit")
        remote = self._git("ls-remote", "--tags", self.remote).splitlines()
        tags = moving_tags(version, [line.rpartition("refs/tags/")[2] for line in remote])
        if tags:
            self._git("push", self.remote, *(f"+{release}:refs/tags/{tag}" for tag in tags))
        return tags

    def _is_release(self, commit: str) -> bool:
        return _RELEASED.search(self._git("show", f"{commit}:action.yml")) is not None

    def _tag_object(self, version: Version) -> str:
        """Return what the remote's tag names itself: a commit, or the object of an annotated tag."""
        return self._git("ls-remote", "--exit-code", self.remote, f"refs/tags/{version.tag}").split()[0]

    def _fetched(self, version: Version) -> str:
        """Return the commit that the remote's tag leads to."""
        ref = f"refs/tags/{version.tag}"
        self._git("fetch", "--quiet", "--force", "--no-tags", self.remote, f"+{ref}:{ref}")
        return self._git("rev-parse", f"{ref}^{{commit}}")

    def _commit(self, parent: str, files: Mapping[str, str], message: str) -> str:
        """Make a commit that differs from its parent in these files, with the parent's date: the same each time."""
        index = {"GIT_INDEX_FILE": str(Path(self._git("rev-parse", "--absolute-git-dir"), "release-index"))}
        self._git("read-tree", parent, variables=index)
        for name, content in files.items():
            blob = self._git("hash-object", "-w", "--stdin", given=content)
            self._git("update-index", "--cacheinfo", f"100644,{blob},{name}", variables=index)
        tree = self._git("write-tree", variables=index)
        Path(index["GIT_INDEX_FILE"]).unlink()
        date = self._git("show", "--no-patch", "--format=%cI", parent)
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in _AUTHOR.items()}
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        return self._git("commit-tree", tree, "-p", parent, "-m", message, variables={**who, **dates})

    def _git(
        self, *arguments: str, given: str | None = None, variables: Mapping[str, str] | None = None, strip: bool = True
    ) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **(variables or {})},
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ReleaseError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout.strip() if strip else done.stdout
