"""What the core asks of the outside, as Protocols.

`functions.py` is Lambda and CloudWatch, `images.py` registries and builders, `runner.py` log and time; `ports.py` is
all of them together. `aws`, `docker` and `github` implement them, and only `main.py` knows which is which; unit tests
hand in objects in memory. What a method promises, and which errors it raises, is documented here.
"""
