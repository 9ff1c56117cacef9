"""Several builds in one session of bake."""

from dataclasses import replace
from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.bake import bake_arguments, bake_definition, bake_secrets, bake_targets
from ecr_lambda_deploy.docker.cache import CacheEntries
from ecr_lambda_deploy.docker.errors import explain, failed_target
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import BuildOrder
from ecr_lambda_deploy.model.targets import BakeProperty, Build
from tests.unit.fakes.examples import REGISTRY

_ORDERS, _STOCK = "orders", "stock"


def _order(name: str, build: Build | None = None) -> BuildOrder:
    own = build or Build(context=Path("/workspace", name), dockerfile=Path("/workspace", name, "Dockerfile"))
    uri = f"{REGISTRY}/{name}"
    return BuildOrder(name=name, build=own, platform="linux/amd64", labels={}, repository_uri=uri, tag="src-1")


@pytest.mark.parametrize(
    ("names", "targets"),
    [
        ([""], ["image"]),
        (["orders", "stock"], ["orders", "stock"]),
        (["orders.v2", "Shop_1-a"], ["orders-v2", "Shop_1-a"]),
        (["a.b", "a-b", "a_b"], ["a-b", "a-b-1", "a_b"]),
        (["a.b", "a-b", "a-b-1"], ["a-b", "a-b-1", "a-b-1-1"]),
        (["a-b-2", "a-b", "a.b"], ["a-b-2", "a-b", "a-b-1"]),
        (["a-b-1", "a-b", "a.b"], ["a-b-1", "a-b", "a-b-2"]),
    ],
)
def test_targets_are_named_like_the_images_and_none_is_lost(names: list[str], targets: list[str]) -> None:
    orders = [_order(name) for name in names]

    assert bake_targets(orders) == dict(zip(targets, orders, strict=True))


def test_each_has_a_definition_and_a_cache_of_its_own() -> None:
    targets = bake_targets([_order(_ORDERS), _order(_STOCK)])
    caches = [CacheEntries(imports=("type=gha,scope=1",)), CacheEntries(exports=("type=inline",))]
    definition = bake_definition(targets, caches)["target"]

    assert {name: target["context"] for name, target in definition.items()} == {
        _ORDERS: "/workspace/orders",
        _STOCK: "/workspace/stock",
    }
    assert [target["tags"] for target in definition.values()] == [
        [f"{REGISTRY}/orders:src-1"],
        [f"{REGISTRY}/stock:src-1"],
    ]
    assert [target.get("cache-from") for target in definition.values()] == [["type=gha,scope=1"], None]
    assert [target.get("cache-to") for target in definition.values()] == [None, ["type=inline"]]


def test_each_has_its_own_secrets_even_under_the_same_id() -> None:
    names = [_ORDERS, _STOCK, f"{_ORDERS}_1", f"{_ORDERS}-1"]
    targets = bake_targets(
        [_order(name, replace(_order(name).build, secrets={"token": f"{name}'s", "other": "x"})) for name in names]
    )
    definition, variables = bake_definition(targets, 4 * [CacheEntries()])["target"], bake_secrets(targets)

    assert len(variables) == 5
    for name in names:
        entry, _ = definition[name]["secret"]
        assert entry.startswith("type=env,id=token,env=")
        assert variables[entry.rpartition("=")[2]] == f"{name}'s"


def test_what_hundreds_share_is_in_the_environment_once() -> None:
    """All that a program gets is limited to 2 MiB by Linux."""
    secrets = {"npmrc": 12 * 1024 * "x", "token": "1"}
    targets = bake_targets([_order(str(n), replace(_order("x").build, secrets=secrets)) for n in range(300)])

    assert sorted(bake_secrets(targets).values()) == ["1", secrets["npmrc"]]


def test_more_secrets_than_a_program_takes_are_refused_without_showing_them() -> None:
    targets = bake_targets(
        [_order(str(n), replace(_order("x").build, secrets={"key": f"{n:04}" + 100_000 * "x"})) for n in range(16)]
    )

    with pytest.raises(DeployError) as caught:
        bake_secrets(targets)

    assert "The secrets of 16 builds have 1,600,326 bytes" in caught.value.message
    assert "'only'" in caught.value.hint
    assert "xxx" not in str(caught.value)


def test_what_one_of_them_is_entitled_to_is_allowed_once() -> None:
    host: dict[str, BakeProperty] = {"network": "host"}
    key: dict[str, BakeProperty] = {"ssh": ["default"], "network": "host"}
    targets = bake_targets(
        [
            _order(_ORDERS, replace(_order(_ORDERS).build, properties=host)),
            _order(_STOCK, replace(_order(_STOCK).build, properties=key)),
            _order("mail"),
        ]
    )

    assert bake_arguments(targets)[3:] == ["--allow=network.host", "--allow=ssh", "orders", "stock", "mail"]


_FAILED = 'failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 2'


@pytest.mark.parametrize(
    ("reason", "targets", "failed"),
    [
        (f"target stock: {_FAILED}", ["orders", "stock"], "stock"),
        (f"target stock: {_FAILED}", ["stock-2", "stock"], "stock"),
        (f"target image: {_FAILED}", ["image"], "image"),
        (_FAILED, ["image"], "image"),
        (_FAILED, ["orders", "stock"], ""),
    ],
)
def test_the_log_tells_which_of_them_failed(reason: str, targets: list[str], failed: str) -> None:
    log = [f"ERROR: {reason}"]

    assert failed_target(log, targets) == failed
    assert "target stock" not in str(explain(log, dockerfile="Dockerfile", instructions="FROM scratch\n"))
