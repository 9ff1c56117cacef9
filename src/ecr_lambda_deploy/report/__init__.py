"""The results of a run, for people and for other steps.

From the journal, `headline.py` makes one line, `annotations.py` what GitHub shows above the log, `outputs.py` the
outputs of the step, and `summary.py` the job summary, of `causes.py` (why it failed, each cause once), `serving.py`
(what serves now), `tables.py`, `plan.py`, `undo.py` and `gantt.py`; `excerpt.py` makes a shorter summary. `results.py`,
`markdown.py` and `links.py` hold what they share, and
`help.py` the addresses that explain errors.
All of these are pure; `conclusion.py` writes what they return. `phases.py` records the phases while the run goes on.
"""
