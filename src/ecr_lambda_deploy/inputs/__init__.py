"""What the workflow asks for: the action's inputs, or a manifest, become `Inputs`.

`table.py` declares every input with its default, scope and shape, and what only the workflow may say. Inputs and
manifest both become `Settings` (`settings.py`), so the plain inputs are a manifest of one image. `images.py`,
`builds.py` (with `docker_auth.py`) and `releases.py` (with `creation.py`) read these with an `InputReader`
(`reader.py`, which splits lists by `lists.py`, and keeps credentials back by `environment.py`, which also cleans and
checks the step's variables) and return the types of `model/targets.py`; `parse.py` joins them. Problems are collected
(`problems.py`) and reported together, with file, line and column if they are in a manifest.
"""
