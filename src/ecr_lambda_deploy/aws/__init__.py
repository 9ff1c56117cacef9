"""AWS, by botocore.

`session.py` makes one session and its clients for the whole run: the credentials of the step, or of a role that is
taken with the job's OIDC token (`roles.py`). What of the environment it cannot use is named (`environment.py`). Every
request waits for its turn (`rates.py`), is sent again when it failed in passing (`retries.py`), and its exceptions
become ours in one place (`errors.py`). `operations.py` lists what is called.

Each port has its file: functions, aliases, invocations, alarms, metrics and repositories (`ecr.py`, with
`ecr_images.py` and `ecr_policies.py`). `sources.py` finds existing images, in other accounts too.
"""
