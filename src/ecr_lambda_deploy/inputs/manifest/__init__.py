"""A manifest becomes the same settings as the action's inputs.

`tree.py` parses the file within bounds. `manifest.py` lays defaults, image and function over each other, the nearest
first; `keys.py` has the keys of each, and `values.py` reads values by their shape and replaces `${KEY}`. Every problem
has file, line and column.
"""
