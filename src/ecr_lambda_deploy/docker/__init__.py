"""Builds, by buildx and the Docker engine.

`buildx.py` runs one bake for all images that are to be built: `bake.py` writes its definition, `builders.py` selects
the builder, `engine.py` asks the engine, `cache.py` chooses the cache, and `config.py` gives buildx its environment and
the registries' passwords. `dockerfiles.py` reads the Dockerfiles, `errors.py` finds the reason of a failed build in its
log, and `records.py` removes what a builder must not keep of a build. Of what buildx writes into its metadata file
(`metadata.py`), `warnings.py` reads what BuildKit warns of, and `pushes.py` what was pushed; while caches are still
exported, `pushes.py` reads that in its log, and `exports.py` goes on reading it. `digests.py` finds the digests of base
images, and `configurations.py` reads what these are for: `registries.py` asks for both over HTTP, with the `logins.py`
that were given. `imagetools.py` copies images between registries without an engine.
"""
