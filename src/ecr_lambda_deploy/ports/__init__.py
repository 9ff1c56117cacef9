"""What the core asks of the outside, as Protocols.

`functions.py` is Lambda, CloudWatch and Systems Manager, `images.py` registries and builders, `runner.py` log and
time; `ports.py` is all of them together. `aws`, `docker` and `github` implement them, and only `main.py` connects the
two; unit tests use objects in memory. The Protocols document what a method does and which errors it raises; an
implementation documents only how.
"""
