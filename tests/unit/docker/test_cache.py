"""Which cache a build gets, by what the builder can do, the repository allows and the inputs say."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from ecr_lambda_deploy.docker.cache import CacheEntries, cache_tag, choose_cache, is_exported_last, without_secrets
from ecr_lambda_deploy.model.images import BuildOrder, ImageReference
from ecr_lambda_deploy.model.targets import Build, CacheSettings, Platform

_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
_WORKSPACE = Path("/workspace")
_SERVICE = {"ACTIONS_RESULTS_URL": "https://results.example/", "ACTIONS_RUNTIME_TOKEN": "runtime-token"}
_SERVICE_ENTRY = "version=2,url_v2=https://results.example/,token=runtime-token"


def _image(repository: str = "orders") -> ImageReference:
    return ImageReference(registry=_REGISTRY, repository=repository, digest=f"sha256:{64 * 'a'}")


def _order(
    cache: CacheSettings | None = None,
    *,
    may_overwrite: bool | None = True,
    present: ImageReference | None = None,
    name: str = "",
    context: Path = _WORKSPACE,
    dockerfile: Path = _WORKSPACE / "Dockerfile",
    target: str = "",
    platform: Platform = "linux/amd64",
    why_apart: str = "",
) -> BuildOrder:
    return BuildOrder(
        name=name,
        build=Build(context=context, dockerfile=dockerfile, target=target, cache=cache or CacheSettings()),
        platform=platform,
        labels={},
        repository_uri=f"{_REGISTRY}/orders",
        tag="src-1",
        may_overwrite_cache=may_overwrite,
        present_image=present,
        why_apart=why_apart,
    )


def _chosen(order: BuildOrder, *, inline: bool = False, environment: Mapping[str, str] = _SERVICE) -> CacheEntries:
    return choose_cache(order, workspace=_WORKSPACE, is_inline_only=inline, environment=environment)


@pytest.mark.parametrize("may_overwrite", [True, None])
def test_the_repository_keeps_all_stages_where_that_is_possible(may_overwrite: bool | None) -> None:
    order = _order(may_overwrite=may_overwrite, present=_image())
    chosen = _chosen(order)

    entry = f"type=registry,ref={_REGISTRY}/orders:{cache_tag(order, _WORKSPACE)}"
    assert chosen.imports == (entry,)
    assert chosen.exports == (f"{entry},mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true",)
    assert ("if that may be overwritten" in chosen.reason) is (may_overwrite is None)


@pytest.mark.parametrize("may_overwrite", [True, None])
def test_rule_8_a_run_apart_reads_the_shared_cache_and_does_not_write_it(may_overwrite: bool | None) -> None:
    order = _order(may_overwrite=may_overwrite, present=_image(), why_apart="this run is of the event pull_request")
    chosen = _chosen(order)

    assert chosen.imports == (f"type=registry,ref={_REGISTRY}/orders:{cache_tag(order, _WORKSPACE)}",)
    assert chosen.exports == ()
    assert "read but not written" in chosen.reason
    assert chosen.reason.endswith("since this run is of the event pull_request")


@pytest.mark.parametrize("mode", ["auto", "gha", "off"])
@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize("may_overwrite", [True, None, False])
def test_rule_8_no_run_apart_writes_a_tag_unless_the_workflow_says_so(
    mode: Literal["auto", "gha", "off"], inline: bool, may_overwrite: bool | None
) -> None:
    order = _order(CacheSettings(mode=mode), may_overwrite=may_overwrite, present=_image(), why_apart="of others")

    assert not [entry for entry in _chosen(order, inline=inline).exports if "type=registry" in entry]


def test_rule_8_an_export_that_is_given_is_the_workflow_s_own_word() -> None:
    chosen = _chosen(_order(CacheSettings(exports=("type=registry,ref=r:c",)), why_apart="of others"))

    assert chosen.exports == ("type=registry,ref=r:c,ignore-error=true",)


@pytest.mark.parametrize(("inline", "may_overwrite"), [(True, True), (True, None), (True, False), (False, False)])
def test_the_image_itself_keeps_the_cache_elsewhere(inline: bool, may_overwrite: bool | None) -> None:
    chosen = _chosen(_order(may_overwrite=may_overwrite, present=_image()), inline=inline)

    assert chosen.imports == (f"type=registry,ref={_image()}",)
    assert chosen.exports == ("type=inline",)
    assert ("own store" if inline else "does not let the tag cache-") in chosen.reason


@pytest.mark.parametrize("present", [None, _image("elsewhere")])
def test_without_a_present_image_of_the_repository_there_is_nothing_to_import(present: ImageReference | None) -> None:
    chosen = _chosen(_order(present=present), inline=True)

    assert chosen.imports == ()
    assert chosen.exports == ("type=inline",)
    assert "no image to take it from" in chosen.reason


@pytest.mark.parametrize("inline", [True, False])
def test_off_is_none(inline: bool) -> None:
    chosen = _chosen(_order(CacheSettings(mode="off"), present=_image()), inline=inline)

    assert (chosen.imports, chosen.exports) == ((), ())
    assert "off" in chosen.reason


def test_github_s_cache_gets_address_and_token() -> None:
    order = _order(CacheSettings(mode="gha"))
    chosen = _chosen(order)

    entry = f"type=gha,scope={cache_tag(order, _WORKSPACE)},{_SERVICE_ENTRY}"
    assert chosen.imports == (entry,)
    assert chosen.exports == (f"{entry},mode=max,ignore-error=true",)
    assert "runtime-token" not in chosen.reason


@pytest.mark.parametrize(
    ("inline", "missing", "words"),
    [
        (True, "", "containerd image store"),
        (False, "ACTIONS_RESULTS_URL", "ACTIONS_RESULTS_URL"),
        (False, "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RUNTIME_TOKEN"),
    ],
)
def test_github_s_cache_that_cannot_be_used_is_none(inline: bool, missing: str, words: str) -> None:
    environment = {name: value for name, value in _SERVICE.items() if name != missing}
    chosen = _chosen(_order(CacheSettings(mode="gha")), inline=inline, environment=environment)

    assert (chosen.imports, chosen.exports) == ((), ())
    assert words in chosen.reason


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("type=registry,ref=r:c", "type=registry,ref=r:c,ignore-error=true"),
        ("type=registry,ref=r:c,ignore-error=false", "type=registry,ref=r:c,ignore-error=false"),
        ("type=inline", "type=inline"),
        ("r:c", "r:c"),
        ("type=gha", f"type=gha,{_SERVICE_ENTRY},ignore-error=true"),
        ("type=gha,token=own", "type=gha,token=own,ignore-error=true"),
    ],
)
def test_entries_that_are_given_replace_the_choice(given: str, expected: str) -> None:
    chosen = _chosen(_order(CacheSettings(exports=(given,))), inline=True)

    assert (chosen.imports, chosen.exports) == ((), (expected,))


def test_imports_that_are_given_are_imported() -> None:
    chosen = _chosen(_order(CacheSettings(imports=("r:c", "type=gha,scope=s"))))

    assert (chosen.imports, chosen.exports) == (("r:c", f"type=gha,scope=s,{_SERVICE_ENTRY}"), ())


def test_builds_that_share_a_repository_or_a_dockerfile_do_not_share_a_cache() -> None:
    orders = [
        _order(),
        _order(name="orders"),
        _order(name="stock"),
        _order(context=_WORKSPACE / "services/orders"),
        _order(dockerfile=_WORKSPACE / "docker/Dockerfile"),
        _order(target="test"),
        _order(platform="linux/arm64"),
    ]
    tags = [cache_tag(order, _WORKSPACE) for order in orders]

    assert len(set(tags)) == len(orders)
    assert all(len(tag) == len("cache-") + 12 for tag in tags)


def test_the_folder_of_the_checkout_does_not_matter() -> None:
    elsewhere = Path("/home/runner/work")

    order = _order(context=elsewhere, dockerfile=elsewhere / "Dockerfile")
    assert cache_tag(order, elsewhere) == cache_tag(_order(), _WORKSPACE)


@pytest.mark.parametrize(
    ("entry", "is_secret"),
    [
        ("type=gha,scope=s,token=t", True),
        ("type=s3,bucket=b,secret_access_key=k", True),
        ("type=registry,ref=https://user:password@registry.example/cache", True),
        (f"type=registry,ref={_REGISTRY}/orders:cache", False),
        ("type=gha,scope=s", False),
    ],
)
def test_rule_2_a_frontend_of_others_is_given_no_secret_of_a_cache(entry: str, is_secret: bool) -> None:
    cache = CacheEntries(imports=("a:b", entry), exports=(entry,), reason="as said")

    kept = without_secrets(cache, "registry.example/frontend")

    assert kept.imports == (("a:b",) if is_secret else ("a:b", entry))
    assert (kept.exports, kept.withheld) == ((entry,), int(is_secret))
    assert ("registry.example/frontend" in kept.reason) is is_secret
    assert without_secrets(cache, "") == cache


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], False),
        ([""], False),
        (["type=inline"], False),
        (["type=gha,scope=a"], True),
        (["type=inline", "type=registry,ref=a:b"], True),
        (["", "type=registry,ref=a:b"], True),
        (["a:b"], False),  # cannot be told to ignore an error
        (["type=registry,ref=a:b,ignore-error=false"], False),
        (["type=registry,ref=a:b", "type=registry,ref=a:c,ignore-error=false"], False),
    ],
)
def test_what_a_build_fails_for_is_no_export_that_can_come_last(given: list[str], *, expected: bool) -> None:
    caches = [_chosen(_order(CacheSettings(mode="off", exports=(entry,) if entry else ()))) for entry in given]

    assert is_exported_last(caches) is expected
