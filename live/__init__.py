"""The action against the real AWS: what its tests take for granted, asked where it is decided.

python -m live          runs the scenarios, asks for the facts, and removes what it has made
python -m live remove   removes what an earlier command of the same run has left

`.github/workflows/live.yml` starts it by hand, and says which permissions it needs. `lab.py` has what a question is
asked with, `scenarios.py` deploys by the action's own container, `facts.py` has the questions, and `report.py` the
summary. It talks to the AWS that the environment names: tests/e2e/test_live.py runs it against the sandbox.
"""
