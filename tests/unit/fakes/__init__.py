"""The outside, in memory: Lambda, registries, CloudWatch, the log, and time that passes only while somebody sleeps.

A test builds a world with a function, its versions and an alias. The repository `orders` is there, and holds `OLD`:

    >>> functions = FakeFunctions(versions=[version_state("7", OLD)])
    >>> world = World(functions=functions, alias=alias_state("7"))

It says what is to happen at which event. Calls to Lambda are events by their name, or by what they ask for, too; before
a call Lambda refuses it or somebody else is faster, and after it the answer is lost, or time goes on:

    >>> world.functions.seconds_to_update = 3
    >>> world.functions.before["point_alias", "8"] = raising(DeployError("denied"))
    >>> world.functions.after["update_code", NEW] = lambda: world.clock.later(2, lambda: world.log.info("a moment"))

It runs a part of the product (`release_image`, `get_image`), or a verb: `deploy(inputs, world.ports(), world.journal)`.

    >>> outcome = release_image(world, LIVE, image=NEW)

And it asserts what was changed, and what is there then:

    >>> [change[0] for change in world.functions.changes]
    ['update_code', 'publish_version', 'update_code']
    >>> (outcome.status.value, world.live.version, world.functions.latest.image == OLD)
    ('reverted', '7', True)

`examples.py` has what tests speak of, `events.py` says more of events, and `several_functions.py` puts the functions of
several worlds behind the ports of one run.
"""
