"""What became of the run, for people and for other steps: pure.

The journal becomes one line (`headline.py`), the job summary (`summary.py`, with `tables.py`, `gantt.py` and the way
back in `undo.py`) and the step's outputs (`outputs.py`). `conclusion.py` writes them, once.
"""
