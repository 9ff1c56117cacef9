"""The action's image in its registry: built and pushed once for each version, and found there ever after."""

import json
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from release.bases import pin_bases
from release.versions import ReleaseError, Version

REVISION = "org.opencontainers.image.revision"
"""The annotation of the index that says which commit the image was built from."""
_DOCKERFILE = "release.dockerfile"
"""The annotation of the index that has the Dockerfile with the bases that were used, as base64: what is committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Building:
    """How the image is built.

    Attributes:
        platforms: separated by commas.
        exporter: options of BuildKit's image exporter.
        options: further ones of `docker buildx build`, which replace those here.
    """

    platforms: str
    exporter: str
    options: Sequence[str] = ()


def ensure_image(checkout: Path, repository: str, version: Version, commit: str, building: Building) -> tuple[str, str]:
    """Return the digest of a version's image and the Dockerfile that made it; build and push it if there is none.

    Args:
        checkout: the tagged commit, checked out.
        repository: where the image goes, such as `ghcr.io/org/ecr-lambda-deploy`.
        version: its tag there.
        commit: the tagged commit's SHA.
        building: how, if it has to be built.

    Raises:
        ReleaseError: the registry has this version from another commit, or the build failed.
    """
    reference = f"{repository}:{version}"
    if not (found := _index(reference)):
        _build(checkout, reference, version, commit, building)
        found = _index(reference)
    digest, annotations = found or ("", {})
    if annotations.get(REVISION) != commit:
        raise ReleaseError(
            f"{reference} is there already, built from {annotations.get(REVISION, 'an unknown commit')}, and this "
            f"release is of {commit}: a version is released once. Tag the commit as the next version."
        )
    return digest, b64decode(annotations[_DOCKERFILE]).decode()


def _build(checkout: Path, reference: str, version: Version, commit: str, building: Building) -> None:
    dockerfile = pin_bases((checkout / "Dockerfile").read_text(), _digest_of)
    with TemporaryDirectory() as folder:
        Path(folder, "Dockerfile").write_text(dockerfile)
        annotations = {
            REVISION: commit,
            "org.opencontainers.image.version": str(version),
            "org.opencontainers.image.source": "https://github.com/org/ecr-lambda-deploy",
            _DOCKERFILE: b64encode(dockerfile.encode()).decode(),
        }
        _buildx(
            "build",
            f"--file={folder}/Dockerfile",
            f"--platform={building.platforms}",
            # The time of the commit for every file, so that the same sources make the same layers, as far as the
            # packages' installer lets them.
            f"--build-arg=SOURCE_DATE_EPOCH={_commit_time(checkout, commit)}",
            "--sbom=true",
            "--provenance=mode=max",
            *(f"--annotation=index:{name}={value}" for name, value in annotations.items()),
            f"--output=type=image,name={reference},push=true,oci-mediatypes=true,{building.exporter}",
            *building.options,
            str(checkout),
        )


def _index(reference: str) -> tuple[str, dict[str, str]] | None:
    """Return digest and annotations of the index that a registry has under a reference; None if it has none."""
    try:
        raw = _buildx("imagetools", "inspect", "--raw", reference)
    except ReleaseError as error:
        if "not found" in str(error):
            return None
        raise
    annotations: dict[str, str] = json.loads(raw).get("annotations", {})
    return _digest_of(reference), annotations


def _digest_of(reference: str) -> str:
    manifest = json.loads(_buildx("imagetools", "inspect", "--format={{json .Manifest}}", reference))
    return str(manifest["digest"])


def _commit_time(checkout: Path, commit: str) -> str:
    shown = subprocess.run(
        ["git", "show", "--no-patch", "--format=%ct", commit], cwd=checkout, check=True, capture_output=True, text=True
    )
    return shown.stdout.strip()


def _buildx(*arguments: str) -> str:
    done = subprocess.run(["docker", "buildx", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise ReleaseError(f"docker buildx {arguments[0]} failed:\n{done.stderr.strip()}")
    return done.stdout
