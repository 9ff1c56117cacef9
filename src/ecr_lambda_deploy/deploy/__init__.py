"""The modes deploy, build and plan.

`deploy.py` is read from top to bottom: observe what is there, plan the images, get those that are missing, plan the
releases, carry them out. Mode plan ends before the first change and shows what would follow; mode build has no
functions. `checks.py` looks at what a release needs besides its image, before anything is built.
"""
