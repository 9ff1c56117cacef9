"""The machine: Docker engines, their programs and images, and the processes on it.

`engine.py` finds an engine or starts one (`dockerd.py`, `bridge.py`) from Debian packages. `base_images.py` gives it
the images that builds start from; `stand_ins/` has the Dockerfiles of those that stand in where no registry answers.
"""
