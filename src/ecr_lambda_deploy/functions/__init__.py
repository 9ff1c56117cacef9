"""One Lambda function: how it is read, changed and waited for, and the history in its descriptions.

A mode first reads what serves, with `read_serving` in `reads.py`: by GetFunction requests, which Lambda answers often.
For functions that may need a release it reads versions or alias too (`read_history`). `history.py` parses their
descriptions: which run released what, and what served before.

`FunctionWriter` in `writes.py` makes the changes: create, update, publish, point the alias. A change names the revision
that was read last, and Lambda refuses it if somebody else was faster; the writer then reads again, and goes on or
raises an error. It notes in `written.py` what was requested, even if the answer was lost: a revert takes back that and
nothing else. `waits.py` waits until Lambda has finished with a change, and explains one that failed;
`provisioned_concurrency.py` waits until an alias serves the version that it was pointed to.
"""
