"""The commands of release.yml; see the package."""

import argparse
import sys
import tomllib
from pathlib import Path

from release.commits import Repository
from release.image import Building, ensure_image
from release.versions import ReleaseError, Version, notes


def main(arguments: list[str] | None = None) -> int:
    """Run one command, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release", description="The steps of a release.")
    parser.add_argument("command", choices=("check", "image", "commit", "notes", "moving-tags"))
    parser.add_argument("tag", help="of the release, such as v1.2.3")
    parser.add_argument("--image-repository", default="ghcr.io/org/ecr-lambda-deploy")
    parser.add_argument("--platforms", default="linux/amd64,linux/arm64")
    # All files have the commit's time, where the builder can do so: the engine's own, which unpacks, cannot.
    parser.add_argument("--exporter", default="rewrite-timestamp=true", help="options of BuildKit's image exporter")
    parser.add_argument("--option", action="append", default=[], help="a further one for 'docker buildx build'")
    parser.add_argument("--checkout", type=Path, default=Path())
    given = parser.parse_args(arguments)
    try:
        print(_run(given))
    except ReleaseError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(given: argparse.Namespace) -> str:
    """Run a command, and return what it prints: `NAME=VALUE` lines for GITHUB_OUTPUT, but for the notes."""
    checkout: Path = given.checkout
    version, repository = Version.of_tag(given.tag), Repository(folder=checkout)
    changelog = (checkout / "CHANGELOG.md").read_text()
    match given.command:
        case "notes":
            return notes(version, changelog)
        case "moving-tags":
            return f"tags={' '.join(repository.move_tags(version))}"
        case "check":
            notes(version, changelog)
            _check_package(checkout, version)
            return f"commit={repository.tagged_commit(version)}"
    commit = repository.tagged_commit(version)
    building = Building(platforms=given.platforms, exporter=given.exporter, options=given.option)
    digest, dockerfile = ensure_image(checkout, given.image_repository, version, commit, building)
    image = f"{given.image_repository}@{digest}"
    if given.command == "image":
        return f"image={image}\ndigest={digest}"
    release = repository.ensure_release_commit(version, commit, image, dockerfile)
    return f"image={image}\ncommit={release}"


def _check_package(checkout: Path, version: Version) -> None:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    if project["version"] != str(version):
        raise ReleaseError(f"pyproject.toml has version {project['version']}, and the tag is {version.tag}")


if __name__ == "__main__":
    sys.exit(main())
