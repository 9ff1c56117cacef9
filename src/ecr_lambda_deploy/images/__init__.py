"""Gets every image into its repository: found, built or copied.

`observe.py` reads what is there, and `destination.py` decides where each image goes and for which platform. Then all
images of a run go through the same stages side by side, from one frozen value of `stages.py` to the next:
`identify.py` (a fingerprint, with `hints.py` on what makes it another each time, or the digest of an image that
exists), `plan.py` (`steps.py`, pure: keep, take, copy or build) and `make.py` (`build.py` or a copy, then read back,
check whether Lambda can run it, and tag).
Each stage returns the images that went through and those that failed; when one has failed, no image is tagged.
"""
