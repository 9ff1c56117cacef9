"""What AWS does and ministack does not: a module for each subject.

A module ends with its `RULES`: the operations, a function that refuses, answers or passes, and the source of the fact.
`table.py` puts them in order. Some modules have no such table, because the proxy or other rules call them: who calls
(`identity.py`), how many calls a second (`rates.py`), which images Lambda takes (`function_images.py`), and how a
function is shown (`functions.py`).
"""
