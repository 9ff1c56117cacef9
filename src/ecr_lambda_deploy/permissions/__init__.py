"""Which permissions the action needs: one table, from which policies, documentation and hints follow.

`table.py` has each IAM action with its resource, and what asks for it. `policies.py` makes policies of it, and
`least.py` the least one for a run's inputs; `roles.py` has those that are documented. `denials.py` reads IAM's words on
a request that it denies, and says what to do.
"""
