"""GitHub's runner.

`actions.py` prints the job's log, masks, annotations, outputs and summary: nothing else writes workflow commands.
`cancelling.py` handles the runner's signals: they interrupt a run that has not changed any function yet, and end a
release where it checks or sleeps. `clock.py` is the time that it sleeps by.
"""
