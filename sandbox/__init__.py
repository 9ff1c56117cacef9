"""A local AWS, registry, engine and workflow runner: for the demo, the tests and the benchmarks."""
