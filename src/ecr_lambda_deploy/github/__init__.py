"""GitHub's runner.

`actions.py` prints the job's log, masks, annotations, outputs and summary: nothing else writes workflow commands.
`clock.py` is time and the runner's signals: a cancelled run ends where it waits, or is interrupted where no function
has been changed yet.
"""
