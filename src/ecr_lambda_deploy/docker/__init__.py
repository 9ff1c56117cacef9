"""Builds, by buildx and the Docker engine.

`buildx.py` runs one bake for all images that are to be built: `bake.py` writes its definition, `builders.py` and
`engine.py` know what it runs on, `cache.py` chooses the best cache for that, and `config.py` holds the registries'
passwords while it runs. `errors.py` finds the reason of a failed build in its log. `imagetools.py` asks registries for
digests and copies images between them without an engine.
"""
