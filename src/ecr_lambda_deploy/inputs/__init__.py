"""What the workflow asks for: the action's inputs, or a manifest.

`table.py` names every input with its scope. Inputs and manifest become the same `Settings`, so the plain inputs are a
manifest of one image, and the same readers (`images.py`, `builds.py`, `releases.py`) make `model/targets.py` of either.
`parse.py` joins them to `Inputs`. Every problem is collected and told at once (`problems.py`), with file, line and
column where it is in a manifest.
"""
