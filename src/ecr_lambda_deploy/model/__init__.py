"""The nouns and the errors.

`targets.py` holds the settings of a run: images, how each is built or found, and the functions that run it.
`functions.py` and `images.py` hold what was read: a function's state, its versions and alias; an image by digest.
`outcomes.py` holds the result for each function and image, and the journal that collects them for log, outputs and
summary. `errors.py` holds the errors, `run.py` the workflow run. `secrets.py` finds secrets within other texts,
`text.py` bounds the texts of others, `documents.py` reads the JSON of registries; `hints.py` says what to do by a
reason. Nothing here imports other packages of the project.
"""
