"""Many functions: one manifest, one run, only what changed."""

from pathlib import Path

import pytest

from tests.e2e.jobs import Job
from tests.e2e.monorepos import Monorepo, new_monorepo, statuses

_SERVICES = [f"service-{number:02}" for number in range(12)]


@pytest.fixture
def twelve(bare_job: Job, first_image: str, tmp_path: Path) -> Monorepo:
    """Twelve services whose functions run an image of none of them."""
    return new_monorepo(bare_job, first_image, tmp_path, _SERVICES)


def test_only_what_has_changed_is_built_and_released(twelve: Monorepo) -> None:
    first = twelve.run()
    assert first.exit_code == 0, first.log
    assert {*statuses(first).values()} == {"deployed"}
    assert first.log.count("echo shared by all services of") >= 1

    twelve.greet(_SERVICES[3], "hi")
    twelve.aws.forget_calls()
    second = twelve.run()
    assert second.exit_code == 0, second.log
    assert statuses(second) == {
        twelve.function(service): "deployed" if service == _SERVICES[3] else "unchanged" for service in _SERVICES
    }

    twelve.aws.forget_calls()
    third = twelve.run(with_engine=False)
    assert third.exit_code == 0, third.log
    assert third.outputs["changed"] == "false"
    for service in _SERVICES:
        assert twelve.calls(service) == ["GetFunction", "GetFunction"]
