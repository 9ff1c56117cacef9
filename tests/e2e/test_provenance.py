"""What is recorded, tagged, labelled and shown is the commit that the image was built from."""

import json

import requests

from tests.e2e.jobs import Job
from tests.e2e.releases import Releases, commit, error, notices, status

_CHECKED_OUT, _EVENT = "dec0de" + "0" * 34, "b" * 40


def test_what_is_built_is_what_is_checked_out(job: Job) -> None:
    git = job.workspace / ".git"
    git.mkdir()
    (git / "HEAD").write_text("ref: refs/heads/v1\n")
    (git / "packed-refs").write_text(f"# pack-refs with: peeled\n{_CHECKED_OUT} refs/heads/v1\n")
    job.greet("the old code")
    inputs = {"function-name": job.name, "alias": "live", "context": "."}
    deployed = job.step(inputs, commit=_EVENT)

    assert deployed.exit_code == 0, deployed.log
    assert f"The commit {_CHECKED_OUT} is checked out here, not {_EVENT}" in notices(deployed)
    assert deployed.outputs["image-tags"].splitlines()[0] == _CHECKED_OUT
    assert f" commit={_CHECKED_OUT} " in job.aws.snapshot().versions[job.name]["1"]["Description"]
    assert _CHECKED_OUT in deployed.summary
    assert _EVENT not in deployed.summary
    assert _label(job, deployed.outputs["image-uri"]) == _CHECKED_OUT

    back = {"function-name": job.name, "alias": "live", "mode": "rollback"}
    refused = job.step({**back, "rollback-to": _EVENT})
    assert f"of the commit {_EVENT}" in error(refused)
    found = job.step({**back, "rollback-to": _CHECKED_OUT})
    assert (found.exit_code, status(found)) == (0, "unchanged")


def test_what_exists_is_of_the_commit_that_it_was_built_from(releases: Releases) -> None:
    assert releases.deploy(1, commit=_EVENT).exit_code == 0
    last = releases.deploy(2, commit=_EVENT)
    assert f"/commit/{commit(2)})" in last.summary
    assert _EVENT not in last.summary

    refused = releases.roll_back(_EVENT, run=5001)
    assert refused.exit_code == 1
    assert f"of the commit {_EVENT}" in error(refused)
    back = releases.roll_back(commit(1), run=5002)
    assert back.exit_code == 0, back.log
    assert "greeting 1" in releases.answer()
    assert f"/commit/{commit(1)})" in back.summary


def _label(job: Job, uri: str) -> str:
    """Return the commit that an image's label names."""
    repository, _, digest = uri.partition("/")[2].partition("@")
    ecr = job.aws.client("ecr")
    (image,) = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])["images"]
    blob = json.loads(image["imageManifest"])["config"]["digest"]
    url = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=blob)["downloadUrl"]
    return str(requests.get(url, timeout=30).json()["config"]["Labels"]["org.opencontainers.image.revision"])
