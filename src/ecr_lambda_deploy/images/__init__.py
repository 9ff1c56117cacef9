"""Gets every image into its repository: found, built or copied.

`observe.py` reads what is there, and `destination.py` decides where each image goes and for which platform. `batch.py`
takes all images of a run through the same steps together: identify (a fingerprint, or the digest of an existing image),
plan (`plan.py`, pure: keep, take, copy or build), get, read back, check (`checks.py`: whether Lambda can run it) and
tag. `job.py` is one image on that way. A failure is the image's own, and no function is touched when one fails.
"""
