"""Has functions run an image: plan, execute, revert.

`plan.py` compares a function as observed with what is wanted and returns steps; no steps mean nothing to do.
`execute.py` carries the steps out, with `smoke_test.py` and `traffic.py`. `release.py` does that for several functions
together: code, smoke tests and versions first, aliases last, all or none. When one fails, `revert.py` takes back what
this run wrote, on the way that `revert_plan.py` finds from what is observed now to what was observed at the start.
"""
