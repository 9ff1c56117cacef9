"""The mode rollback: functions go back to what an earlier release served.

`rollback.py` is read from top to bottom: read the functions with their history (`targets.py`), of a manifest only those
that the last run released; choose what each goes back to (`choice.py`), make sure that its image is still there, plan
the way (`plan.py`) and carry it out as a release is.
"""
