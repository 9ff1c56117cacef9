"""AWS, by boto3.

`session.py` makes one session and its clients for the whole run: the credentials of the step, or of a role that is
taken with the job's OIDC token. Every request waits for its turn (`rates.py`), is sent again when it failed in passing
(`retries.py`), and its exceptions become ours in one place (`errors.py`).

Above that stands a file for each thing: functions and their creation, aliases, invocations and alarms; and of ECR its
repositories, images, policies and login. `sources.py` finds existing images, in other accounts too.
"""
