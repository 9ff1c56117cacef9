"""The nouns and the errors.

`targets.py` says what is wanted: images, how they are built or where they are, and the functions that run them.
`functions.py` and `images.py` say what was read: a function's state, its versions and alias; an image by digest.
`outcomes.py` says what became of both, and the journal keeps that for log, outputs and summary. `errors.py` has the
errors that a person can act on, `run.py` the workflow run. Nothing here imports anything else of the project.
"""
