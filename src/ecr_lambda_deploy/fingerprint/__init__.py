"""What goes into a build, as one digest.

An image is built only if the repository has no image of the same inputs. `base_images.py` reads which images and files
a Dockerfile takes, by the stages and variables that `stages.py` and `words.py` know; `context.py` hashes those files,
as `sources.py` and `dockerignore.py` select them, while `checkouts.py` notes those that are hardly meant to be in an
image; `fingerprint.py` makes one tag, `src-…`, of all that. An input that cannot be known raises an
`UnknownInputError`, and the image is built: a fingerprint that misses an input deploys stale code. Before a build,
`bases.py` compares the Dockerfile with what the configurations of its base images tell.
"""
