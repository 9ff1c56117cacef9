"""One Lambda function: read, changed, waited for, and its history.

`reads.py` asks what serves by GetFunction alone, and for versions and alias only where something is to be done.
`writes.py` changes a function and its alias, each time on the condition that nobody else has since it was read, and
`written.py` says what a run has written, which is all that a revert may take back. `waits.py` waits until Lambda has
finished, and explains why it gave up. `history.py` reads and writes what descriptions record of runs.
"""
