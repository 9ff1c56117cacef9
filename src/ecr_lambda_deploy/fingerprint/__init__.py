"""What goes into a build, as one digest.

An image is built only if no image of the same inputs is in the repository. `context.py` hashes the files that the build
can see, as `dockerignore.py` selects them; `base_images.py` reads which images a Dockerfile starts from;
`fingerprint.py` makes one tag, `src-…`, of all that. What cannot be known is an `UnknownInputError`, and means a build:
a fingerprint that misses an input deploys stale code.
"""
