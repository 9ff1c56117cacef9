"""What bake is asked for. That it then does so is tested with a real engine."""

from pathlib import Path
from typing import Any

import pytest

from ecr_lambda_deploy.docker.bake import bake_arguments, bake_definition, bake_secrets
from ecr_lambda_deploy.docker.cache import CacheEntries
from ecr_lambda_deploy.model.images import BuildOrder
from ecr_lambda_deploy.model.targets import BakeProperty, Build, Platform

_CONTEXT = Path("/workspace/orders")
_REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders"
_PLAIN: dict[str, Any] = {
    "context": "/workspace/orders",
    "dockerfile": "/workspace/orders/Dockerfile",
    "args": {},
    "labels": {},
    "platforms": ["linux/amd64"],
    "tags": [f"{_REPOSITORY}:src-1"],
    "output": ["type=image,push=true,compression=gzip,force-compression=true"],
    "attest": ["type=provenance,disabled=true", "type=sbom,disabled=true"],
    "pull": False,
    "no-cache": False,
}


def _build(**given: Any) -> Build:  # noqa: ANN401 # the fields of Build
    return Build(**{"context": _CONTEXT, "dockerfile": _CONTEXT / "Dockerfile", **given})


@pytest.mark.parametrize(
    ("build", "platform", "labels", "expected"),
    [
        pytest.param(_build(), "linux/amd64", {}, {}, id="defaults"),
        pytest.param(_build(), "linux/arm64", {}, {"platforms": ["linux/arm64"]}, id="platform"),
        pytest.param(_build(target="final"), "linux/amd64", {}, {"target": "final"}, id="target"),
        pytest.param(
            _build(dockerfile=Path("/workspace/docker/orders.Dockerfile")),
            "linux/amd64",
            {},
            {"dockerfile": "/workspace/docker/orders.Dockerfile"},
            id="dockerfile beside the context",
        ),
        pytest.param(
            _build(build_args={"A": "1", "EMPTY": ""}), "linux/amd64", {}, {"args": {"A": "1", "EMPTY": ""}}, id="args"
        ),
        pytest.param(
            _build(labels={"ignored": "deploy decides on labels"}),
            "linux/amd64",
            {"team": "shop"},
            {"labels": {"team": "shop"}},
            id="labels",
        ),
        pytest.param(_build(pull=True), "linux/amd64", {}, {"pull": True}, id="pull"),
        pytest.param(_build(no_cache=True), "linux/amd64", {}, {"no-cache": True}, id="no-cache"),
        pytest.param(
            _build(build_args={"A": "${B}", "C": "$${D}", "E": "%{ if x }", "F": "100% $5", "${G}": "%%{"}),
            "linux/amd64",
            {},
            {
                "args": {
                    "A": "$${B}",
                    "C": "$$${D}",
                    "E": "%%{ if x }",
                    "F": "100% $5",
                    "$${G}": "%%%{",
                }
            },
            id="templates in build arguments",
        ),
        pytest.param(_build(), "linux/amd64", {"l": "${x}"}, {"labels": {"l": "$${x}"}}, id="template in a label"),
        pytest.param(
            _build(properties={"network": "host", "ssh": ["default"], "extra-hosts": {"db": "${x}"}}),
            "linux/amd64",
            {},
            {"network": "host", "ssh": ["default"], "extra-hosts": {"db": "$${x}"}},
            id="other properties",
        ),
        pytest.param(
            _build(build_contexts={"shared": "/workspace/${s}", "base": "docker-image://alpine:3"}),
            "linux/amd64",
            {},
            {"contexts": {"shared": "/workspace/$${s}", "base": "docker-image://alpine:3"}},
            id="named contexts",
        ),
        pytest.param(
            _build(context=Path("/workspace/${a}")),
            "linux/amd64",
            {},
            {"context": "/workspace/$${a}"},
            id="template in a path",
        ),
    ],
)
def test_bake_definition(build: Build, platform: Platform, labels: dict[str, str], expected: dict[str, Any]) -> None:
    definition = bake_definition({"image": _order(build, platform, labels)}, [CacheEntries()])

    assert definition == {"target": {"image": {**_PLAIN, **expected}}}


@pytest.mark.parametrize(
    ("given", "attestations"),
    [
        ({"provenance": "true"}, ["type=provenance", "type=sbom,disabled=true"]),
        ({"provenance": "mode=max"}, ["type=provenance,mode=max", "type=sbom,disabled=true"]),
        ({"sbom": "true"}, ["type=provenance,disabled=true", "type=sbom"]),
        (
            {"provenance": "mode=min,builder-id=${x}", "sbom": "generator=scanner:1"},
            ["type=provenance,mode=min,builder-id=$${x}", "type=sbom,generator=scanner:1"],
        ),
    ],
)
def test_attestations_are_made_only_if_they_are_asked_for(given: dict[str, str], attestations: list[str]) -> None:
    definition = bake_definition({"image": _order(_build(**given))}, [CacheEntries()])

    assert definition == {"target": {"image": {**_PLAIN, "attest": attestations}}}


def test_cache_entries_are_passed_on() -> None:
    cache = CacheEntries(imports=("type=registry,ref=r:${x}", "r:b"), exports=("type=inline",))

    definition = bake_definition({"image": _order(_build())}, [cache])

    entries = {"cache-from": ["type=registry,ref=r:$${x}", "r:b"], "cache-to": ["type=inline"]}
    assert definition == {"target": {"image": {**_PLAIN, **entries}}}


def test_secrets_are_in_the_environment_alone() -> None:
    build = _build(secrets={"token": "hidden-1", "npmrc": "hidden-2\nhidden-3"})
    definition = bake_definition({"image": _order(build)}, [CacheEntries()])

    secrets = ["type=env,id=token,env=BUILD_SECRET_0", "type=env,id=npmrc,env=BUILD_SECRET_1"]
    assert definition == {"target": {"image": {**_PLAIN, "secret": secrets}}}
    assert bake_secrets({"image": _order(build)}) == {
        "BUILD_SECRET_0": "hidden-1",
        "BUILD_SECRET_1": "hidden-2\nhidden-3",
    }
    assert "hidden" not in f"{definition} {bake_arguments({'image': _order(build)})}"


def _order(build: Build, platform: Platform = "linux/amd64", labels: dict[str, str] | None = None) -> BuildOrder:
    return BuildOrder(build=build, platform=platform, labels=labels or {}, repository_uri=_REPOSITORY, tag="src-1")


@pytest.mark.parametrize(
    ("properties", "allowed"),
    [
        ({}, []),
        ({"shm-size": "128m", "network": "none", "extra-hosts": {"db": "10.0.0.1"}}, []),
        ({"network": "host"}, ["--allow=network.host"]),
        ({"ssh": ["default"]}, ["--allow=ssh"]),
        ({"entitlements": ["security.insecure"]}, ["--allow=security.insecure"]),
        (
            {"ssh": ["default"], "network": "host", "entitlements": ["network.host"]},
            ["--allow=network.host", "--allow=ssh"],
        ),
    ],
)
def test_bake_arguments(properties: dict[str, BakeProperty], allowed: list[str]) -> None:
    arguments = bake_arguments({"image": _order(_build(properties=properties))})

    assert arguments == ["bake", "--file=-", "--progress=plain", *allowed, "image"]


@pytest.mark.parametrize("entitlement", ["fs", "fs=/", "fs.read=/etc", "fs.write=*", "ssh", "image.push", "*"])
def test_rule_3_no_entitlement_but_those_of_the_closed_list_is_allowed(entitlement: str) -> None:
    order = _order(_build(properties={"entitlements": [entitlement, "device"]}))

    assert [one for one in bake_arguments({"image": order}) if "allow" in one] == ["--allow=device"]


def test_rule_3_no_property_replaces_what_the_run_decides() -> None:
    others = {"args": {"A": "2"}, "output": ["type=local"], "tags": ["evil"], "dockerfile": "/etc/passwd", "pull": "x"}
    definition = bake_definition({"image": _order(_build(properties=others))}, [CacheEntries()])

    assert definition == {"target": {"image": _PLAIN}}
