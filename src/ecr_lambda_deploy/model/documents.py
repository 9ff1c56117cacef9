"""The JSON documents of a registry: manifests, indexes, configurations of images, descriptors.

Anyone who may push an image writes them. So only this module reads them, and it checks size, depth, types and digests.
The values that it returns need no further check. The formats are those of the OCI image specification; Docker's are the
same in all that is read here.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecr_lambda_deploy.model.errors import DeployError, UnusableImageError
from ecr_lambda_deploy.model.images import Layer
from ecr_lambda_deploy.model.json_text import NestingError, parse_json
from ecr_lambda_deploy.model.run import is_commit

LARGEST = 4 * 1024**2
"""Bytes of a document [OCI distribution specification, pushing manifests]."""

REVISION_LABEL = "org.opencontainers.image.revision"
"""The label that names the commit that an image was built from [OCI image specification, annotations]."""

_MOST_PARTS = 1000  # layers of an image, or images of an index; engines mount 127 layers
_LARGEST_SIZE = 2**63 - 1  # bytes, of what a descriptor describes
_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}", re.ASCII)  # [RFC 6838, naming requirements]
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")  # ECR has no other
_PLATFORM = re.compile(r"[\w.-]{0,64}", re.ASCII)  # a part of one
_BEARER = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # [RFC 6750, section 2.1]
_LONGEST_SHOWN = 80  # characters of a value that is not what it must be
_ATTESTATION = "vnd.docker.reference.type"  # marks what is no image [BuildKit, image attestation storage]


def is_digest(value: object) -> bool:
    """Whether a value is a digest as ECR has them."""
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """What a document says of another, or of a blob.

    Attributes:
        media_type: empty where it does not say.
        digest: `sha256:` and 64 hexadecimal digits.
        size: in bytes.
    """

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What an index holds.

    Attributes:
        descriptor: of its manifest.
        os: operating system of its platform; empty where the index does not say.
        architecture: of its platform; empty where the index does not say.
        variant: of the architecture; empty where the index does not say.
        is_attestation: whether it is an attestation, and not an image.
    """

    descriptor: Descriptor
    os: str
    architecture: str
    variant: str
    is_attestation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The configuration of an image.

    Attributes:
        platform: such as `linux/amd64`; a part that it does not say is `unknown`.
        has_entry_point: whether it has an ENTRYPOINT or a CMD.
        revision: full SHA of the commit that its label names; empty if there is none.
        environment: its ENV, `NAME=VALUE` each.
        triggers: the instructions of its ONBUILD, for builds that start from it.
    """

    platform: str
    has_entry_point: bool = False
    revision: str = ""
    environment: tuple[str, ...] = ()
    triggers: tuple[str, ...] = ()


class Document:
    """A JSON document of a registry.

    Args:
        content: byte for byte.
        name: for messages.

    Raises:
        DeployError: of every method, too: it is not what it must be.
    """

    def __init__(self, content: str | bytes, name: str) -> None:
        self._name = name
        if len(content) > LARGEST:
            raise self._wrong(f"it has more than {LARGEST} bytes")
        try:
            self._root = self._object(parse_json(content), "the whole of it")
        except NestingError as error:
            raise self._wrong(str(error)) from None
        except ValueError:  # also for text that is not UTF-8, and for a number of thousands of digits
            raise self._wrong("it is not JSON") from None

    @property
    def media_type(self) -> str:
        """Its own media type; empty where it does not say."""
        return self._text(self._root, "mediaType", _MEDIA_TYPE)

    @property
    def config_type(self) -> str:
        """The media type of the configuration that a manifest names: it tells an image from other things."""
        return self._text(self._object(self._root.get("config") or {}, "config"), "mediaType", _MEDIA_TYPE)

    def descriptor(self) -> Descriptor:
        """Read a descriptor."""
        return self._described(self._root, "the whole of it")

    def config(self) -> Descriptor:
        """Read what a manifest says of the image's configuration."""
        return self._described(self._root.get("config"), "config")

    def layers(self) -> tuple[Layer, ...]:
        """Read what a manifest says of the image's layers."""
        described = [self._described(layer, place) for layer, place in self._parts("layers")]
        return tuple(Layer(media_type=layer.media_type, size=layer.size) for layer in described)

    def members(self) -> tuple[Member, ...]:
        """Read what an index holds."""
        return tuple(self._member(member, place) for member, place in self._parts("manifests"))

    def configuration(self) -> Configuration:
        """Read the configuration of an image."""
        os, architecture = (self._text(self._root, key, _PLATFORM) or "unknown" for key in ("os", "architecture"))
        defaults = self._object(self._root.get("config") or {}, "config")
        commands = [defaults.get(key) for key in ("Entrypoint", "Cmd")]
        if not all(isinstance(command, list | str | None) for command in commands):
            raise self._wrong("Entrypoint or Cmd is neither a list nor text")
        labels = defaults.get("Labels")
        revision = labels.get(REVISION_LABEL) if isinstance(labels, dict) else None
        return Configuration(
            platform=f"{os}/{architecture}",
            has_entry_point=any(commands),
            revision=revision if isinstance(revision, str) and is_commit(revision) else "",
            environment=self._texts(defaults, "Env"),
            triggers=self._texts(defaults, "OnBuild"),
        )

    def token(self) -> str:
        """Read the token that a registry's token service gives [distribution, token authentication]."""
        token = self._root.get("token") or self._root.get("access_token")
        if not isinstance(token, str) or not _BEARER.fullmatch(token):
            raise self._wrong("it has no token")
        return token

    def _member(self, value: object, place: str) -> Member:
        member = self._object(value, place)
        platform = self._object(member.get("platform") or {}, f"{place}.platform")
        annotations = self._object(member.get("annotations") or {}, f"{place}.annotations")
        return Member(
            descriptor=self._described(member, place),
            os=self._text(platform, "os", _PLATFORM),
            architecture=self._text(platform, "architecture", _PLATFORM),
            variant=self._text(platform, "variant", _PLATFORM),
            is_attestation=_ATTESTATION in annotations,
        )

    def _described(self, value: object, place: str) -> Descriptor:
        described = self._object(value, place)
        digest, size = self._text(described, "digest", _DIGEST), described.get("size")
        if not digest:
            raise self._wrong(f"{place} has no digest")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST_SIZE:
            raise self._wrong(f"the size of {place} is {_shown(size)}")
        return Descriptor(media_type=self._text(described, "mediaType", _MEDIA_TYPE), digest=digest, size=size)

    def _parts(self, key: str) -> Sequence[tuple[object, str]]:
        parts = self._root.get(key) or []
        if not isinstance(parts, list):
            raise self._wrong(f"{key} is {_shown(parts)}, not a list")
        if len(parts) > _MOST_PARTS:
            raise self._wrong(f"it has {len(parts)} {key}, more than {_MOST_PARTS}")
        return [(part, f"{key}[{number}]") for number, part in enumerate(parts)]

    def _object(self, value: object, place: str) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise self._wrong(f"{place} is {_shown(value)}, not an object")
        return value

    def _text(self, mapping: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
        """Return a text; empty where there is none."""
        text = mapping.get(key) or ""
        if not isinstance(text, str) or (text and not pattern.fullmatch(text)):
            raise self._wrong(f"{key} is {_shown(text)}")
        return text

    def _texts(self, mapping: Mapping[str, Any], key: str) -> tuple[str, ...]:
        """Return a list of texts; empty where there is none."""
        texts = mapping.get(key) or []
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise self._wrong(f"{key} is no list of texts")
        return tuple(texts)

    def _wrong(self, why: str) -> DeployError:
        return UnusableImageError(
            f"The registry's answer for {self._name} is not what the OCI image specification says: {why}.",
            "Push the image again, with a current version of the tool that makes it.",
            topic="unexpected-answer-of-a-registry",
        )


def _shown(value: object) -> str:
    """Return a value as JSON, without what is below its first level."""
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return json.dumps(value)[:_LONGEST_SHOWN]
