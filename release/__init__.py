"""What `.github/workflows/release.yml` does with a tag `vX.Y.Z`, as commands that may be run again at any time.

A person pushes the tag on a commit of `main`, whose `action.yml` has each job build the image.

1. `python -m release image` pins the Dockerfile's base images by digest (`bases.py`), builds the image for all
   platforms once, and pushes it; an image of this version that the registry has already is taken (`image.py`).
2. `python -m release commit` makes the release commit, a child of the tagged one: its `action.yml` names the image by
   digest, and its Dockerfile the bases that were used (`commits.py`). The tag is moved to it, so a pin of that commit
   pins the image. The released form is then tested.
3. `python -m release notes` prints the version's part of CHANGELOG.md for GitHub's release (`versions.py`).
4. `python -m release moving-tags` moves `vX` and `vX.Y`, last.

Nothing is decided by what an earlier attempt has noted: each command looks at registry and repository. So a release
that is half done is completed by running the workflow again. The release commit has the tagged commit's date and a
fixed author: made anew from the same image, it is the same commit.
"""
