"""What registries answer is read, or refused with a sentence; nothing in between."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_lambda_deploy.model.documents import LARGEST, Configuration, Descriptor, Document, Member
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Layer

_DIGEST = f"sha256:{64 * 'a'}"
_LAYER = {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": _DIGEST, "size": 7}
_CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _DIGEST, "size": 2}
_MANIFEST = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": _CONFIG, "layers": [_LAYER]}
_MEMBER = {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": _DIGEST,
    "size": 3,
    "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
}

Read = Callable[[Document], object]
_READS: Mapping[str, Read] = {
    "media type": lambda document: document.media_type,
    "type of the configuration": lambda document: document.config_type,
    "descriptor": Document.descriptor,
    "what describes the configuration": Document.config,
    "layers": Document.layers,
    "members": Document.members,
    "configuration": Document.configuration,
}


def document(content: object) -> Document:
    return Document(json.dumps(content), "orders:v1")


def test_a_manifest_is_read() -> None:
    read = document(_MANIFEST)

    assert read.media_type == _MANIFEST["mediaType"]
    assert read.config_type == _CONFIG["mediaType"]
    assert read.config() == Descriptor(media_type=read.config_type, digest=_DIGEST, size=2)
    assert read.layers() == (Layer(media_type="application/vnd.oci.image.layer.v1.tar+gzip", size=7),)


def test_an_index_is_read() -> None:
    attestation = {**_MEMBER, "platform": None, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    described = Descriptor(media_type=str(_MEMBER["mediaType"]), digest=_DIGEST, size=3)

    assert document({"manifests": [_MEMBER, attestation]}).members() == (
        Member(descriptor=described, os="linux", architecture="arm64", variant="v8", is_attestation=False),
        Member(descriptor=described, os="", architecture="", variant="", is_attestation=True),
    )


@pytest.mark.parametrize(
    ("content", "platform", "has_entry_point"),
    [
        ({}, "unknown/unknown", False),
        ({"os": "linux", "architecture": "arm64", "config": None}, "linux/arm64", False),
        ({"os": "linux", "architecture": "amd64", "config": {"Cmd": [], "Entrypoint": ["/app"]}}, "linux/amd64", True),
        ({"os": "linux", "architecture": "amd64", "config": {"Cmd": "app", "Entrypoint": None}}, "linux/amd64", True),
    ],
)
def test_a_configuration_is_read(content: object, platform: str, has_entry_point: bool) -> None:
    expected = Configuration(platform=platform, has_entry_point=has_entry_point)

    assert document(content).configuration() == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"org.opencontainers.image.revision": 40 * "a"}, 40 * "a"),
        ({"org.opencontainers.image.revision": 64 * "a"}, 64 * "a"),
        ({"org.opencontainers.image.revision": 41 * "a"}, ""),
        ({"org.opencontainers.image.revision": "main) [x](https://example.com"}, ""),
        ({"org.opencontainers.image.revision": 7}, ""),
        ({"org.label-schema.vcs-ref": 40 * "a"}, ""),
        ([], ""),
        (None, ""),
    ],
)
def test_the_label_of_a_commit_counts_where_it_is_one(labels: object, expected: str) -> None:
    assert document({"config": {"Labels": labels}}).configuration().revision == expected


@pytest.mark.parametrize("read", [Document.layers, Document.members])
def test_what_is_not_there_is_empty(read: Callable[[Document], object]) -> None:
    assert read(document({})) == read(document({"layers": None, "manifests": None})) == ()
    assert document({}).media_type == document({}).config_type == ""


_WRONG: Mapping[str, tuple[object, Read, str]] = {
    "list": ([], Document.layers, "the whole of it is a list of 0, not an object"),
    "text": ("x" * 1000, Document.layers, f'the whole of it is "{79 * "x"}, not an object'),
    "number": (1, Document.layers, "the whole of it is 1, not an object"),
    "media type": ({"mediaType": "a b"}, _READS["media type"], 'mediaType is "a b"'),
    "half a pair": ({"mediaType": "a/\ud800"}, _READS["media type"], r'mediaType is "a/\ud800"'),
    "line": ({"mediaType": "a/b\n"}, _READS["media type"], r'mediaType is "a/b\n"'),
    "type of a media type": ({"mediaType": {"a": 1}}, _READS["media type"], "mediaType is an object of 1"),
    "no configuration": ({}, Document.config, "config is null, not an object"),
    "configuration": ({"config": [1]}, Document.config, "config is a list of 1, not an object"),
    "no digest": ({"config": {"size": 1}}, Document.config, "config has no digest"),
    "digest": ({"config": {"digest": "sha256:x", "size": 1}}, Document.config, 'digest is "sha256:x"'),
    "no size": ({"digest": _DIGEST}, Document.descriptor, "the size of the whole of it is null"),
    "negative size": ({"digest": _DIGEST, "size": -1}, Document.descriptor, "is -1"),
    "size that is no number": ({"digest": _DIGEST, "size": True}, Document.descriptor, "is true"),
    "size with a point": ({"digest": _DIGEST, "size": 1.5}, Document.descriptor, "is 1.5"),
    "size of a thousand digits": ({"digest": _DIGEST, "size": 10**1000}, Document.descriptor, f"is 1{79 * '0'}."),
    "layers": ({"layers": {"a": 1}}, Document.layers, "layers is an object of 1, not a list"),
    "layer": ({"layers": [_LAYER, 5]}, Document.layers, "layers[1] is 5, not an object"),
    "too many layers": ({"layers": 1001 * [_LAYER]}, Document.layers, "it has 1001 layers, more than 1000"),
    "platform": ({"manifests": [_MEMBER | {"platform": "x"}]}, Document.members, 'manifests[0].platform is "x"'),
    "system": ({"manifests": [_MEMBER | {"platform": {"os": "a\nb"}}]}, Document.members, r'os is "a\nb"'),
    "annotations": ({"manifests": [_MEMBER | {"annotations": "x"}]}, Document.members, 'annotations is "x"'),
    "architecture": ({"architecture": 65 * "a"}, Document.configuration, "architecture is"),
    "command": ({"config": {"Cmd": {"a": 1}}}, Document.configuration, "Entrypoint or Cmd is neither"),
}


@pytest.mark.parametrize(("content", "read", "why"), _WRONG.values(), ids=_WRONG.keys())
def test_rule_6_what_is_not_as_specified_is_named(content: object, read: Read, why: str) -> None:
    with pytest.raises(DeployError) as caught:
        read(document(content))

    assert caught.value.message.startswith("The registry's answer for orders:v1 is not what the OCI image")
    assert why in caught.value.message


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param("", "it is not JSON", id="nothing"),
        pytest.param("<html>", "it is not JSON", id="page"),
        pytest.param(b"\xff", "it is not JSON", id="no text"),
        pytest.param(b'{"a": "\xff"}', "it is not JSON", id="no UTF-8"),
        pytest.param('{"size": ' + 5000 * "1" + "}", "it is not JSON", id="number without end"),
        pytest.param(1_000_000 * "[", "nested too deeply", id="brackets"),
        pytest.param('{"a":' * 500_000 + "1" + "}" * 500_000, "nested too deeply", id="objects"),
        pytest.param(" " * LARGEST + "{}", "it has more than 4194304 bytes", id="size"),
    ],
)
def test_rule_6_what_is_no_document_is_refused(content: str | bytes, why: str) -> None:
    with pytest.raises(DeployError, match=why):
        Document(content, "orders:v1")


def _mutated(value: Any, path: tuple[int, ...], other: object) -> Any:  # noqa: ANN401 # JSON
    """Return JSON with something else at a place of it."""
    if not path or not isinstance(value, dict | list) or not value:
        return other
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[path[0] % len(keys)]
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = _mutated(value[key], path[1:], other)
    return copy


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from([_MANIFEST, {"manifests": [_MEMBER]}, {"os": "linux", "config": {"Cmd": []}}, _LAYER]),
    st.lists(st.integers(0, 5), max_size=4).map(tuple),
    _ANYTHING,
    st.sampled_from([*_READS]),
)
def test_rule_6_anything_is_read_or_refused(original: object, path: tuple[int, ...], other: object, read: str) -> None:
    message = ""
    with suppress(DeployError):
        try:
            _READS[read](document(_mutated(original, path, other)))
        except DeployError as error:
            message = str(error)
            raise

    assert len(message.encode()) < 1000
