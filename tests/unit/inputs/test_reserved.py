"""Rule 3: where credentials go, and what a build may do outside its sandbox, the workflow says, and no file."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecr_lambda_deploy.inputs.parse import Inputs, parse_inputs
from ecr_lambda_deploy.inputs.table import PROPERTIES, TABLE
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.targets import Build, BuilderSettings
from tests.unit.inputs.given_inputs import parse_build, problems_of

_SETTINGS = {
    "registry": "registry.example",
    "builder": "tcp://build.example:1234",
    "docker-auth": "{}",
    "cache-from": "[type=gha]",
    "cache-to": "[type=gha]",
}
_PROPERTIES = {
    "entitlements": "entitlements=security.insecure",
    "extra-hosts": "extra-hosts.registry.example=10.0.0.1",
    "network": "network=host",
    "ssh": "ssh+=default",
}
_CREDENTIALS = "it says where credentials go"
_SANDBOX = "it says what a build may do outside its sandbox"
_REFUSED = "which is for the workflow to decide, not for a file of the repository"
_AUTH = '{"auths": {"registry.example": {"username": "me", "password": "hidden"}}}'

_TWO = """\
version: 1
images:
  orders:
    context: services/orders
    set: [shm-size=128m]
    functions: [orders]
  stock:
    build-args: { A: b }
    functions: [stock]
  there:
    promote-from: there-dev
    functions: [there]
"""


def _parse(workspace: Path, manifest: str, given: Mapping[str, str] | None = None) -> Inputs:
    (workspace / "deploy.yaml").write_text(manifest)
    runner = {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": 40 * "c", "AWS_REGION": "eu-west-1"}
    return parse_inputs({"manifest": "deploy.yaml", **(given or {})}, runner)


def _problems(workspace: Path, manifest: str, given: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        _parse(workspace, manifest, given)
    return caught.value.problems


def _with(owner: str, line: str) -> str:
    """Return a manifest with one more line somewhere."""
    return {
        "defaults": f"version: 1\ndefaults:\n  {line}\nimages:\n  orders: {{functions: [f]}}\n",
        "image": f"version: 1\nimages:\n  orders:\n    {line}\n    functions: [f]\n",
        "function": f"version: 1\nimages:\n  orders:\n    functions:\n    - name: f\n      {line}\n",
    }[owner]


def test_what_is_reserved() -> None:
    assert {name for name, one in TABLE.items() if one.reserved} == {*_SETTINGS}
    assert {name for name, one in PROPERTIES.items() if one.reserved} == {*_PROPERTIES}


@pytest.mark.parametrize("name", _SETTINGS)
@pytest.mark.parametrize("owner", ["defaults", "image", "function"])
@pytest.mark.parametrize("is_null", [False, True])
def test_rule_3_a_manifest_says_no_setting_that_is_reserved(
    workspace: Path, owner: str, name: str, is_null: bool
) -> None:
    (problem,) = _problems(workspace, _with(owner, f"{name}: {'null' if is_null else _SETTINGS[name]}"))

    assert problem.endswith(f"{_CREDENTIALS}, {_REFUSED}: give it as an input of the action.")
    assert f"'{name}' is not a key of " in problem


@pytest.mark.parametrize("name", _PROPERTIES)
@pytest.mark.parametrize("owner", ["defaults", "image"])
@pytest.mark.parametrize("form", ["'{}'", "['{}']", "'${{entry}}'", "'\"{}\"'", "|\n      shm-size=1m\n      {}"])
def test_rule_3_a_manifest_says_no_property_that_is_reserved(workspace: Path, owner: str, name: str, form: str) -> None:
    entry = _PROPERTIES[name]
    (problem,) = _problems(workspace, _with(owner, f"set: {form.format(entry)}"), {"vars": f"entry={entry}"})

    assert problem.endswith(f"'set' has {name}: {_SANDBOX}, {_REFUSED}: give it in the input 'set'.")


_NAMES = st.sampled_from([*_PROPERTIES, *_SETTINGS, "annotations", "description", "shm-size", "ulimits"])
_FORMS = st.sampled_from(
    [
        "{}=host", "{}+=host", " {} =host", "{}.a=host", '"{}=host"', "{}", "A={}", "shm-size=1m\n{}=host",
        "description=a\u2028{}=host", "description=a\r{}=host", "description=a,{}=host", "${{x}}{}=host", "{}=${{x}}",
        "$${{{}}}=host", "{}\u200b=host", "description={{{}: host}}", 'description=a"\n{}="host',
    ]
)  # fmt: skip
_TEXTS = st.builds(lambda form, name: form.format(name), _FORMS, _NAMES)
_KEYS = st.sampled_from(["set", "labels", "build-args", "description", "args", *_SETTINGS, *_PROPERTIES])


@given(
    image=st.dictionaries(st.just("set") | _KEYS, _TEXTS | st.lists(_TEXTS, max_size=3), max_size=2),
    defaults=st.dictionaries(st.just("set") | _KEYS, _TEXTS | st.none() | st.lists(_TEXTS, max_size=3), max_size=1),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
def test_rule_3_whatever_a_manifest_says_nothing_reserved_is_in_its_images(
    workspace: Path, image: dict[str, object], defaults: dict[str, object]
) -> None:
    whole = {"functions": ["f"], **image}
    try:
        read = _parse(
            workspace, json.dumps({"version": 1, "defaults": defaults, "images": {"orders": whole}}), {"vars": "x="}
        )
    except InputError:
        return
    (orders,) = read.images
    assert isinstance(orders.source, Build)
    assert (orders.builder, read.registry) == (BuilderSettings(), "")
    assert (orders.source.cache.imports, orders.source.cache.exports) == ((), ())
    assert not {*_PROPERTIES} & orders.source.properties.keys()


def test_rule_3_what_is_reserved_holds_for_all_images_of_a_manifest(workspace: Path) -> None:
    given = {
        "registry": "registry.example",
        "builder": "tcp://build.example:1234",
        "docker-auth": _AUTH,
        "cache-from": "type=gha",
        "cache-to": "type=gha,mode=max",
        "set": "network=host\nssh=default=Dockerfile\nextra-hosts.db=10.0.0.1\nentitlements=device",
    }
    read = _parse(workspace, _TWO, given)
    orders, stock, _ = read.images

    builder = BuilderSettings(endpoint=given["builder"], docker_auth=json.loads(_AUTH))
    assert read.registry == "registry.example"
    assert (orders.builder, stock.builder) == (builder, builder)
    own: Mapping[str, Mapping[str, str]] = {"orders": {"shm-size": "128m"}, "stock": {}}
    for image in (orders, stock):
        assert isinstance(image.source, Build)
        assert (image.source.cache.imports, image.source.cache.exports) == (("type=gha",), ("type=gha,mode=max",))
        assert image.source.properties == {
            **own[image.name],
            "network": "host",
            "ssh": [f"default={workspace}/Dockerfile"],
            "extra-hosts": {"db": "10.0.0.1"},
            "entitlements": ["device"],
        }


@pytest.mark.parametrize("name", [name for name in PROPERTIES if name not in _PROPERTIES])
@pytest.mark.parametrize("images", ["orders: { functions: [f] }", "orders: { promote-from: f, functions: [g] }"])
def test_a_property_that_is_not_reserved_is_not_given_beside_a_manifest(
    workspace: Path, name: str, images: str
) -> None:
    (problem,) = _problems(workspace, f"version: 1\nimages:\n  {images}\n", {"set": f"{name}=1"})

    assert problem == f"'set' has {name}, which does not go with 'manifest': its images have 'set' for that."


@pytest.mark.parametrize("name", [*_SETTINGS, "set"])
def test_a_rollback_takes_nothing_of_a_build_beside_a_manifest(workspace: Path, name: str) -> None:
    given = {"mode": "rollback", name: {"docker-auth": "{}", "set": "network=host"}.get(name, _SETTINGS.get(name, ""))}
    if name == "registry":
        assert _parse(workspace, _TWO, given).images
    else:
        assert _problems(workspace, _TWO, given) == (
            f"'{name}' does not go with mode: rollback, which brings back an image as it was.",
        )


@pytest.mark.parametrize("name", ["network.host", "security.insecure", "device"])
def test_entitlements(workspace: Path, name: str) -> None:
    assert parse_build(workspace, {"set": f"entitlements={name}"}).properties == {"entitlements": [name]}


@pytest.mark.parametrize(
    "name",
    ["fs", "fs=/", "fs.read=/", "fs.write=*", "ssh", "image.push", "network", "network.host,fs=/", "device=x", "*"],
)
def test_rule_3_entitlements_are_a_closed_list(workspace: Path, name: str) -> None:
    assert problems_of(workspace, {"set": f"entitlements=device\nentitlements={name}"}) == (
        f"'set' takes network.host, security.insecure, device as entitlements; {name!r} is none of them.",
    )


@pytest.mark.parametrize("name", ["registry", "repository", "role-to-assume", "aws-region"])
def test_rule_5_a_login_before_a_host_is_not_shown(workspace: Path, name: str) -> None:
    (problem,) = problems_of(workspace, {"function-name": "orders", name: "me:hidden@registry.example:5000/x"})

    assert problem.startswith(f"'{name}' is ")
    assert problem.endswith("not '***@registry.example:5000/x'.")


def test_an_image_without_its_digest_is_shown_whole(workspace: Path) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop/orders@"
    (problem,) = problems_of(workspace, {"function-name": "orders", "image-uri": image})
    (login,) = problems_of(workspace, {"function-name": "orders", "image-uri": f"me:hidden@{image}"})

    assert problem.endswith(f"not '{image}'.")
    assert login.endswith("not '***@'.")
