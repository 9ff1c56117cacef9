"""The command line: the same modes by hand, from a laptop or in the action's container, when GitHub is down.

`program.py` is the entry point; `options.py` turns arguments into inputs, with what `descriptions.py` says of each;
`terminal.py` is the log of a terminal, in which nobody masks, and `answer.py` what is printed at the end; `history.py`
is the one command that no mode has.
"""
