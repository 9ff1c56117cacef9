"""The fakes' tutorial is what the fakes do, and an event that never comes is no event."""

import doctest

import pytest

from ecr_lambda_deploy.model.errors import DeployError
from tests.unit import fakes
from tests.unit.fakes.events import Recording, every_event_comes, raising
from tests.unit.fakes.examples import NEW, OLD, alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image


def test_the_tutorial_is_true() -> None:
    names = (DeployError, FakeFunctions, World, alias_state, raising, release_image, version_state)
    known = {name.__name__: name for name in names} | {"LIVE": LIVE, "NEW": NEW, "OLD": OLD}
    results = doctest.testmod(fakes, extraglobs=known)

    assert (results.attempted > 5, results.failed) == (True, 0)


def test_what_is_prepared_for_an_event_has_to_happen() -> None:
    def ends_too_early() -> None:
        with every_event_comes():
            port = Recording()
            port.before["update_code"] = port.after["point_alias", "8"] = lambda: None
            port.enter("update_code", NEW)
            port.leave("point_alias", "7")

    with pytest.raises(AssertionError, match=r"have not come: \[\('point_alias', '8'\)\]"):
        ends_too_early()


def test_an_event_is_a_call_by_its_name_by_what_it_asks_for_or_by_its_number() -> None:
    port = Recording()
    happened: list[str] = []
    port.before["read"] = lambda: happened.append("first read")
    port.before["read", "8"] = lambda: happened.append("read of 8")
    port.before["read", 4] = lambda: happened.append("fourth read")
    for number, qualifier in enumerate(["7", "8", "8", "7", "7"], start=1):
        port.enter("read", qualifier)
        happened.append(str(number))

    assert happened == ["first read", "1", "read of 8", "2", "3", "fourth read", "4", "5"]
