"""Releases an image to functions: plan, execute and, after a failure, revert.

`plan_release` in `plan.py` compares a function as observed with what is wanted, and returns steps: code, smoke test,
version, traffic, alias. No steps mean that nothing needs to be done. The plan has its steps in stages: preparation,
canary, cut-over, watch.

`release_all` in `release.py` takes many releases through these stages, side by side, and concludes them. A deployment
is one group (`group.py`): if one release fails, all are reverted. `execute.py` carries out the steps of one function,
with `smoke_test.py` and `traffic.py`, which checks error rates by `error_watch.py`. If somebody else changes the
function before anything is written, it is read and planned again.

After a failure `revert.py` takes back what this run has written. `revert_plan.py` decides which steps lead back from
what is observed now, and that the alias goes first. `aws_cli.py` has the recovery commands for what is left to do.

`progress.py` decides what the log says of few releases, and of many.
"""
