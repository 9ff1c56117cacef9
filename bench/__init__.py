"""What a deployment takes: `make bench` measures it, beside a pipeline written by hand, and writes the page about it.

`__main__.py` has the options. `cases.py` is the list of what is measured, with the projects in `projects.py` and the
ways to deploy in `ways.py`; `place.py` has what they share. `rounds.py` makes the runs of a case, and `memory.py`
watches some of them. `figures.py` computes, `targets.py` compares with what is wanted, `page.py` and `chart.py` write
`docs/performance.md`.

`scale.py` deploys to a thousand functions under AWS's limits, with the action as a process (`action.py`); it can be run
by itself, as can `fingerprint.py`, which compares the fingerprint of a large context with `sha256sum`.
"""
