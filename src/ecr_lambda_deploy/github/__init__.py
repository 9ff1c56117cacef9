"""GitHub's runner.

`actions.py` writes the job's log, masks, annotations, outputs and summary; no other module writes to the log.
`oidc.py` requests the job's OIDC token. `cancelling.py` handles the runner's signals: a cancelled run ends at its next
wait or check, or at once if it has not changed a function yet. `clock.py` is the time. `event.py` reads what started
the run.
"""
